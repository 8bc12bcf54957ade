"""A signal that has a dump written, whatever the main thread is doing.

A handler in Python runs in the main thread, between two instructions: not while that waits in a
system call that goes on, or computes in C code. `signal.set_wakeup_fd` would do, but belongs to the
event loop. Blocking the signal for a thread of ours to wait for would be inherited by children. So
this has `faulthandler` handle it, in C: it writes where the thread stands into a pipe of ours, and
calls the handler that was there before. A thread of ours waits at the other end.

It needs the GIL to go on: while C code keeps that, the dump waits, and then says where it was.
A thread that Python does not know has no place that `faulthandler` could write: should the system
pick such a one, nobody hears of the signal. It picks the main thread if that does not block it.
POSIX only.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from . import dumped, looks

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("aiomonitor")

FILE = "AIOMONITOR_DUMP_FILE"
"""Where to, instead of stderr; `{pid}` in it is the process's number. It is added to."""
THREAD = "aiomonitor-dump-signal"
SETTLED = 0.05
"""Seconds that a stack takes at most to be written, line by line."""
FAREWELL = 1.0
"""Seconds that the last monitor waits, when it is closed, for a dump that is being made: who ends a
process that hangs often sends first the one signal and then the other."""
_CHUNK = 65_536

_lock = threading.Lock()
_ears: dict[int, Ear] = {}
"""By signal."""


def hear(number: int) -> Callable[[], None]:
    """Write a dump on each of these signals, until what is returned is called. Any thread.

    Raises `ValueError` for a signal that cannot be handled.
    """
    with _lock:
        ear = _ears.get(number)
        if ear is None:
            ear = _ears[number] = Ear(number)
        ear.users += 1
    return ear.release


class Ear:
    """Handles one signal, for all that want it."""

    def __init__(self, number: int) -> None:
        self.users = 0
        self._number = number
        self._replaced = signal.getsignal(number)
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)  # a handler must not wait for us
        try:
            self._register()
        except (OSError, RuntimeError, ValueError) as error:
            os.close(self._reading)
            os.close(self._writing)
            raise ValueError(
                f"dump_signal is {number}: that signal cannot be handled ({error}); give another"
            ) from error
        self._thread = threading.Thread(target=self._main, name=THREAD, daemon=True)
        self._thread.start()

    def _register(self) -> None:
        _forget_overridden(self._number, self._replaced)
        # To chain to the default action would be the end of the process.
        chain = self._replaced not in (signal.SIG_DFL, signal.SIG_IGN)
        faulthandler.register(self._number, self._writing, all_threads=False, chain=chain)

    def release(self) -> None:
        """One user less; the last one puts back what was there. Any thread."""
        with _lock:
            if _ears.get(self._number) is not self:
                return  # a forked child's
            self.users -= 1
            if self.users:
                return
            del _ears[self._number]
            self.end()
        self._thread.join(FAREWELL)

    def end(self) -> None:
        """Put the handler back that was there, unless the application has set another meanwhile:
        then ours is not called any more, and to take it off would take off that one."""
        if signal.getsignal(self._number) == self._replaced:
            faulthandler.unregister(self._number)
        else:
            _overridden.add(self._number)
        os.close(self._writing)  # the thread ends

    def after_fork(self) -> None:
        """In a child, which shares the pipe with its parent: the parent would be the one that
        writes."""
        faulthandler.unregister(self._number)
        os.close(self._writing)
        os.close(self._reading)

    def _main(self) -> None:
        try:
            while stack := os.read(self._reading, _CHUNK):
                time.sleep(SETTLED)
                write((stack + self._rest()).decode("utf-8", "replace"))
        except Exception:
            log.exception("dump_signal does nothing any more")
        finally:
            os.close(self._reading)

    def _rest(self) -> bytes:
        """What else has come: more lines, and more signals, which get no dump of their own."""
        os.set_blocking(self._reading, False)
        try:
            return os.read(self._reading, _CHUNK)
        except BlockingIOError:
            return b""
        finally:
            os.set_blocking(self._reading, True)


_overridden: set[int] = set()
"""Signals that `faulthandler` takes for its own, though the application has handled them since."""


def _forget_overridden(number: int, current: object) -> None:
    """It would not handle the signal again; what is there stays."""
    if number in _overridden:
        faulthandler.unregister(number)
        _overridden.discard(number)
        with contextlib.suppress(ValueError):  # in another thread it cannot be put back
            signal.signal(number, current)  # type: ignore[arg-type]


def write(stack: str) -> None:
    """Write the dump to where it is wanted; `stack` is where a thread stood at the signal."""
    text = f"{dumped(looks(), json=False)}the signal came while the process was at:\n{stack}\n"
    path = os.environ.get(FILE, "").replace("{pid}", str(os.getpid()))
    if path:
        try:
            _append(path, text)
        except OSError as error:
            log.error("%s cannot be written to: %s", path, error)
        else:
            return
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _append(path: str, text: str) -> None:
    """Others have no business in it: it shows what the application does."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", -1, "utf-8") as to:  # noqa: PTH123
        to.write(text)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    for ear in _ears.values():
        ear.after_fork()
    _ears.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
