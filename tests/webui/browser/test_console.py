"""The console's page, by keyboard, as a person uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import Application, expect

if TYPE_CHECKING:
    from .conftest import OpenTab
    from .harness import Tab

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=\"document.title='owned'\">"


def at_prompt(tab: Tab) -> Tab:
    """The page, once it takes an entry."""
    tab.open("/console")
    expect(tab.page.locator("#console")).to_have_attribute("data-state", "prompt")
    expect(tab.page.locator("#input")).to_be_focused()
    return tab


def enter(tab: Tab, *lines: str) -> None:
    """Type lines, each with Enter."""
    for line in lines:
        tab.page.keyboard.type(line)
        tab.page.keyboard.press("Enter")


def expect_last(tab: Tab, text: str) -> None:
    """Wait until that is the end of what came out."""
    expect(tab.page.locator("#log .came").last).to_contain_text(text)


def test_values(tab: Tab) -> None:
    """What is typed is run in the loop, and stands in the log with its value."""
    at_prompt(tab)
    expect(tab.page.locator("#log")).to_contain_text("await works")
    enter(tab, "1 + 1")
    expect_last(tab, "2")
    enter(tab, "await asyncio.sleep(0, 'slept')")
    expect_last(tab, "'slept'")
    expect(tab.page.locator("#log .entered").first).to_have_text("1 + 1")
    enter(tab, f"name = {MARKUP!r}", "name")
    expect_last(tab, "<img src=x")
    assert tab.page.locator("#log img").count() == 0
    enter(tab, r"print('\x1b[31mred')")
    expect_last(tab, "␛[31mred")
    expect(tab.page.locator(".nav [aria-current]")).to_have_text("Console")


def test_block(tab: Tab) -> None:
    """Enter adds a line, indented, until the block is complete."""
    at_prompt(tab)
    enter(tab, "def twice(x):")
    expect(tab.page.locator("#input")).to_have_value("def twice(x):\n    ")
    tab.page.keyboard.type("return 2 * x")
    tab.page.keyboard.press("Shift+Enter")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#log .entered")).to_have_text("def twice(x):\n    return 2 * x")
    enter(tab, "twice(21)")
    expect_last(tab, "42")


def test_history(tab: Tab) -> None:
    """Up brings back what was entered, also after the page was left; Down goes forward."""
    at_prompt(tab)
    enter(tab, "'first'")
    expect_last(tab, "'first'")
    enter(tab, "'second'")
    expect_last(tab, "'second'")
    at_prompt(tab)
    field = tab.page.locator("#input")
    tab.page.keyboard.type("draft")
    for key, value in {"ArrowUp": "'second'", "ArrowDown": "draft"}.items():
        tab.page.keyboard.press(key)
        expect(field).to_have_value(value)
    tab.page.keyboard.press("ArrowUp")
    tab.page.keyboard.press("ArrowUp")
    tab.page.keyboard.press("Enter")
    expect_last(tab, "'first'")


def test_completion(tab: Tab) -> None:
    """TAB completes what is certain, lists what is not, and indents where there is no word."""
    at_prompt(tab)
    field, offered = tab.page.locator("#input"), tab.page.locator("#offered")
    tab.page.keyboard.type("asyncio.get_running_l")
    tab.page.keyboard.press("Tab")
    expect(field).to_have_value("asyncio.get_running_loop")
    tab.page.keyboard.press("Control+a")
    tab.page.keyboard.type("asyncio.Even")
    tab.page.keyboard.press("Tab")
    expect(offered.locator("[aria-selected=true]")).to_have_text("asyncio.Event")
    tab.page.keyboard.press("ArrowDown")
    tab.screenshot("console-completion")
    tab.page.keyboard.press("Enter")
    expect(field).to_have_value("asyncio.EventLoop")
    expect(offered).to_be_hidden()
    tab.page.keyboard.press("Control+a")
    tab.page.keyboard.press("Delete")
    tab.page.keyboard.press("Tab")
    expect(field).to_have_value("    ")


@pytest.mark.parametrize("by", ["key", "button"])
def test_interrupt(tab: Tab, by: str) -> None:
    """What runs is stopped by Ctrl-C, or by a click; an entry that is only typed is given up."""
    at_prompt(tab)
    enter(tab, "print('begun'); await asyncio.Event().wait()")
    expect_last(tab, "begun")
    if by == "key":
        tab.page.keyboard.press("Control+c")
    else:
        tab.page.locator("#stop").click()
    expect_last(tab, "KeyboardInterrupt")
    expect(tab.page.locator("#stop")).to_be_hidden()
    tab.page.keyboard.type("not this")
    tab.page.keyboard.press("Control+c")
    expect(tab.page.locator("#input")).to_have_value("")
    expect(tab.page.locator("#log .entered").last).to_have_text("not this")


def test_end_and_again(tab: Tab) -> None:
    """Ctrl-D leaves; the page says that names are gone, and begins anew when asked to."""
    at_prompt(tab)
    enter(tab, "kept = 1")
    expect(tab.page.locator("#log .entered")).to_have_count(1)
    expect(tab.page.locator("#console")).to_have_attribute("data-state", "prompt")
    tab.page.keyboard.press("Control+d")
    expect(tab.page.locator("#over")).to_contain_text("Its names are gone")
    tab.screenshot("console-over")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#over")).to_be_hidden()
    expect(tab.page.locator("#console")).to_have_attribute("data-state", "prompt")
    enter(tab, "kept")
    expect_last(tab, "NameError")


def test_much_output(tab: Tab) -> None:
    """Megabytes do not freeze the page: it keeps the latest, and says that there was more."""
    at_prompt(tab)
    enter(tab, "for n in range(200_000): print('line', n)", "")
    expect_last(tab, "line 199999")
    expect(tab.page.locator("#log .dropped")).to_contain_text("earlier lines")
    size = tab.page.evaluate("() => document.querySelector('#log').textContent.length")
    assert size < 1_100_000
    tab.page.keyboard.press("Control+l")
    expect(tab.page.locator("#log .came")).to_have_count(0)


def test_a_blocked_loop_is_told(tab: Tab, application: Application) -> None:
    """While the loop is blocked the console says by what, and goes on afterwards."""
    at_prompt(tab)
    application.call("block")
    enter(tab, "'at last'")
    expect_last(tab, "_stand_still")
    application.call("release")
    expect_last(tab, "'at last'")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (1280, "light"), (400, "dark")])
def test_pictures(open_tab: OpenTab, width: int, scheme: str) -> None:
    """It fits the window; pictures are kept."""
    tab = at_prompt(open_tab(width=width, scheme=scheme))
    enter(tab, "[task.name for task in tasks()][:3]")
    expect_last(tab, "deliveries")
    enter(tab, "1 / 0")
    expect_last(tab, "ZeroDivisionError")
    enter(tab, "for task in tasks(limit=2):")
    tab.page.keyboard.type("print(task.number, task.name)")
    assert tab.page.evaluate("() => document.scrollingElement.scrollWidth") <= width
    tab.screenshot(f"console-{width}-{scheme}")
