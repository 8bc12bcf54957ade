"""Who may begin when many want to."""

from __future__ import annotations

import anyio
import pytest

from aiomonitor.dialogue.turns import AT_ONCE, MOMENTS, Turns, set_turns, turns

pytestmark = pytest.mark.anyio


class Clock:
    """Stands still until it is told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    """All that can go on has done so."""
    await anyio.wait_all_tasks_blocked()


async def test_a_few_begin_at_once() -> None:
    ours = Turns()
    with anyio.fail_after(1):
        begun = [await ours.begin() for _ in range(AT_ONCE)]
    assert len(set(begun)) == AT_ONCE


async def test_one_more_waits_for_an_end() -> None:
    ours = Turns(clock=Clock())
    first, *_ = [await ours.begin() for _ in range(AT_ONCE)]
    order: list[str] = []

    async def begin() -> None:
        await ours.begin()
        order.append("begun")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(begin)
        await settled()
        order.append("end")
        ours.end(first, 0)
    assert order == ["end", "begun"]


async def test_first_come_first_served() -> None:
    ours = Turns(clock=Clock())
    begun = [await ours.begin() for _ in range(AT_ONCE)]
    order: list[int] = []

    async def visit(number: int) -> None:
        turn = await ours.begin()
        order.append(number)
        ours.end(turn, 0)

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(visit, number)
            await settled()
        ours.end(begun[0], 0)
    assert order == list(range(10))


async def test_nobody_waits_long_for_a_slow_one() -> None:
    clock = Clock()
    ours = Turns(clock=clock)
    for _ in range(AT_ONCE):
        await ours.begin()
    clock.now += MOMENTS
    with anyio.fail_after(1):
        await ours.begin()


async def test_who_gives_up_takes_no_turn() -> None:
    ours = Turns(clock=Clock())
    begun = [await ours.begin() for _ in range(AT_ONCE)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ours.begin)
        await settled()
        tasks.cancel_scope.cancel()
    ours.end(begun[0], 0)
    with anyio.fail_after(1):
        await ours.begin()


async def test_what_was_used_is_told() -> None:
    used: list[float] = []
    ours = Turns(used.append)
    ours.end(await ours.begin(), 0.25)
    assert used == [0.25]


async def test_they_are_the_loops() -> None:
    assert turns() is turns()
    set_turns(other := Turns())
    assert turns() is other
