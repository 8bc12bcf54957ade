"""What the pages show of a run on trio: waits, nurseries and scopes, which can be cancelled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .harness import Application, expect
from .trio_application import HOSTILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from .harness import Tab

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def application(browser: Browser) -> Iterator[Application]:
    """The application on trio, which must end in good order."""
    started = Application("trio_application.py")
    yield started
    started.stop()


def test_rows_tell_waits(tab: Tab) -> None:
    """A row tells for what its task waits, and who has it."""
    tab.open("/tasks?filter=handler")
    expect(tab.row("handler")).to_contain_text("waits for a Lock")
    expect(tab.row("handler")).to_contain_text("holder")
    expect(tab.row("handler")).to_contain_text("trio_application.py")


def test_rows_mark_the_runtimes_own(tab: Tab) -> None:
    """Trio's own tasks are told from the application's."""
    tab.open("/tasks")
    expect(tab.row("<init>").locator(".tag")).to_have_text("system")
    expect(tab.row("server").locator(".tag")).to_be_hidden()


def test_a_task(tab: Tab) -> None:
    """Its page tells the wait and the scopes around, the innermost first, with what is left."""
    tab.open("/tasks/handler")
    expect(tab.page.locator("main")).to_contain_text("a Lock")
    expect(tab.page.locator(".why")).to_contain_text("which waits for nothing: it sleeps until")
    expect(tab.page.locator(".why p a")).to_have_count(2)
    scopes = tab.page.locator(".scopes > li")
    expect(scopes.first).to_contain_text("nursery s")
    expect(scopes.first).to_contain_text("4 tasks")
    expect(scopes.nth(1).locator(".timer")).to_contain_text("in 59m")
    expect(tab.page.get_by_text("the runtime's own").first).to_be_visible()
    tab.screenshot("trio-task")


def test_the_tree(tab: Tab) -> None:
    """Children are in their nurseries, and scopes that are particular have marks."""
    tab.open("/tree")
    expect(tab.row("<init>").locator(".twisty[data-open=true]")).to_be_visible()
    for name in ("__main__.main", "server"):
        tab.row(name).locator(".twisty[data-open=false]").click()
    expect(tab.row("server").locator(".scope")).to_have_count(2)
    expect(tab.row("writer")).to_contain_text("in nursery s")
    mark = tab.row("writer").locator(".scope").first
    expect(mark).to_have_attribute("title", re.compile(r"^scope s\d+, shielded$"))
    tab.screenshot("trio-tree")


def test_cancelling_names_all_that_goes_along(tab: Tab) -> None:
    """The dialog names the tasks, as text, and changes nothing until it is answered."""
    tab.open("/tasks/handler")
    tab.page.locator(".scopes > li").first.get_by_role("button", name="Cancel").click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel nursery s")
    for name in ("server", "holder", "handler", HOSTILE_NAME):
        expect(dialog.locator(".names")).to_contain_text(name)
    expect(dialog).to_contain_text("Shielded from it, and going on: 1 task")
    tab.screenshot("trio-cancel")
    dialog.get_by_role("button", name="Keep it running").click()
    expect(dialog).to_be_hidden()
    assert "owned" not in tab.title()
    tab.open("/tasks?filter=handler")
    expect(tab.row("handler")).to_be_visible()


def test_cancelling_a_task_means_its_scope(tab: Tab) -> None:
    """Where a task can't be cancelled alone, its nearest scope is offered."""
    tab.open("/tasks/alone")
    tab.page.get_by_role("button", name="Cancel").first.click()
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Trio cannot cancel task")
    expect(dialog.locator(".names li")).to_have_count(1)
    dialog.get_by_role("button", name="Cancel the scope").click()
    expect(tab.page.get_by_text("it was cancelled, and has been left")).to_be_visible()
    tab.screenshot("trio-cancelled")
    tab.open("/finished?filter=alone")
    expect(tab.row("alone")).to_contain_text("returned")
