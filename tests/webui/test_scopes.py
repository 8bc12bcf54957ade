"""Scopes over HTTP, of a run on trio; and what is absent where a runtime has none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio

from aiomonitor import Monitor
from backends.trio_application import TrioApplication

from .harness import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPE_FIELDS = {
    *("number", "kind", "opened_by", "timeout", "shielded", "cancel_called", "cancelled"),
    *("cancelled_by", "system"),
}


async def serve(event: trio.Event) -> None:
    """Two handlers in a nursery, with a deadline; what is shielded goes on."""
    with trio.move_on_after(3_600):
        async with trio.open_nursery() as handlers:
            handlers.start_soon(event.wait, name="handler-1")
            handlers.start_soon(shielded, event, name="handler-2")


async def shielded(event: trio.Event) -> None:
    with trio.CancelScope(shield=True):
        await event.wait()


@pytest.fixture
def on_trio() -> Iterator[Browser]:
    """A client of a monitor on trio, of an application with a server and a bystander."""
    application = TrioApplication()
    event = trio.Event()

    def start() -> None:
        application.nursery.start_soon(serve, event, name="server")
        application.nursery.start_soon(event.wait, name="bystander")

    try:
        application.call(start)
        application.run(trio.testing.wait_all_tasks_blocked)
        with Monitor(application.token, port=None, console_port=None, webui_port=0) as monitor:
            yield Browser(monitor.webui_port or 0)
    finally:
        application.call(event.set)
        application.close()


def rows(browser: Browser) -> dict[str, Any]:
    return {task["name"]: task for task in browser.get("/api/tasks").json["tasks"]}


def test_fields_of_trio(on_trio: Browser) -> None:
    """Rows tell waits, nurseries and what is trio's own; a task's page tells the scopes around."""
    tasks = rows(on_trio)
    assert tasks["<init>"]["system"] is True
    handler = tasks["handler-1"]
    assert handler["waits"] == {
        "kind": "event",
        "what": "an Event",
        "waiting": 3,
        "object_id": handler["waits"]["object_id"],
    }
    assert "cancel_age" not in handler
    stack = on_trio.get(f"/api/tasks/{handler['number']}").json
    nursery, deadline, *_ = stack["scopes"]
    assert nursery.keys() == SCOPE_FIELDS | {"tasks"}
    assert (nursery["kind"], nursery["number"], nursery["tasks"]) == (
        *("nursery", handler["nursery"]),
        2,
    )
    assert deadline.keys() == SCOPE_FIELDS
    assert 0 < deadline["timeout"] <= 3_600


def test_fields_of_asyncio(browser: Browser) -> None:
    """Asyncio has no scopes, so nothing of them is there, not even as null."""
    stack = browser.get("/api/tasks/beta").json
    assert "scopes" not in stack
    assert not {"nursery", "system"} & stack["task"].keys()
    assert stack["task"]["waits"]["kind"] == "event"
    assert all("scopes" not in node for node in browser.get("/api/tree").json["nodes"])
    assert "asyncio has no cancel scopes" in browser.get("/api/scopes/beta").detail
    assert browser.post("/api/scopes/s1/cancel").status == 404


def test_the_tree(on_trio: Browser) -> None:
    """A node tells the scopes that its task has opened, the outermost first."""
    number = rows(on_trio)["server"]["number"]
    nodes = on_trio.get(f"/api/tree?parent={number}").json["nodes"]
    assert [node["task"]["name"] for node in nodes] == ["handler-1", "handler-2"]
    assert [scope["shielded"] for scope in nodes[1]["scopes"]] == [True]
    assert nodes[0]["scopes"] == []


def test_reach(on_trio: Browser) -> None:
    """What would go along is told by number and name, and nothing is done yet."""
    reach = on_trio.get("/api/scopes/handler-1").json
    assert reach["scope"]["kind"] == "nursery"
    assert [name for _, name in reach["tasks"]] == ["server", "handler-1"]
    assert [name for _, name in reach["shielded"]] == ["handler-2"]
    same = on_trio.get(f"/api/scopes/s{reach['scope']['number']}").json
    assert same == reach
    assert "handler-1" in rows(on_trio)


def test_cancel(on_trio: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """A scope is cancelled, and who asked is in the log; a shielded task holds it up."""
    caplog.set_level(logging.INFO, "aiomonitor.audit")
    body = b'{"timeout": 0.2}'
    answer = on_trio.post("/api/scopes/handler-1/cancel", body, Content_Type="application/json")
    assert answer.json["outcome"] == "requested"
    assert "not been left after 0.2 s" in answer.json["detail"]
    assert "handler-1" not in rows(on_trio)
    assert "cancel handler-1 --scope (web)" in caplog.text
    [row] = on_trio.get("/api/finished?filter=handler-1").json["tasks"]
    assert row["cancelled_by"] == "this monitor, at a client's request"
    assert rows(on_trio).keys() >= {"server", "handler-2", "bystander"}


@pytest.mark.parametrize(
    ("ref", "detail"),
    [
        ("s999999", "no task is in scope s999999 any more"),
        ("nobody", "no live task is called"),
        ("s" + "9" * 40, "no live task is called"),
        ("%1b%5b2J", "no live task is called"),
        ("s-1", "no live task is called"),
    ],
)
def test_what_is_not_there(on_trio: Browser, ref: str, detail: str) -> None:
    """One clear line, and nothing of the request in it that controls a terminal."""
    for answer in (
        on_trio.get(f"/api/scopes/{ref}"),
        on_trio.post(f"/api/scopes/{ref}/cancel"),
    ):
        assert answer.status == 404
        assert detail in answer.detail
        assert "\x1b" not in answer.detail


def test_what_is_refused(on_trio: Browser) -> None:
    """A scope of the run's own, a page of somebody else's, and a task alone."""
    tasks = rows(on_trio)
    main = next(row for row in tasks.values() if row["coroutine"].endswith("_main"))
    last = on_trio.get(f"/api/tasks/{main['number']}").json["scopes"][-1]
    assert last["system"] is True
    assert "trio's own" in on_trio.post(f"/api/scopes/s{last['number']}/cancel").detail
    assert on_trio.ask("POST", "/api/scopes/handler-1/cancel").status == 403
    alone = on_trio.post(f"/api/tasks/{tasks['handler-1']['number']}/cancel").json
    assert alone["outcome"] == "unsupported"
    assert "--scope" in alone["detail"]
    assert "handler-1" in rows(on_trio)
