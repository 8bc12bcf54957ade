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
