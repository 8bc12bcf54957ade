"""What one thread can do to another; stdlib only."""

from __future__ import annotations

import contextlib
import os
import threading
import time


class Latch:
    """Opens once, for every thread that waits.

    Not `threading.Event`, whose lock the loop's thread would have to take.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._closed = threading.Lock()
        self._closed.acquire()

    def open(self) -> None:
        """Called once; never blocks."""
        self.is_open = True
        self._closed.release()

    def wait(self, timeout: float) -> bool:
        """Whether it opened within `timeout` seconds."""
        if self._closed.acquire(timeout=min(max(timeout, 0), threading.TIMEOUT_MAX)):
            self._closed.release()  # lets the next one through
        return self.is_open


class ProcessLock:
    """A lock for what the whole process has once: free in a forked child, where the thread that
    had it may be no more. Never made in a function: it stays known for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, *, blocking: bool = True) -> bool:
        """As that of a lock."""
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """As that of a lock."""
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class CpuMeter:
    """The CPU time that one thread has used, for every other to read."""

    def __init__(self) -> None:
        self._clock: int | None = None
        self._last = 0.0

    def begin(self) -> None:
        """In that thread."""
        # Only of the own thread: the clock of one that has ended must not be asked for.
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._last = time.thread_time()

    def end(self) -> None:
        """In that thread, when it ends: its clock may be another's then."""
        self._clock = None
        self._last = time.thread_time()

    @property
    def seconds(self) -> float:
        """What it has used up to now, or up to `begin` where the system does not tell."""
        if self._clock is not None:
            with contextlib.suppress(OSError):  # the thread has ended
                self._last = time.clock_gettime(self._clock)
        return self._last


def raise_in_thread(thread_id: int | None, exception: type[BaseException] | None) -> None:
    """Raise the exception in the thread, at its next Python instruction; None takes a pending one
    back. A thread that sits in C code gets it when it comes back.

    Where no file is left to load `ctypes` from, nothing comes of it: the thread just goes on.
    """
    if thread_id is None:
        return
    try:
        import ctypes
    except (ImportError, OSError):
        return

    argument = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), argument)
