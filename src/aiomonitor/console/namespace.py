"""What names a console's code finds: the client's own, over those that the application shares."""

from __future__ import annotations

import builtins
import io
import pydoc
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Leaver:
    """`exit` and `quit`: the interpreter's own would close the application's standard input."""

    def __init__(self, is_at_prompt: Callable[[], bool]) -> None:
        self._is_at_prompt = is_at_prompt

    def __repr__(self) -> str:
        return "exit(), or Ctrl-D, leaves the console; the application goes on"

    def __call__(self, code: object = None) -> NoReturn:
        """Leave, unless called by a task or thread: there SystemExit would end the application."""
        if not self._is_at_prompt():
            raise RuntimeError("exit() leaves the console only where it is typed, not in a task")
        raise SystemExit(code)


class Helper:
    """`help`: prints to the client, without a pager, and asks for nothing."""

    def __repr__(self) -> str:
        return "help(object) tells about it; help('topics') and help('keywords') list more"

    def __call__(self, *requests: Any) -> None:
        """About each of the requests: objects, names, topics."""
        before, pydoc.pager = pydoc.pager, _print_page
        try:
            for request in requests:
                pydoc.Helper(io.StringIO(), sys.stdout).help(request)
            if not requests:
                print(repr(self))
        finally:
            pydoc.pager = before


def _print_page(text: str, title: str = "") -> None:  # noqa: ARG001 - as the pager's
    print(pydoc.plain(text))


class Refused:
    """A builtin that would read the application's standard input, and block its loop meanwhile."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"{self._name} is not there: it would read the application's standard input"

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Say so."""
        raise RuntimeError(repr(self))


class Namespace:
    """One client's names. In the monitored loop's thread, once `refresh` is called there."""

    def __init__(
        self,
        shared: Mapping[str, Any] | None,
        special: Mapping[str, Any],
        is_at_prompt: Callable[[], bool],
    ) -> None:
        self._shared = shared or {}
        self._seen: dict[str, Any] = {}
        leaver = Leaver(is_at_prompt)
        self.names: dict[str, Any] = {
            "__name__": "__console__",
            "__doc__": None,
            "__builtins__": builtins,
            **{name: Refused(name) for name in ("input", "breakpoint", "license")},
            "exit": leaver,
            "quit": leaver,
            "help": Helper(),
            **special,
        }
        if type(self._shared) is dict:
            self.refresh()  # TAB finds them before anything has run; a `dict` runs nobody's code

    def refresh(self) -> None:
        """Take over what the application shares now, but for names that the client has changed."""
        absent = object()
        for name, value in list(self._shared.items()):
            known = self._seen.get(name, absent)
            if known is absent or self.names.get(name, absent) is known:
                self._seen[name] = self.names[name] = value
