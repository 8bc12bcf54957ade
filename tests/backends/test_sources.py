"""Lines of source, and what is kept of them."""

from __future__ import annotations

import errno
import linecache
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends import sources

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    yield
    sources._line.cache_clear()
    sources._lines.cache_clear()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "application.py"
    path.write_bytes("# coding: latin-1\ncafé = 1\nlast".encode("latin-1"))
    return str(path)


def test_lines_of_a_file(file: str) -> None:
    told = [sources.line(file, number) for number in (1, 2, 3, 4, 0, -1)]
    assert told == ["# coding: latin-1\n", "café = 1\n", "last", "", "", ""]


def test_the_applications_cache_stays_as_it_is(file: str) -> None:
    """No file comes into it by our looks."""
    sources.line(file, 1)
    assert file not in linecache.cache


def test_what_python_knows_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a console's entry, or what a loader has registered."""
    monkeypatch.setitem(linecache.cache, "<entry>", (2, None, ["x\n"], "<entry>"))
    assert sources.line("<entry>", 1) == "x\n"


def test_a_file_that_changes_is_as_it_was(file: str) -> None:
    """What runs is what was there; but only while its line is kept."""
    assert sources.line(file, 3) == "last"
    Path(file).write_text("another\n")
    assert sources.line(file, 3) == "last"


def test_no_file_is_left_to_open(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is missing this time, and there when there are files again."""

    def fail(_: str) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(tokenize, "open", fail)
        assert sources.line(file, 3) == ""
    assert sources.line(file, 3) == "last"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\n", b"# coding: nonsense\n"])
def test_no_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "binary.py"
    path.write_bytes(content)
    assert sources.line(str(path), 1) == ""


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / f"{number}.py"
        path.write_text("line\n" * 1000)
        for line in range(1, 1001):
            assert sources.line(str(path), line) == "line\n"
    assert sources._lines.cache_info().currsize <= 4
    assert sources._line.cache_info().currsize <= sources.LINES
