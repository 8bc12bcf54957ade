"""The fenced blocks of a Markdown page, and what the comment before each says of it; stdlib only.

A comment on the line before a block directs it:

    <!-- run: STAGE file=NAME -->       a Python block: how it is run, and the name of its file
    <!-- capture: SCENE lines=12 -->    a console block whose answers come from a running program

See `tests/manual/stages.py` for stages and `docs/tools/scenes.py` for scenes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,})(?P<language>\w*)")
_DIRECTIVE = re.compile(r"\s*<!-- (?P<verb>\w+): (?P<name>[\w.-]+)(?P<options>[^>]*) -->")
_OPTION = re.compile(r"(\w+)=(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block; `line` is that of its opening fence, counted from 1, `text` has no indentation."""

    page: Path
    line: int
    language: str
    text: str
    indent: str = ""
    verb: str = ""
    name: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it is, as compilers say it."""
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def pages() -> list[Path]:
    """Every page with blocks: the manual, and the README."""
    return [PROJECT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """All of a page, in order."""
    found = []
    lines = page.read_text("utf-8").splitlines()
    number = 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        if opening is None:
            number += 1
            continue
        end = _closing(lines, number, opening)
        found.append(_block(page, lines, number, end, opening))
        number = end + 1
    return found


def _closing(lines: list[str], start: int, opening: re.Match[str]) -> int:
    closing = opening["indent"] + opening["ticks"]
    for number in range(start + 1, len(lines)):
        if lines[number].rstrip() == closing:
            return number
    raise ValueError(f"line {start + 1} opens a block that is never closed: {lines[start]!r}")


def _block(page: Path, lines: list[str], start: int, end: int, opening: re.Match[str]) -> Block:
    indent = opening["indent"]
    directive = _DIRECTIVE.fullmatch(lines[start - 1]) if start else None
    return Block(
        page=page,
        line=start + 1,
        language=opening["language"],
        text="".join(f"{line.removeprefix(indent)}\n" for line in lines[start + 1 : end]),
        indent=indent,
        verb=directive["verb"] if directive else "",
        name=directive["name"] if directive else "",
        options=dict(_OPTION.findall(directive["options"])) if directive else {},
    )


def file_block(page: str, name: str) -> str:
    """The text of the block of this page that is the file of this name."""
    for block in blocks(DOCS / page):
        if block.options.get("file") == name:
            return block.text
    raise LookupError(f"docs/{page} has no block with file={name}")
