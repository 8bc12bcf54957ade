"""Tells what a suspended trio task waits for, from another thread.

Every wait of trio's ends in `wait_task_rescheduled`; what it is for is told by the function of
trio's that called it, and by the object that function works on, which the garbage collector finds
among the coroutine's referents (see `objects`). The functions are public ones,
and so are the `statistics()` of trio's objects, but for a nursery's: see test_trio_drift.
"""

from __future__ import annotations

import contextlib
import math
import sys
import threading
from typing import TYPE_CHECKING, Any

import trio
import trio.lowlevel

from aiomonitor import model
from aiomonitor.backends import frames, neutral
from aiomonitor.backends.objects import (
    FOR_EVER,
    called,
    enclosed,
    found,
    index_of,
    innermost,
    is_socket,
    referents,
    socket_name,
)

from .record import name_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from aiomonitor.backends.neutral import Tell
    from aiomonitor.model import WaitInfo

    Held = list[object]
    Teller = Callable[[Any, Sequence[Any], Held], WaitInfo | None]

TOLD = 100
"""Tasks of a nursery whose numbers are told."""
HOLDERS_TOLD = 3
"""Holders named in words."""


class Waits:
    """Tells waits; `time_left` makes seconds of a deadline, `nursery_number` names a nursery."""

    def __init__(
        self, time_left: Callable[[float], float | None], nursery_number: Callable[[Any], int]
    ) -> None:
        self._time_left = time_left
        self._nursery_number = nursery_number
        self._later = set(neutral.TELLERS)
        self._tellers: dict[CodeType, Teller] = {
            trio.Event.wait.__code__: self._event,
            trio.Lock.acquire.__code__: self._lock,
            trio.Semaphore.acquire.__code__: self._semaphore,
            trio.Condition.wait.__code__: self._condition,
            trio.CapacityLimiter.acquire_on_behalf_of.__code__: self._limiter,
            trio.MemorySendChannel.send.__code__: self._send,
            trio.MemoryReceiveChannel.receive.__code__: self._receive,
            trio.Process.wait.__code__: self._process,
            trio.sleep_forever.__code__: self._sleep,
            trio.to_thread.run_sync.__code__: self._thread,
            trio.Nursery._nested_child_finished.__code__: self._nursery,
        }
        self._plain: dict[CodeType, Callable[[Any, Held], WaitInfo | None]] = {
            trio.lowlevel.wait_readable.__code__: self._readable,
            trio.lowlevel.wait_writable.__code__: self._writable,
            trio.lowlevel.ParkingLot.park.__code__: self._parked,
            trio.lowlevel.wait_task_rescheduled.__code__: self._unknown,
        }

    def of(self, task: Any, held: Held) -> WaitInfo | None:
        """What the task waits for; None if that cannot be told, as it goes on."""
        levels = innermost(task.coro, held)
        tellers = self._table()
        for level in levels:
            teller = tellers.get(frames.code_of(level))
            if teller is not None and (told := teller(task, levels, held)) is not None:
                return told
        codes = [frames.code_of(level) for level in levels]
        for code, plain in self._plain.items():
            if code in codes and (told := plain(levels[codes.index(code)], held)) is not None:
                return told
        return None

    def _table(self) -> dict[CodeType, Teller]:
        for name in self._later & sys.modules.keys():
            with contextlib.suppress(AttributeError):  # another thread is importing it
                found = neutral.TELLERS[name](sys.modules[name])
                self._tellers.update({code: _without_task(tell) for code, tell in found.items()})
                self._later.discard(name)
        return self._tellers

    # --- trio's objects -----------------------------------------------------------------------

    def _event(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        event = found(levels, trio.Event, held)
        if event is None:  # an Event has no truth value
            return None
        return model.WaitInfo(
            kind="event",
            what="an Event",
            object_id=id(event),
            waiting=event.statistics().tasks_waiting,
        )

    def _lock(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        lock = found(levels, (trio.Lock, trio.StrictFIFOLock), held)
        if lock is None:
            return None
        now = lock.statistics()
        held.append(now.owner)
        return model.WaitInfo(
            kind="lock",
            what=f"a {type(lock).__name__}",
            object_id=id(lock),
            waiting=now.tasks_waiting,
            **_holders([] if now.owner is None else [now.owner]),
        )

    def _semaphore(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        semaphore = found(levels, trio.Semaphore, held)
        if semaphore is None:
            return None
        most = semaphore.max_value
        return model.WaitInfo(
            kind="semaphore",
            what=f"a Semaphore at {semaphore.value}" + (f" of {most}" if most is not None else ""),
            object_id=id(semaphore),
            waiting=semaphore.statistics().tasks_waiting,
        )

    def _condition(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        condition = found(levels, trio.Condition, held)
        if condition is None:
            return None
        return model.WaitInfo(
            kind="condition",
            what="a Condition",
            object_id=id(condition),
            waiting=condition.statistics().tasks_waiting,
        )

    def _limiter(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        limiter = found(levels, trio.CapacityLimiter, held)
        if limiter is None:
            return None
        now = limiter.statistics()
        held += now.borrowers
        return model.WaitInfo(
            kind="limiter",
            what=f"a CapacityLimiter with {now.borrowed_tokens} of {now.total_tokens} in use",
            object_id=id(limiter),
            waiting=now.tasks_waiting,
            **_holders([each for each in now.borrowers if isinstance(each, trio.lowlevel.Task)]),
        )

    def _send(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        end = found(levels, trio.MemorySendChannel, held)
        return None if end is None else neutral.channel(end, "channel", putting=True)

    def _receive(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        end = found(levels, trio.MemoryReceiveChannel, held)
        return None if end is None else neutral.channel(end, "channel", putting=False)

    def _process(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        process = found(levels, trio.Process, held)
        if process is None:
            return None
        return model.WaitInfo(kind="process", what=f"process {process.pid} to end", pid=process.pid)

    # --- time, threads, tasks -----------------------------------------------------------------

    def _sleep(self, task: Any, levels: Sequence[Any], _held: Held) -> WaitInfo:
        codes = {frames.code_of(level) for level in levels}
        deadline = task._cancel_status._scope._deadline
        if trio.sleep_until.__code__ not in codes or deadline == math.inf:
            return model.WaitInfo(kind="sleep", what=FOR_EVER)
        return model.WaitInfo(kind="sleep", what="a timer", timeout=self._time_left(deadline))

    def _thread(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo:
        function = name = None
        for each in referents(levels[index_of(levels, trio.to_thread.run_sync.__code__)], held):
            function = function or enclosed(each, "sync_fn")  # which runs in the thread
            if isinstance(each, str) and " from " in each:
                name = each
        if getattr(function, "__module__", "") == "anyio._backends._trio":
            function = enclosed(function, "func")  # anyio runs it within one of its own
        threads = [thread for thread in threading.enumerate() if thread.name == name]
        return model.WaitInfo(
            kind="thread",
            what=f"{called(function)}() in a thread",
            thread=threads[0].ident if len(threads) == 1 else None,
        )

    def _nursery(self, _task: Any, levels: Sequence[Any], held: Held) -> WaitInfo | None:
        nursery = found(levels, trio.Nursery, held)
        if nursery is None:
            return None
        children = list(nursery._children)
        held += children
        tasks = f"{len(children)} task{'' if len(children) == 1 else 's'}"
        number = self._nursery_number(nursery)
        return model.WaitInfo(
            kind="nursery",
            what=f"{tasks} of nursery s{number}",
            nursery=number,
            tasks=tuple(sorted(child._counter + 1 for child in children)[:TOLD]),
        )

    # --- what any library may wait for --------------------------------------------------------

    def _readable(self, level: Any, held: Held) -> WaitInfo | None:
        return _descriptor(level, held, "readable")

    def _writable(self, level: Any, held: Held) -> WaitInfo | None:
        return _descriptor(level, held, "writable")

    def _parked(self, level: Any, held: Held) -> WaitInfo | None:
        lot = found([level], trio.lowlevel.ParkingLot, held)
        if lot is None:
            return None
        return model.WaitInfo(
            kind="other",
            what="being unparked from a ParkingLot",
            object_id=id(lot),
            waiting=lot.statistics().tasks_waiting,
        )

    def _unknown(self, _level: Any, _held: Held) -> WaitInfo:
        return model.WaitInfo(kind="other", what="something that trio does not know")


def _without_task(tell: Tell) -> Teller:
    return lambda _task, levels, held: tell(levels, held)


def is_sleeping(task: Any, held: Held) -> bool:
    """Whether it waits in `trio.sleep_until`, or what is made of that, within a scope of trio's."""
    return any(
        frames.code_of(each) is trio.sleep_until.__code__ for each in innermost(task.coro, held)
    )


def _descriptor(level: Any, held: Held, wish: str) -> WaitInfo | None:
    for each in referents(level, held):
        if is_socket(each):
            told = f"socket {each.fileno()}{socket_name(each)}"
            return model.WaitInfo(kind="socket", what=f"{told} to be {wish}", fd=each.fileno())
        if isinstance(each, int) and not isinstance(each, bool):
            return model.WaitInfo(kind="file", what=f"file descriptor {each} to be {wish}", fd=each)
    return None


def _holders(tasks: Sequence[Any]) -> dict[str, Any]:
    """The tasks that have what is waited for: their numbers, and some of them in words."""
    named = sorted((task._counter + 1, name_text(task.name)) for task in tasks)
    words = [f"task {number} ({name})" for number, name in named[:HOLDERS_TOLD]]
    more = [f"{len(named) - HOLDERS_TOLD} more"] if len(named) > HOLDERS_TOLD else []
    return {
        "holders": tuple(number for number, _ in named),
        "held_by": " and ".join(words + more) or None,
    }
