"""The monitor is never the last owner of what it looks at."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends import ownership
from aiomonitor.backends.lending import CHUNK

from . import kinds
from .applications import find

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from aiomonitor.backends.base import TaskHandle

    from .applications import LoopApplication

DESTROYED = "Task was destroyed but it is pending!"


class Posts:
    """Collects posted calls, as a loop that is busy."""

    def __init__(self, taken: bool = True) -> None:
        self.calls: deque[Callable[[], object]] = deque()
        self._taken = taken

    def __call__(self, call: Callable[[], object]) -> bool:
        if self._taken:
            self.calls.append(call)
        return self._taken


class Finalised:
    """Notes the thread that its finaliser runs in."""

    def __init__(self, seen: list[int]) -> None:
        self._seen = seen

    def __del__(self) -> None:
        self._seen.append(threading.get_ident())


def test_what_others_own_is_let_go() -> None:
    """An object with another owner is dropped, and nothing is posted."""
    posts = Posts()
    kept: object = object()
    held = [kept, kept]
    ownership.Releaser(posts).release(held)
    assert held == []
    assert not posts.calls


def test_an_orphan_waits_for_its_thread() -> None:
    """An object that nobody else owns lives until the posted call drops it."""
    posts, seen = Posts(), list[int]()
    ownership.Releaser(posts).release([Finalised(seen)])
    assert seen == []
    posts.calls.popleft()()
    assert len(seen) == 1


def test_an_object_held_twice_is_an_orphan_once() -> None:
    """Our own references, however many, are no owners."""
    posts, seen = Posts(), list[int]()
    ownership.Releaser(posts).release([Finalised(seen)] * 3)
    assert seen == []
    posts.calls.popleft()()
    assert len(seen) == 1


def test_one_call_is_posted_for_many_orphans() -> None:
    """While a call is on its way no second one is posted."""
    posts, seen = Posts(), list[int]()
    releaser = ownership.Releaser(posts)
    for _ in range(5):
        releaser.release([Finalised(seen)])
    assert len(posts.calls) == 1
    posts.calls.popleft()()
    assert len(seen) == 5
    releaser.release([Finalised(seen)])
    assert len(posts.calls) == 1
    releaser.abandon()


def test_orphans_of_a_closed_loop_are_dropped() -> None:
    """When no thread is left to drop them, orphans are dropped at once."""
    seen: list[int] = []
    ownership.Releaser(Posts(taken=False)).release([Finalised(seen)])
    assert len(seen) == 1


def listed(application: LoopApplication) -> Generator[TaskHandle, None, None]:
    return application.backend.live_tasks()


def borrowed(application: LoopApplication) -> Generator[TaskHandle, None, None]:
    def references() -> Generator[weakref.ref[TaskHandle], None, None]:
        yield weakref.ref(find(application.backend, "orphan"))

    return application.backend.borrow(references())


@pytest.mark.parametrize("lend", [listed, borrowed])
@pytest.mark.parametrize("early", [True, False])
def test_a_task_is_finalised_in_its_loops_thread(
    loop_application: LoopApplication,
    lend: Callable[[LoopApplication], Generator[TaskHandle, None, None]],
    early: bool,
) -> None:
    """A task that loses its last owner while we hold it is destroyed in its loop's thread."""
    loop_application.spawn("orphan", kinds.plain)
    lent = lend(loop_application)
    task = next(lent)
    loop_application.orphan("orphan")
    del task
    if early:
        lent.close()
    else:
        assert list(lent) == []
    loop_application.call(lambda: None)
    assert loop_application.complaints == [(loop_application.thread.ident, DESTROYED)]


def test_a_plain_for_loop(loop_application: LoopApplication) -> None:
    """A consumer that still holds the last task of a chunk does not become its owner."""
    for number in range(CHUNK + 1):
        loop_application.spawn(f"task-{number}", kinds.plain)
    backend = loop_application.backend
    position = 0
    for task in backend.live_tasks():
        position += 1
        if position == CHUNK:
            loop_application.orphan(backend.facts(task).name)
    assert position == CHUNK + 1
    loop_application.call(lambda: None)
    assert loop_application.complaints == [(loop_application.thread.ident, DESTROYED)]


def test_a_blocked_loop_makes_no_heap(loop_application: LoopApplication) -> None:
    """An orphan of a blocked loop waits once, however often it is listed."""
    loop_application.spawn("orphan", kinds.plain)
    lent = loop_application.backend.live_tasks()
    task = next(lent)
    loop_application.orphan("orphan")
    del task
    loop_application.block()
    lent.close()
    for _ in range(5):
        for _task in loop_application.backend.live_tasks():
            del _task
    assert len(loop_application.backend._releaser._orphans) == 1  # type: ignore[attr-defined]
    loop_application.unblock()
    assert loop_application.complaints == [(loop_application.thread.ident, DESTROYED)]


def test_reading_posts_nothing(
    loop_application: LoopApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at tasks that are owned by others does not wake the loop."""
    for number in range(3):
        loop_application.spawn(f"task-{number}", kinds.via_async_for)
    backend = loop_application.backend
    posts = Posts()
    monkeypatch.setattr(backend._releaser, "_post", posts)  # type: ignore[attr-defined]
    for task in backend.live_tasks():
        backend.facts(task)
        backend.innermost(task)
        backend.await_chain(task)
        del task
    assert not posts.calls
