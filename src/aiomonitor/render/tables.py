"""Tables and clipped text for a terminal: pure functions, which know nothing of tasks.

Names, sources and messages come from the application and may hold anything: whatever is shown
passes through `printable`, so that no escape sequence reaches a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ELLIPSIS = "…"
_GAP = "  "


def width_of(text: str) -> int:
    """The number of cells that printable text takes on a terminal."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0)


def clip(text: str, width: int) -> str:
    """The text in at most `width` cells, with an ellipsis where something is missing."""
    if width_of(text) <= width:
        return text
    kept = text[: max(width - 1, 0)]
    while width_of(kept) > width - 1:
        kept = kept[:-1]
    return (kept + _ELLIPSIS)[:width]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table; those with the highest `drop` go first where the client is narrow.

    An `optional` one is left out where no row has anything in it; a `spare` one, where the others
    would lose much for its sake.
    """

    title: str
    at_least: int
    at_most: int
    drop: int = 0
    right: bool = False
    color: str | None = None
    optional: bool = False
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns fit, and how wide each is: decided on the first rows, then kept."""

    columns: tuple[tuple[int, Column, int], ...]  # position in the row, column, width

    @classmethod
    def fit(cls, columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Layout:
        """Natural widths where they fit; else narrower columns, then fewer; never wrapped lines."""
        kept = [
            [position, _natural(column, [row[position] for row in rows])]
            for position, column in enumerate(columns)
            if not column.optional or any(row[position] for row in rows)
        ]
        _drop_spare(columns, kept, width)
        while len(kept) > 1 and _total(columns[p].at_least for p, _ in kept) > width:
            kept.remove(max(kept, key=lambda item: columns[item[0]].drop))
        while (excess := _total(w for _, w in kept) - width) > 0:
            widest = max(kept, key=lambda item: item[1] - columns[item[0]].at_least)
            slack = widest[1] - columns[widest[0]].at_least
            if slack <= 0:
                widest[1] = max(widest[1] - excess, 1)
                break
            # In steps, so that two wide columns share the loss.
            widest[1] -= min(slack, excess, max(slack // 4, 1))
        return cls(tuple((p, columns[p], w) for p, w in kept))

    def header(self, *, color: bool) -> str:
        """The line of titles."""
        cells = [_cell(column.title, column, width) for _, column, width in self.columns]
        return styled(_GAP.join(cells).rstrip(), color, bold=True)

    def line(self, row: Sequence[str], *, color: bool) -> str:
        """One row as a line, without a newline."""
        cells = [
            styled(_cell(row[position], column, width), color and column.color, fg=column.color)
            for position, column, width in self.columns
        ]
        return _GAP.join(cells).rstrip()


def _drop_spare(columns: Sequence[Column], kept: list[list[int]], width: int) -> None:
    """A tenth of the width may be missing: then each cell is still known by what is left of it."""
    spare = [item for item in kept if columns[item[0]].spare]
    spare.sort(key=lambda item: columns[item[0]].drop)
    while spare and _total(w for _, w in kept) - width > width // 10:
        kept.remove(spare.pop())


def _natural(column: Column, cells: Sequence[str]) -> int:
    widest = max(map(width_of, (column.title, *cells)))
    return max(min(widest, column.at_most), column.at_least)


def _total(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + len(_GAP) * (len(listed) - 1)


def _cell(text: str, column: Column, width: int) -> str:
    text = clip(text, width)
    padding = " " * (width - width_of(text))
    return padding + text if column.right else text + padding


def styled(text: str, color: object, **style: object) -> str:
    """The text in colour, if the client has any."""
    if not color:
        return text
    import click

    return click.style(text, **style)  # type: ignore[arg-type]
