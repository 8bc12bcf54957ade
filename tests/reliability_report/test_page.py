"""The page: what was measured, its aim and the verdict, and the course where there is one."""

from __future__ import annotations

from typing import Any

import pytest
from reliability.over_time import COLUMNS, line, over_time
from reliability.page import TITLES, text
from reliability.parts import AIMS, PARTS, Aim

ROWS = {
    "cuts": (
        Aim("seen", "seen"),
        Aim("hangs", "hangs", 0),
        Aim("done", "done", least=1),
        Aim("kept_mb", "kept, MB", 3),
    )
}
SCALES = {"full": {"cuts": ("1",)}, "quick": {"cuts": ("7",)}}


def page(**scales: Any) -> list[str]:
    """Of figures of the one part."""
    return text({"cuts": scales}, ROWS, SCALES, PARTS).splitlines()


def test_verdicts() -> None:
    """Reached, not reached, and not measured are told apart; a figure without an aim has none."""
    lines = page(full={"3.12.1": {"seen": 12345, "hangs": 0, "done": 0.5}})
    assert "| seen |  | 12 345 |  |" in lines
    assert "| hangs | at most 0 | 0 | yes |" in lines
    assert "| done | at least 1 | 0.5 | no |" in lines
    assert "| kept, MB | at most 3 | not measured |  |" in lines


def test_one_python_that_misses_is_enough() -> None:
    """A column for each Python, by its number; the verdict is that of the worst."""
    lines = page(quick={"3.9.2": {"hangs": 0}, "3.14.0": {"hangs": 0}, "3.10.1": {"hangs": 1}})
    assert "| figure | aim | 3.9.2 | 3.10.1 | 3.14.0 | reached |" in lines
    assert "| hangs | at most 0 | 0 | 1 | 0 | no |" in lines


def test_one_python_that_was_measured_is_enough() -> None:
    """What another one lacks is told in its column."""
    lines = page(quick={"3.10.1": {"hangs": 0}, "3.14.0": {}})
    assert "| hangs | at most 0 | 0 | not measured | yes |" in lines


def test_scales() -> None:
    """The full figures come first, each under its command; what was not run is left out."""
    both = page(quick={"3.12.1": {"hangs": 0}}, full={"3.12.1": {"hangs": 0}})
    commands = [each for each in both if each.startswith("`python -m")]
    assert commands == ["`python -m reliability.cuts 1`", "`python -m reliability.cuts 7`"]
    assert not [each for each in page() if each.startswith("## ")]


def test_every_part_has_a_title() -> None:
    """None is shown without one."""
    assert set(TITLES) == set(AIMS)


def row(seconds: float, memory: float) -> dict[str, float]:
    """A row of a course."""
    return dict.fromkeys(COLUMNS, 1.0) | {"seconds": seconds, "rss_mb": memory}


def test_over_time() -> None:
    """A course is a table, and a line of blocks below each column that can be drawn."""
    lines = page(full={"3.12.1": {"over_time": [row(1, 50), row(2.25, 100)]}})
    start = lines.index("Over time, with 3.12.1:")
    assert lines[start + 4 : start + 6] == [
        "| 1 | 50 | 1 | 1 | 1 | 1 | 1 |",
        "| 2.2 | 100 | 1 | 1 | 1 | 1 | 1 |",
    ]
    assert lines[start + 6] == "| | ▅█ | ██ | ██ | ██ | ██ | |"


def test_no_course() -> None:
    """Figures without one have no table."""
    assert list(over_time({"3.12.1": {"hangs": 0}})) == []


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([7, 7, 7], "███"), ([0, 0], "▁▁"), ([0, 1, 2], "▁▅█"), ([100, 98], "██")],
)
def test_line(values: list[float], drawn: str) -> None:
    """It begins at nought, so that what is flat looks flat."""
    assert line(values) == drawn
