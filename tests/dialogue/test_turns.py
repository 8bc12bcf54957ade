"""Who may begin when many want to."""

from __future__ import annotations

import time

import anyio
import pytest

from aiomonitor.dialogue.turns import AT_ONCE, MOMENTS, Turns, turns
from aiomonitor.pacing import ADVANCE, SHARE, Pace, Work, work

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
        ours.end(first)
    assert order == ["end", "begun"]


async def test_first_come_first_served() -> None:
    ours = Turns(clock=Clock())
    begun = [await ours.begin() for _ in range(AT_ONCE)]
    order: list[int] = []

    async def visit(number: int) -> None:
        turn = await ours.begin()
        order.append(number)
        ours.end(turn)

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(visit, number)
            await settled()
        ours.end(begun[0])
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
    ours.end(begun[0])
    with anyio.fail_after(1):
        await ours.begin()


async def test_they_are_the_loops() -> None:
    assert turns() is turns()


async def test_a_crowd_waits_for_what_was_computed() -> None:
    """It takes no turn meanwhile, and no thread."""
    pace = Pace(lambda: True, Clock())
    pace.spend(ADVANCE + SHARE * 0.2)
    work.set(Work(pace))
    ours, began = Turns(), time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ours.begin)
        await ours.begin()
    assert time.monotonic() - began >= 0.19
