"""What may happen to an application's tasks: each story is told once and leaves its traces.

`keep` starts a task under a name and keeps it alive. Imported by the application's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

from aiomonitor.utils import preserve_termination_log

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Keep = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


async def _nothing() -> None:
    pass


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


@preserve_termination_log
async def _remarkable() -> None:
    pass


async def repetition(keep: Keep) -> None:
    """Tasks of one name end."""
    for _ in range(5):
        await asyncio.wait([keep(_nothing(), "namesake")])


async def murder(keep: Keep) -> None:
    """A task cancels another one, and lives on."""
    victim = keep(_for_ever(), "victim")

    async def strike() -> None:
        victim.cancel()  # THE BLOW

    async def lurk() -> None:
        await asyncio.sleep(0)
        await strike()
        await _for_ever()

    keep(lurk(), "murderer")
    await asyncio.wait([victim])


async def misfortune(keep: Keep) -> None:
    """A task fails, for a reason."""

    def trip() -> None:
        raise LookupError("no such road")

    async def walk() -> None:
        try:
            trip()
        except LookupError as error:
            raise ValueError("lost") from error  # THE FALL

    walker = keep(walk(), "walker")
    await asyncio.wait([walker])
    walker.exception()  # retrieved


async def disobedience(keep: Keep) -> None:
    """One task ignores a cancellation and lives on, another one ignores it and returns."""

    async def ignore(then: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await _for_ever()
        await then()

    rebel = keep(ignore(_for_ever), "rebel")
    sulker = keep(ignore(_nothing), "sulker")
    await asyncio.sleep(0)
    rebel.cancel()
    sulker.cancel()
    await asyncio.wait([sulker])


async def family(keep: Keep) -> None:
    """A grandparent creates a parent, who creates a child and ends."""
    settled = asyncio.Event()

    async def raise_child() -> None:
        keep(_for_ever(), "child")  # A CHILD IS BORN

    async def raise_parent() -> None:
        await asyncio.wait([keep(raise_child(), "parent")])  # A PARENT IS BORN
        settled.set()
        await _for_ever()

    keep(raise_parent(), "grandparent")
    await settled.wait()


async def remarkable_end(keep: Keep) -> None:
    """A task that is to be remembered ends, and then many others do."""
    await asyncio.wait([keep(_remarkable(), "remarkable")])
    for _ in range(1100):
        await asyncio.wait([keep(_nothing(), "ordinary")])


async def patience(keep: Keep) -> None:
    """A task waits until its time is up, and returns."""

    async def wait() -> None:
        if sys.version_info >= (3, 11):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await _for_ever()

    await asyncio.wait([keep(wait(), "patient")])
