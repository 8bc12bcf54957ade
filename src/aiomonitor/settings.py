"""Checks what a monitor was given, where a wrong value would be noticed late; stdlib only."""

from __future__ import annotations

import os
import signal
import sys

DUMP_SIGNAL = "AIOMONITOR_DUMP_SIGNAL"
"""Names a signal where none is given."""


def checked_hooking(wanted: object) -> bool:
    """A factory, say, would be taken for "yes", and never be called."""
    if not isinstance(wanted, bool):
        raise TypeError(f"hook_task_factory is {wanted!r}: give True or False")
    return wanted


def checked_history(limit: object) -> int:
    """How many ended tasks are remembered."""
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"max_termination_history is {limit!r}: give a number of tasks, 0 or more")
    if limit < 0:
        raise ValueError(f"max_termination_history is {limit}: give a number of tasks, 0 or more")
    return limit


def checked_signal(wanted: object) -> int | None:
    """The signal's number, for its number or its name, with or without SIG; for None what the
    environment says, which is no signal if it says nothing."""
    source = "dump_signal"
    if wanted is None:
        source, wanted = DUMP_SIGNAL, os.environ.get(DUMP_SIGNAL) or None
    if wanted is None:
        return None
    if sys.platform == "win32":
        raise ValueError(f"{source} is {wanted!r}: Windows has no such signals; use `dump()`")
    try:
        return _signal(wanted)
    except (KeyError, ValueError):
        raise ValueError(f"{source} is {wanted!r}: give a signal, such as signal.SIGQUIT") from None


def _signal(wanted: object) -> int:
    if isinstance(wanted, str) and not wanted.isdecimal():
        return signal.Signals["SIG" + wanted.upper().removeprefix("SIG")].value
    if isinstance(wanted, bool) or not isinstance(wanted, (str, int)):
        raise TypeError(f"dump_signal is {wanted!r}: give a signal, such as signal.SIGQUIT")
    return signal.Signals(int(wanted)).value
