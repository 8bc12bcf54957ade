"""Reading await chains and stacks, without a runtime."""

from __future__ import annotations

import linecache
import threading
import types
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends import frames
from aiomonitor.backends.values import AwaitChain, CodePoint

from .applications import PATIENCE, Forever
from .kinds import leaf, plain

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


class Circular:
    """An awaitable whose chain leads to itself."""

    def __init__(self) -> None:
        self.cr_await = self

    cr_frame = cr_code = None
    cr_running = False
    cr_await: object = None


def test_cycle_is_cut() -> None:
    """A chain that leads back to itself ends at the limit, and says so."""
    chain = frames.suspended_chain(Circular(), [])
    assert chain == AwaitChain(points=(), note=frames.CUT)


def test_end_of_the_chain_is_named() -> None:
    """A chain ends with the type of what cannot be followed."""

    class Custom:
        def __await__(self) -> Any:
            return iter([None])

    coroutine = leaf(Custom)
    coroutine.send(None)
    chain = frames.suspended_chain(coroutine, [])
    assert [point.code.co_name for point in chain.points] == ["leaf"]
    assert chain.awaiting == "list_iterator"
    coroutine.close()


def test_coroutine_that_has_not_begun() -> None:
    """A coroutine before its first step stands at its definition and awaits nothing."""
    coroutine = plain(Forever)
    chain = frames.suspended_chain(coroutine, [])
    (point,) = chain.points
    assert frames.symbolise(point).lineno == plain.__code__.co_firstlineno
    assert chain.awaiting == ""
    coroutine.close()


def test_coroutine_that_has_ended() -> None:
    """A closed coroutine stands nowhere."""
    coroutine = plain(Forever)
    coroutine.close()
    assert frames.suspended_chain(coroutine, []).points == ()


def test_sent_value_is_not_followed() -> None:
    """A generator that is sent into an asynchronous one is not taken for what it awaits."""

    async def echo() -> Any:
        received = yield
        await leaf(Forever)
        yield received

    async def sends(generator: Any, sent: object) -> None:
        await generator.asend(None)
        await generator.asend(sent)

    coroutine = sends(echo(), (number for number in range(3)))
    coroutine.send(None)
    points = frames.suspended_chain(coroutine, []).points
    assert [point.code.co_name for point in points] == ["sends", "echo", "leaf", "__await__"]
    coroutine.close()


def test_a_coroutine_that_runs_shows_its_callees() -> None:
    """The frames of running code go from its coroutine to the synchronous function on top."""
    entered, released = threading.Event(), threading.Event()

    def synchronous() -> None:
        entered.set()
        released.wait(PATIENCE)

    async def outer() -> None:
        synchronous()

    coroutine = outer()
    thread = threading.Thread(target=_exhaust, args=[coroutine])
    thread.start()
    assert entered.wait(PATIENCE)
    held: list[object] = []
    points = frames.executing_points(coroutine, held)
    released.set()
    thread.join(PATIENCE)
    assert points is not None
    assert [point.code.co_name for point in points[:3]] == ["outer", "synchronous", "wait"]
    held.clear()


def _exhaust(coroutine: Any) -> None:
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_a_suspended_coroutine_is_on_no_stack() -> None:
    """A coroutine that waits is not found on any thread's stack."""
    coroutine = plain(Forever)
    coroutine.send(None)
    assert not frames.is_executing(coroutine)
    assert frames.executing_points(coroutine, []) is None
    coroutine.close()


def test_points_of_this_thread() -> None:
    """A thread may look at itself, and sees the function that looks on top."""
    points = frames.thread_points(threading.get_ident())
    assert points[-1].code is test_points_of_this_thread.__code__


def test_points_of_no_thread() -> None:
    """A thread that does not exist executes nothing."""
    assert frames.thread_points(-1) == ()


def test_steady_says_when_things_move() -> None:
    """A reading that never repeats itself is marked as unsteady; one that settles is not."""
    moving = iter(range(100))
    assert frames.steady(lambda: next(moving)) == (frames.READS - 1, False)
    settling = iter([1, 2, 2])
    assert frames.steady(lambda: next(settling)) == (2, True)


def test_reading_at_full_speed() -> None:
    """Chains read while another thread steps the coroutine are prefixes of what the code says."""
    possible = ("first", "second", "third", "hop")

    @types.coroutine
    def hop() -> Generator[None, None, None]:
        yield

    async def third() -> None:
        await hop()
        await hop()

    async def second() -> None:
        await third()
        await hop()

    async def first() -> None:
        while True:
            await second()
            await hop()

    coroutine, stop, begun = first(), threading.Event(), threading.Event()

    def step() -> None:
        while not stop.is_set():
            coroutine.send(None)
            begun.set()

    thread = threading.Thread(target=step)
    thread.start()
    assert begun.wait(PATIENCE)
    try:
        for _ in range(20_000):
            chain, _steady = frames.steady(lambda: frames.suspended_chain(coroutine, []))
            seen = [point.code.co_name for point in chain.points]
            order = [possible.index(name) for name in seen]
            assert order == sorted(set(order)), seen
    finally:
        stop.set()
        thread.join(PATIENCE)
    coroutine.close()


def code_at(filename: str) -> CodePoint:
    code = compile("pass", "placeholder", "exec").replace(co_filename=filename)
    return CodePoint(code, 0)


def test_symbolise_reads_the_line(tmp_path: Path) -> None:
    """A place shows its line of source, stripped."""
    path = tmp_path / "module.py"
    path.write_text("if True:\n    x = 1   \n")
    code = compile(path.read_text(), str(path), "exec")
    lasti = max(start for start, _end, line in code.co_lines() if line == 2)
    shown = frames.symbolise(CodePoint(code, lasti))
    assert (shown.lineno, shown.source, shown.function) == (2, "x = 1", "<module>")


@pytest.mark.parametrize(
    "filename", ["<nowhere>", "no/such/file.py", "nul\0byte", "surrogate\udcff.py", ""]
)
def test_symbolise_without_a_file(filename: str) -> None:
    """A line that cannot be read is empty, whatever the file's name."""
    shown = frames.symbolise(code_at(filename))
    assert (shown.lineno, shown.source) == (1, "")


def test_symbolise_of_an_undecodable_file(tmp_path: Path) -> None:
    """A file that is no text has no line to show."""
    path = tmp_path / "binary.py"
    path.write_bytes(b"\xff\xfe\x00\n" * 3)
    assert frames.symbolise(code_at(str(path))).source == ""


def test_symbolise_when_the_cache_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source loader that raises costs the line, not the listing."""

    def fail(filename: str, lineno: int) -> str:
        raise KeyError(filename)

    monkeypatch.setattr(linecache, "getline", fail)
    assert frames.symbolise(code_at("x.py")).source == ""


@pytest.mark.parametrize("lasti", [-1, 0, 10_000])
def test_symbolise_of_an_unknown_offset(lasti: int) -> None:
    """An offset beyond the code gives a line all the same."""
    assert frames.symbolise(code_at("x.py")._replace(lasti=lasti)).lineno == 1


def test_shown_place() -> None:
    """A listing shows the application's innermost code and the library's function called there."""
    ours, library = compile("", "app.py", "exec"), compile("", "/lib/x.py", "exec")
    in_library = frames.library_test("/lib/")
    assert frames.shown_of([ours, ours, library, library], in_library) == (1, "<module>")
    assert frames.shown_of([ours, library, ours], in_library) == (2, "")
    assert frames.shown_of([library, library], in_library) == (0, "<module>")
