"""One browser for all tests, one application for each module, and a tab for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from .harness import Application, Tab, open_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


class OpenTab(Protocol):
    """Opens a tab of its own kind."""

    def __call__(self, *, width: int = 1280, scheme: str = "dark", motion: bool = True) -> Tab: ...


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser, without a window."""
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def application(browser: Browser) -> Iterator[Application]:
    """An application with a monitor, which must end in good order after the module's tests."""
    started = Application()
    yield started
    started.stop()


@pytest.fixture
def open_tab(browser: Browser, application: Application) -> Iterator[OpenTab]:
    """Opens tabs in which nothing may go wrong."""
    contexts = []
    tabs: list[Tab] = []

    def make(*, width: int = 1280, scheme: str = "dark", motion: bool = True) -> Tab:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="light" if scheme == "light" else "dark",
            reduced_motion="no-preference" if motion else "reduce",
        )
        contexts.append(context)
        tabs.append(Tab(context.new_page(), application))
        return tabs[-1]

    yield make
    for context in contexts:
        context.close()
    for tab in tabs:
        tab.check()


@pytest.fixture
def tab(open_tab: OpenTab) -> Tab:
    """A tab in which nothing may go wrong."""
    return open_tab()
