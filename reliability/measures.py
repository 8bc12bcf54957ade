"""What all parts measure in the same way: this process's memory and files, and errors of ours."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import resource
import threading
from pathlib import Path
from typing import Any

LOGGERS = ("aiomonitor", "asyncio", "hypercorn", "quart")
"""Whose errors count."""


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory in units of 2**20 bytes."""
    with Path(f"/proc/{pid}/statm").open(encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def kept_mb() -> float:
    """Resident memory of this process without what the allocator only holds back (with glibc)."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    return resident_mb()


def descriptors(pid: int | str = "self") -> int:
    """Open files."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line through them, by least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def quantile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def raise_file_limit() -> None:
    """As many open files as this process may have at all: loads need more than is usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Complaints(logging.Handler):
    """Errors that the monitor or its loop has logged, and exceptions that threads have died of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []
        logging.raiseExceptions = False
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self)
        threading.excepthook = self._note_thread

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.told.append(logging.Formatter().format(record))

    def _note_thread(self, arguments: Any) -> None:
        self.told.append(f"in {arguments.thread}: {arguments.exc_value!r}")

    @property
    def count(self) -> int:
        """How many."""
        return len(self.told)
