"""What the tests drive: the application's process, a browser, and pages that report all they do.

Playwright is imported only when a test runs: without it the tests can still be listed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

PATIENCE: Final = 15.0
"""Seconds after which what a test waits for will not come; no test waits so long if all is well."""

SCREENSHOTS: Final = Path(__file__).parents[3] / "build" / "screenshots"

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")

FOREIGN: Final = "foreign.example"
"""A name that the browser takes for this machine: what is left of a DNS that was rebound."""

RESOLVING: Final = f"MAP {FOREIGN} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
"""All other names are nobody's: no request leaves this machine."""

OPTIONS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    f"--host-resolver-rules={RESOLVING}",
)


def missing(reason: str) -> None:
    """Skip a test for which something is not installed; fail where it has to be."""
    if os.environ.get("AIOMONITOR_REQUIRE_CLIENTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """The browser that is installed, without a window."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("needs Playwright: pip install playwright (its own browsers are not needed)")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        missing("needs the browser Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


def expect(locator: Locator) -> Any:
    """Playwright's assertions, which wait for what they assert."""
    from playwright.sync_api import expect as waiting

    waiting.set_options(timeout=1000 * PATIENCE)
    return waiting(locator)


class Application:
    """The application in its process; see `application.py` for what that one can be asked."""

    def __init__(self, script: str = "application.py", *, port: int = 0, tasks: int = 30) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script)), str(port), str(tasks)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "AIOMONITOR_TOKEN"},
        )
        self.port: int = self._receive()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the application has ended"
        return json.loads(line)

    def call(self, function: str, *arguments: object) -> Any:
        """Ask the application."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([function, *arguments]) + "\n")
        self._process.stdin.flush()
        return self._receive()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Where the monitor shows a page."""
        return f"http://{host}:{self.port}{path}"

    def stop(self) -> None:
        """End it in good order."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(PATIENCE) == 0

    def kill(self) -> None:
        """End it without a word to anybody."""
        with self._process as process:
            process.kill()


class Tab:
    """A page in a browser, with all that it has asked for and complained of."""

    def __init__(self, page: Page, application: Application) -> None:
        self.page = page
        self._application = application
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def url(self, path: str) -> str:
        """The address of a page of the monitor."""
        return self._application.url(path)

    def open(self, path: str) -> None:
        """Open a page of the monitor, and wait until it is live."""
        self.page.goto(self.url(path))
        self.expect_state("live")

    def expect_state(self, state: str) -> None:
        """Wait for what the page says of its connection."""
        expect(self.page.locator("#connection")).to_have_attribute("data-state", state)

    def row(self, text: str) -> Locator:
        """The row of a table that holds the text."""
        return self.page.locator(".row:not([hidden])", has_text=text)

    def names(self) -> list[str]:
        """The names in the rows in sight, from top to bottom."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll('.row:not([hidden])')]
                .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
                .map((row) => row.querySelector('.cell-name a').textContent)"""
        )
        return found

    def wait_for(self, condition: str, argument: object = None) -> None:
        """Wait until a JavaScript expression or function is true."""
        self.page.wait_for_function(condition, arg=argument)

    def title(self) -> str:
        """The window's title."""
        return self.page.title()

    def screenshot(self, name: str) -> None:
        """Keep a picture under `build/`, for people."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def check(self) -> None:
        """Nothing was complained of, and nothing asked of anybody else."""
        assert self.complaints == []
        assert self.hosts <= {urlsplit(self.url("/")).netloc}
