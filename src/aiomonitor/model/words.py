"""How listings are ordered and grouped, and in which state something is: needed before any value.

Light to import, as the values are not: a frozen dataclass takes 16 KB and half a millisecond.
"""

from __future__ import annotations

import enum
from typing import Literal

SortKey = Literal["id", "name", "coroutine", "state", "where", "age"]

EndedSortKey = Literal["ended", "id", "name", "coroutine", "outcome", "duration"]

GroupKey = Literal["coroutine", "created_in", "where", "state", "stack", "functions"]
"""stack: the same functions await each other, and the innermost one stands at the same line;
functions: the same functions, wherever they stand."""


LoopState = Literal["running", "stopped", "closed"]


class CancelOutcome(enum.Enum):
    """How a request to cancel a task went."""

    ENDED = "ended"  # cancelled, and it ended in time
    REQUESTED = "requested"  # delivered, but the task had not ended when the time was up
    ALREADY_DONE = "already done"  # it had ended before the request reached it
    UNRESPONSIVE = "unresponsive"  # the loop did not take the request in time
    UNSUPPORTED = "unsupported"  # this runtime cannot cancel a single task
