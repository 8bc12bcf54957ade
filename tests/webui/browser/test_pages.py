"""What a person sees and does: each page, by mouse and keyboard, while the application runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import aiomonitor

from .application import HOSTILE_NAMES
from .harness import Application, expect

if TYPE_CHECKING:
    from .conftest import OpenTab
    from .harness import Tab

pytestmark = pytest.mark.browser

STATIC: Final = Path(aiomonitor.__file__).parent / "webui" / "static"
ASSETS_LIMIT: Final = 300_000
"""Bytes of all that the pages load, together."""
FLAME_LIMIT: Final = 100_000
"""Bytes of what draws flame graphs, and is loaded with the first one."""

PAGES: Final = (
    "/",
    "/tasks",
    "/tasks?group=where",
    "/tree",
    "/insight",
    "/health",
    "/finished",
    "/console",
    "/nowhere",
)


# --- overview -------------------------------------------------------------------------------------


def test_overview(tab: Tab) -> None:
    """It tells at a glance what runs, how its loop is, and what its tasks do."""
    tab.open("/")
    expect(tab.page.locator("#runs")).to_contain_text("application.py")
    expect(tab.page.locator("#runs")).to_contain_text("Python")
    expect(tab.page.locator(".chart canvas")).to_have_count(4)
    expect(tab.page.locator("#states")).to_contain_text("waiting")
    expect(tab.page.locator("#groups")).to_contain_text("Shop.wait")
    expect(tab.page.locator("#failures")).to_contain_text("paper <b>jam</b>")
    expect(tab.page.locator(".nav [aria-current]")).to_have_text("Overview")
    tab.wait_for(r"() => /^\d+ tasks · Overview · application\.py$/.test(document.title)")


def test_overview_leads_to_tasks(tab: Tab) -> None:
    """What is counted there can be listed by a click."""
    tab.open("/")
    tab.page.locator("#groups .card", has_text="Where they are").get_by_text("await_note").click()
    expect(tab.row("deliveries")).to_be_visible()
    assert tab.names() == ["deliveries"]
    tab.page.locator(".chip").click()
    expect(tab.row("heartbeat")).to_be_visible()


def test_blocked_loop_is_told(tab: Tab, application: Application) -> None:
    """While the loop is blocked, every page says so, and where."""
    tab.open("/tasks")
    application.call("block")
    expect(tab.page.locator("#banner")).to_contain_text("The loop is blocked")
    tab.page.locator("#banner summary").click()
    expect(tab.page.locator("#banner .frame").last).to_be_visible()
    expect(tab.page.locator("#banner")).to_contain_text("_stand_still")
    tab.screenshot("blocked")
    application.call("release")
    expect(tab.page.locator("#banner")).to_be_hidden()


# --- tasks ----------------------------------------------------------------------------------------


def test_new_tasks_appear(tab: Tab, application: Application) -> None:
    """A page that is open shows a task that was created since, and counts it in its title."""
    tab.open("/tasks?filter=newcomer")
    expect(tab.page.locator(".grid-empty")).to_contain_text("No task matches “newcomer”")
    application.call("add", 3, "newcomer")
    expect(tab.row("newcomer")).to_have_count(3)
    expect(tab.page.locator(".summary")).to_contain_text("3 of")
    expect(tab.page.locator(".grid-empty")).to_be_hidden()


def test_filter(tab: Tab) -> None:
    """`/` goes to the filter, the address holds it, and going back takes it away."""
    tab.open("/tasks")
    expect(tab.row("heartbeat")).to_be_visible()
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("DELIVERIES")
    expect(tab.row("heartbeat")).to_have_count(0)
    tab.page.keyboard.press("Enter")
    assert tab.names() == ["deliveries"]
    assert tab.page.url.endswith("/tasks?filter=DELIVERIES")
    tab.page.reload()
    expect(tab.row("deliveries")).to_be_visible()
    assert tab.names() == ["deliveries"]
    expect(tab.page.locator("#filter")).to_have_value("DELIVERIES")


def test_going_back_undoes_a_step(tab: Tab) -> None:
    """Order and group are steps of the history, too."""
    tab.open("/tasks")
    tab.page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    tab.wait_for("() => location.search === '?sort=name'")
    tab.page.get_by_label("Group").select_option("coroutine")
    expect(tab.row("Shop.heart")).to_be_visible()
    tab.page.go_back()
    tab.wait_for("() => location.search === '?sort=name'")
    expect(tab.row("heartbeat")).to_be_visible()
    tab.page.go_back()
    tab.wait_for("() => location.search === ''")
    expect(tab.page.get_by_role("columnheader", name="ID")).to_have_attribute(
        "aria-sort", "ascending"
    )


def test_what_matches_nothing_teaches(tab: Tab) -> None:
    """A filter that nothing matches can be taken away by the button that is offered."""
    tab.open("/tasks?filter=nobody")
    expect(tab.page.locator(".grid-empty")).to_contain_text("No task matches “nobody”")
    tab.screenshot("nothing")
    tab.page.get_by_role("button", name="Clear filter").click()
    expect(tab.row("heartbeat")).to_be_visible()
    assert "filter" not in tab.page.url


def test_sort(tab: Tab) -> None:
    """A click on a header sorts by it, and another one the other way round."""
    tab.open("/tasks?filter=customer")
    header = tab.page.get_by_role("columnheader", name="Name")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(tab.page.locator('[aria-rowindex="2"] a')).to_have_text("customer-0")
    assert tab.names()[:3] == ["customer-0", "customer-1", "customer-2"]
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(tab.page.locator('[aria-rowindex="2"] a')).to_have_text("customer-29")
    assert tab.page.url.endswith("?filter=customer&sort=name&reverse=true")


@pytest.mark.parametrize("by", ["coroutine", "where", "created_in"])
def test_groups(tab: Tab, by: str) -> None:
    """Tasks are grouped; a group opens as the list of its tasks."""
    tab.open(f"/tasks?group={by}")
    first = tab.page.locator('[aria-rowindex="2"]')
    expect(first).to_contain_text("Shop")
    tab.screenshot(f"groups-{by}")
    many = int(first.locator(".cell-count").inner_text().replace(",", ""))
    first.locator(".cell-name a").click()
    expect(tab.page.locator(".chip")).to_be_visible()
    expect(tab.page.locator(".grid-tasks")).to_have_attribute("aria-rowcount", str(many + 1))
    assert len(tab.names()) > 1


def test_state(tab: Tab) -> None:
    """Tasks can be restricted to those in a state."""
    tab.open("/tasks")
    tab.page.get_by_label("State", exact=True).select_option("waiting")
    tab.wait_for("() => location.search === '?by=state&key=waiting'")
    expect(tab.row("deliveries")).to_be_visible()
    assert set(tab.page.locator(".row:not([hidden]) .state").all_inner_texts()) == {"waiting"}


def test_keyboard(tab: Tab) -> None:
    """`j k` move, Enter opens, and coming back finds the same row selected."""
    tab.open("/tasks?filter=customer&sort=name")
    expect(tab.row("customer-9")).to_be_visible()
    for key in "jjjk":
        tab.page.keyboard.press(key)
    selected = tab.page.locator('.row[aria-selected="true"]')
    expect(selected).to_contain_text("customer-1")
    expect(tab.page.locator(".grid")).to_have_attribute("aria-activedescendant", "row-1")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("h1")).to_have_text("customer-1")
    tab.page.keyboard.press("Escape")
    expect(selected).to_contain_text("customer-1")


def test_help(tab: Tab) -> None:
    """`?` lists the keys, and Esc closes that."""
    tab.open("/tasks")
    tab.page.keyboard.press("?")
    dialog = tab.page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_contain_text("cancel the selected task")
    expect(dialog).to_contain_text("pause, or resume")
    tab.screenshot("help")
    tab.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


# --- pause and connection -------------------------------------------------------------------------


def test_pause(tab: Tab, open_tab: OpenTab, application: Application) -> None:
    """A paused page stays as it is while others go on, and catches up when it is resumed."""
    tab.open("/tasks?filter=latecomer")
    tab.page.keyboard.press("Space")
    tab.expect_state("paused")
    assert "paused=1" in tab.page.url
    expect(tab.page.get_by_role("button", name="Resume")).to_be_visible()
    other = open_tab()
    other.open("/tasks?filter=latecomer")
    application.call("add", 2, "latecomer")
    expect(other.row("latecomer")).to_have_count(2)
    expect(tab.row("latecomer")).to_have_count(0)
    tab.page.keyboard.press("Space")
    expect(tab.row("latecomer")).to_have_count(2)
    assert "paused" not in tab.page.url


def test_a_paused_address_shows_one_moment(tab: Tab) -> None:
    """The bookmark of a paused page shows what there is when it is opened, and no more."""
    tab.page.goto(tab.url("/tasks?filter=deliveries&paused=1"))
    expect(tab.row("deliveries")).to_be_visible()
    tab.expect_state("paused")
    tab.wait_for("() => document.title.includes('tasks')")


def test_a_lost_connection_is_told_and_comes_back(open_tab: OpenTab) -> None:
    """An application that dies is missed at once; when it is there again, its page goes on."""
    mortal = Application()
    tab = open_tab()
    tab.page.goto(mortal.url("/tasks"))
    tab.expect_state("live")
    mortal.kill()
    tab.expect_state("lost")
    expect(tab.page.locator("#connection")).to_have_text("connection lost")
    assert tab.title().startswith("✕ ")
    tab.screenshot("lost")
    again = Application(port=mortal.port)
    tab.expect_state("live")
    expect(tab.row("heartbeat")).to_be_visible()
    again.stop()
    tab.complaints.clear()  # the browser has told of each attempt
    tab.hosts.clear()


def test_a_hidden_tab_sleeps(tab: Tab) -> None:
    """A tab that nobody looks at for long leaves its connection to others, and resumes."""
    tab.page.clock.install()
    tab.open("/tasks")
    hide = """(hidden) => {
        Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    tab.page.evaluate(hide, arg=True)
    tab.page.clock.fast_forward("00:30")
    tab.expect_state("asleep")
    tab.page.evaluate(hide, arg=False)
    tab.expect_state("live")


# --- one task -------------------------------------------------------------------------------------


def test_task(tab: Tab) -> None:
    """A stuck task's page shows the line where it is stuck, and where it was created."""
    tab.open("/tasks?filter=deliveries")
    tab.row("deliveries").get_by_role("link").click()
    expect(tab.page.locator("h1")).to_have_text("deliveries")
    chain = tab.page.locator(".card", has_text="Await chain")
    expect(chain.locator(".frame")).to_have_count(3)
    expect(chain).to_contain_text("await self._note.wait()  # THE STUCK LINE")
    expect(chain.locator(".frame").last).to_contain_text("waits here for Future")
    expect(tab.page.locator(".card", has_text="How it came to be")).to_contain_text(
        'self.keep(self.book_deliveries(), "deliveries")'
    )
    tab.wait_for("() => document.title.includes('deliveries')")
    tab.screenshot("task")


def test_copy(tab: Tab) -> None:
    """A stack is copied as a traceback has it."""
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open("/tasks/deliveries")
    tab.page.get_by_role("button", name="Copy stack").click()
    expect(tab.page.get_by_role("button", name="Copied")).to_be_visible()
    copied: str = tab.page.evaluate("() => navigator.clipboard.readText()")
    assert "(deliveries): waiting" in copied
    assert ", in Shop.await_note\n    await self._note.wait()  # THE STUCK LINE\n" in copied


def test_cancel_by_key(tab: Tab, application: Application) -> None:
    """`c` asks first; then the task ends, leaves the list, and is found among the finished."""
    application.call("add", 2, "doomed")
    tab.open("/tasks?filter=doomed&sort=name")
    expect(tab.row("doomed")).to_have_count(2)
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("c")
    dialog = tab.page.get_by_role("dialog")
    expect(dialog).to_contain_text("doomed-0")
    tab.screenshot("cancel")
    tab.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert application.call("is_alive", "doomed-0")
    tab.page.keyboard.press("c")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".toast")).to_contain_text("doomed-0")
    expect(tab.row("doomed-0")).to_have_count(0)
    assert tab.names() == ["doomed-1"]
    assert not application.call("is_alive", "doomed-0")
    tab.open("/finished?filter=doomed")
    expect(tab.row("doomed-0")).to_contain_text("cancelled")


