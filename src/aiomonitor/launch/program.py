"""Runs a program as the interpreter itself would: `__main__`, `sys.argv`, `sys.path`, tracebacks.

Imports no runtime: the program shall be the first to do so.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aiomonitor.backends.beginnings import notice
from aiomonitor.backends.programs import run_module_as_main

from .first_run import FirstRun

if TYPE_CHECKING:
    from types import CodeType, TracebackType

HERE = str(Path(__file__).parent) + os.sep


def main() -> None:
    """What is to be run, and how, is in `sys.argv`: settings as JSON, then the program's own."""
    settings = json.loads(sys.argv[1])
    is_module = settings.pop("module")
    ours = len(sys.orig_argv) - len(sys.argv)
    sys.argv[:] = sys.argv[2:]
    # Who asks how the program was started, our own listings too, is told of the program.
    sys.orig_argv[ours:] = ["-m", *sys.argv] if is_module else sys.argv
    notice(FirstRun(settings))
    try:
        if is_module:
            _run_module(sys.argv[0])
        else:
            _run_path(sys.argv[0])
    except BaseException:
        sys.excepthook = _Trimmed()
        raise


def _run_module(name: str) -> None:
    _prepare_path(str(Path.cwd()))
    _clear_main()
    sys.argv[0] = "-m"  # what it is while the module is being found
    run_module_as_main(name)


def _run_path(name: str) -> None:
    path = Path(name)
    if path.is_dir() or _is_zip(path):
        sys.path.insert(0, str(path.absolute()))  # also with -P: that is where the program is
        _clear_main()
        run_module_as_main("__main__", alter_argv=False)
        return
    full = str(path.absolute())
    loader, code = _read(name, full)
    _prepare_path(str(path.resolve().parent))
    namespace = _clear_main()
    namespace.update(__loader__=loader, __file__=full, __cached__=None)
    if sys.version_info >= (3, 15):
        del namespace["__cached__"]
    exec(code, namespace)  # noqa: S102 - that is what this is for


def _read(name: str, full: str) -> tuple[object, CodeType]:
    """As `python` reads a script: compiled ones, too; nothing is written to a cache."""
    try:
        source = Path(full).read_bytes()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: can't open file {full!r}: {reason}", file=sys.stderr)
        raise SystemExit(2) from None
    if name.endswith(".pyc"):
        compiled = SourcelessFileLoader("__main__", full)
        return compiled, cast("CodeType", compiled.get_code("__main__"))
    return SourceFileLoader("__main__", full), compile(source, full, "exec", dont_inherit=True)


def _is_zip(path: Path) -> bool:
    from zipfile import is_zipfile

    return path.suffix not in (".py", ".pyc") and path.is_file() and is_zipfile(path)


def _prepare_path(first: str) -> None:
    """What Python puts there itself, unless it was told not to."""
    if not getattr(sys.flags, "safe_path", False):  # from 3.11 on
        sys.path.insert(0, first)


def _clear_main() -> dict[str, object]:
    """The namespace of `__main__`, as it is before a program begins."""
    namespace = vars(sys.modules["__main__"])
    namespace.clear()
    namespace.update(
        __name__="__main__", __doc__=None, __package__=None, __loader__=None, __spec__=None
    )
    namespace["__builtins__"] = builtins
    if sys.version_info < (3, 14):
        namespace["__annotations__"] = {}
    return namespace


class _Trimmed:
    """The program's excepthook, for tracebacks without our frames; put there when all is over."""

    def __init__(self) -> None:
        self._hook = sys.excepthook

    def __call__(
        self,
        kind: type[BaseException],
        error: BaseException,
        traceback: TracebackType | None,
    ) -> None:
        while traceback is not None and _is_ours(traceback):
            traceback = traceback.tb_next
        sys.excepthook = self._hook
        self._hook(kind, error.with_traceback(traceback), traceback)


def _is_ours(traceback: TracebackType) -> bool:
    name = traceback.tb_frame.f_code.co_filename
    return name.startswith(HERE) or name.endswith(f"backends{os.sep}programs.py")
