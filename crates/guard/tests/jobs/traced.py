#: stdout 3 60000000
import sys

calls = []


def trace(frame, event, argument):
    if frame.f_code.co_filename == __file__:
        calls.append(frame.f_lineno)
    return trace


def grow():
    kept = b"t" * 60_000_000
    number = 1
    number += len(str(kept[:1])) - 3
    number += 1
    return number, kept


sys.settrace(trace)
found, block = grow()
sys.settrace(None)
print(found, len(block))
