"""The console in the page, over real WebSockets."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.commands.console import DISABLED
from aiomonitor.webui import limits
from clients.harness import eventually

from .harness import XSS, Browser, watched
from .socket_client import PageSocket, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .harness import Watched

CLOSE_LIMIT = 1.0 + 1.0
"""Seconds that are promised, and some for a machine that is busy with something else."""

TOKEN = "s3cret-token"  # noqa: S105 - of a test

AWAIT = "print('begun'); await asyncio.Event().wait()"
LOOP = "if print('begun') is None:\n    while True: pass\n"
"""One block each, so that what is printed tells that the rest of it has begun."""

RUNS: dict[str, str] = {
    "1 + 1": "2\n",
    "await asyncio.sleep(0, 'slept')": "'slept'\n",
    "for n in range(2):\n    print('n', n)\n": "n 0\nn 1\n",
    "print('é', end='')": "é",
    "None": "",
    XSS.replace("<", "'<") + "'": f"{XSS!r}\n",
    "'\\ud800'": "'\\ud800'\n",
    "'\ud800'": "'\\ud800'\n",
}


@contextmanager
def console(**options: Any) -> Iterator[tuple[Watched, PageSocket]]:
    """A page at its prompt."""
    with (
        watched(**options) as (application, monitor),
        PageSocket(monitor.webui_port or 0) as page,
    ):
        assert "await works" in page.output_until("prompt")
        yield application, page


def refusal(port: int, **given: Any) -> tuple[int, str]:
    """Why a socket is not taken."""
    with pytest.raises(RefusedError) as caught:
        PageSocket(port, **given)
    return caught.value.status, caught.value.detail


def test_entries() -> None:
    """What is entered runs in the loop, and what comes out is for this page."""
    with console(locals={"shared": 42}) as (_, page):
        for entered, wanted in {**RUNS, "shared": "42\n"}.items():
            assert page.run(entered) == wanted
        failed = page.run("1 / 0")
        assert failed.startswith("Traceback")
        assert failed.endswith("ZeroDivisionError: division by zero\n")


def test_incomplete() -> None:
    """An entry that needs more lines is not run; what was accepted is told as it was taken."""
    with console() as (_, page):
        page.say("enter", text="def f():")
        assert page.next() == {"type": "incomplete"}
        page.say("enter", text="def f():\r\n    return 'done'\r\n")
        assert page.next() == {"type": "accepted", "text": "def f():\n    return 'done'\n"}
        assert page.run("f()") == "'done'\n"


def test_entries_ahead() -> None:
    """What is entered while something runs waits for its turn."""
    with console() as (_, page):
        page.say("enter", text="gate = asyncio.Event(); await gate.wait()")
        page.until("accepted")
        page.say("enter", text="'later'")
        page.until("accepted")
        page.say("interrupt")
        assert "'later'\n" in page.output_until("prompt")


def test_output_comes_at_once() -> None:
    """What is printed is told while the code still runs, and after it, from a task of its own."""
    with console() as (_, page):
        page.say("enter", text="print('now'); await asyncio.Event().wait()")
        page.output_with("now\n")
        page.say("interrupt")
        page.until("prompt")
        page.run(
            "go = asyncio.Event()\n"
            "async def late():\n    await go.wait()\n    print('late')\n\n"
            "kept = asyncio.create_task(late())"
        )
        page.say("enter", text="go.set()")
        page.output_with("late\n")


@pytest.mark.parametrize("endless", [AWAIT, LOOP])
def test_interrupt(endless: str) -> None:
    """Ctrl-C ends an await, and a loop without an end."""
    with console() as (_, page):
        page.say("enter", text=endless)
        page.output_with("begun\n")
        page.say("interrupt")
        assert page.output_until("prompt").endswith("KeyboardInterrupt\n")
        assert page.run("'well'") == "'well'\n"


def test_interrupt_at_the_prompt() -> None:
    """Ctrl-C at the prompt gives another one."""
    with console() as (_, page):
        page.say("interrupt")
        assert page.output_until("prompt") == "KeyboardInterrupt\n"
        assert page.run("1") == "1\n"


@pytest.mark.parametrize("leave", ["end", "exit()"])
def test_end(leave: str) -> None:
    """Ctrl-D and `exit()` end the console, and the socket in good order."""
    with console() as (_, page):
        if leave == "end":
            page.say("end")
        else:
            page.say("enter", text=leave)
        assert page.until("ended") == {"type": "ended"}
        assert page.next() == {}
        assert page.close_code == 1000


def test_completions() -> None:
    """TAB is answered with what may stand for the last word, also while code runs."""
    with console(locals={"shared": 42}) as (_, page):
        page.say("complete", id=7, text="sha")
        answer = page.until("completions")
        assert answer["id"] == 7
        assert "shared" in [each["text"] for each in answer["found"]]


def test_a_page_that_leaves() -> None:
    """A page takes with it what it awaits."""
    with console() as (application, page):
        page.say("enter", text=AWAIT)
        page.output_with("begun\n")

        before = len(asyncio.all_tasks(application.loop))
        page.leave()
        eventually(lambda: len(asyncio.all_tasks(application.loop)) < before)


def test_a_blocked_loop_is_told() -> None:
    """While the loop is blocked, the page is told by what."""
    with console() as (application, page):
        application.block()
        page.say("enter", text="'at last'")
        assert "is blocked" in page.output_with("Ctrl-C abandons it\n")
        application.released.set()
        told = page.output_until("prompt")
        assert told.endswith("'at last'\n"), told


def test_disabled() -> None:
    """Without a console there is no page of it, nothing leads there, and no socket is taken."""
    with watched(console_enabled=False) as (_, monitor):
        port = monitor.webui_port or 0
        assert Browser(port).get("/console").detail == DISABLED
        assert b"/console" not in Browser(port).get("/", Accept="text/html").body
        assert refusal(port) == (403, DISABLED)


def test_who_may() -> None:
    """A socket needs our origin, our host, its subprotocol and its path."""
    with watched() as (_, monitor):
        port = monitor.webui_port or 0
        assert refusal(port, Origin=None)[0] == 403
        assert refusal(port, Origin="http://evil.example")[0] == 403
        assert refusal(port, Origin="null")[0] == 403
        assert refusal(port, Origin=f"http://localhost:{port + 1}")[0] == 403
        assert refusal(port, Host="evil.example", Origin="http://evil.example")[0] == 403
        for site in ("cross-site", "same-site", "none"):
            assert refusal(port, Sec_Fetch_Site=site)[0] == 403
        assert refusal(port, Origin=f"file://localhost:{port}")[0] == 403
        assert refusal(port, protocol=None)[0] == 400
        assert refusal(port, protocol="chat")[0] == 400
        assert refusal(port, path="/elsewhere")[0] == 404
        assert b"Console" in Browser(port).get("/console", Accept="text/html").body


def test_token() -> None:
    """With a token, a socket needs it as everything else does."""
    with watched(token=TOKEN) as (_, monitor):
        port = monitor.webui_port or 0
        assert refusal(port)[0] == 401
        assert refusal(port, Authorization="Bearer wrong")[0] == 401
        with PageSocket(port, Authorization=f"Bearer {TOKEN}") as page:
            page.until("prompt")
            assert page.run("1") == "1\n"


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        ("{", 1007, "the message is not JSON"),
        ("[" * 100_000, 1007, "the message is not JSON"),
        ("[]", 1007, "the message is no JSON object"),
        ("{}", 1007, "the message has no type that is known"),
        ('{"type": []}', 1007, "the message has no type that is known"),
        ('{"type": "enter"}', 1007, "text is missing, or no string"),
        ('{"type": "enter", "text": 1}', 1007, "text is missing, or no string"),
        ('{"type": "enter", "text": "a\\u0000b"}', 1007, "text holds a NUL character"),
        ('{"type": "complete", "text": "a"}', 1007, "id is missing, or no small number"),
        ('{"type": "complete", "text": "a", "id": 1e400}', 1007, "id is missing, or no small"),
        ('{"type": "enter", "text": "%s"}' % ("x" * 40_000), 1007, "text is longer than"),
        ("x" * (limits.MESSAGE + 1), 1009, None),
        (b"\x00\xff", 1007, "messages are text"),
    ],
)
def test_bad_messages(sent: str | bytes, code: int, reason: str | None) -> None:
    """What no page of ours says closes the socket, with one clear line."""
    with console() as (_, page):
        page.send(sent)
        while page.next():
            pass
        assert page.close_code == code
        assert (page.close_reason or "").startswith(reason or "")


def test_a_page_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds up nobody else, and what is kept for it is bounded."""
    monkeypatch.setattr(limits, "RESPONSE_WAIT", 0.5)
    with ExitStack() as stack:
        _, deaf = stack.enter_context(console())
        deaf.say("enter", text="while True: print('x' * 10_000); await asyncio.sleep(0)\n")
        _, other = stack.enter_context(console())
        assert other.run("'well'") == "'well'\n"


