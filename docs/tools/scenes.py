"""The programs that the manual's captured sessions are taken from; stdlib only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from blocks import PROJECT, file_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A program, and when it is ready to be looked at.

    `command` is what follows `python`; the program is the block of `page` with that `file`, or one
    that is there anyway. It is ready when the answer to the command `ask` has the texts of `until`.
    Of a `busy` one no two answers are alike: only the first words of each are compared.
    """

    command: tuple[str, ...]
    page: str = ""
    file: str = ""
    ask: str = "ps"
    until: tuple[str, ...] = ("live task",)
    busy: bool = False
    copied: str = ""
    """The tool beside this script that the file is a copy of, where no page shows it."""
    changes: tuple[str, ...] = ()
    """Blocks of the page, each a function that takes the place of the one of its name."""

    @property
    def source(self) -> str:
        """The text of its file, or nothing."""
        if not self.page:
            return (Path(__file__).with_name(self.copied)).read_text("utf-8") if self.copied else ""
        text = file_block(self.page, self.file)
        for name in self.changes:
            text = with_function(text, file_block(self.page, name))
        return text


def with_function(program: str, function: str) -> str:
    """The program with this function instead of the one that it has."""
    name = function.partition("(")[0]
    begin = program.index(f"{name}(")
    end = re.compile(r"^(?=\S)", re.MULTILINE).search(program, begin + 1)
    rest = program[end.start() :] if end else ""
    return f"{program[:begin]}{function}\n\n{rest}"


_FREE = ("--port", "0", "--webui-port", "0", "--console-port", "0")

SCENES = {
    "warehouse": Scene(
        command=("warehouse.py",),
        page="tutorial.md",
        file="warehouse.py",
        ask="why count",
        until=("closes a circle",),
    ),
    "mended": Scene(
        command=("warehouse.py",),
        page="tutorial.md",
        file="warehouse.py",
        changes=("mended.py",),
        ask="health",
        until=("stalls: 5 times", "blocked: no"),
        busy=True,  # with the machine, on which it depends how a stall is explained
    ),
    "shop": Scene(
        command=("-m", "aiomonitor", "demo", *_FREE),
        ask="ps",
        until=("handler-3",),
        busy=True,
    ),
    "jam": Scene(
        command=("-m", "aiomonitor", "demo", *_FREE),
        ask="ps-terminated --filter label",
        until=("paper jam",),
        busy=True,
    ),
    "leak": Scene(
        command=("leak.py",),
        page="howto/leaks.md",
        file="leak.py",
        ask="groups",
        until=("notify",),
    ),
    "fleet": Scene(
        command=("shop.py",),
        file="shop.py",
        copied="three_processes.py",
        ask="health",
        until=("busy: ", "of the last"),
        busy=True,
    ),
    "clerks": Scene(
        command=(str(PROJECT / "examples" / "trio_deadlock.py"), "--port", "0"),
        ask="why clerk-1",
        until=("closes a circle",),
    ),
}
