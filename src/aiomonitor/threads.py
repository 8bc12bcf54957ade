"""What one thread can do to another; stdlib only."""

from __future__ import annotations


def raise_in_thread(thread_id: int | None, exception: type[BaseException] | None) -> None:
    """Raise the exception in the thread, at its next Python instruction; None takes a pending one
    back. A thread that sits in C code gets it when it comes back."""
    if thread_id is None:
        return
    import ctypes

    argument = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), argument)