def test_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """One console too many is refused; there is room again when one has left."""
    monkeypatch.setattr(limits, "CONSOLES", 1)
    with watched() as (_, monitor):
        port = monitor.webui_port or 0
        with PageSocket(port) as page:
            page.until("prompt")
            assert refusal(port)[0] == 503

        def taken() -> bool:
            try:
                PageSocket(port).leave()
            except RefusedError:
                return False
            return True

        eventually(taken)


@pytest.mark.parametrize("busy", ["", AWAIT, LOOP])
def test_close(busy: str) -> None:
    """The monitor closes in time with consoles open, whatever they do."""
    with watched() as (_, monitor), PageSocket(monitor.webui_port or 0) as page:
        page.until("prompt")
        if busy:
            page.say("enter", text=busy)
            page.output_with("begun\n")
        began = time.monotonic()
        monitor.close()
        assert time.monotonic() - began < CLOSE_LIMIT
        while page.next():
            pass
        assert page.close_code in (1001, 1006)


def test_close_while_a_page_does_not_read() -> None:
    """Nor does a page that takes none of its output hold up the end."""
    with watched() as (_, monitor), PageSocket(monitor.webui_port or 0) as page:
        page.until("prompt")
        page.say("enter", text="while True: print('x' * 10_000); await asyncio.sleep(0)\n")
        page.until("output")
        began = time.monotonic()
        monitor.close()
        assert time.monotonic() - began < CLOSE_LIMIT


def test_a_page_that_leaves_a_loop() -> None:
    """A block without an end is stopped when its page leaves, and the loop goes on."""
    with console() as (application, page):
        page.say("enter", text=LOOP)
        page.output_with("begun\n")
        page.leave()
        application.run(asyncio.sleep(0))


def test_audit(caplog: pytest.LogCaptureFixture) -> None:
    """Each entry is logged, with who sent it, and what came of it."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"), console() as (_, page):
        page.run("'logged'")
        page.run("1 / 0")
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(" (web): ")[2] for line in told[:5]] == [
        "console",
        "console: 'logged'",
        "console: done",
        "console: 1 / 0",
        "console: ZeroDivisionError",
    ]
