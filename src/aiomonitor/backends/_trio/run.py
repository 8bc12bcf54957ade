"""What stands for a run of trio's, which one the caller is inside of, and what is called in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio
import trio.lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import TypeIs

log = logging.getLogger("aiomonitor")


def run_here() -> trio.lowlevel.TrioToken | None:
    """The run of the task that calls; not one that is a guest of the loop that calls."""
    return trio.lowlevel.current_trio_token() if trio.lowlevel.in_trio_task() else None


def is_run(thing: object) -> TypeIs[trio.lowlevel.TrioToken]:
    """Whether it stands for a run."""
    return isinstance(thing, trio.lowlevel.TrioToken)


def safe(function: Callable[[], object]) -> None:
    """What a callback raises would end the run."""
    try:
        function()
    except Exception:
        log.exception("a call of the monitor's has failed in the trio run")
