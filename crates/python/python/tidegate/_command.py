"""The command ``tidegate`` of the package: the program takes this process's place."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the program with the arguments of this process."""
    from ._engine import binary

    program = binary()
    if os.path.realpath(program) == os.path.realpath(sys.argv[0]):
        sys.exit("tidegate: the program of this package is missing; install the package anew")
    os.execv(program, [program, *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
