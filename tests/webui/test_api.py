"""What each path answers, with each status code, over real connections."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from aiomonitor.webui import limits

from .harness import XSS, Browser, watched

if TYPE_CHECKING:
    from .harness import Watched


def test_status(browser: Browser) -> None:
    """The overview's figures, with a sample of now."""
    status = browser.get("/api/status").json
    assert status["runtime"] == "asyncio"
    assert status["tasks"] >= 3
    assert status["states"]["waiting"] >= 3
    assert status["loop_state"] == "running"
    assert status["blocked_for"] is None
    at, tasks, lag, *_ = status["samples"][-1]
    assert (at > 1e9, tasks >= 3, 0 <= lag < 60) == (True, True, True)


def test_tasks(browser: Browser) -> None:
    """Live tasks, filtered, sorted, and a page at a time."""
    page = browser.get("/api/tasks?filter=A&sort=name&limit=2").json
    assert [task["name"] for task in page["tasks"]] == ["alpha", "beta"]
    assert (page["matched"], page["cursor"]) == (3, "2")
    page = browser.get("/api/tasks?filter=a&sort=name&limit=2&cursor=2").json
    assert [task["name"] for task in page["tasks"]] == ["gamma"]
    assert page["cursor"] is None
    page = browser.get("/api/tasks?filter=a&sort=name&reverse=true").json
    assert [task["name"] for task in page["tasks"]] == ["gamma", "beta", "alpha"]


def test_a_task(browser: Browser) -> None:
    """One task by name or number, with its stacks."""
    stack = browser.get("/api/tasks/beta").json
    assert stack["frames"][0]["function"].endswith("_wait")
    number = stack["task"]["number"]
    assert browser.get(f"/api/tasks/{number}").json["task"]["name"] == "beta"


def test_why(browser: Browser) -> None:
    """What holds a task up, as a chain and in a sentence."""
    why = browser.get("/api/tasks/beta/why").json
    assert re.search(r"\(beta\) waits for Event#\d+\.$", why["sentence"])
    assert [link["name"] for link in why["links"]] == ["beta"]
    assert browser.get("/api/tasks/nobody/why").status == 404


def test_members(browser: Browser) -> None:
    """Each group can be listed by its key: just so many tasks as were counted."""
    for by in ("coroutine", "created_in", "where", "state"):
        for group in browser.get(f"/api/groups?by={by}").json["groups"]:
            query = urlencode({"by": by, "key": group["key"], "sort": "name", "limit": 1})
            page = browser.get(f"/api/tasks?{query}").json
            assert page["matched"] == group["count"], (by, group["key"])
            assert len(page["tasks"]) == 1
    assert browser.get("/api/tasks?by=coroutine&key=nothing").json["matched"] == 0


def test_groups(browser: Browser) -> None:
    """Tasks by what they share."""
    for by in ("coroutine", "created_in", "where"):
        page = browser.get(f"/api/groups?by={by}&filter=a").json
        assert [group["count"] for group in page["groups"]] == [3], by
        assert page["found"] == 1


def test_tree(browser: Browser) -> None:
    """Roots, and matches with the path to them."""
    roots = browser.get("/api/tree").json
    assert roots["total"] >= 3
    found = browser.get("/api/tree?filter=gamma").json["nodes"]
    assert [(node["task"]["name"], node["children"], node["path"]) for node in found] == [
        ("gamma", 0, [])
    ]


def test_threads(browser: Browser) -> None:
    """What the threads do, the loop's first."""
    threads = browser.get("/api/threads").json["threads"]
    assert threads[0]["loop_state"] == "running"


def test_cancel(caplog: pytest.LogCaptureFixture) -> None:
    """A cancelled task is gone, listed with its canceller, and who asked is in the log."""
    with watched() as (application, monitor):
        browser = Browser(monitor.webui_port or 0)
        application.add("victim")
        number = browser.get("/api/tasks/victim").json["task"]["number"]
        with caplog.at_level(logging.INFO, "aiomonitor.audit"):
            answer = browser.post(
                f"/api/tasks/{number}/cancel",
                b'{"timeout": 30}',
                Content_Type="application/json",
            )
        assert answer.json["outcome"] == "ended"
        assert f"cancel {number}" in caplog.text
        assert "127.0.0.1:" in caplog.text
        assert "has ended" in browser.get(f"/api/tasks/{number}").detail
        [row] = browser.get("/api/finished?filter=victim").json["tasks"]
        assert (row["outcome"], row["number"]) == ("cancelled", number)
        ended = browser.get(f"/api/finished/{number}").json
        assert "this monitor" in ended["cancellations"][0]["by"]
        assert "not ended" not in browser.post(f"/api/tasks/{number}/cancel").detail


