#: held submitted 60MB 5
import functools
import operator
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(1)
future = pool.submit(functools.partial(operator.mul, b"p", 60_000_000))  # <- submitted
print(len(future.result()))
