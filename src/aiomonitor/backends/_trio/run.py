"""What stands for a run of trio's, which one the caller is inside of, and what is called in it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import trio
import trio.lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import TypeIs

log = logging.getLogger("aiomonitor")

OLDEST = (0, 31)
"""The first whose scopes know who cancelled them. pyproject.toml says the same."""
OLDEST_TEXT = ".".join(map(str, OLDEST))


def run_here() -> trio.lowlevel.TrioToken | None:
    """The run of the task that calls; not one that is a guest of the loop that calls."""
    try:
        trio.lowlevel.current_task()  # `in_trio_task` is younger than some that are imported
    except RuntimeError:
        return None
    return trio.lowlevel.current_trio_token()


def is_run(thing: object) -> TypeIs[trio.lowlevel.TrioToken]:
    """Whether it stands for a run."""
    return isinstance(thing, trio.lowlevel.TrioToken)


def safe(function: Callable[[], object]) -> None:
    """What a callback raises would end the run."""
    try:
        function()
    except Exception:
        log.exception("a call of the monitor's has failed in the trio run")


def is_old(version: str) -> bool:
    """Whether it is older than what can be watched; what has no number is taken for new."""
    numbers = re.findall(r"\d+", version)[:2]
    return tuple(map(int, numbers)) < OLDEST if numbers else False
