#: fires 2: lru_cache(maxsize=128)
from functools import lru_cache
@lru_cache(maxsize=None)
def f(x):
    return x

#: fires 3: lru_cache(maxsize=128)
import functools
class A:
    @functools.lru_cache(maxsize=9)
    def f(self, x):
        return x

#: fires 1: drop what is old
SEEN = {}
def f(key, value):
    SEEN[key] = value

#: silent
from functools import lru_cache
@lru_cache(maxsize=128)
def f(x):
    return x

#: silent
from functools import cache
@cache
def settings():
    return 1

#: silent
SEEN = {}
def f(key, value):
    SEEN[key] = value
    if len(SEEN) > 9:
        SEEN.clear()

#: silent
RULES = []
def rule(function):
    RULES.append(function)
    return function
@rule
def first(x):
    return x
