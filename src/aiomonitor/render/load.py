"""Text for a terminal about what the loop spends its time on; pure, as `render`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from aiomonitor.escapes import printable

from . import duration, place
from .tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor.model import FrameInfo
    from aiomonitor.model.load import CoroutineLoad, Profile, TaskLoad, Top

_LOAD = (
    Column(title="SHARE", at_least=6, at_most=7, right=True, color="yellow"),
    Column(title="BUSY", at_least=7, at_most=8, right=True, drop=3),
    Column(title="POLLS", at_least=6, at_most=9, right=True, drop=2),
    Column(title="LONGEST", at_least=7, at_most=8, right=True, drop=1),
)
TASK_COLUMNS = (
    *_LOAD,
    Column(title="ID", at_least=4, at_most=10, right=True, color="cyan"),
    Column(title="NAME", at_least=10, at_most=40),
    Column(title="COROUTINE", at_least=12, at_most=60, drop=4),
)
COROUTINE_COLUMNS = (
    *_LOAD,
    Column(title="TASKS", at_least=5, at_most=8, right=True, drop=4),
    Column(title="COROUTINE", at_least=12, at_most=80),
)
FUNCTION_COLUMNS = (
    Column(title="SELF", at_least=6, at_most=7, right=True, color="yellow"),
    Column(title="TOTAL", at_least=6, at_most=7, right=True),
    Column(title="FUNCTION", at_least=12, at_most=60),
    Column(title="WHERE", at_least=12, at_most=60, drop=1),
)


def _share(part: float) -> str:
    return f"{part * 100:.1f}%"


def top_head(top: Top) -> str:
    """What is true of all: how busy the loop was."""
    busy = "" if top.busy is None else f"busy {_share(top.busy)} (CPU), "
    ran = f"{top.ran} task{'' if top.ran == 1 else 's'} ran"
    exact = "exact" if top.exact else "partly an estimate"
    note = f": {printable(top.note)}" if top.note else ""
    callbacks = f"callbacks {_share(top.callbacks / top.seconds)}"
    return f"in {duration(top.seconds)}: {busy}{ran}, {callbacks}; {exact}{note}"


def _load(load: TaskLoad | CoroutineLoad) -> tuple[str, ...]:
    return (_share(load.share), duration(load.busy), str(load.polls), duration(load.longest))


def task_row(load: TaskLoad) -> tuple[str, ...]:
    """A task as the cells of `TASK_COLUMNS`."""
    ended = " (ended)" if load.ended else ""
    number = str(load.number) if load.number else "-"
    return (*_load(load), number, printable(load.name) + ended, printable(load.coroutine))


def coroutine_row(load: CoroutineLoad) -> tuple[str, ...]:
    """All tasks of a coroutine function as the cells of `COROUTINE_COLUMNS`."""
    return (*_load(load), str(load.tasks), printable(load.coroutine))


# --- profiles -------------------------------------------------------------------------------------


def function_rows(profile: Profile, limit: int | None) -> list[tuple[str, ...]]:
    """The functions by the samples in themselves, as the cells of `FUNCTION_COLUMNS`."""
    own: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for stack in profile.stacks:
        for key in dict.fromkeys(map(_function, stack.frames)):
            total[key] += stack.samples
        if stack.frames:
            own[_function(stack.frames[-1])] += stack.samples
    every = max(profile.samples, 1)
    order = sorted(total, key=lambda key: (-own[key], -total[key]))
    return [
        (_share(own[key] / every), _share(total[key] / every), printable(key[1]), printable(key[0]))
        for key in order[:limit]
    ]


def _function(frame: FrameInfo) -> tuple[str, str]:
    return place(frame).split(":")[0], frame.function


def profile_summary(profile: Profile) -> str:
    """The line under them."""
    cpu = ""
    if profile.cpu is not None:
        cpu = f"; by the system's count, the loop's thread computed for {profile.cpu:.2f} s"
    return (
        f"{profile.samples} samples in {duration(profile.seconds)}, one for each "
        f"{profile.interval * 1000:g} ms of CPU time: {profile.sampled:.2f} s of the process{cpu}"
    )


def collapsed_lines(profile: Profile) -> Iterator[str]:
    """Each stack in a line, as flame graphs are made of: `task;function;function 12`."""
    for stack in profile.stacks:
        names = [stack.task or "(no task)", *map(_frame_name, stack.frames)]
        told = ";".join(printable(name).replace(";", ",") for name in names)
        yield f"{told} {stack.samples}"


def _frame_name(frame: FrameInfo) -> str:
    return f"{frame.function} ({place(frame)})"
