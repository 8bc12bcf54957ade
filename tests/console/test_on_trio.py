"""The console in a trio run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backends.trio_application import TrioApplication

from .typist import Seat, seat

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def application() -> Iterator[TrioApplication]:
    """A run in a thread of its own."""
    made = TrioApplication()
    yield made
    made.close()


@pytest.fixture
def here(application: TrioApplication) -> Iterator[Seat]:
    """A console in it."""
    with seat(application.backend, {"shared": []}) as one:
        yield one


ENTRIES = {
    "1 + 1": "2\n",
    "await trio.sleep(0)": "",
    "await trio.to_thread.run_sync(sorted, [2, 1])": "[1, 2]\n",
    "_": "[1, 2]\n",
    "for n in range(2):\n    print(n)\n": "0\n1\n",
    "async with trio.open_nursery() as nursery:\n    nursery.start_soon(trio.sleep, 0)\n": "",
    "trio.lowlevel.current_trio_token() is loop": "True\n",
    "with trio.move_on_after(0) as scope:\n    await trio.sleep_forever()\n": "",
    "scope.cancelled_caught": "True\n",
}


def test_entries(here: Seat) -> None:
    """What is typed runs in the run: it awaits, opens nurseries, and keeps its names."""
    for typed, expected in ENTRIES.items():
        assert here.typist.enter(typed) == expected, typed


def test_errors(here: Seat) -> None:
    """What fails is told, and harms nobody, system tasks included."""
    assert here.typist.enter("1 / 0").endswith("ZeroDivisionError: division by zero\n")
    failed = here.typist.enter("await trio.lowlevel.checkpoint(); raise ValueError('x')")
    assert failed.endswith("ValueError: x\n")
    assert here.typist.enter("'well'") == "'well'\n"


# It may strike between a call and its `await`, or a callback of the garbage collector's.
@pytest.mark.filterwarnings("ignore:coroutine 'sleep_forever' was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:.*gc_callback:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "typed",
    [
        "print('running'); await trio.sleep_forever()",
        "if print('running') is None:\n    while True: pass\n",
        "async with trio.open_nursery() as n:\n    print('running'); await trio.sleep_forever()\n",
    ],
)
def test_ctrl_c(here: Seat, typed: str) -> None:
    """An await, a loop without an end, and a nursery are interrupted, and nothing else is."""
    here.typist.type(*typed.split("\n"))
    here.typist.until("running\n")
    here.console.interrupt()
    assert here.typist.reply().endswith("KeyboardInterrupt\n")
    assert here.typist.enter("'well'") == "'well'\n"
