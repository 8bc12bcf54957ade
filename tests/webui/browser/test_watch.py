"""The pages of who waits for whom, and of what happens to tasks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .harness import Application, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

    from .harness import Tab

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def application(browser: Browser) -> Iterator[Application]:
    """The application."""
    started = Application("troubled_application.py")
    yield started
    started.stop()


def rows(tab: Tab) -> Locator:
    """The rows of the page's table, in the order in which they are shown."""
    return tab.page.locator("#grid .row:visible")


# --- waits ----------------------------------------------------------------------------------------


def test_waits(tab: Tab) -> None:
    """A circle is unfolded once; it folds, by mouse and by keys."""
    tab.open("/tree")
    tab.page.get_by_role("link", name="Waits", exact=True).click()
    expect(tab.page.locator(".choices [aria-current]")).to_have_text("Waits")
    mark = tab.page.locator(".row:visible .wait-mark[data-mark=circle]")
    expect(mark).to_have_text("circle")
    boris = rows(tab).filter(has=tab.page.get_by_role("link", name="boris", exact=True))
    expect(boris).to_have_attribute("aria-expanded", "true")
    boris.locator(".twisty").click()
    expect(boris).to_have_attribute("aria-expanded", "false")
    expect(mark).to_have_count(0)
    boris.locator(".cell-age").click()
    tab.page.keyboard.press("ArrowRight")
    expect(mark).to_be_visible()


def test_below_one_task(tab: Tab) -> None:
    """A task's page leads to the tree below it; what there is not is said, and can be left."""
    tab.open("/tasks/boris")
    tab.page.get_by_role("link", name="as a tree").click()
    expect(rows(tab).first).to_contain_text("boris")
    expect(tab.page.locator(".summary")).to_have_text("4 lines")
    tab.page.locator(".chip").click()
    expect(tab.page.locator(".summary")).not_to_have_text("4 lines")
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("nobody")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".grid-empty")).to_contain_text("No task “nobody”")
    tab.complaints[:] = [each for each in tab.complaints if "404" not in each]


# --- watch ----------------------------------------------------------------------------------------


def test_watch(tab: Tab, application: Application) -> None:
    """What happens comes on top, with its kind; one kind alone may be shown."""
    tab.open("/")
    tab.page.get_by_role("link", name="Watch").click()
    expect(rows(tab)).to_contain_text(["watching since then"])
    application.call("hire", 2)
    created = rows(tab).filter(has_text="created")
    expect(created.filter(has_text="trainee-0")).to_be_visible()
    expect(created.first).to_contain_text("trainee-1")
    application.call("block", 0.3)
    expect(rows(tab).filter(has_text="stalled")).to_be_visible()
    tab.page.get_by_label("What", exact=True).select_option("stalled")
    expect(rows(tab)).to_have_count(2)
    assert "kind=stalled" in tab.page.url


def test_watch_one(tab: Tab, application: Application) -> None:
    """A task's page leads to what happens to it alone, until it has ended."""
    tab.open("/tasks/visitor-0")
    tab.page.locator(".task-head").get_by_role("link", name="Watch").click()
    expect(tab.page.locator(".chip")).to_contain_text("task")
    expect(rows(tab)).to_contain_text(["watching since then"])
    number = re.search(r"ref=(\d+)", tab.page.url)
    assert number
    application.call("dismiss", "visitor-0")
    expect(rows(tab).nth(0)).to_contain_text("ended")
    expect(rows(tab).nth(1)).to_contain_text("cancelled")
    expect(tab.page.locator(".summary")).to_have_text("2 events, and the task has ended")
    rows(tab).nth(0).get_by_role("link").click()
    expect(tab.page.locator("h1")).to_have_text("visitor-0")


def test_nothing_to_watch(tab: Tab) -> None:
    """A task that there is not."""
    tab.open("/watch?ref=nobody")
    expect(tab.page.locator(".grid-empty")).to_contain_text("Nothing to watch")


def test_left_out(tab: Tab, application: Application) -> None:
    """When more happens than can be told, the page says how much it leaves out."""
    tab.open("/watch?filter=trainee")
    expect(rows(tab)).to_contain_text(["watching since then"])
    application.call("hire", 300)
    expect(rows(tab).first).to_contain_text(re.compile(r"\d+ events left out"))
    tab.page.get_by_role("button", name="Clear").click()
    expect(rows(tab)).to_have_count(0)
