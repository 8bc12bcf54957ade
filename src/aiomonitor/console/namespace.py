"""What names a console's code finds: the client's own, over those that the application shares."""

from __future__ import annotations

import pydoc
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping


class Leaver:
    """`exit` and `quit`: the interpreter's own would close the application's standard input."""

    def __repr__(self) -> str:
        return "exit(), or Ctrl-D, leaves the console; the application goes on"

    def __call__(self, code: object = None) -> NoReturn:
        raise SystemExit(code)


class Helper:
    """`help`: prints to the client, and never asks on the application's terminal."""

    def __repr__(self) -> str:
        return "help(object) tells about it"

    def __call__(self, *things: Any) -> None:
        """About each of the things."""
        for thing in things or (None,):
            if thing is None:
                print(repr(self))
            else:
                print(pydoc.plain(pydoc.render_doc(thing, "Help on %s")))


def refuse_input(prompt: object = "") -> NoReturn:
    """`input` would read the application's standard input, and block its loop."""
    del prompt
    raise RuntimeError("there is no input() in the console: it would block the application's loop")


def make(shared: Mapping[str, Any], special: Mapping[str, Any]) -> dict[str, Any]:
    """A client's namespace: its new names are its own; what `shared` refers to is the
    application's. The application's names win over the special ones."""
    leaver = Leaver()
    own = {"exit": leaver, "quit": leaver, "help": Helper(), "input": refuse_input}
    return {"__name__": "__console__", "__doc__": None, **own, **special, **shared}
