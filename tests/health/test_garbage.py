"""How long Python collects garbage is noted, and nothing of the application's gets lost in that."""

from __future__ import annotations

import gc
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiomonitor.health import garbage
from aiomonitor.health.garbage import Collections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import pytest


@contextmanager
def noting() -> Iterator[Collections]:
    """Collections that are noted, and begin when they are asked for."""
    gc.disable()
    collections = Collections()
    collections.begin()
    try:
        yield collections
    finally:
        collections.end()
        gc.enable()


def test_a_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once, with its thread and both ends; those that block nobody are left out."""
    monkeypatch.setattr(garbage, "SHORTEST", -1.0)
    with noting() as collections:
        gc.collect()
        gc.collect()
        first, second = collections.take()
        assert first.thread == threading.get_ident()
        assert first.began <= first.ended <= second.began <= second.ended
        monkeypatch.setattr(garbage, "SHORTEST", 60.0)
        gc.collect()
        assert collections.take() == []
    gc.collect()
    assert not collections.some_ended


def test_one_that_goes_on() -> None:
    """It is told while it lasts, whether its beginning has been taken or not."""
    seen = []

    class Cycle:
        def __init__(self) -> None:
            self.own = self

        def __del__(self) -> None:
            seen.append(collections.present(1e12))
            collections.take()
            seen.append(collections.present(1e12))

    with noting() as collections:
        assert collections.present(1e12) is None
        Cycle()
        gc.collect()
        assert collections.present(1e12) is None
    assert seen[0] == seen[1]
    assert seen[0] is not None
    assert seen[0].ended == 1e12


def test_more_than_anybody_looks_at() -> None:
    """Memory is bounded; of a collection whose beginning was dropped nothing is told."""
    with noting() as collections:
        for _ in range(garbage.KEPT):
            gc.collect(0)
        assert len(collections._events) == garbage.KEPT


def test_a_signal_meanwhile() -> None:
    """No handler runs within our callback, where what it raises would be lost: nothing of it is
    Python."""
    calls = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == garbage.__file__:
            calls.append(frame.f_code.co_name)

    with noting() as collections:
        sys.setprofile(note)
        try:
            gc.collect()
        finally:
            sys.setprofile(None)
        assert collections.some_ended
    assert calls == []
