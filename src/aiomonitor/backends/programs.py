"""Runs a module as `python -m` does, by what that itself runs; see tests/launch/test_run.py."""

from __future__ import annotations

import runpy
from typing import Any

_runpy: Any = runpy


def run_module_as_main(name: str, *, alter_argv: bool = True) -> None:
    """In the module `__main__` that is there; with `alter_argv`, `sys.argv[0]` becomes its path.

    Ends the process by `SystemExit`, with Python's own words, if there is no such module.
    """
    _runpy._run_module_as_main(name, alter_argv)  # noqa: SLF001
