"""What the API tells of what is wrong, of the loop's health and of its load."""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.errors import AiomonitorError
from aiomonitor.model import FrameInfo
from aiomonitor.model.load import Profile, ProfileStack
from aiomonitor.webui import limits
from aiomonitor.webui.profiles import KEPT, Profiles, report

from .harness import Browser, watched

if TYPE_CHECKING:
    from aiomonitor import Monitor

    from .harness import Watched


def test_findings(browser: Browser, monitor: Monitor) -> None:
    """What the last look has found; a new one if that is wanted."""
    looked = browser.get("/api/findings?fresh=true").json
    assert browser.get("/api/findings").json["at"] >= looked["at"]
    assert {rule["name"] for rule in looked["rules"]} == {*monitor.rule_thresholds}
    assert browser.get("/api/findings?fresh=true").json["at"] > looked["at"]


def test_shared(application: Watched, browser: Browser) -> None:
    """Locks and queues, and how many tasks were looked at."""
    for path in ("/api/locks?limit=1", "/api/queues?limit=1"):
        page = browser.get(path).json
        assert page["looked_at"] >= 3
        assert len(page["objects"]) <= 1
    # Nobody has the events that these wait for, but the test has the tasks.
    live = sum(not task.done() for task in application.kept)  # other tests have cancelled some
    assert browser.get("/api/deadlocks").json["looked_at"] >= live


def test_waits(application: Watched, browser: Browser) -> None:
    """Who waits for whom: all, below one task, so many lines, so deep; and no such task."""
    names = {line["task"]["name"] for line in browser.get("/api/waits?limit=1000").json["lines"]}
    assert {task.get_name() for task in application.kept if not task.done()} <= names
    page = browser.get("/api/waits?ref=gamma&limit=1").json
    assert [(line["depth"], line["mark"]) for line in page["lines"]] == [(0, "")]
    assert browser.get("/api/waits?depth=1&limit=5").status == 200
    assert "nobody" in browser.get("/api/waits?ref=nobody").detail
    assert browser.get("/api/waits?depth=-1").status == 400


def test_health(browser: Browser) -> None:
    """The lag by windows, each with as many buckets as there are bounds, and one beyond."""
    health = browser.get("/api/health").json
    assert health["threshold"] == pytest.approx(0.1)
    assert health["windows"]
    for window in health["windows"]:
        assert len(window["buckets"]) == len(health["bounds"]) + 1


def test_stalls(browser: Browser) -> None:
    """There is none of such a number."""
    assert isinstance(browser.get("/api/stalls").json["stalls"], list)
    answer = browser.get("/api/stalls/123456")
    assert (answer.status, answer.detail) == (404, "no stall 123456 is remembered")


def test_marks() -> None:
    """A mark under a name, and what is new and gone since."""
    with watched() as (application, monitor):
        browser = Browser(monitor.webui_port or 0)
        assert browser.get("/api/diff?name=noon").status == 404
        assert browser.get("/api/diff").status == 404
        json = {"Content_Type": "application/json"}
        marked = browser.post("/api/mark", b'{"name": "noon"}', **json).json
        assert (marked["name"], marked["new"], marked["gone"]) == ("noon", 0, 0)
        application.add("newcomer")
        found = browser.get("/api/diff?name=noon&limit=1").json
        assert found["new"] == 1
        assert [site["new"] for site in found["sites"]] == [1]
        assert browser.post("/api/mark", b'{"name": 3}', **json).status == 400


def test_top(browser: Browser) -> None:
    """An account of some time, in seconds."""
    top = browser.get("/api/top?seconds=0.1&limit=5").json
    assert top["seconds"] >= 0.1
    for refused in ("0", "1000", "nan", "x", "1e999", "-1"):
        assert browser.get(f"/api/top?seconds={refused}").status == 400, refused


