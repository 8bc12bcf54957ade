"""A hundred thousand tasks: the page stays as small and as quick as with ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from .harness import Application, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from .harness import Tab

pytestmark = pytest.mark.browser

TASKS: Final = 100_000
ROWS_LIMIT: Final = 120
"""Elements of rows that a window of this size may need."""

SCROLL: Final = """async ({step, frames}) => {
    const grid = document.querySelector('.grid');
    const gaps = [];
    let last = await new Promise(requestAnimationFrame);
    for (let count = 0; count < frames; count++) {
        grid.scrollTop += step;
        const now = await new Promise(requestAnimationFrame);
        gaps.push(now - last);
        last = now;
    }
    gaps.sort((a, b) => a - b);
    return {median: gaps[frames >> 1], p99: gaps[Math.floor(frames * 0.99)], longest: gaps.at(-1)};
}"""


@pytest.fixture(scope="module")
def application(browser: Browser) -> Iterator[Application]:
    """An application with very many tasks."""
    started = Application(tasks=TASKS)
    yield started
    started.stop()


@pytest.mark.parametrize("step", [30, 300, 3_000])
def test_scrolling(tab: Tab, step: int) -> None:
    """Few rows are on the page, however many one has scrolled past; how smoothly is printed."""
    tab.open("/tasks")
    expect(tab.page.locator(".row:not(.is-loading)").first).to_be_visible()
    found = tab.page.evaluate(SCROLL, {"step": step, "frames": 180})
    print(f"{step} pixels a frame, milliseconds between frames: {found}")
    assert tab.page.locator(".row").count() <= ROWS_LIMIT
    expect(tab.page.locator(".row.is-loading:not([hidden])")).to_have_count(0)


def test_the_last_row(tab: Tab) -> None:
    """The end is one key away, and so is the beginning."""
    tab.open("/tasks?sort=name&filter=customer")
    expect(tab.row("customer-0")).to_be_visible()
    tab.page.keyboard.press("End")
    expect(tab.row(f"customer-{TASKS - 1}")).to_have_attribute("aria-selected", "true")
    expect(tab.page.locator(".grid")).to_have_attribute("aria-rowcount", str(TASKS + 1))
    tab.screenshot("many")
    tab.page.keyboard.press("Home")
    expect(tab.row("customer-0")).to_have_attribute("aria-selected", "true")


def test_the_stuck_one_is_found(tab: Tab) -> None:
    """Among so many, one is found by a part of its name, or as a group of its own."""
    tab.open("/tasks?filter=deliver")
    expect(tab.row("deliveries")).to_be_visible()
    assert tab.names() == ["deliveries"]
    expect(tab.page.locator(".summary")).to_contain_text("1 of 100,0")
    tab.open("/tasks?group=where")
    expect(tab.row("await_note")).to_be_visible()


def test_a_large_family(tab: Tab) -> None:
    """A task with very many children shows some of them, and more when asked."""
    tab.open("/tree")
    rest = tab.page.locator('[data-line="more"]:not([hidden])')
    tab.page.locator('.row[aria-level="1"] .twisty').click()
    expect(tab.page.locator('.row[aria-level="2"]').first).to_be_visible()
    tab.page.keyboard.press("End")
    expect(rest).to_contain_text("more")
    before = rest.inner_text()
    tab.page.keyboard.press("Enter")
    expect(rest).to_have_count(0)
    tab.page.keyboard.press("End")
    expect(rest).not_to_have_text(before)
    assert tab.page.locator(".row").count() <= ROWS_LIMIT
