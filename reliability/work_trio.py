"""As `work`, on trio."""

from __future__ import annotations

import trio

from .work import ITEMS, WORKERS


async def stage(number: int) -> int:
    """One half of the computation; the result is that of `work.expected`."""
    return (
        await _through_channels(number)
        + 100 * await _through_failures(number)
        + await _through_timeouts(number)
        + sum(range(10 * number, 10 * number + 10))
    )


async def _through_channels(number: int) -> int:
    done: list[int] = []
    lock = trio.Lock()
    give, take = trio.open_memory_channel[int](5)

    async def work(items: trio.MemoryReceiveChannel[int]) -> None:
        async with items:
            async for item in items:
                await trio.sleep(0.001)
                async with lock:
                    done.append(item * item)

    async with trio.open_nursery() as nursery:
        async with take:
            for _ in range(WORKERS):
                nursery.start_soon(work, take.clone())
        async with give:
            for item in range(ITEMS):
                await give.send(item + number)
    return sum(done)


async def _through_failures(number: int) -> int:
    caught = 0
    for _ in range(10):
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_fail)
        except BaseException as error:  # a group since trio 0.25, the error before
            if not isinstance(getattr(error, "exceptions", [error])[0], LookupError):
                raise
            caught += number
    return caught


async def _fail() -> None:
    await trio.lowlevel.checkpoint()
    raise LookupError


async def _through_timeouts(number: int) -> int:
    gone = 0
    for _ in range(10):
        with trio.move_on_after(0.001) as scope:
            await trio.sleep_forever()
        gone += number * scope.cancelled_caught
    return gone
