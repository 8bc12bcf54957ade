"""What one thread can do to another; stdlib only."""

from __future__ import annotations

import threading


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


def raise_in_thread(thread_id: int | None, exception: type[BaseException] | None) -> None:
    """Raise the exception in the thread, at its next Python instruction; None takes a pending one
    back. A thread that sits in C code gets it when it comes back."""
    if thread_id is None:
        return
    import ctypes

    argument = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), argument)
