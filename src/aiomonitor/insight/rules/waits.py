"""Rules about what tasks wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.insight.scene import rising
from aiomonitor.model.findings import Finding
from aiomonitor.render import duration, place

from .words import LOOKS, TOLD, at, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor.insight.scene import Scene


STUCK_FOR = 30.0
"""Seconds for which none of a crowd has been seen to go on. A batch of a thousand calls for ten
connections waits for minutes, but one after the other has its turn."""
CROWDED = ("lock", "semaphore", "limiter", "thread")
"""What many tasks should not wait for for long at one place; idle ones wait for other things, like
the next message of a condition."""


def deadlock(scene: Scene, _threshold: float) -> Iterator[Finding]:
    """Circles."""
    for found in scene.deadlocks:
        if found.kind == "circle":
            numbers = tuple(task.number for task in found.tasks)
            yield Finding(
                rule="deadlock",
                key=" ".join(map(str, numbers)),
                severity="error" if found.certain else "warning",
                sentence=found.sentence,
                remedy="take locks in the same order everywhere; `cancel` one of the tasks to "
                "let the others go on",
                count=found.count,
                tasks=numbers,
                place=found.tasks[0].location,
            )


def _circled(scene: Scene) -> set[int]:
    """The tasks of circles: what else is wrong with them is but a part of that."""
    circles = (found for found in scene.deadlocks if found.kind == "circle")
    return {task.number for found in circles for task in found.tasks}


def _suspected(scene: Scene, kind: str, threshold: float, remedy: str) -> Iterator[Finding]:
    for found in scene.deadlocks:
        if found.kind == kind:
            waited = [(scene.waited or {}).get(task.number, 0.0) for task in found.tasks]
            if max(waited, default=0.0) >= threshold:
                first = found.tasks[0]
                yield Finding(
                    rule=kind,
                    key=f"{place(first.location)} {first.coroutine}",
                    severity="warning",
                    sentence=found.sentence,
                    remedy=remedy,
                    value=max(waited),
                    threshold=threshold,
                    count=found.count,
                    tasks=tuple(task.number for task in found.tasks),
                    place=first.location,
                )


def nobody_left(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Waits for what nobody knows."""
    remedy = "keep what they wait for where somebody sets it, or wait with a timeout"
    return _suspected(scene, "nobody left", threshold, remedy)


def holder_ended(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Locks that were never given back."""
    remedy = "use `async with lock:`, or release it in a `finally` block"
    return _suspected(scene, "holder ended", threshold, remedy)


def lock_held_long(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Locks whose holder waits for something slow, but those of a deadlock."""
    circled = _circled(scene)
    for lock in scene.locks:
        if min(lock.seconds, lock.waited) >= threshold and lock.holder not in circled:
            yield Finding(
                rule="lock held long",
                key=f"task {lock.holder} {lock.label}",
                severity="warning",
                sentence=f"task {lock.holder} ({lock.name}) has {lock.label} while it waits for "
                f"{lock.waits}{at(lock.place)}, for {duration(lock.seconds)} at least; "
                f"{in_words(lock.waiting)} {'waits' if lock.waiting == 1 else 'wait'} for it",
                remedy="do not wait for the network, or for time, with a lock in hand; or with a "
                "timeout",
                value=lock.seconds,
                threshold=threshold,
                count=lock.waiting,
                tasks=(lock.holder,),
                place=lock.place,
            )


def stuck_crowd(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Many tasks at one place, all of them for long."""
    for wait in scene.waits:
        crowded = wait.kind in CROWDED or wait.putting
        if crowded and wait.count >= threshold and min(wait.longest, wait.still) >= STUCK_FOR:
            yield Finding(
                rule="stuck crowd",
                key=f"{place(wait.place)} {wait.kind}",
                severity="error",
                sentence=f"{in_words(wait.count)} wait for {wait.what}{at(wait.place)}, and none "
                f"has gone on for {duration(wait.still)} at least",
                remedy="`why` one of them: who has what they wait for?",
                value=float(wait.count),
                threshold=threshold,
                count=wait.count,
                tasks=wait.tasks[:TOLD],
                place=wait.place,
            )


def queue_full(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Queues that nobody empties."""
    circled = _circled(scene)
    for wait in scene.waits:
        stuck = min(wait.longest, wait.still)
        if wait.putting and stuck >= threshold and not circled.issuperset(wait.tasks):
            yield Finding(
                rule="queue full",
                key=f"{place(wait.place)}",
                severity="warning",
                sentence=f"{in_words(wait.count)} {'waits' if wait.count == 1 else 'wait'} for "
                f"{wait.what}{at(wait.place)}, and nobody has taken anything for {duration(stuck)} "
                "at least",
                remedy="let more tasks take from it, or take faster; `queues` shows who waits",
                value=stuck,
                threshold=threshold,
                count=wait.count,
                tasks=wait.tasks[:TOLD],
                place=wait.place,
            )


def queue_growing(scene: Scene, threshold: float) -> Iterator[Finding]:
    """Queues that grow from look to look."""
    for queue in scene.queues:
        grown = rising(queue.series, LOOKS)
        if grown and grown >= threshold:
            seconds = queue.series[-1][0] - queue.series[-LOOKS][0]
            yield Finding(
                rule="queue growing",
                key=queue.label,
                severity="warning",
                sentence=f"{queue.label} has grown by {grown} to {queue.series[-1][1]} items in "
                f"{duration(seconds)}, and at each of the last {LOOKS} looks",
                remedy="give it a limit (maxsize), and take from it faster than is put",
                value=float(grown),
                threshold=threshold,
            )


def starved(scene: Scene, threshold: float) -> Iterator[Finding]:
    """All threads of the default executor busy for long, with calls in its queue."""
    found = scene.starved
    if found is not None and found.seconds >= threshold:
        busy = ", ".join(dict.fromkeys(found.functions))
        yield Finding(
            rule="executor starved",
            key="default executor",
            severity="error",
            sentence=f"{found.queued} call{'' if found.queued == 1 else 's'} wait for a thread of "
            f"the default executor: all {found.limit} have been busy for "
            f"{duration(found.seconds)} at least, with {busy}",
            remedy="give slow calls an executor of their own, or the default one more threads",
            value=found.seconds,
            threshold=threshold,
            count=found.queued,
        )
