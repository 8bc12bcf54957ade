"""What the parts measure in the same way."""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reliability import measures

if TYPE_CHECKING:
    from collections.abc import Iterator

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.mark.parametrize(
    ("points", "slope"),
    [
        ([(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)], 2.0),
        ([(0.0, 3.0), (10.0, 3.0)], 0.0),
        ([(0.0, 0.0), (1.0, 2.0), (2.0, 1.0)], 0.5),
        ([(1.0, 1.0), (1.0, 9.0)], 0.0),
    ],
    ids=["rising", "flat", "scattered", "at one time"],
)
def test_slope(points: list[tuple[float, float]], slope: float) -> None:
    """That of the line which fits best; at one time alone nothing rises."""
    assert measures.slope(points) == pytest.approx(slope)


def test_quantile() -> None:
    """The value below which a share lies; the last one for all of it."""
    values = [float(each) for each in range(100, 0, -1)]
    assert measures.quantile(values, 0.5) == 51.0
    assert measures.quantile(values, 0.99) == 100.0
    assert measures.quantile(values, 1.0) == 100.0
    assert measures.quantile([3.0], 0.99) == 3.0
    assert math.isnan(measures.quantile([], 0.5))


@linux
def test_memory() -> None:
    """What a process has is seen from inside and from outside."""
    held = bytearray(os.urandom(1)) * (32 << 20)
    assert measures.resident_mb() > 32
    assert measures.resident_mb(os.getpid()) > 32
    with_it = measures.kept_mb()
    held.clear()
    assert measures.kept_mb() < with_it - 16


@linux
def test_descriptors() -> None:
    """An open file is one more."""
    before = measures.descriptors()
    with Path(os.devnull).open("rb"):
        assert measures.descriptors() == before + 1
    assert measures.descriptors(os.getpid()) == before


@pytest.fixture
def complaints() -> Iterator[measures.Complaints]:
    """Listens, and no longer once the test is over."""
    hook, raising = threading.excepthook, logging.raiseExceptions
    listening = measures.Complaints()
    yield listening
    threading.excepthook, logging.raiseExceptions = hook, raising
    for name in measures.LOGGERS:
        logging.getLogger(name).removeHandler(listening)


def test_complaints(complaints: measures.Complaints) -> None:
    """Errors of ours and of our servers count, warnings and others do not."""
    logging.getLogger("aiomonitor.anything").error("bad %s", "day")
    logging.getLogger("aiomonitor").warning("so so")
    logging.getLogger("application").error("not ours")
    assert complaints.count == 1
    assert "bad day" in complaints.told[0]


def test_threads_that_die_are_complaints(complaints: measures.Complaints) -> None:
    """A thread that ends by an exception is told by its name."""
    thread = threading.Thread(target=lambda: 1 // 0, name="dies")
    thread.start()
    thread.join()
    assert complaints.count == 1
    assert "dies" in complaints.told[0]
    assert "ZeroDivisionError" in complaints.told[0]