def test_top_is_in_nobodys_way(
    monitor: Monitor, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While many pages wait for an account, others get their answers."""
    entered, released = threading.Semaphore(0), threading.Event()

    def top(_seconds: float, *, limit: int | None) -> Any:
        entered.release()
        assert released.wait(30)
        raise AiomonitorError("it was a test")

    monkeypatch.setattr(monitor, "top", top)
    askers = [
        threading.Thread(target=browser.get, args=["/api/top"]) for _ in range(limits.TOPS_AT_ONCE)
    ]
    for asker in askers:
        asker.start()
    try:
        for _ in askers:
            assert entered.acquire(timeout=30)
        assert browser.get("/api/status").status == 200
    finally:
        released.set()
        for asker in askers:
            asker.join()


def frame(line: int) -> FrameInfo:
    return FrameInfo(filename="/shop/worker.py", lineno=line, function="work", source="")


def make_profile(*stacks: ProfileStack) -> Profile:
    return Profile(
        seconds=1.0,
        interval=0.005,
        samples=sum(stack.samples for stack in stacks),
        cpu=0.5,
        sampled=0.5,
        exact=True,
        note="",
        stacks=stacks,
    )


STACKS = (
    ProfileStack(task="busy;one", frames=(frame(1), frame(2)), samples=5),
    ProfileStack(task="", frames=(frame(1), frame(3)), samples=2),
    ProfileStack(task="", frames=(frame(4),), samples=1),
)


def test_report() -> None:
    """Each frame once, and how many samples are in stacks that are not told."""
    told = report(make_profile(*STACKS), 7, 2)
    assert (told.number, told.samples, told.left_out) == (7, 8, 1)
    assert [each.lineno for each in told.frames] == [1, 2, 3]
    assert [tuple(row) for row in told.stacks] == [("busy;one", 5, (0, 1)), ("", 2, (0, 2))]


def test_the_last_profiles_are_kept() -> None:
    """So many, by numbers that are never used again."""
    kept = Profiles()
    numbers = [kept.keep(f"text {index}") for index in range(KEPT + 1)]
    assert numbers == list(range(1, KEPT + 2))
    assert kept.text(1) is None
    assert kept.text(2) == "text 1"


def test_profile(
    monitor: Monitor,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A profile, its stacks as text, and a line in the audit log."""
    monkeypatch.setattr(monitor, "profile", lambda _seconds: make_profile(*STACKS))
    with caplog.at_level(logging.INFO, "aiomonitor.audit"):
        answer = browser.post("/api/profile", b'{"seconds": 2}', Content_Type="application/json")
    assert (answer.status, answer.json["samples"]) == (200, 8)
    first, last = (record.getMessage() for record in caplog.records)
    assert re.fullmatch(r"127\.0\.0\.1:\d+: profile 2\.0 \(web\)", first)
    assert last == f"{first}: done"
    text = browser.get(f"/api/profile/{answer.json['number']}.collapsed")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    first, *rest = text.body.decode().splitlines()
    assert first == "busy,one;work (worker.py:1 work);work (worker.py:2 work) 5"
    assert len(rest) == 2
    assert browser.get("/api/profile/99.collapsed").status == 404
    assert browser.get("/api/profile").status == 405


def test_no_profile(browser: Browser) -> None:
    """Of a loop in another thread there is none, and it is told why; only our own pages may ask."""
    json = {"Content_Type": "application/json"}
    answer = browser.post("/api/profile", b'{"seconds": 0.2}', **json)
    assert (answer.status, "another thread than the main one" in answer.detail) == (409, True)
    assert browser.post("/api/profile", X_Aiomonitor=None).status == 403
    assert browser.post("/api/profile", b'{"seconds": 1000}', **json).status == 400


def test_pages(browser: Browser) -> None:
    """Are there."""
    for page in ("insight", "health"):
        assert browser.get(f"/{page}").status == 200
        assert browser.get(f"/static/js/pages/{page}.js").status == 200


# --- dumps ----------------------------------------------------------------------------------------


def test_dump(application: Watched, browser: Browser) -> None:
    """All there is to know, as the command `dump` writes it: as text, or as JSON."""
    text = browser.get("/api/dump")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.body.startswith(b"=== aiomonitor")
    assert text.body.endswith(b"=== end of the dump ===\n")
    found = browser.get("/api/dump?json=true")
    assert found.headers["content-type"] == "application/json"
    [run] = found.json["runs"]
    assert run["address"]
    assert run["tasks"] >= sum(not task.done() for task in application.kept)
    assert browser.get("/api/dump?json=1").status == 400


def test_dump_is_for_nobody_else(browser: Browser) -> None:
    """No other site may have one made, not even by a link to it."""
    for mode in ("navigate", "no-cors"):
        answer = browser.get("/api/dump", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode)
        assert answer.status == 403
    with watched(token="let-me-in") as (_, monitor):  # noqa: S106
        assert Browser(monitor.webui_port or 0).get("/api/dump").status == 401


def test_dump_is_in_nobodys_way(
    monitor: Monitor, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While dumps are made, which may take long, others get their answers."""
    entered, released = threading.Event(), threading.Event()

    def dumped(*, json: bool) -> str:
        entered.set()
        assert released.wait(30)
        return "all there is to know"

    monkeypatch.setattr(monitor, "dumped", dumped)
    with ThreadPoolExecutor(3) as askers:
        answers = [askers.submit(browser.get, "/api/dump") for _ in range(3)]
        try:
            assert entered.wait(30)
            assert browser.get("/api/status").status == 200
        finally:
            released.set()
    assert {answer.result().body for answer in answers} == {b"all there is to know"}
