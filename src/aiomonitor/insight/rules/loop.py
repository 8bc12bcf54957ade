"""Rules about the loop: what blocks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.model.findings import Finding
from aiomonitor.render import duration

from .words import TOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor.insight.scene import Scene
    from aiomonitor.model.health import Stall


BY_OTHERS = 4
"""Times the threshold that the loop has to be held up by others than its own thread."""


def blocked_loop(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Stalls, by the place that they were in."""
    places: dict[str, list[Stall]] = {}
    for stall in scene.stalls:
        # A machine that is overloaded looks as if another thread kept the GIL.
        least = threshold * BY_OTHERS if stall.kind == "gil" else threshold
        if stall.duration >= least and stall.kind != "garbage collection":
            places.setdefault(_culprit(stall), []).append(stall)
    for where, stalls in places.items():
        worst = max(stalls, key=lambda each: each.duration)
        often = "" if len(stalls) == 1 else f"{len(stalls)} times in ten minutes, at worst "
        now = "" if worst.over else " (and still is)"
        yield Finding(
            rule="blocked loop",
            key=where,
            severity="error",
            sentence=f"the loop was blocked {often}for {duration(worst.duration)}{now}: "
            f"{worst.sentence}",
            remedy=_STALL_REMEDIES.get(worst.kind, _STALL_REMEDIES["cpu"]),
            value=worst.duration,
            threshold=threshold,
            tasks=(tasks := _tasks(stalls))[:TOLD],
            count=len(tasks),
        )


def _tasks(stalls: list[Stall]) -> tuple[int, ...]:
    """Whose they were, the last one first."""
    numbers = (stall.task for stall in sorted(stalls, key=lambda each: -each.started_at))
    return tuple(dict.fromkeys(number for number in numbers if number is not None))


_STALL_REMEDIES = {
    "cpu": "compute in a process or a thread, or in small pieces with await sleep(0)",
    "blocking call": "await the asynchronous version of the call, or use to_thread",
    "gil": "another thread keeps the GIL: move that work to a process of its own",
}


def _culprit(stall: Stall) -> str:
    frames = stall.stacks[0].frames if stall.stacks else ()
    inner = frames[-1] if frames else None
    return f"{inner.filename}:{inner.function}" if inner else stall.name or "the loop"


def never_yields(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Tasks that compute for long without an await that waits."""
    for stall in scene.stalls:
        if stall.kind == "cpu" and stall.task is not None and stall.duration >= threshold:
            yield Finding(
                rule="task never yields",
                key=f"task {stall.task}",
                severity="error",
                sentence=f"task {stall.task} ({stall.name}) computes for "
                f"{duration(stall.duration)} without giving way to other tasks",
                remedy="await something that waits now and then: sleep(0), or a thread",
                value=stall.duration,
                threshold=threshold,
                tasks=(stall.task,),
                count=1,
            )


def slow_garbage(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Collections of garbage, and finalisers, that stop the loop."""
    for stall in scene.stalls:
        finaliser = any(
            frame.function.endswith("__del__") for stack in stall.stacks for frame in stack.frames
        )
        pause = stall.duration if finaliser else stall.garbage
        if pause >= threshold and (finaliser or stall.kind == "garbage collection"):
            what = "a __del__ method" if finaliser else "a collection of garbage"
            yield Finding(
                rule="slow garbage collection",
                key=what,
                severity="warning",
                sentence=f"{what} stopped the loop for {duration(pause)}: {stall.sentence}",
                remedy="give __del__ less to do"
                if finaliser
                else "gc.freeze() after the start, fewer cycles, or a higher gc.set_threshold",
                value=pause,
                threshold=threshold,
                count=1,
            )
