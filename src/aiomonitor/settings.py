"""Checks what a monitor was given, where a wrong value would be noticed late; stdlib only."""

from __future__ import annotations


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
