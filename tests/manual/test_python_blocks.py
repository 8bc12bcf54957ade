"""Every Python block of the manual and of the README runs, as it is printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from blocks import blocks, pages

from . import frameworks as frameworks  # which are stages, too
from .stages import STAGES

if TYPE_CHECKING:
    from blocks import Block

pytestmark = pytest.mark.manual

GUARD = 60.0
"""Seconds after which a block hangs; no test waits for it."""

PYTHON = [block for page in pages() for block in blocks(page) if block.language == "python"]


def test_they_are_found() -> None:
    """The reader of blocks finds those that are known to be there."""
    assert {"README.md", "tutorial.md"} <= {block.page.name for block in PYTHON}


def test_all_are_python() -> None:
    """No block avoids being run by another name of the language."""
    found = [block for page in pages() for block in blocks(page)]
    assert not [block.place for block in found if block.language in ("py", "python3", "pycon")]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_it_runs(block: Block, tmp_path: Path) -> None:
    """The block runs on its stage, in a process of its own, and does what the stage expects."""
    stage = block.name or "default"
    assert stage in STAGES, f"{block.place}: no stage {stage!r}; there are {', '.join(STAGES)}"
    program = tmp_path / block.options.get("file", "block.py")
    program.write_text(block.text, "utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "manual.stages", stage, str(program)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert ended.returncode == 0, f"{block.place}\n{ended.stdout}{ended.stderr}"
