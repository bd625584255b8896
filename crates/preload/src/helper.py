import sys


def probe():
    return _probe(sys._getframe().f_lineno)


def variables(reason, error=None):
    names = globals()
    if "look" not in names:
        exec(compile(_source(), "<tidegate>", "exec"), names)
    names["look"](reason, error)


def wanted():
    variables("wanted")


def ended():
    variables("ended")


def refused():
    error = sys.exc_info()[1]
    if isinstance(error, MemoryError):
        variables("refused", error)


def collect():
    import gc

    gc.collect()
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()


def threads():
    module = sys.modules.get("concurrent.futures.thread")
    before = getattr(module, "_WorkItem", None)
    if before is None or hasattr(before, "_tidegate"):
        return

    class _WorkItem(before):
        def __init__(self, *args, **kwargs):
            before.__init__(self, *args, **kwargs)
            self._tidegate = _here()

        _tidegate = 0

        def run(self, *args, **kwargs):
            outer = _enter(self._tidegate)
            try:
                return before.run(self, *args, **kwargs)
            finally:
                _enter(outer)

    _WorkItem.__qualname__ = "_WorkItem"
    _WorkItem.__module__ = before.__module__
    module._WorkItem = _WorkItem


def hook(kind, value, trace, before=sys.excepthook):
    try:
        if isinstance(value, MemoryError):
            variables("uncaught", value)
        else:
            _other()
    finally:
        before(kind, value, trace)


_shape("tidegate")
if probe():
    import atexit

    sys.excepthook = hook
    atexit.register(_leave)
