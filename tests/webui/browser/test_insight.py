"""What the pages Insight and Health show of an application in which much is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .harness import Application, expect
from .troubled_application import HOSTILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from .conftest import OpenTab
    from .harness import Tab

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def application(browser: Browser) -> Iterator[Application]:
    """The application, whose loop has been blocked once."""
    started = Application("troubled_application.py")
    started.call("block", 0.3)
    yield started
    started.stop()


# --- what is wrong --------------------------------------------------------------------------------


def test_findings(tab: Tab) -> None:
    """The overview tells them, and leads to all; each has a remedy, and links to its tasks."""
    tab.open("/")
    finding = tab.page.locator("#findings li", has_text="deadlock").first
    expect(finding).to_contain_text("Remedy: ")
    expect(finding.locator(".remedy code")).to_have_text("cancel")
    expect(finding.locator(".remedy")).not_to_contain_text("`")
    expect(finding).to_have_attribute("data-severity", "error")
    tab.page.locator("#findings").get_by_role("link", name="all").click()
    finding = tab.page.locator("#findings li", has_text="deadlock").first
    expect(finding).to_contain_text(HOSTILE_NAME)  # as text
    finding.get_by_role("link", name="(anna)").first.click()
    expect(tab.page.locator("h1")).to_have_text("anna")


@pytest.mark.parametrize("path", ["/", "/insight"])
def test_dump(tab: Tab, path: str) -> None:
    """All there is to know is saved as a file, which is named after the application."""
    tab.open(path)
    with tab.page.expect_download() as waiting:
        tab.page.get_by_role("link", name="Save a dump").click()
    saved = waiting.value
    assert saved.suggested_filename == "troubled_application.py-dump.txt"
    text = saved.path().read_text("utf-8")
    assert "=== run 1" in text
    assert "deadlock" in text
    assert HOSTILE_NAME in text


def test_deadlocks(tab: Tab) -> None:
    """A ring: each task with its line and what it waits for, and the first one again."""
    tab.open("/insight")
    ring = tab.page.locator("#deadlocks .ring").first
    expect(ring.locator("li")).to_have_count(4)
    first, second, third, last = (ring.locator("li").nth(index) for index in range(4))
    for name, link in (("anna", first), ("boris", second), (HOSTILE_NAME, third)):
        expect(link).to_contain_text(name)
        expect(link).to_contain_text(re.compile(r"waits for Lock#\d+, held by"))
        expect(link).to_contain_text("self.locks[(index + 1) % 3]")
    expect(last).to_contain_text("anna")


def test_shared(tab: Tab) -> None:
    """Who has a lock and who waits for it; how full a queue is."""
    tab.open("/insight")
    semaphore = tab.page.locator("#locks tr", has_text="Semaphore#")
    expect(semaphore.locator("td").nth(1)).to_have_text("3")
    expect(semaphore.locator("td").nth(2)).to_contain_text("(stamper-0)")
    expect(semaphore.locator("td").nth(3)).to_contain_text("(stamper-4)")
    expect(tab.page.locator("#queues tr", has_text="Queue#")).to_contain_text("3 of 3")


def test_changes(tab: Tab, application: Application) -> None:
    """A mark, and what is new since, by where it was created; also after a reload."""
    tab.open("/insight")
    expect(tab.page.locator("#changes")).to_contain_text("Mark the tasks")
    tab.page.keyboard.press("m")
    expect(tab.page.locator("#changes")).to_contain_text("No task is new")
    application.call("hire", 3)
    row = tab.page.locator("#changes tbody tr")
    expect(row.locator("td").first).to_have_text("3")
    expect(row).to_contain_text("Office.keep")
    tab.page.reload()
    expect(row.locator("td").first).to_have_text("3")


def test_stacks(tab: Tab) -> None:
    """Groups of one stack unfold, stay unfolded, and may be made coarser."""
    tab.open("/insight")
    stacks = tab.page.locator("#stacks")
    expect(stacks.locator("summary", has_text="Office.put > Queue.put")).to_be_visible()
    expect(stacks).to_contain_text(re.compile(r"\d stacks of \d+ tasks"))
    fine = stacks.locator("summary").count()
    stacks.get_by_role("button", name="Same functions").click()
    expect(stacks.get_by_role("button", name="Same functions")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(stacks.locator("summary", has_text="Office.put > Queue.put")).to_have_count(1)
    assert stacks.locator("summary").count() <= fine
    stacks.locator("summary", has_text="Office.put").click()
    expect(stacks.locator("[open] .frame").first).to_contain_text("Office.put")
    tab.page.go_back()


# --- health ---------------------------------------------------------------------------------------


def test_lag(tab: Tab) -> None:
    """A histogram for each window, with the figures in words."""
    tab.open("/health")
    windows = tab.page.locator("#lag section")
    expect(windows.first).to_contain_text("The last minute")
    expect(windows.first).to_contain_text("median")
    expect(windows.first.locator("tbody tr").first).to_contain_text("≤")
    expect(tab.page.locator("#lag")).to_contain_text(re.compile(r"\d stalls? of 100 ms or longer"))


def test_stalls(tab: Tab, application: Application) -> None:
    """When the loop was blocked, for how long, and by which line."""
    tab.open("/health")
    stall = tab.page.locator("#stalls .told > li", has_text="time.sleep")
    stall = stall.filter(has_text="blocking call").last
    for _ in range(5):
        if stall.count():
            break
        application.call("block", 0.3)  # a busy machine may have kept the watchdog away
        tab.page.wait_for_timeout(1500)
    stall.locator("summary").click()
    expect(stall.locator(".frame").last).to_contain_text("THE BLOCKING LINE")


def test_top(tab: Tab) -> None:
    """Nothing is metered until somebody wants it; then the busy task is first, with its share."""
    tab.open("/health")
    top = tab.page.locator("#top")
    expect(top).to_contain_text("Nothing is metered")
    top.get_by_role("button", name="Meter").click()
    expect(top.locator("tbody tr").first).to_contain_text("(counter)")
    top.get_by_role("button", name="By coroutine").click()
    expect(top.locator("tbody tr").first).to_contain_text("Office.count")
    top.get_by_role("button", name="Stop").click()
    expect(top.get_by_role("button", name="Meter")).to_be_visible()


def test_profile(tab: Tab, tmp_path: Path) -> None:
    """A flame graph in which one can find and enlarge, a table, and the stacks as a file."""
    tab.open("/health")
    profile = tab.page.locator("#profile")
    profile.get_by_label("Seconds").fill("1")
    profile.get_by_role("button", name="Profile").click()
    box = profile.locator(".frame", has_text="add_up (troubled_application.py)")
    expect(box).to_be_visible()
    box.hover()
    expect(profile.locator(".flame-details")).to_contain_text(re.compile(r"add_up.*samples?, \d+"))
    profile.get_by_label("Find in the graph").fill("<genexpr> (")
    expect(profile.locator(".flame-details")).to_contain_text("is in")
    box.click()
    expect(profile.locator(".fade").first).to_be_attached()
    profile.get_by_role("button", name="Whole graph").click()
    expect(profile.locator(".fade")).to_have_count(0)
    profile.get_by_role("button", name="add_up", exact=True).click()
    expect(profile.get_by_label("Find in the graph")).to_have_value("add_up")
    with tab.page.expect_download() as download:
        profile.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "stacks")
    lines = (tmp_path / "stacks").read_text().splitlines()
    assert any(re.fullmatch(r"counter;.*Office\.count.*;.*add_up.* \d+", line) for line in lines)


# --- all of it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 480])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures(open_tab: OpenTab, width: int, scheme: str) -> None:
    """The pages fit into their window, however wide and bright; pictures are kept for people."""
    tab = open_tab(width=width, scheme=scheme)
    for page, part in (("insight", "#stacks summary"), ("health", "#stalls li")):
        tab.open(f"/{page}")
        expect(tab.page.locator(part).first).to_be_visible()
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        tab.screenshot(f"{page}-{width}-{scheme}")


def test_unfolded_stays_so(tab: Tab, application: Application) -> None:
    """A part that changes keeps what was unfolded, and where the keyboard is."""
    tab.open("/insight")
    summary = tab.page.locator("#stacks summary").first
    summary.focus()
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("#stacks [open]")).to_have_count(1)
    number = summary.locator("strong")
    before = number.inner_text()
    application.call("hire", 5)
    # A page asks the less often the longer it waits for an answer, on a busy machine half a minute.
    expect(number).not_to_have_text(before, timeout=90_000)
    expect(tab.page.locator("#stacks [open]")).to_have_count(1)
    assert tab.page.evaluate("document.activeElement.tagName") == "SUMMARY"
