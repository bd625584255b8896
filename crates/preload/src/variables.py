def look(reason, error=None):
    """Writes which variables hold the memory: frames and modules of the person's, each buffer counted once.

    Nothing that the person wrote is called, such as properties and `__getattr__`: attributes are read of known packages alone,
    and of all else what the collector sees.
    """
    import gc
    import itertools
    import posix
    import sys
    import time
    import types

    until = time.perf_counter() + (0.03 if reason == "wanted" else 0.2)
    seen, whose = {}, [None]
    numpy = sys.modules.get("numpy")
    numpy_array = getattr(numpy, "ndarray", ())
    largest = [0, 0]
    shares = set()
    module_of, name_of, attribute_of = type.__dict__["__module__"].__get__, type.__dict__["__name__"].__get__, type.__getattribute__
    names_of = type.__dict__["__dict__"].__get__
    numbers, nothing = {id(int), id(float), id(complex)}, {id(bool), id(type(None))}
    function, not_held = type(look), {id(type(sys)), id(types.FrameType), id(types.CodeType), id(types.TracebackType)}
    makers = {types.GeneratorType: "gi_frame", types.CoroutineType: "cr_frame", types.AsyncGeneratorType: "ag_frame"}
    containers = (dict, list, tuple, set, frozenset) + tuple(filter(None, [getattr(sys.modules.get("_collections"), "deque", None)]))
    # A debugger writes back what it found in a frame: then frames are left alone.
    is_traced = sys.gettrace() is not None or getattr(sys.modules.get("threading"), "_trace_hook", None) is not None

    def is_library(file):
        parts = ("/site-packages/", "/dist-packages/", "/lib/python3")
        return file.startswith("<frozen") or any(part in file for part in parts)

    def package_of(kind):
        module = module_of(kind)
        return module.partition(".")[0] if type(module) is str else ""

    def locals_of(frame):
        if is_traced or frame.f_trace is not None:
            return []
        names = frame.f_locals
        items = list(names.items())
        # Before 3.13 a frame keeps this copy, and with it what a `del` is to free, unless somebody else has asked for it too.
        if type(names) is dict and frame.f_code.co_flags & 1 and sys.getrefcount(names) <= 3:
            names.clear()
        return items

    def sizeof(value, kind):
        if type(attribute_of(kind, "__sizeof__")) is function:
            return object.__sizeof__(value)
        return sys.getsizeof(value, 0)

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
        base_of = numpy_array.base.__get__
        base = base_of(array)
        while issubclass(type(base), numpy_array):
            array, base = base, base_of(base)
        if name_of(type(base)) == "mmap":
            return 0
        if base is not None and module_of(type(base)) == "pyarrow.lib":
            return measure(base, 1)
        address = numpy_array.__array_interface__.__get__(array)["data"][0]
        total = once(address, numpy_array.nbytes.__get__(array))
        if total and numpy_array.dtype.__get__(array).hasobject:
            flat = numpy.asarray(array).ravel()
            some = flat[:: max(1, flat.size // 200)].tolist()
            sizes = {id(item): sizeof(item, type(item)) for item in some if item is not None}
            total += sum(sizes.values()) * flat.size // max(1, len(some))
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

    def some_of(base, value, depth):
        """The items of a container, or so many of them, each standing for several."""
        count, measure_item = base.__len__(value), lambda item: measure(item, depth + 1)
        if base is dict:
            measure_item = lambda item: measure(item[0], depth + 1) + measure(item[1], depth + 1)
        items = dict.items(value) if base is dict else base.__iter__(value)
        if count <= 64:
            return sum(map(measure_item, items))
        step = count // 64
        if base in (list, tuple):
            taken = [measure_item(base.__getitem__(value, at)) for at in range(0, count, step)]
        else:
            taken = [measure_item(item) for item in itertools.islice(items, 0, None if count < 100_000 else 64, step if count < 100_000 else 1)]
        return sum(taken) * count // max(1, len(taken))

    def measure(value, depth):
        kind = type(value)
        if depth > 5 or id(kind) in nothing or time.perf_counter() > until:
            return 0
        if id(kind) in numbers:
            # Small whole numbers are shared by all.
            return 0 if kind is int and -6 < value < 257 else sys.getsizeof(value)
        try:
            return measured(value, kind, depth)
        except MemoryError:
            raise
        except Exception:
            return 0

    def measured(value, kind, depth):
        if issubclass(kind, type):
            # What a class of the script keeps; of others, it is theirs.
            own = once(id(value), sizeof(value, kind)) if module_of(value) == "__main__" else 0
            return own and own + sum(measure(item, depth + 1) for item in list(names_of(value).values()))
        if id(kind) in not_held:
            return 0
        package = package_of(kind)
        if issubclass(kind, numpy_array):
            return of_array(value)
        if package == "pandas":
            return of_pandas(value)
        if package == "pyarrow":
            return of_arrow(value)
        if package == "polars" and hasattr(value, "estimated_size"):
            return once(id(value), value.estimated_size())
        if kind is memoryview:
            return measure(value.obj, depth)
        own = once(id(value), sizeof(value, kind))
        if not own or issubclass(kind, (str, bytes, bytearray)) or package == "array":
            return own
        base = next((base for base in containers if issubclass(kind, base)), None)
        if base is not None:
            return own + some_of(base, value, depth)
        if kind in makers:
            frame = getattr(value, makers[kind])
            return own + (0 if frame is None else sum(measure(item, depth + 1) for _, item in locals_of(frame)))
        if issubclass(kind, BaseException):
            trace = BaseException.__traceback__.__get__(value)
            while trace is not None:
                code = trace.tb_frame.f_code
                if not is_library(code.co_filename) and code.co_name != "<module>":
                    own += sum(measure(item, depth + 1) for _, item in locals_of(trace.tb_frame))
                trace = trace.tb_next
            return own
        if kind is function:
            return own + sum(measure(item, depth + 1) for item in value.__closure__ or ())
        if own < 65536:
            own += sum(measure(item, depth + 1) for item in gc.get_referents(value)[:256])
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

    def shape_of(value):
        kind = type(value)
        if issubclass(kind, numpy_array) or package_of(kind) in ("pandas", "pyarrow", "polars"):
            return getattr(value, "shape", "") or (len(value) if hasattr(value, "__len__") else "")
        base = next((base for base in containers + (str, bytes, bytearray) if issubclass(kind, base)), None)
        return "" if base is None else base.__len__(value)

    def dtype_of(value):
        known = issubclass(type(value), numpy_array) or package_of(type(value)) in ("pandas", "pyarrow", "polars")
        return getattr(value, "dtype", "") if known else ""

    frames, scopes, known = [], [], set()
    trace = getattr(error, "__traceback__", None)
    while trace is not None:
        frames.insert(0, (trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    # This thread, and some of the others: there may be thousands.
    for frame in [sys._getframe()] + list(itertools.islice(sys._current_frames().values(), 64)):
        for _ in range(200):
            if frame is None:
                break
            # Not this one: with a reference to itself it would hold all that it has seen until the collector comes.
            if frame.f_code.co_filename != "<tidegate>":
                frames.append((frame, frame.f_lineno))
            frame = frame.f_back
        frame = None
    inmost = frames[0][0] if frames else None
    if inmost is not None and is_library(inmost.f_code.co_filename):
        _unsettled()
    main = sys.modules.get("__main__")
    inside = {}
    for frame, line in frames:
        code = frame.f_code
        if id(frame) in known:
            continue
        known.add(id(frame))
        if code.co_name == "<module>" and not is_library(code.co_filename):
            known.add(id(frame.f_globals))
            scopes.append((code.co_filename, "<module>", 1, line or 0, list(frame.f_globals.items())))
        elif not is_library(code.co_filename):
            name = getattr(code, "co_qualname", code.co_name)
            scopes.append((code.co_filename, name, code.co_firstlineno, line or 0, locals_of(frame)))
        else:
            inside[id(frame)] = (code.co_name, frame)
    for module in [main] + list(sys.modules.values())[:2000]:
        # Others may import when they are looked at.
        if type(module) is not type(sys):
            continue
        names = module.__dict__
        file = names.get("__file__")
        if module is main and not file:
            # At the end of a script, its name is gone.
            file = sys.argv[0] if sys.argv[:1] not in ([], [""], ["-c"]) else "<string>"
            file = file if file[:1] in "/<" else posix.getcwd() + "/" + file
        if type(file) is str and file and id(names) not in known and not is_library(file):
            known.add(id(names))
            scopes.append((file, "<module>", 1, 0, list(names.items())))
    found = []
    for file, scope, first, line, names in scopes:
        for name, value in names:
            if type(name) is not str or name.startswith("__") or type(value) is type(sys):
                continue
            whose[0], largest[:] = (file, scope, name), (0, 0)
            shares.clear()
            size = measure(value, 0)
            if size >= 65536 or shares:
                fact = (size, file, scope, first, line, name, value, shape_of(value), largest[1], ", ".join(sorted(shares)))
                found.append(fact)
    for name, frame in inside.values():
        whose[0], largest[:] = ("", name, "inside"), (0, 0)
        size = sum(measure(value, 1) for _, value in locals_of(frame))
        if size >= 1 << 20:
            found.append((size, "", name, 0, 0, "", None, "", largest[1], ""))
    rows = ["\t".join(map(text, ("S", reason, int(time.perf_counter() > until))))]
    if error is not None:
        place = next((item for item in frames if not is_library(item[0].f_code.co_filename)), None)
        where = (place[0].f_code.co_filename, place[0].f_code.co_name, place[1]) if place else ("", "", 0)
        facts = ("", "", "")
        if package_of(type(error)) == "numpy":
            facts = (getattr(error, "shape", ""), getattr(error, "dtype", ""), getattr(error, "_total_size", ""))
        rows.append("\t".join(map(text, ("E", name_of(type(error)), error, *facts, *where))))
    found.sort(key=lambda item: -item[0])
    for size, file, scope, first, line, name, value, shape, address, others in found[:40]:
        kind = name_of(type(value)) if value is not None else ""
        fact = ("V", file, scope, first, line, name, kind, size, shape, dtype_of(value), address, others, _site(address))
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
