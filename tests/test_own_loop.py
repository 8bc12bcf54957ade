"""The loop of the monitor's thread."""

from __future__ import annotations

import errno
import gc
import socket
import sys
import time
from typing import Any

import pytest

from aiomonitor import own_loop
from aiomonitor.own_loop import new_loop
from aiomonitor.pacing import Pace


def test_no_file_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it cannot be made is an error, and nothing on the application's terminal."""
    printed: list[Any] = []

    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", fail)
        with pytest.raises(OSError, match="Too many open files"):
            new_loop(Pace(lambda: False))
    gc.collect()
    assert printed == []
    new_loop(Pace(lambda: False)).close()


class Watched(Pace):
    """Too fast while there are rests left."""

    def __init__(self, *rests: float) -> None:
        super().__init__(lambda: True)
        self.rests, self.used = list(rests), [0.0]

    def spend(self, seconds: float) -> None:
        self.used.append(seconds)

    def rest(self) -> float:
        return self.rests.pop() if self.rests else 0.0


def test_it_rests_between_its_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    rested: list[float] = []
    monkeypatch.setattr(time, "sleep", rested.append)
    loop = new_loop(Watched(0.04, 0.02))
    loop.call_soon(loop.call_soon, loop.stop)
    loop.run_forever()
    loop.close()
    assert rested == [0.02, 0.04]


@pytest.mark.parametrize("crowded", [False, True])
def test_a_crowd_is_looked_after_a_few_at_a_time(*, crowded: bool) -> None:
    """And each in the end, also beside those that always have something to say."""
    loop, pairs = new_loop(Pace(lambda: crowded)), [socket.socketpair() for _ in range(40)]
    rounds: list[set[int]] = [set()]

    def note(number: int) -> None:
        rounds[-1].add(number)
        if number % 2:
            pairs[number][0].recv(1)

    def end_round() -> None:
        rounds.append(set())
        if set(range(40)) <= set().union(*rounds) or len(rounds) > 1000:
            loop.stop()
        loop.call_soon(end_round)

    for number, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours, note, number)
    loop.call_soon(end_round)
    loop.run_forever()
    loop.close()
    for pair in pairs:
        for each in pair:
            each.close()
    assert set().union(*rounds) == set(range(40))
    assert (max(map(len, rounds)) <= 4) == crowded


def test_it_tells_what_it_uses() -> None:
    def work() -> None:
        began = time.thread_time()
        while time.thread_time() - began < 0.02:
            pass
        loop.stop()

    pace = Watched()
    loop = new_loop(pace)
    loop.call_soon(loop.call_soon, work)
    loop.run_forever()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert max(pace.used) >= 0.02


def test_it_is_let_go_when_the_module_has_been(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the interpreter's end, where its names are None."""
    printed: list[Any] = []
    loop = new_loop(Pace(lambda: False))
    loop.close()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "unraisablehook", printed.append)
        for name in [each for each in vars(own_loop) if not each.startswith("__")]:
            patch.setattr(own_loop, name, None)
        del loop
        gc.collect()
    assert printed == []
