"""Keeps a flood of our own signal from the loop's wakeup descriptor, and the others' coming.

For each signal, Python writes a byte to the descriptor that a loop has set, to wake it. A loop that
computes for long does not read them; 278 fill a socket on Linux. The next byte is dropped then, and
a warning is on the application's terminal; if it was that of a SIGTERM, asyncio never learns of it.
So, for a while, the descriptor is ours, and a thread hands on the bytes of all signals but SIGPROF.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import suppress

_NONE = -1


class Relay:
    """Between Python and whoever has set a wakeup descriptor; does nothing if nobody has."""

    def __init__(self) -> None:
        self._incoming, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before = _NONE
        self._target = _NONE

    def install(self) -> None:
        """In the main thread."""
        self._before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        if self._before == _NONE:
            signal.set_wakeup_fd(_NONE)
        else:
            # Of our own: theirs may be closed, and its number be a file's.
            self._target = os.dup(self._before)

    def begin(self) -> None:
        """Hand on what comes; what came since `install` waits. Any thread."""
        if self._target == _NONE:
            return
        threading.Thread(target=self._hand_on, name="aiomonitor-signals", daemon=True).start()

    def _hand_on(self) -> None:
        with self._incoming:
            while signals := self._incoming.recv(4096):
                self._pass(signals)
        os.close(self._target)

    def _pass(self, signals: bytes) -> None:
        if others := signals.replace(bytes([signal.SIGPROF]), b""):
            with suppress(OSError):  # full, as it might be without us, or closed
                os.write(self._target, others)

    def look(self) -> None:
        """Hand on what is there, in the main thread, at each of our signals: the thread may not get
        the GIL in time."""
        if self._target != _NONE:
            with suppress(BlockingIOError):
                self._pass(self._incoming.recv(4096, socket.MSG_DONTWAIT))

    def remove(self, *, warns: bool) -> None:
        """In the main thread; what has been set meanwhile stays. `warns` is as it was set: nobody
        can ask."""
        if self._target != _NONE:
            ours = self._writer.fileno()
            try:
                present = signal.set_wakeup_fd(self._before, warn_on_full_buffer=warns)
            except (OSError, ValueError):  # it is closed
                present = signal.set_wakeup_fd(_NONE)
                self._before = _NONE
            if present not in (ours, self._before):
                signal.set_wakeup_fd(present, warn_on_full_buffer=warns)
        self.close()

    def close(self) -> None:
        """No more comes."""
        self._writer.close()
        if self._target == _NONE:
            self._incoming.close()
