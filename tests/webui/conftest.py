"""One application for all tests that leave it as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import Browser, Watched, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor import Monitor


@pytest.fixture(scope="package")
def _shared() -> Iterator[tuple[Watched, Monitor]]:
    with watched() as (application, monitor):
        for name in ("alpha", "beta", "gamma"):
            application.add(name)
        yield application, monitor


@pytest.fixture
def application(_shared: tuple[Watched, Monitor]) -> Watched:
    """The application."""
    return _shared[0]


@pytest.fixture
def monitor(_shared: tuple[Watched, Monitor]) -> Monitor:
    """Its monitor."""
    return _shared[1]


@pytest.fixture
def browser(monitor: Monitor) -> Browser:
    """A client of it."""
    return Browser(monitor.webui_port or 0)
