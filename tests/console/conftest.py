"""Running loops of each kind, and consoles in them."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends._asyncio import AsyncioBackend
from running import Application
from support import LOOP_KINDS

from .typist import Seat, seat

if TYPE_CHECKING:
    from collections.abc import Iterator


def new_loop(kind: str) -> asyncio.AbstractEventLoop:
    if kind == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop
    loop = asyncio.new_event_loop()
    if kind == "eager" and sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop


@pytest.fixture(params=LOOP_KINDS)
def application(request: pytest.FixtureRequest) -> Iterator[Application]:
    """A loop that runs in a thread of its own."""
    application = Application(new_loop(request.param))
    yield application
    application.close()


@pytest.fixture
def backend(application: Application) -> Iterator[AsyncioBackend]:
    """The monitor's view of it, with the hook on."""
    backend = AsyncioBackend(application.loop, hooked=True)
    backend.attach()
    yield backend
    backend.detach()


@pytest.fixture
def here(backend: AsyncioBackend) -> Iterator[Seat]:
    """A console in that loop."""
    with seat(backend, {"shared": []}) as one:
        yield one
