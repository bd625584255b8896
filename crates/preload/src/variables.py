def look(reason, error=None):
    """Writes which variables hold the memory: frames and modules of the person's, each buffer counted once."""
    import itertools
    import posix
    import sys
    import time

    until = time.perf_counter() + (0.03 if reason == "wanted" else 0.2)
    seen, whose = {}, [None]
    numpy = sys.modules.get("numpy")
    numpy_array = getattr(numpy, "ndarray", ())
    largest = [0, 0]
    shares = set()

    def is_library(file):
        parts = ("/site-packages/", "/dist-packages/", "/lib/python3")
        return file.startswith("<frozen") or any(part in file for part in parts)

    def once(address, size):
        if not address or not size:
            return 0
        if address in seen:
            if seen[address] != whose[0]:
                shares.add(seen[address][-1])
            return 0
        seen[address] = whose[0]
        if size > largest[0]:
            largest[:] = size, address
        return size

    def of_array(array):
        while isinstance(array.base, numpy_array):
            array = array.base
        if type(array.base).__name__ == "mmap":
            return 0
        if array.base is not None and type(array.base).__module__ == "pyarrow.lib":
            return measure(array.base, 1)
        total = once(array.__array_interface__["data"][0], array.nbytes)
        if total and array.dtype.hasobject and array.size:
            flat = array.ravel()
            some = flat[:: max(1, flat.size // 200)].tolist()
            sizes = {id(item): sys.getsizeof(item, 0) for item in some if item is not None}
            total += sum(sizes.values()) * flat.size // len(some)
        return total

    def of_arrow(value):
        chunks = getattr(value, "chunks", None)
        if chunks is not None:
            return sum(of_arrow(chunk) for chunk in chunks)
        columns = getattr(value, "columns", None)
        if columns is not None:
            return sum(of_arrow(column) for column in columns)
        if hasattr(value, "buffers"):
            return sum(once(part.address, part.size) for part in value.buffers() if part is not None)
        if hasattr(value, "address"):
            return once(value.address, value.size)
        return 0

    def of_pandas(value):
        manager = getattr(value, "_mgr", None)
        if manager is not None:
            return sum(measure(block.values, 1) for block in manager.blocks)
        total = 0
        for name in ("_pa_array", "_ndarray", "_data", "_mask", "_left", "_right", "_sparse_values", "_levels", "_codes"):
            part = value.__dict__.get(name) if hasattr(value, "__dict__") else None
            part = getattr(value, name, None) if part is None else part
            if part is not None and part is not value:
                total += measure(part, 1)
        if type(value).__name__ == "Categorical":
            total += measure(value.categories, 1)
        return total

    def some_of(value, count, items):
        if count <= 64:
            return sum(map(items, value))
        step = count // 64
        taken = [items(item) for item in itertools.islice(value, 0, None, step)] if count < 100_000 else None
        if taken is None:
            if isinstance(value, (list, tuple)):
                taken = [items(value[at]) for at in range(0, count, step)]
            else:
                taken = [items(item) for item in itertools.islice(value, 64)]
        return sum(taken) * count // max(1, len(taken))

    def measure(value, depth):
        if depth > 5 or time.perf_counter() > until:
            return 0
        kind = type(value)
        if kind in (int, float, complex):
            # Small whole numbers are shared by all.
            return 0 if kind is int and -6 < value < 257 else sys.getsizeof(value)
        if kind in (bool, type(None), type, type(sys)):
            return 0
        try:
            return measured(value, kind, depth)
        except MemoryError:
            raise
        except Exception:
            return 0

    def measured(value, kind, depth):
        module = kind.__module__.partition(".")[0]
        if isinstance(value, numpy_array):
            return of_array(value)
        if module == "pandas":
            return of_pandas(value)
        if module == "pyarrow":
            return of_arrow(value)
        if module == "polars" and hasattr(value, "estimated_size"):
            return once(id(value), value.estimated_size())
        if kind is memoryview:
            return measure(value.obj, depth)
        own = once(id(value), sys.getsizeof(value, 0))
        if not own:
            return 0
        if isinstance(value, (str, bytes, bytearray)) or module == "array":
            return own
        if isinstance(value, dict):
            return own + some_of(value.items(), len(value), lambda item: measure(item[0], depth + 1) + measure(item[1], depth + 1))
        if isinstance(value, (list, tuple, set, frozenset)) or kind.__name__ == "deque":
            return own + some_of(value, len(value), lambda item: measure(item, depth + 1))
        for name in ("gi_frame", "cr_frame", "ag_frame"):
            frame = getattr(value, name, None)
            if frame is not None:
                return own + sum(measure(item, depth + 1) for item in frame.f_locals.values())
        if isinstance(value, BaseException):
            trace = value.__traceback__
            while trace is not None:
                if not is_library(trace.tb_frame.f_code.co_filename) and trace.tb_frame.f_code.co_name != "<module>":
                    own += sum(measure(item, depth + 1) for item in trace.tb_frame.f_locals.values())
                trace = trace.tb_next
            return own
        for cell in getattr(value, "__closure__", None) or ():
            own += measure(cell.cell_contents, depth + 1)
        if kind.__name__ == "partial":
            own += measure(value.args, depth + 1) + measure(value.keywords, depth + 1)
        names = getattr(value, "__dict__", None)
        if isinstance(names, dict) and kind.__name__ != "function":
            own += sum(measure(item, depth + 1) for item in list(names.values())[:256])
        return own

    def text(value):
        return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")[:400]

    def columns_of(value):
        if type(value).__name__ != "DataFrame" or not hasattr(value, "_mgr"):
            return
        found = []
        for block in value._mgr.blocks:
            places = list(block.mgr_locs)
            arrays = getattr(block.values, "_pa_array", None)
            size = arrays.nbytes if arrays is not None else getattr(block.values, "nbytes", 0)
            if arrays is None and str(block.values.dtype) == "object":
                size *= 8
            found += [(size // max(1, len(places)), place, block.values.dtype) for place in places]
        for size, place, dtype in sorted(found, key=lambda item: -item[0])[:12]:
            distinct = ""
            if str(dtype) in ("object", "str", "string") and time.perf_counter() < until:
                some = value.iloc[:: max(1, len(value) // 400), place].tolist()
                distinct = len(set(map(str, some))) / max(1, len(some))
            rows.append("\t".join(map(text, ("C", value.columns[place], dtype, size, distinct))))

    frames, scopes, known = [], [], set()
    trace = getattr(error, "__traceback__", None)
    while trace is not None:
        frames.insert(0, (trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    for frame in sys._current_frames().values():
        for _ in range(200):
            if frame is None:
                break
            frames.append((frame, frame.f_lineno))
            frame = frame.f_back
    inmost = next((frame for frame, _ in frames if frame.f_code.co_filename != "<tidegate>"), None)
    if inmost is not None and is_library(inmost.f_code.co_filename):
        _unsettled()
    main = sys.modules.get("__main__")
    inside = {}
    for frame, line in frames:
        code = frame.f_code
        if id(frame) in known or code.co_filename == "<tidegate>":
            continue
        known.add(id(frame))
        if code.co_name == "<module>" and not is_library(code.co_filename):
            known.add(id(frame.f_globals))
            scopes.append((code.co_filename, "<module>", 1, line or 0, frame.f_globals))
        elif not is_library(code.co_filename):
            function = getattr(code, "co_qualname", code.co_name)
            scopes.append((code.co_filename, function, code.co_firstlineno, line or 0, frame.f_locals))
        else:
            inside[id(frame)] = (code.co_name, frame)
    for module in [main] + list(sys.modules.values())[:2000]:
        file = getattr(module, "__file__", None)
        names = getattr(module, "__dict__", None)
        if module is main and module is not None and not file:
            # At the end of a script, its name is gone.
            file = sys.argv[0] if sys.argv[:1] not in ([], [""], ["-c"]) else "<string>"
            file = file if file[:1] in "/<" else posix.getcwd() + "/" + file
        if file and isinstance(names, dict) and id(names) not in known and not is_library(file):
            known.add(id(names))
            scopes.append((file, "<module>", 1, 0, names))
    found = []
    for file, function, first, line, names in scopes:
        for name, value in list(names.items()):
            if name.startswith("__") or isinstance(value, type(sys)):
                continue
            whose[0], largest[:] = (file, function, name), (0, 0)
            shares.clear()
            size = measure(value, 0)
            if size >= 65536 or shares:
                shape = getattr(value, "shape", "")
                if not shape and hasattr(value, "__len__"):
                    shape = len(value)
                fact = (size, file, function, first, line, name, value, shape, largest[1], ", ".join(sorted(shares)))
                found.append(fact)
    for name, frame in inside.values():
        whose[0], largest[:] = ("", name, "inside"), (0, 0)
        size = sum(measure(value, 1) for value in list(frame.f_locals.values()))
        if size >= 1 << 20:
            found.append((size, "", name, 0, 0, "", None, "", largest[1], ""))
    executable = getattr(sys, "executable", "")
    rows = ["\t".join(map(text, ("S", reason, executable, int(time.perf_counter() > until))))]
    if error is not None:
        place = next((item for item in frames if not is_library(item[0].f_code.co_filename)), None)
        where = (place[0].f_code.co_filename, place[0].f_code.co_name, place[1]) if place else ("", "", 0)
        facts = (getattr(error, "shape", ""), getattr(error, "dtype", ""), getattr(error, "_total_size", ""))
        rows.append("\t".join(map(text, ("E", type(error).__name__, error, *facts, *where))))
    found.sort(key=lambda item: -item[0])
    for size, file, function, first, line, name, value, shape, address, others in found[:40]:
        dtype = getattr(value, "dtype", "")
        kind = type(value).__name__ if value is not None else ""
        fact = ("V", file, function, first, line, name, kind, size, shape, dtype, address, others, _site(address))
        rows.append("\t".join(map(text, fact)))
        try:
            columns_of(value)
        except MemoryError:
            raise
        except Exception:
            pass
    path = "%s%d.%s" % (_folder(), posix.getpid(), reason if error is None else "error")
    file = posix.open(path + ".new", posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC, 0o600)
    try:
        posix.write(file, ("\n".join(rows) + "\n").encode("utf-8", "backslashreplace"))
    finally:
        posix.close(file)
    posix.rename(path + ".new", path)
