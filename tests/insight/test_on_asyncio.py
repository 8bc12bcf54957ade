"""Why real tasks of asyncio do not go on, asked from another thread."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiomonitor
from support import NOWHERE, Seat

if TYPE_CHECKING:
    from collections.abc import Coroutine


def asked(*commands: str, **tasks: Coroutine[Any, Any, None]) -> list[str]:
    """What the commands print while these tasks are there, by their names."""

    async def main() -> list[str]:
        made.clear()
        made.update({name: asyncio.create_task(body, name=name) for name, body in tasks.items()})
        for _ in range(5):
            await asyncio.sleep(0)
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            seat = Seat(monitor)
            answers = [await asyncio.to_thread(seat.type, command) for command in commands]
        for task in made.values():
            task.cancel()
        await asyncio.gather(*made.values(), return_exceptions=True)
        return answers

    return asyncio.run(main())


made: dict[str, asyncio.Task[None]] = {}


async def awaits(name: str) -> None:
    """Another one of these tasks."""
    await made[name]


async def waits(name: str) -> None:
    """The same, so that it can be cancelled: in a circle of awaits, asyncio itself recurses."""
    await asyncio.wait([made[name]])


async def sleeps() -> None:
    await asyncio.sleep(3_600)


def test_deadlock() -> None:
    """Two tasks that await each other are told to, with the one that only waits for them."""
    [told] = asked("why start", start=awaits("a"), a=awaits("b"), b=waits("a"))
    assert told.startswith("task ")
    assert "(start) waits for task " in told
    assert told.endswith("which closes a circle: none of these 2 tasks can go on.\n")


def test_root() -> None:
    """A chain ends with what is waited for outside of all tasks; programs get it as data."""
    told, data = asked("why first", "why first --json", first=awaits("last"), last=sleeps())
    assert "(last), which waits for a timer, " in told
    found = json.loads(data)
    assert [link["name"] for link in found["links"]] == ["first", "last"]
    assert found["circle"] is None
    assert found["sentence"].startswith("task ")


def test_nobody() -> None:
    """What is not there is told as everywhere."""
    [told] = asked("why nobody", first=sleeps())
    assert "no live task is called 'nobody'" in told
