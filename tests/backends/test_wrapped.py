"""Tasks of anyio's task groups are told by what the application gave to them, on both runtimes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from aiomonitor.backends import detect, wrapped

from .applications import find

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiomonitor.backends.life import TaskLife


@pytest.fixture(params=["asyncio", "trio"])
def runtime(request: pytest.FixtureRequest) -> str:
    """Both of anyio's."""
    return str(request.param)


def ended(runtime: str, body: Callable[[Any], Awaitable[None]]) -> dict[str, TaskLife]:
    """The lives of the tasks that a body starts in a task group, by name."""
    found: dict[str, TaskLife] = {}

    async def main() -> None:
        backend = detect(None)
        backend.attach()
        with contextlib.suppress(BaseException):  # a group, which 3.10 has no name for
            async with anyio.create_task_group() as tasks:
                await body(tasks)
        await anyio.lowlevel.checkpoint()
        backend.detach()
        found.update({life.name: life for life in backend.drain(100)})

    anyio.run(main, backend=runtime)
    return found


async def work() -> None:
    pass


async def waits() -> None:
    await anyio.sleep_forever()


async def fails() -> None:
    raise ValueError("bad luck")


def test_what_ran(runtime: str) -> None:
    """Name and code are those of the application's coroutine, however the task ended."""

    async def body(tasks: Any) -> None:
        for function in (work, waits, fails):
            tasks.start_soon(function, name=function.__name__)

    lives = ended(runtime, body)
    for function in (work, waits, fails):
        life = lives[function.__name__]
        assert (life.coroutine, life.code) == (function.__qualname__, function.__code__)
    assert [lives[name].outcome for name in ("work", "waits", "fails")] == [
        *("result", "cancelled", "exception")
    ]


def test_where_it_is(runtime: str) -> None:
    """What only libraries run is somewhere in that, not in the wrapper."""
    seen: list[str] = []

    async def main() -> None:
        backend = detect(None)
        backend.attach()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 60, name="sleeps")
            await anyio.wait_all_tasks_blocked()
            point, _ = backend.innermost(find(backend, "sleeps"))
            assert point is not None
            seen.append(point.code.co_name)
            tasks.cancel_scope.cancel()
        backend.detach()

    anyio.run(main, backend=runtime)
    assert seen == ["sleep"]


@pytest.mark.skipif(not hasattr(anyio, "TaskHandle"), reason="needs anyio 4.14: handles of tasks")
def test_cancelled_by_its_handle(runtime: str) -> None:
    """Who asked is told, though the scope around the task keeps the cancellation to itself."""

    async def body(tasks: Any) -> None:
        handle = tasks.start_soon(waits, name="waits")
        await anyio.wait_all_tasks_blocked()
        handle.cancel()

    life = ended(runtime, body)["waits"]
    assert life.coroutine == "waits"
    if runtime == "trio":
        assert life.outcome == "cancelled"
        assert life.cancellations[0].told.startswith("task ")


def test_what_is_no_wrapper() -> None:
    """What was not made by anyio is left as it is."""
    coroutine = work()
    assert wrapped.handle_of(coroutine) is None
    assert wrapped.body_within(coroutine) == ("work", work.__code__)
    coroutine.close()
    assert wrapped.body_of(iter([])) == ("list_iterator", None)
