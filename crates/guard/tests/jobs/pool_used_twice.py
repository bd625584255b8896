#: held first 40MB 8
#: held second 80MB 8
import functools
import operator
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(1)
pool.submit(len, "warm").result()
filler = [None] * 200_000
one = pool.submit(functools.partial(operator.mul, b"p", 40_000_000)).result()  # <- first
two = pool.submit(functools.partial(operator.mul, b"p", 80_000_000)).result()  # <- second
print(len(one), len(two))
