"""The pages that are written by hand keep up with the package, and with what was measured."""

from __future__ import annotations

import ast
import asyncio
import re
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from blocks import DOCS, PROJECT
from limits import limits, number

import aiomonitor

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.manual


def sources() -> Iterator[str]:
    """The text of each module."""
    for path in (PROJECT / "src").rglob("*.py"):
        yield path.read_text("utf-8")


def test_variables() -> None:
    """Each variable of the environment that is ours is told of, and no other one."""
    known = {name for text in sources() for name in re.findall(r"\bAIOMONITOR_[A-Z_]+\b", text)}
    page = (DOCS / "reference/environment.md").read_text("utf-8")
    told = set(re.findall(r"\bAIOMONITOR_[A-Z_]+\b", page))
    assert known
    assert told == known


def test_figures_of_overhead() -> None:
    """Each figure of the page on costs is one that was measured, as it stands in the reports."""
    reports = "".join(path.read_text("utf-8") for path in DOCS.glob("performance*.md"))
    quoted = re.findall(r"^\|.*\|$", (DOCS / "explanation/overhead.md").read_text("utf-8"), re.M)
    assert len(quoted) > 20
    assert not [row for row in quoted if f"{row}\n" not in reports]


def test_limits_have_values() -> None:
    """The page of limits has those that are known to be there, with their values."""
    page = limits()
    assert "`CLIENT_LIMIT` | 250 |" in page
    assert "`CLOSE_TIMEOUT` | 2.0 |" in page
    assert "`LINE_LIMIT` | 65\u202f536 |" in page


def test_what_is_no_limit() -> None:
    """Only numbers are."""
    values = {"64 * 1024": "65\u202f536", "(30, 10.0)": "30, 10.0", "True": "", "f(1)": ""}
    for text, expected in values.items():
        assert number(ast.parse(text, mode="eval").body) == expected


def test_names_are_in_the_api() -> None:
    """The page of the API shows everything that the package exports."""
    text = (DOCS / "reference/api.md").read_text("utf-8")
    errors = vars(aiomonitor.errors)
    others = [name for name in aiomonitor.__all__ if name not in errors]
    assert "::: aiomonitor.errors" in text
    assert not [name for name in others if name not in text]


def test_threads() -> None:
    """The page on threads has those that a monitor starts, by their names, and no other ones."""
    told = re.findall(r"`(aiomonitor[\w-]*)`", (DOCS / "explanation/threads.md").read_text("utf-8"))
    before = set(threading.enumerate())
    loop = asyncio.new_event_loop()
    with aiomonitor.start_monitor(
        loop, port=0, webui_port=None, console_port=None, dump_signal=signal.SIGUSR2
    ):
        names = {thread.name for thread in set(threading.enumerate()) - before}
    loop.close()
    assert set(told) == names


def test_links_of_the_readme() -> None:
    """Each page and picture that the README points to is there; mkdocs checks the manual's."""
    text = (PROJECT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    ours = [link for link in links if "://" not in link]
    assert len(ours) > 10
    assert not [link for link in ours if not (PROJECT / link).exists()]
