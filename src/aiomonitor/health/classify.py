"""Decides what kind of stall it was: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiomonitor.model.health import StallKind

MOST = 0.5
"""The share from which on collecting is what it was about."""

COMPUTES = 0.25
"""The share from which on the thread computed: a machine that is busy may give it no more."""

KEPT_OUT = 0.4
"""The share for which the watchdog had no GIL, from which on somebody kept it. Ordinary threads
that compute hand it over every 5 ms: then a watchdog is late by a fifth of its time."""


def kind_of(
    duration: float,
    *,
    cpu: float | None,
    late: float,
    garbage: float,
    asked: float | None = None,
) -> StallKind:
    """The kind of a stall that lasted so long.

    `cpu` is the share that the loop's thread computed, and `asked` the share for which it waited
    for the GIL, or None; `late` is for how long the watchdog had no GIL, and `garbage` for how long
    the loop's thread collected, in seconds.
    """
    if garbage >= MOST * duration:
        return "garbage collection"
    if cpu is not None and cpu >= COMPUTES:
        return "cpu"
    if late >= KEPT_OUT * duration and (asked is None or asked >= KEPT_OUT):
        return "gil"
    return "blocking call"
