"""Makes values, and sentences, of what the watchdog has seen: when somebody asks."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import sources
from aiomonitor.backends.frames import symbolise
from aiomonitor.model.health import Health, Stall, StallStack

from .calls import PING_ONLY
from .lag import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.values import CodePoint
    from aiomonitor.model import FrameInfo

    from .stall import Stack, StallRecord
    from .watchdog import Watchdog

    SiteOf = Callable[[Stack], CodePoint | None]
    Found = tuple[Stack, CodePoint]
    """A stack, and its innermost place that is no runtime's."""

LONGEST = 60
"""Characters of source that a sentence quotes."""

_STDLIB = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - as in backends.frames
_SEPARATOR = re.compile(r"[\\/]")
_INSTALLED = re.compile(r"[\\/](site|dist)-packages[\\/]")


def health_of(watchdog: Watchdog) -> Health:
    """What the watchdog has measured up to now. Any thread."""
    with watchdog.lock:
        caller, follower, now = watchdog.caller, watchdog.follower, watchdog.now()
        waiting = caller.waiting(now)
        busy, busy_window = caller.looks.busy(now, caller.cpu())
        pending = waiting if waiting is not None and waiting > PING_ONLY else None
        return Health(
            threshold=watchdog.threshold,
            stalls=follower.box.count,
            remembered=len(follower.box.stalls),
            blocked_for=follower.blocked_for(now),
            busy=busy,
            busy_window=busy_window,
            bounds=BOUNDS,
            windows=caller.lag.windows(now, pending),
            note=_note(watchdog),
        )


STILL = (
    "nothing is measured now: the application waits for its run to be idle, as test clocks that "
    "jump do, and wait_all_tasks_blocked, and to be called would put that off"
)


def _note(watchdog: Watchdog) -> str:
    if watchdog.failed:
        return "nothing is measured any more: the watchdog has failed, see the log"
    if not watchdog.is_running:
        return "nothing is measured: the monitor does not watch"
    return STILL if watchdog.caller.is_still else ""


def stall_of(stall: StallRecord, site_of: SiteOf) -> Stall:
    """The value of a stall that does not change meanwhile."""
    task = max(stall.tasks, key=lambda number: stall.tasks[number], default=None)
    found = _most_common(stall.stacks, site_of)
    return Stall(
        number=stall.number,
        started_at=stall.began_at,
        duration=stall.seconds,
        over=stall.over,
        task=task,
        name=stall.names.get(task, ""),
        kind=stall.kind,
        cpu=stall.cpu,
        garbage=stall.garbage,
        sentence=sentence(stall, found),
        stacks=_stacks(stall),
        place=symbolise(found[1]) if found is not None else None,
    )


def _stacks(stall: StallRecord) -> tuple[StallStack, ...]:
    """Those whose lines are the same are one."""
    counts: Counter[tuple[FrameInfo, ...]] = Counter()
    for stack, count in stall.stacks.items():
        counts[tuple(map(symbolise, stack))] += count
    return tuple(StallStack(frames=frames, count=count) for frames, count in counts.most_common())


def sentence(stall: StallRecord, found: Found | None) -> str:
    """`blocked for 1.31 s by task 17 (worker): a blocking call, time.sleep(1.3) at app.py:42`."""
    far = "" if stall.over else " so far"
    by = _by(stall)
    where = _where(stall, found)
    return f"blocked for {stall.seconds:.2f} s{far}{by and f' by {by}'}: {_what(stall, where)}"


def _by(stall: StallRecord) -> str:
    seen = sum(stall.tasks.values())
    number = max(stall.tasks, key=lambda task: stall.tasks[task], default=None)
    if not seen or stall.kind == "gil":
        return ""
    if stall.tasks[number] * 2 < seen:
        return "several tasks in turn"
    return "a callback" if number is None else f"task {number} ({stall.names[number]})"


def _what(stall: StallRecord, where: str) -> str:
    at = where and f", {where}"
    if stall.kind == "garbage collection":
        return f"Python collected garbage for {stall.garbage:.2f} s{at}"
    if stall.kind == "gil":
        return "another thread kept the GIL"
    if stall.kind == "blocking call":
        return f"a blocking call{at}"
    keeps = " in C code that keeps the GIL" if stall.late * 2 > stall.seconds else ""
    return f"it computed{keeps}{at}"


def _where(stall: StallRecord, found: Found | None) -> str:
    """What is called at the innermost place that is no runtime's, and where the application calls
    that, if it is in a library."""
    if found is None:
        return ""
    stack, site = found
    called = _called(site) if stall.kind != "garbage collection" else ""
    own = next((each for each in reversed(stack) if is_own(each.code.co_filename)), site)
    through = f", from {_place(own)}" if not is_own(site.code.co_filename) and own != site else ""
    return f"{called and f'{called} '}at {_place(site)}{through}"


def _most_common(stacks: dict[Stack, int], site_of: SiteOf) -> Found | None:
    """A loop that computes is seen at many places, most often in one function."""
    sites = [(stack, site_of(stack), count) for stack, count in stacks.items()]
    codes: Counter[int] = Counter()
    for _, site, count in sites:
        codes[id(site.code) if site else 0] += count
    best: Found | None = None
    most = (0, 0)
    for stack, site, count in sites:
        if site is not None and (codes[id(site.code)], count) > most:
            best, most = (stack, site), (codes[id(site.code)], count)
    return best


def is_own(filename: str) -> bool:
    """Whether a file is neither of the standard library nor of an installed package."""
    library = filename.startswith((_STDLIB, "<frozen")) or _INSTALLED.search(filename)
    return not library


def _place(point: CodePoint) -> str:
    frame = symbolise(point)
    return f"{_SEPARATOR.split(frame.filename)[-1]}:{frame.lineno}"


def _called(point: CodePoint) -> str:
    """The call that the instruction makes, where Python tells (from 3.11); else its line."""
    text = _expression(point) or symbolise(point).source
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _expression(point: CodePoint) -> str:
    positions_of: Any = getattr(point.code, "co_positions", None)  # from 3.11 on
    if point.lasti < 0 or positions_of is None:
        return ""
    positions = list(positions_of())
    first, last, start, end = positions[min(point.lasti // 2, len(positions) - 1)]
    if first is None or first != last or start is None or end is None:
        return ""
    try:
        text = sources.line(point.code.co_filename, first).encode()[start:end].decode()
    except UnicodeError:  # the file has changed
        return ""
    return text if "(" in text else ""
