"""The one place that knows which task has which number.

Numbers are small, stable and never reused. The tracker keeps no task: the number lives on the task,
and a listing keeps weak references, page by page.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from aiomonitor import model
from aiomonitor.backends.frames import symbolise
from aiomonitor.errors import TaskNotFoundError

from .ancestry import Ancestry
from .history import History
from .lives import canceller, created_by, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.life import TaskLife
    from aiomonitor.listings.paging import Paging
    from aiomonitor.model import TaskInfo, WaitInfo

_Result = TypeVar("_Result")

_NUMBERS_TOLD = 5
"""How many numbers an error names when several tasks share a name."""


SOON = 0.01
"""Seconds by which a timer's own end may differ from one reading of the clock to the next."""


class Tracker:
    """Numbers, finds and lists the tasks of one backend. Every method may run in any thread."""

    def __init__(self, backend: Backend, history: int = 1000) -> None:
        self._backend = backend
        self.history = History(backend, history)
        self.ancestry = Ancestry(backend, self.history)
        self._last_number = 0
        self._lock = threading.Lock()

    @functools.cached_property
    def paging(self) -> Paging:
        """Pages of the live tasks."""
        from aiomonitor.listings.paging import Paging  # when somebody asks

        return Paging(self._backend, self._rows)

    def number(self, task: TaskHandle) -> int:
        """The task's number, given now if nobody has looked at the task before."""
        number = self._backend.number_of(task)
        if number is not None:
            return number
        with self._lock:
            number = self._backend.number_of(task)
            if number is None:
                number = self._last_number = self._backend.next_number()
                self._backend.set_number(task, number)
        return number

    def count(self) -> int:
        """How many tasks are live."""
        return sum(1 for _ in self._backend.live_tasks(quick=True))

    def visit(
        self, numbers: Sequence[int], use: Callable[[TaskHandle], _Result]
    ) -> Iterator[_Result]:
        """What `use` makes of the live tasks that have these numbers, in their order."""
        wanted = dict.fromkeys(numbers)
        found: dict[int, weakref.ref[TaskHandle]] = {}
        for task in self._backend.live_tasks(quick=True) if wanted else ():
            number = self._backend.number_of(task)
            if number is not None and number in wanted:
                found[number] = weakref.ref(task)
        task = None
        return self._uses(use, (found[number] for number in numbers if number in found))

    def _rows(self, chosen: Iterable[weakref.ref[TaskHandle]]) -> Iterator[TaskInfo]:
        """Each row is made when it is asked for."""
        return self._uses(self.describe, chosen)

    def _uses(
        self, use: Callable[[TaskHandle], _Result], chosen: Iterable[weakref.ref[TaskHandle]]
    ) -> Iterator[_Result]:
        for task in self._backend.borrow(chosen):
            yield use(task)
            task = None

    def describe(self, task: TaskHandle) -> TaskInfo:
        """One task as a value."""
        facts = self._backend.facts(task)
        point, awaits = self._backend.innermost(task)
        life = self._backend.life_of(task)
        return model.TaskInfo(
            number=self.number(task),
            object_id=id(task),
            name=facts.name,
            coroutine=facts.coroutine,
            state=facts.state,
            location=symbolise(point) if point else None,
            awaits=awaits,
            cancelling=facts.cancelling,
            **self._creation(life),
            **(self._cancellation(life, facts.cancelling) or {"cancelled_by": facts.cancelled_by}),
            waits=self._wait(task),
            nursery=self._backend.scopes.nursery_of(task) if self._backend.scopes else None,
            system=facts.system,
        )

    def _wait(self, task: TaskHandle) -> WaitInfo | None:
        wait = self._backend.wait_of(task, self.number)
        clues = self._backend.clues
        if wait is None or clues is None:
            return wait
        now = self._backend.now()
        since = clues.waited_since(task, now, note=False)
        left = clues.time_left(task)
        if left is not None and wait.timeout is not None and left > wait.timeout - SOON:
            left = None  # its own timer
        return dataclasses.replace(wait, seconds=now - since if since else None, expires_in=left)

    def _creation(self, life: TaskLife | None) -> dict[str, Any]:
        teller = self.history.teller()
        if life is None or not life.stack:
            return {"created_by": created_by(life, teller)}
        return {
            "created_at": teller.wall_time(life.born),
            "age": self._backend.now() - life.born,
            "created_in": teller.place(life.stack),
            "created_by": created_by(life, teller),
            "parent": life.parent if life.parent > 0 else None,
        }

    def _cancellation(self, life: TaskLife | None, cancelling: int) -> dict[str, Any]:
        request = standing(life, cancelling) if life is not None else None
        if life is None or request is None or request.when is None:
            return {}
        return {
            "cancel_age": self._backend.now() - request.when,
            "cancelled_by": canceller(life, request, self.history.label),
        }

    def with_task(self, reference: int | str, use: Callable[[TaskHandle], _Result]) -> _Result:
        """Call `use` with the task of that number, `id()` or unique name, and return its result.

        Raises `TaskNotFoundError`, which says what would work.
        """
        found = self._find(str(reference))
        for task in self._backend.borrow([found] if found else []):
            result = use(task)
            del task
            return result
        raise TaskNotFoundError(self._not_found(str(reference)))

    def _find(self, reference: str) -> weakref.ref[TaskHandle] | None:
        """A number goes before an `id()`, and that before a name."""
        wanted = _as_number(reference)
        found = self._find_by_number(wanted) if wanted is not None else None
        return found or self._find_by_name(reference)

    def _find_by_number(self, wanted: int) -> weakref.ref[TaskHandle] | None:
        found = None
        for task in self._backend.live_tasks(quick=True):
            if self._backend.number_of(task) == wanted:
                found = weakref.ref(task)
                break
            if id(task) == wanted:
                found = weakref.ref(task)  # unless another one has the number
        task = None
        return found

    def _find_by_name(self, name: str) -> weakref.ref[TaskHandle] | None:
        namesakes: list[tuple[int, weakref.ref[TaskHandle]]] = []
        for task in self._backend.live_tasks():
            if self._backend.names(task)[0] == name:
                namesakes.append((self.number(task), weakref.ref(task)))
                if len(namesakes) > _NUMBERS_TOLD:
                    break
        task = None
        if len(namesakes) > 1:
            raise TaskNotFoundError(_ambiguous(name, sorted(number for number, _ in namesakes)))
        return namesakes[0][1] if namesakes else None

    def _not_found(self, reference: str) -> str:
        number = _as_number(reference)
        if self.history.find(reference):
            called = f"task {reference}" if number is not None else repr(reference)
            return f"{called} has ended: 'where-terminated {reference}' tells how"
        if number is None:
            return f"no live task is called {reference!r}: 'ps' lists what there is"
        if 0 < number <= self._last_number or self.history.has_ended(number):
            return f"task {reference} has ended"
        return f"no task has the number {reference}: 'ps' lists what there is"


def _as_number(reference: str) -> int | None:
    # More digits than any number or `id()` has, and than `int` may take, are a name.
    digits = reference.isascii() and reference.isdigit() and len(reference) <= 20
    return int(reference) if digits else None


def _ambiguous(name: str, numbers: list[int]) -> str:
    told = ", ".join(map(str, numbers[:_NUMBERS_TOLD]))
    more = ", …" if len(numbers) > _NUMBERS_TOLD else ""
    return f"several tasks are called {name!r}: give a number ({told}{more})"
