"""Event streams: what changes, to whom, and what is too much."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiomonitor.model.changes import TaskEvent
from aiomonitor.webui import limits
from aiomonitor.webui.events import Subscriber
from aiomonitor.webui.happenings import KEPT, MOST, Happened
from aiomonitor.webui.views import Gone, Rows, make_view

from .harness import Browser, Events, watched

if TYPE_CHECKING:
    from .harness import Watched


def test_overview(browser: Browser) -> None:
    """Every stream tells how the run is doing, with the newest sample alone."""
    with Events(browser, "view=overview") as events:
        assert len(events.next("status")["samples"]) == 1
        assert events.next("status")["tasks"] >= 3


def test_rows_change(application: Watched, browser: Browser) -> None:
    """The first rows are whole; then those come that are new, and the order of all."""
    with Events(browser, "view=tasks&filter=a&sort=name&limit=50") as events:
        first = events.next("rows")
        names = [row["name"] for row in first["rows"]]
        assert {"alpha", "beta", "gamma"} <= {*names}
        assert first["order"] == [row["number"] for row in first["rows"]]
        application.add("a-newcomer")
        change = events.next("rows")
        changed = {row["name"]: row["number"] for row in change["rows"]}
        # One that was just created may change, too: its creator has got a name by having ended.
        assert "a-newcomer" in changed
        assert "alpha" not in changed
        assert sorted(change["order"]) == sorted([changed["a-newcomer"], *first["order"]])
        assert change["matched"] == first["matched"] + 1


def test_a_task_ends(application: Watched, browser: Browser) -> None:
    """A task's page is told that it has gone."""
    application.add("mayfly")
    with Events(browser, "view=task&ref=mayfly") as events:
        assert events.next("task")["task"]["name"] == "mayfly"
        browser.post("/api/tasks/mayfly/cancel")
        assert "mayfly" in events.next("gone")["detail"]


@pytest.mark.parametrize("view", ["finished", "tree", "tree&filter=beta"])
def test_other_views(browser: Browser, view: str) -> None:
    """They have rows as well."""
    with Events(browser, f"view={view}") as events:
        rows = events.next("rows")
        assert len(rows["order"]) == len(rows["rows"])


def test_what_happens(application: Watched, browser: Browser) -> None:
    """Watching tells what is done to tasks, in order, with numbers that leave no gap."""
    with Events(browser, "view=watch&filter=mayfly") as events:
        first = events.next("happened")
        assert (first["seen"], first["events"]) == (0, [])
        application.add("mayfly-1")
        application.add("another")
        told = events.next("happened")
        assert [[n, event["kind"], event["name"]] for n, event in told["events"]] == [
            [1, "created", "mayfly-1"]
        ]
        browser.post("/api/tasks/mayfly-1/cancel")
        rest = events.next("happened")
        kinds = [event["kind"] for _, event in rest["events"]]
        assert kinds == ["cancelled", "ended"]
        assert [n for n, _ in rest["events"]] == [2, 3]
        assert (rest["seen"], rest["over"], rest["since"]) == (3, False, first["since"])
    with Events(browser, "view=watch&filter=mayfly") as events:  # shared looks last a while
        assert events.next("happened")["seen"] in {0, 3}


def test_watched_task_ends(application: Watched, browser: Browser) -> None:
    """One task is watched until it ends; one that is not there is said to be gone."""
    application.add("dayfly")
    with Events(browser, "view=watch&ref=dayfly") as events:
        assert not events.next("happened")["over"]
        browser.post("/api/tasks/dayfly/cancel")
        told = events.next("happened")
        while not told["over"]:
            told = events.next("happened")
        assert told["events"][-1][1]["kind"] == "ended"
    with Events(browser, "view=watch&ref=nobody") as events:
        assert "nobody" in events.next("gone")["detail"]


class _Busy:
    """Watches an application in which much happens."""

    is_over = False

    def __init__(self, *looks: int) -> None:
        self._looks = iter(looks)
        self._number = 0

    def look(self) -> list[TaskEvent]:
        first = self._number
        self._number += next(self._looks)
        return [
            TaskEvent(kind="created", at=0.0, number=each, name="", coroutine="", text="")
            for each in range(first, self._number)
        ]


def test_left_out() -> None:
    """More than one look tells is counted; so is what a page comes too late for."""
    looks = [Happened(_Busy(170, 3, *[MOST] * 6))]
    for _ in range(8):
        looks.append(looks[-1].next())
    assert [look.seen for look in looks[:4]] == [0, 170, 173, 173 + MOST]
    first, second = (_told(looks[index].since(looks[index - 1])) for index in (1, 2))
    assert (len(first["events"]), first["events"][-1][0], first["seen"]) == (MOST, MOST, 170)
    assert [n for n, _ in second["events"]] == [171, 172, 173]
    late = _told(looks[-1].whole())["events"]
    assert len(late) == KEPT
    assert late[-1][0] == looks[-1].seen
    assert looks[2].since(looks[2]) == b""


def _told(event: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(event.split(b"data: ", 1)[1])
    return told


def test_too_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stream too many is refused, until somebody leaves."""
    monkeypatch.setattr(limits, "STREAMS", 1)
    with watched() as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        with Events(browser, "view=overview") as events:
            events.next("status")
            answer = browser.get("/api/events?view=overview")
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            assert "streams" in answer.detail


async def _slow_reader() -> list[bytes]:
    page = make_view("tasks", {})
    subscriber = Subscriber(page)
    look = Rows(rows={1: "one", 2: "two"}, totals={"matched": 2})
    subscriber.offer(b"1", look, b"change")
    subscriber.offer(b"2", look, b"change")
    told = [await subscriber.next()]
    subscriber.offer(b"3", look, b"change")
    told.append(await subscriber.next())
    subscriber.end()
    return [*told, await subscriber.next()]


def test_a_slow_reader() -> None:
    """One message waits at most; who missed one is told all again."""
    missed, change, end = anyio.run(_slow_reader)
    assert missed.startswith(b"2event: rows")
    assert b'"order": [1, 2]' in missed
    assert (change, end) == (b"3change", b"")


def test_changes() -> None:
    """Only rows that differ are told, nothing if none does, all if there was something else."""
    old = Rows(rows={1: "a", 2: "b"}, totals={"matched": 2})
    new = Rows(rows={2: "b", 3: "c"}, totals={"matched": 2})
    assert b'"order": [2, 3], "rows": ["c"]' in new.since(old)
    assert old.since(Rows(rows={1: "a", 2: "b"}, totals={"matched": 2})) == b""
    assert old.since(Gone("x")) == old.whole()
    assert Gone("x").since(Gone("x")) == b""
