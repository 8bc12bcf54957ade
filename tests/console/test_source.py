"""From lines to blocks; and CPython's own conventions, by the examples of its standard library."""

from __future__ import annotations

import codeop
import doctest
import importlib
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends.fake import FakeBackend
from aiomonitor.console import source
from aiomonitor.console.source import BLOCK_LIMIT, Block, Rejected, Source, next_of

from .typist import seat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def push_all(text: str) -> list[str]:
    """What the lines come to: each block or rejection, and whether more lines are needed."""
    typed = Source()
    lines = text.split("\n")
    found: list[str] = []
    for index, line in enumerate(lines):
        outcomes = typed.push(line, next_of(lines[index + 1 :]))
        found += ["block" if isinstance(o, Block) else type(o.error).__name__ for o in outcomes]
    found += ["more"] if typed.is_incomplete else []
    typed.close()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1+1", ["block"]),
        ("", []),
        ("  ", []),
        ("# nothing", []),
        ("if 1:", ["more"]),
        ("if 1:\n  pass", ["more"]),
        ("if 1:\n  pass\n", ["block"]),
        ("(1,\n2)", ["block"]),
        ("'''a\n\nb'''", ["block"]),
        ("x = \\\n1", ["block"]),
        ("@d\ndef f(): pass\n", ["block"]),
        ("def f():\n  a\n\n  b\n", ["block"]),
        ("def f():\n  a\nf()", ["block", "block"]),
        ("def f():\n  a\ndef g():\n  b\n", ["block", "block"]),
        ("def f():\n  a\n# remark\nf()", ["block", "block"]),
        ("try:\n  a\nexcept E:\n  b\nelse:\n  c\n", ["block"]),
        ("def f():\n  a\n)", ["SyntaxError"]),
        ("def f():\n  a\nb c", ["SyntaxError"]),
        ("def f():\na", ["IndentationError"]),
        ("  a", ["IndentationError"]),
        ("'abc", ["SyntaxError"]),
        ("return", ["SyntaxError"]),
        ("'\ud800'", ["UnicodeEncodeError"]),
        ("async with a: pass\n", ["block"]),
    ],
)
def test_blocks(text: str, expected: list[str]) -> None:
    """A block ends where CPython's prompt ends it, or where pasted code goes on without indent."""
    assert push_all(text) == expected


def test_a_block_that_never_ends() -> None:
    """Its length is limited."""
    typed = Source()
    outcomes = [found for _ in range(100) for found in typed.push("(" + " " * (BLOCK_LIMIT // 50))]
    assert [type(found) for found in outcomes][:1] == [Rejected]


def test_a_long_block() -> None:
    """A function of a thousand lines is compiled a few times, not once per line."""
    body = "\n".join(f"    x{number} = {number}" for number in range(1000))
    trials = 0

    def counted(trial: Callable[[], object]) -> object:
        nonlocal trials
        trials += 1
        return trial()

    typed = Source(counted)
    outcomes = [found for line in f"def f():\n{body}\n".split("\n") for found in typed.push(line)]
    assert [type(found) for found in outcomes] == [Block]
    assert trials < 50


def test_a_long_literal() -> None:
    """What has to be compiled with each line is limited."""
    assert push_all("[\n" + "1,\n" * 100 + "]") == ["block"]
    assert push_all("[\n" + "1,\n" * 1000)[0] == "ValueError"


def test_the_process_keeps_its_warning_filters() -> None:
    """Compiling changes nothing that other threads could notice, unlike `codeop`."""
    before = warnings.filters[:]
    with warnings.catch_warnings(record=True) as caught:
        inside = warnings.filters[:]
        push_all("1 + 1")
        assert warnings.filters == inside
    assert warnings.filters == before
    assert not caught


def test_the_flags_are_those_of_codeop() -> None:
    """Compiling in part works by flags that Python names there alone."""
    assert getattr(codeop, "PyCF_DONT_IMPLY_DEDENT") == source._DONT_IMPLY_DEDENT  # noqa: B009
    if sys.version_info >= (3, 11):
        assert getattr(codeop, "PyCF_ALLOW_INCOMPLETE_INPUT") == source._ALLOW_INCOMPLETE  # noqa: B009


# --- the oracle -----------------------------------------------------------------------------------

MODULES = ["difflib", "heapq", "collections", "fractions", "statistics"]


class Recorder(doctest.DocTestRunner):
    """Remembers what doctest got for each example."""

    def __init__(self) -> None:
        super().__init__(verbose=False, optionflags=doctest.REPORT_NDIFF)
        self.got: list[str] = []

    def report_start(self, out: object, test: object, example: object) -> None:
        pass

    def report_success(self, out: object, test: object, example: object, got: str) -> None:
        self.got.append(got)

    def report_failure(self, out: object, test: object, example: object, got: str) -> None:
        self.got.append(got)

    def report_unexpected_exception(
        self, out: object, test: object, example: object, exc_info: Any
    ) -> None:
        self.got.append(doctest._exception_traceback(exc_info))  # type: ignore[attr-defined]

    def summarize(self, verbose: bool | None = None) -> Any:
        return None


def documented(name: str) -> Iterator[doctest.DocTest]:
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder(recurse=True).find(module, name):
        if test.examples:
            yield test


@pytest.mark.parametrize("name", MODULES)
def test_the_standard_library_is_the_oracle(name: str) -> None:
    """The statements of a module's docstrings print what doctest gets for them."""
    if sys.flags.optimize > 1:
        pytest.skip("needs docstrings")
    compared = 0
    for test in documented(name):
        compared += len(test.examples)
        recorder = Recorder()
        recorder.run(test, out=lambda _: None, clear_globs=False)
        fresh = next(other for other in documented(name) if other.name == test.name)
        with seat(FakeBackend(), fresh.globs) as one:
            replies = [one.typist.enter(source_of(example)) for example in test.examples]
        expected = [last_line_if_raised(got) for got in recorder.got]
        assert [last_line_if_raised(reply) for reply in replies] == expected, test.name
    assert compared


def source_of(example: doctest.Example) -> str:
    """Its lines, with the empty one that ends a block."""
    lines = example.source.rstrip("\n")
    return lines if Source().is_complete(lines) else lines + "\n"


def last_line_if_raised(reply: str) -> str:
    """As doctest does: of a traceback, only what was raised counts."""
    if "Traceback (most recent call last)" not in reply:
        return reply
    return reply.rstrip("\n").splitlines()[-1] + "\n"
