"""The runtimes that the contract suite runs over."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from .applications import FakeApplication, LoopApplication

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .applications import Application

LOOPS = [
    "asyncio",
    *(["eager"] if sys.version_info >= (3, 12) else []),
    pytest.param(
        "uvloop",
        marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="needs the package uvloop"),
    ),
]
"""The runtimes that run code. None has the task hook, which numbers tasks, keeps them and has
callbacks on them: these tests are about looking at tasks that nobody has touched."""


def _make(runtime: str) -> Application:
    if runtime == "fake":
        return FakeApplication()
    if runtime == "trio":
        from .trio_application import TrioApplication

        return TrioApplication()
    if runtime == "uvloop":
        import uvloop

        return LoopApplication(uvloop.new_event_loop)
    return LoopApplication(
        asyncio.new_event_loop, eager=runtime == "eager", hooked=runtime == "hooked"
    )


TRIO = pytest.param(
    "trio", marks=pytest.mark.skipif(find_spec("trio") is None, reason="needs the package trio")
)


@pytest.fixture(params=[*LOOPS, "hooked", TRIO, "fake"])
def application(request: pytest.FixtureRequest) -> Iterator[Application]:
    """An application of any runtime; the stdlib's loop also with the task hook."""
    application = _make(request.param)
    yield application
    application.close()


@pytest.fixture(params=LOOPS)
def loop_application(request: pytest.FixtureRequest) -> Iterator[LoopApplication]:
    """An application that runs code, so that it can block, race and be destroyed."""
    application = _make(request.param)
    assert isinstance(application, LoopApplication)
    yield application
    application.close()