def test_a_key_never_hits_the_next_row(tab: Tab, application: Application) -> None:
    """When the selected task has gone, nothing is selected, and `c` does nothing."""
    application.call("add", 2, "sibling")
    tab.open("/tasks?filter=sibling&sort=name")
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("c")
    tab.page.keyboard.press("Enter")
    expect(tab.row("sibling")).to_have_count(1)
    expect(tab.page.locator('.row[aria-selected="true"]')).to_have_count(0)
    tab.page.keyboard.press("c")
    expect(tab.page.get_by_role("dialog")).to_be_hidden()
    tab.page.keyboard.press("j")
    expect(tab.page.locator('.row[aria-selected="true"]')).to_contain_text("sibling-1")


def test_cancel_on_its_page(tab: Tab, application: Application) -> None:
    """The page of a task that is cancelled stays, tells its end, and leads to how it ended."""
    application.call("add", 1, "lonely")
    tab.open("/tasks/lonely-0")
    tab.page.get_by_role("button", name="Cancel", exact=True).click()
    tab.page.get_by_role("button", name="Cancel the task").click()
    expect(tab.page.locator(".ended-card")).to_contain_text("has ended")
    expect(tab.page.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    expect(tab.page.locator(".card", has_text="Await chain")).to_contain_text("Shop.wait")
    tab.screenshot("ended-meanwhile")
    tab.page.get_by_role("link", name="How it ended").click()
    expect(tab.page.locator(".state.big")).to_have_text("cancelled")


def test_no_such_task(tab: Tab) -> None:
    """A task that never was is no dead end."""
    tab.page.goto(tab.url("/tasks/987654321"))
    expect(tab.page.locator(".empty")).to_contain_text("No task 987654321")
    tab.page.get_by_role("link", name="All tasks").click()
    expect(tab.row("heartbeat")).to_be_visible()
    tab.complaints.clear()  # the browser tells of each 404


# --- tree and finished ----------------------------------------------------------------------------


def test_tree(tab: Tab) -> None:
    """Branches unfold by keys and mouse; the address remembers which."""
    tab.open("/tree?filter=grandparent")
    row = tab.row("grandparent")
    expect(row).to_have_attribute("aria-expanded", "false")
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("l")
    expect(tab.page.locator('.row[aria-level="2"]')).to_contain_text("parent")
    tab.page.locator('.row[aria-level="2"] .twisty').click()
    expect(tab.page.locator('.row[aria-level="3"]')).to_contain_text("child")
    tab.page.reload()
    expect(tab.page.locator('.row[aria-level="3"]')).to_contain_text("child")
    tab.screenshot("tree")
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("h")
    expect(row).to_have_attribute("aria-expanded", "false")
    expect(tab.page.locator('.row[aria-level="2"]:not([hidden])')).to_have_count(0)


def test_tree_shows_roots(tab: Tab) -> None:
    """Without a filter it begins with the tasks that no live task has created."""
    tab.open("/tree")
    expect(tab.page.locator('.row[aria-level="1"]').first).to_be_visible()
    expect(tab.page.locator(".summary")).to_contain_text("root")


def test_finished(tab: Tab) -> None:
    """A failure is found by its outcome, with its exception and where it was raised."""
    tab.open("/finished")
    tab.page.get_by_label("Outcome").select_option("failed")
    expect(tab.page.locator(".grid")).to_have_attribute("aria-rowcount", "2")
    expect(tab.row("label-1")).to_contain_text("ValueError: paper <b>jam</b>")
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator("h1")).to_have_text("label-1")
    expect(tab.page.locator(".state.big")).to_have_text("failed")
    raised = tab.page.locator(".card", has_text="Where the exception was raised")
    expect(raised).to_contain_text('raise ValueError("paper <b>jam</b>")')
    tab.screenshot("failed")


