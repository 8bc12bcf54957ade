"""The rules that come with the monitor, each a pure function of a scene and a threshold."""

from __future__ import annotations

from functools import partial

from aiomonitor.insight.scene import Rule

from . import loop, tasks, waits

__all__ = ["RULES"]

_LOCK_ORDER = (
    "take locks in the same order everywhere; cancel one of the tasks to let the others go on"
)

RULES = (
    Rule(
        name="blocked loop",
        text="the loop could not run any task",
        threshold=0.25,
        unit="s",
        remedy="await the asynchronous version of a slow call, or use to_thread",
        check=loop.blocked_loop,
    ),
    Rule(
        name="task never yields",
        text="a task computes for long without giving way to others",
        threshold=1.0,
        unit="s",
        remedy="await something that waits now and then, or compute in a thread or process",
        check=loop.never_yields,
    ),
    Rule(
        name="slow garbage collection",
        text="collecting garbage, or a __del__ method, stopped the loop",
        threshold=0.1,
        unit="s",
        remedy="gc.freeze() after the start, fewer cycles, less to do in __del__",
        check=loop.slow_garbage,
    ),
    Rule(
        name="deadlock",
        text="tasks wait for each other",
        remedy=_LOCK_ORDER,
        check=waits.deadlock,
    ),
    Rule(
        name="nobody left",
        text="a task waits for what no other task, callback or object knows",
        threshold=10.0,
        unit="s",
        remedy="keep it where somebody sets it, or wait with a timeout",
        check=waits.nobody_left,
    ),
    Rule(
        name="holder ended",
        text="a task waits for a lock that was never given back",
        threshold=10.0,
        unit="s",
        remedy="use `async with lock:`, or release it in a `finally` block",
        check=waits.holder_ended,
    ),
    Rule(
        name="lock held long",
        text="a task waits for something slow with a lock that others wait for",
        threshold=10.0,
        unit="s",
        remedy="do not wait for the network, or for time, with a lock in hand",
        check=waits.lock_held_long,
    ),
    Rule(
        name="stuck crowd",
        text="many tasks wait at the same place, and none of them has gone on for long",
        threshold=50,
        unit="tasks",
        remedy="`why` one of them: who has what they wait for?",
        check=waits.stuck_crowd,
    ),
    Rule(
        name="queue full",
        text="a queue is at its limit, and nobody takes from it",
        threshold=10.0,
        unit="s",
        remedy="let more tasks take from it, or take faster",
        check=waits.queue_full,
    ),
    Rule(
        name="queue growing",
        text="a queue grows from look to look",
        threshold=100,
        unit="items",
        remedy="give it a limit (maxsize), and take from it faster than is put",
        check=waits.queue_growing,
    ),
    Rule(
        name="executor starved",
        text="all threads of the default executor are busy for long, and calls wait for one",
        threshold=5.0,
        unit="s",
        remedy="give slow calls an executor of their own, or the default one more threads",
        check=waits.starved,
    ),
    Rule(
        name="swallowed cancellation",
        text="a task goes on after it was cancelled",
        threshold=5.0,
        unit="s",
        remedy="raise CancelledError again where it is caught",
        check=tasks.swallowed,
    ),
    Rule(
        name="cancel pending",
        text="a task takes long to end after it was cancelled",
        threshold=10.0,
        unit="s",
        remedy="wait with a timeout in `finally` and `except CancelledError`",
        check=tasks.pending,
    ),
    *(
        Rule(
            name=kind,
            text=text,
            threshold=1,
            unit="times",
            remedy=tasks.TROUBLES[kind][1],
            check=partial(tasks.troubles, kind=kind),
        )
        for kind, text in (
            ("exception never retrieved", "a task failed, and nobody asked for its result"),
            ("coroutine never awaited", "a coroutine function was called without await"),
            ("task destroyed", "a task was collected as garbage while it waited"),
        )
    ),
    Rule(
        name="failure unnoticed",
        text="a task failed, somebody keeps it, and nobody has asked for its result",
        threshold=10.0,
        unit="s",
        remedy="await it, use a TaskGroup, or look at its exception in a done callback",
        check=tasks.unnoticed,
    ),
    Rule(
        name="task without reference",
        text="nobody refers to a task, so that it may be collected at any time",
        threshold=1,
        unit="tasks",
        remedy="keep a reference to each task, in a set or a TaskGroup",
        check=tasks.loose,
    ),
    Rule(
        name="task growth",
        text="the tasks of one creation site become more and more",
        threshold=100,
        unit="tasks",
        remedy="end them with a timeout; `why` tells what they wait for",
        check=tasks.growth,
    ),
)
"""All of them, in the order in which they are told."""
