#: limit 200MB
#: exit 3
#: held made 120MB 8
#: killed
import ctypes

block = b"x" * 120_000_000  # <- made
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
other = libc.malloc(300_000_000)
ctypes.memset(other, 1, 300_000_000)
print("not reached", len(block))