def test_who_cancelled_it(tab: Tab) -> None:
    """A cancelled task's page names who did it, and from which line."""
    tab.open("/finished/clerk")
    expect(tab.page.locator(".state.big")).to_have_text("cancelled")
    asked = tab.page.locator(".card", has_text="Who asked it to cancel")
    expect(asked).to_contain_text("(boss)")
    expect(asked).to_contain_text("clerk.cancel()")


# --- all pages ------------------------------------------------------------------------------------


def test_names_are_text(tab: Tab, application: Application) -> None:
    """Whatever a task is called, no page takes it for markup."""
    tab.open("/tasks")
    for name in HOSTILE_NAMES:
        expect(tab.page.locator(".cell-name a", has_text=name[:40]).first).to_be_attached()
    pages = ["/", "/tree", "/finished", "/finished/label-1", "/tasks?group=coroutine"]
    tasks = tab.page.request.get(application.url("/api/tasks?limit=1000")).json()["tasks"]
    pages += [f"/tasks/{task['number']}" for task in tasks if task["name"] in HOSTILE_NAMES]
    for path in pages:
        tab.open(path)
        expect(tab.page.locator("main")).to_be_visible()
        expect(tab.page.locator('img[src="x"], main script, svg')).to_have_count(0)
        assert "owned" not in tab.title().replace("document.title='owned'", "")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (1280, "light"), (400, "dark")])
