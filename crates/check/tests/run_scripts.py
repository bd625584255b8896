"""Runs scripts, each in a process of its own and in its own folder, with pandas loaded once for all.

What a script prints is in `printed` beside it, and how it ended in `exit-code`.
"""

import os
import runpy
import sys
import traceback
import warnings

import numpy  # noqa: F401
import pandas  # noqa: F401


def run(script: str) -> None:
    folder, name = os.path.split(script)
    os.chdir(folder)
    out = os.open("printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(out, 1)
    warnings.simplefilter("ignore")
    sys.argv = [name]
    try:
        runpy.run_path(name, run_name="__main__")
        code = 0
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        code = 1
    sys.stdout.flush()
    with open("exit-code", "w") as file:
        file.write(str(code))


for script in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            run(script)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
