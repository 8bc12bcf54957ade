"""The captured sessions of the manual are what its programs and the monitor say today."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import capture
import pytest
from blocks import blocks, pages
from scenes import SCENES

from clients.harness import require

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.manual

CAPTURED = capture.captured()


def test_scenes_are_known() -> None:
    """Each captured block is of a scene that there is, and each scene is shown somewhere."""
    assert {scene for _, scene in CAPTURED} == set(SCENES)


def test_a_block_types_something() -> None:
    """A captured block has at least one command, or nothing could be captured."""
    taken = [each for page in pages() for each in blocks(page) if each.verb == "capture"]
    assert taken
    assert not [each.place for each in taken if not capture.commands(each.text)]


@pytest.mark.parametrize(
    ("page", "scene"), CAPTURED, ids=[f"{page.name}-{scene}" for page, scene in CAPTURED]
)
def test_as_printed(page: Path, scene: str) -> None:
    """The same commands give the same answers, but for numbers and the widths of columns."""
    require("nc")
    busy = SCENES[scene].busy
    for block, today in capture.replayed(page, scene):
        printed, said = (capture.shape(text, busy=busy) for text in (block.text, today))
        difference = "\n".join(difflib.unified_diff(printed, said, "printed", "today", n=0))
        remedy = f"python docs/tools/capture.py {page.name} writes it anew"
        assert not difference, f"{block.place}: {remedy}\n{difference}"


def test_shape() -> None:
    """What differs from run to run is not compared; what a command says, is."""
    shape = capture.shape
    assert shape("1 task, 12.5s  ###") == shape("22 task, 3m04s # ")
    assert shape("error: a\nwarning: blocked loop: b\n  remedy: c\n1 error, 1 warning, by 9\n") == [
        "error: a",
        "0 error, 0 warnings, by 0",
    ]
    assert shape("1 task waits") != shape("1 task runs")
    assert shape("a\nmonitor >>> ps\nID NAME\n1 x\n2 y\n", busy=True) == [
        "monitor >>> ps",
        "ID NAME",
    ]