def test_too_many_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that runs wild is stopped, and told when to come again; tasks or scopes."""
    monkeypatch.setattr(limits, "CANCELS", (2, 60.0))
    with watched() as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        for what in ("tasks", "scopes"):
            assert browser.post(f"/api/{what}/nobody/cancel").status == 404
        answer = browser.post("/api/tasks/nobody/cancel")
        assert (answer.status, int(answer.headers["retry-after"]) > 0) == (429, True)
        assert "too many" in answer.detail


BAD = {
    "/api/tasks?limit=0": "limit is '0': give a whole number from 1 to 1000",
    "/api/tasks?limit=x": "limit is 'x': give a whole number from 1 to 1000",
    "/api/tasks?limit=": "limit is '': give a whole number from 1 to 1000",
    "/api/tasks?limit=%D9%A3": "limit is '٣': give a whole number from 1 to 1000",
    "/api/tasks?limit=1&limit=2": "limit is given twice",
    "/api/tasks?sort=size": "sort is 'size': give one of id, name, coroutine, state, where, age",
    "/api/tasks?reverse=1": "reverse is '1': give true or false",
    "/api/tasks?cursor=-1": "cursor is '-1'",
    "/api/tasks?page=2": "unknown parameter 'page'; known: filter, by, key, sort, reverse",
    "/api/finished?outcome=lost": "give one of returned, failed, cancelled, destroyed",
    "/api/status?x=1": "unknown parameter 'x'; none is taken here",
    f"/api/tasks?filter={'x' * 201}": "give a text of at most 200 characters",
    "/api/events": "view is missing: give one of overview, tasks",
    "/api/events?view=tasks&sort=ended": "sort is 'ended': give one of id,",
    "/api/events?view=task": "ref is missing",
    "/api/events?view=overview&limit=3": "the view overview has no parameter limit",
}


@pytest.mark.parametrize("path", BAD)
def test_bad_parameters(browser: Browser, path: str) -> None:
    """A value that makes no sense is refused with one line that says what would."""
    answer = browser.get(path)
    assert answer.status == 400
    assert BAD[path] in answer.detail


BODIES = {
    b"{": "the body is not JSON",
    b"[" * 5000: "the body is not JSON",
    b"[]": "the body is to be a JSON object",
    b'{"timeout": "1"}': "timeout is '\"1\"': give a number from 0 to 30",
    b'{"timeout": true}': "timeout is 'true'",
    b'{"timeout": NaN}': "timeout is 'NaN'",
    b'{"timeout": 31}': "timeout is '31.0'",
    b'{"delay": 1}': "unknown parameter 'delay'; known: timeout",
}


@pytest.mark.parametrize("body", BODIES)
def test_bad_bodies(browser: Browser, body: bytes) -> None:
    """So is a body."""
    answer = browser.post("/api/tasks/nobody/cancel", body, Content_Type="application/json")
    assert answer.status == 400
    assert BODIES[body] in answer.detail


def test_other_refusals(browser: Browser) -> None:
    """Each kind of error is a problem document with its own status."""
    assert "no live task" in browser.get("/api/tasks/nobody").detail
    assert "'ps'" not in browser.get("/api/tasks/nobody").detail
    assert browser.get("/api/finished/nobody").status == 404
    assert browser.get("/api/nothing").detail == "there is nothing at /api/nothing"
    assert browser.get("/static/../app.py").status == 404
    assert browser.get("/static/%2e%2e/app.py").status == 404
    answer = browser.post("/api/tasks")
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]
    assert browser.post("/api/tasks/x/cancel", b"x" * (limits.BODY + 1)).status == 413
    assert browser.post("/api/tasks/x/cancel", b"{}", Content_Type="text/plain").status == 415
    assert browser.get("/api/tasks?filter=" + "x" * limits.TARGET).status == 414


def test_a_body_without_its_length(browser: Browser) -> None:
    """A body that grows beyond the limit is refused though nobody announced it."""
    chunk = b"%x\r\n%s\r\n" % (limits.BODY + 1, b"x" * (limits.BODY + 1))
    headers = {"Transfer_Encoding": "chunked", "Content_Length": None}
    answer = browser.post("/api/tasks/x/cancel", chunk + b"0\r\n\r\n", **headers)
    assert answer.status == 413


def test_a_fault_of_ours(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What fails is a 500 without a traceback, which is in our log alone."""
    monkeypatch.setattr("aiomonitor.Monitor.threads", lambda _: 1 / 0)
    answer = browser.get("/api/threads")
    assert (answer.status, "division" in answer.detail) == (500, False)
    assert "ZeroDivisionError" in caplog.text
    assert browser.get("/api/status").status == 200


def test_names_are_text(application: Watched, browser: Browser) -> None:
    """Markup in a name stays text: JSON that no browser takes for a page, and pages without it."""
    application.add(XSS)
    answer = browser.get(f"/api/tasks/{quote(XSS, safe='')}")
    assert answer.json["task"]["name"] == XSS
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = browser.get(f"/tasks/{quote(XSS, safe='')}", Accept="text/html")
    assert page.status == 200
    assert XSS.encode() not in page.body


def test_surrogates(application: Watched, browser: Browser) -> None:
    """A lone surrogate in a name breaks nothing."""
    application.add("lone \udc80")
    assert browser.get("/api/tasks?filter=lone").json["tasks"][0]["name"] == "lone \udc80"


PAGES = ["/", "/tasks", "/tasks/1", "/tree", "/waits", "/finished", "/finished/1", "/watch"]


@pytest.mark.parametrize("path", PAGES)
def test_pages(browser: Browser, path: str) -> None:
    """Every page is there, protected, and without script or style inside."""
    page = browser.get(path, Accept="text/html")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert b"style=" not in page.body
    assert b"<script>" not in page.body


def test_error_pages(browser: Browser) -> None:
    """Who reads gets a page, who parses gets a document."""
    page = browser.get("/nowhere", Accept="text/html")
    assert (page.status, b"/nowhere" in page.body) == (404, True)
    assert browser.get("/nowhere").detail == "there is nothing at /nowhere"


def test_static_files(browser: Browser) -> None:
    """Files are asked for again, but sent only if they have changed."""
    page = browser.get("/", Accept="text/html").body.decode()
    path = page.partition('src="')[2].partition('"')[0]
    answer = browser.get(path)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert browser.get(path, If_None_Match=answer.headers["etag"]).status == 304


def test_head(browser: Browser) -> None:
    """HEAD is answered as GET is, without a body; also where that would be a stream."""
    for path in ("/", "/api/status", "/api/events?view=overview", "/api/nothing"):
        answer = browser.ask("HEAD", path)
        assert (answer.status, answer.body) == (browser_status(path), b"")


def browser_status(path: str) -> int:
    return 404 if path == "/api/nothing" else 200
