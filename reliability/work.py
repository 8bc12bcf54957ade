"""What the applications under faults compute: a little of all that tasks do, with a known result.

The result depends on nothing but the stage, however the loop is disturbed meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WORKERS = 4
ITEMS = 40


async def stage(number: int) -> int:
    """One half of the computation; about 0.1 s, most of it waiting."""
    return (
        await _through_queues(number)
        + await _through_failures(number)
        + await _through_timeouts(number)
        + await _through_generators(number)
    )


def expected(number: int) -> int:
    """What `stage` returns."""
    squares = sum((item + number) ** 2 for item in range(ITEMS))
    return squares + 1000 * number + 10 * number + sum(range(10 * number, 10 * number + 10))


async def _through_queues(number: int) -> int:
    todo: asyncio.Queue[int] = asyncio.Queue(5)
    done: list[int] = []
    lock = asyncio.Lock()

    async def work() -> None:
        while True:
            item = await todo.get()
            await asyncio.sleep(0.001)
            async with lock:
                done.append(await asyncio.ensure_future(_square(item)))
            todo.task_done()

    workers = [asyncio.ensure_future(work()) for _ in range(WORKERS)]
    for item in range(ITEMS):
        await todo.put(item + number)
    await todo.join()
    for worker in workers:
        worker.cancel()
    ended = await asyncio.gather(*workers, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended)
    return sum(done)


async def _square(item: int) -> int:
    await asyncio.sleep(0)
    return item * item


async def _through_failures(number: int) -> int:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError(number)

    caught = 0
    for task in [asyncio.ensure_future(fail()) for _ in range(10)]:
        try:
            await task
        except LookupError as error:
            caught += error.args[0]
    return 100 * caught


async def _through_timeouts(number: int) -> int:
    gone = 0
    for _ in range(10):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
            raise AssertionError("nobody sets it")
        gone += number
    gc.collect()
    return gone


async def _through_generators(number: int) -> int:
    async def count() -> AsyncIterator[int]:
        for each in range(10):
            yield 10 * number + each
            await asyncio.sleep(0)

    return sum([each async for each in count()])