def test_pictures(open_tab: OpenTab, width: int, scheme: str) -> None:
    """Every page fits the window, in the colours that the user prefers; pictures are kept."""
    tab = open_tab(width=width, scheme=scheme)
    paths = {**dict.fromkeys(PAGES), "/tasks/deliveries": None, "/finished/label-1": None}
    for path in paths:
        tab.page.goto(tab.url(path))
        tab.expect_state("live")
        expect(tab.page.locator("main > *").first).to_be_visible()
        tab.wait_for("() => !document.querySelector('[aria-busy]')")
        background = tab.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(14, 17, 19)" if scheme == "dark" else "rgb(247, 247, 245)")
        wide = tab.page.evaluate("() => document.scrollingElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} pixels wide"
        name = path.strip("/").replace("/", "-").replace("?", "-").replace("=", "-") or "overview"
        tab.screenshot(f"{name}-{width}-{scheme}")
    tab.complaints[:] = [each for each in tab.complaints if "404" not in each]


def test_motion_is_optional(open_tab: OpenTab) -> None:
    """Nothing moves for those who do not want that."""
    pulse = (
        "() => getComputedStyle(document.querySelector('#connection'), '::before').animationName"
    )
    tab = open_tab()
    tab.open("/tasks")
    assert tab.page.evaluate(pulse) == "breathe"
    tab = open_tab(motion=False)
    tab.open("/tasks")
    assert tab.page.evaluate(pulse) == "none"


def test_every_control_has_a_name(tab: Tab) -> None:
    """What can be used can be named by a screen reader, and is reached by Tab."""
    for path in ("/console", *PAGES[:-2]):  # not the console at last: it takes the focus
        tab.open(path)
        nameless = tab.page.evaluate(
            """() => [...document.querySelectorAll(
                    'button, input, textarea, select, a[href], [role=grid]')]
                .filter((each) => each.checkVisibility() && !each.ariaHidden)
                .filter((each) => !each.ariaLabel && !each.textContent.trim())
                .filter((each) => !each.labels?.length)
                .map((each) => each.outerHTML)"""
        )
        assert nameless == []
    tab.page.keyboard.press("Tab")
    expect(tab.page.locator(":focus")).to_have_text("Skip to the page")


def _bytes(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def test_assets_are_small(tab: Tab) -> None:
    """All that the pages load is small together, and comes with the package."""
    files = [
        path
        for path in STATIC.rglob("*")
        if path.is_file() and path.name not in ("LICENSE", "README.md")
    ]
    later = [path for path in files if path.parent.name in ("d3", "flamegraph")]
    size = sum(path.stat().st_size for path in files) - (drawn := _bytes(later))
    print(f"assets: {size} bytes, and {drawn} for flame graphs, once one is drawn")
    assert size < ASSETS_LIMIT
    assert drawn < FLAME_LIMIT
    tab.open("/")
    names = tab.page.evaluate("() => performance.getEntriesByType('resource').map((e) => e.name)")
    static = {name for name in names if "/static/" in name}
    assert {Path(name).suffix for name in static} >= {".js", ".css", ".svg"}
