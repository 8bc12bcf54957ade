"""What one thread can do to another."""

from __future__ import annotations

import sys
import threading

import pytest

from aiomonitor.threads import raise_in_thread


def test_raise_in_thread() -> None:
    """The thread gets the exception at its next instruction."""
    with pytest.raises(LookupError):
        raise_in_thread(threading.get_ident(), LookupError)


def test_raise_in_thread_without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what it needs cannot be loaded, the thread goes on, and so does the caller."""
    monkeypatch.setitem(sys.modules, "ctypes", None)
    raise_in_thread(threading.get_ident(), LookupError)
    assert threading.current_thread().is_alive()
