"""Ways to block a loop, each in a function whose name tells which."""

from __future__ import annotations

import ctypes
import functools
import gc
import threading
import time

BLOCKED = 0.25
"""Seconds: longer than the threshold, and than what a busy machine adds to a look."""


def sleep() -> None:
    time.sleep(BLOCKED)


def compute() -> None:
    end = time.thread_time() + BLOCKED
    while time.thread_time() < end:
        pass


@functools.cache
def enough() -> int:
    """How many numbers to add for that long, on this machine."""
    began = time.perf_counter()
    sum(range(1_000_000))
    return int(1_000_000 * BLOCKED / (time.perf_counter() - began))


def compute_in_c() -> None:
    count = enough()
    sum(range(count))


class Slow:
    """Garbage whose finaliser takes its time."""

    def __init__(self) -> None:
        self.own = self

    def __del__(self) -> None:
        time.sleep(BLOCKED)


def collect() -> None:
    Slow()
    gc.collect()


def keep_the_gil() -> threading.Thread:
    """In a thread of its own, which keeps it although it computes nothing."""
    libc = ctypes.PyDLL(None)
    thread = threading.Thread(target=lambda: libc.usleep(int(BLOCKED * 1e6)))
    thread.start()
    return thread
