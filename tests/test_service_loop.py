"""The loop of the monitor's thread."""

from __future__ import annotations

import errno
import gc
import socket
import sys
from typing import Any

import pytest

from aiomonitor import service


def test_no_file_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it cannot be made is an error, and nothing on the application's terminal."""
    printed: list[Any] = []

    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", fail)
        with pytest.raises(OSError, match="Too many open files"):
            service._new_loop()
    gc.collect()
    assert printed == []
    service._new_loop().close()
