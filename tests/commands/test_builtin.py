"""The commands that every monitor has, typed by a client of scripted tasks."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.backends.fake import FakeLife
from aiomonitor.backends.life import OUTSIDE, Cancellation, Failure
from aiomonitor.backends.values import CodePoint
from aiomonitor.commands.listing import LISTING_LIMIT
from aiomonitor.model import CancelOutcome
from aiomonitor.render.tables import width_of
from support import Desk, Seat

HERE = CodePoint((lambda: None).__code__, 0)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    for name in ("worker-10", "worker-9", "main"):
        desk.backend.add(name, f"{name[:4]}_coroutine")
    return desk


@pytest.fixture
def seat(desk: Desk) -> Seat:
    return Seat(desk)


@pytest.mark.parametrize(
    ("names", "method"),
    [
        ("help ? h", "do_help"),
        ("ps p", "do_ps"),
        ("where w", "do_where"),
        ("cancel ca", "do_cancel"),
        ("ps-terminated ps_terminated pt pst", "do_ps_terminated"),
        ("where-terminated where_terminated wt", "do_where_terminated"),
        ("signal", "do_signal"),
        ("stacktrace st stack", "do_stacktrace"),
        ("exit quit q", "do_exit"),
    ],
)
def test_names(desk: Desk, names: str, method: str) -> None:
    """The built-in commands have the documented names and aliases."""
    for name in names.split():
        assert desk._getcmd(name) == getattr(desk, method)


@pytest.mark.parametrize(
    "command", ["help", "ps", "where", "cancel", "pt", "wt", "signal", "stack", "exit"]
)
def test_help(seat: Seat, command: str) -> None:
    """Every built-in command explains itself within the client's width."""
    seat.client.columns = 80
    for text in (seat.type(f"help {command}"), seat.type(f"{command} --help")):
        assert text.strip()
        assert max(map(len, text.splitlines())) <= 100
    assert seat.run.status == 0


def names_in(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines()[1:-1]]


def test_ps(seat: Seat) -> None:
    """`ps` is a table with a summary, numbered from 1."""
    text = seat.type("ps")
    titles = "ID STATE NAME COROUTINE CREATED AGE WHERE CREATED IN"
    assert text.splitlines()[0].split() == titles.split()
    row = "1 waiting worker-10 work_coroutine - - (not seen)"
    assert text.splitlines()[1].split() == row.split()
    assert text.endswith("\n3 live tasks\n")


@pytest.mark.parametrize(
    ("options", "names", "summary"),
    [
        ("--filter WORK", ["worker-10", "worker-9"], "2 of 3 live tasks"),
        ("-f main_", ["main"], "1 of 3 live tasks"),
        ("--sort name", ["main", "worker-9", "worker-10"], "3 live tasks"),
        ("--sort name --reverse", ["worker-10", "worker-9", "main"], "3 live tasks"),
        ("--limit 1", ["worker-10"], "1 shown of 3 live tasks: "),
        ("--limit 0", ["worker-10", "worker-9", "main"], "3 live tasks"),
        ("-l 9 -r", ["main", "worker-9", "worker-10"], "3 live tasks"),
        ("-f nobody", [], "0 of 3 live tasks"),
    ],
)
def test_ps_options(seat: Seat, options: str, names: list[str], summary: str) -> None:
    """`ps` filters, sorts and limits, and says what it left out."""
    seat.type("ps")
    text = seat.type(f"ps {options}")
    assert names_in(text) == names
    assert text.splitlines()[-1].startswith(summary)


@pytest.mark.parametrize("options", ["--limit -2", "--limit x", "--sort nope", "extra"])
def test_ps_refuses(seat: Seat, options: str) -> None:
    """What makes no sense is refused in a line, with the status 2."""
    text = seat.type(f"ps {options}")
    assert text.startswith("ps: ")
    assert text.count("\n") == 1
    assert seat.run.status == 2


def test_ps_is_limited_by_itself(seat: Seat, desk: Desk) -> None:
    """A listing of an application with very many tasks ends, and says that there are more."""
    for number in range(LISTING_LIMIT):
        desk.backend.add(f"more-{number}", "f")
    text = seat.type("ps")
    assert len(names_in(text)) == LISTING_LIMIT
    assert text.splitlines()[-1].startswith(f"{LISTING_LIMIT} shown of {LISTING_LIMIT + 3} live")
    assert len(names_in(seat.type("ps --limit 0"))) == LISTING_LIMIT + 3
    assert len(json.loads(seat.type("ps --json"))["tasks"]) == LISTING_LIMIT + 3


def test_ps_json(seat: Seat) -> None:
    """`ps --json` is one document with every field of each row."""
    page = json.loads(seat.type("ps --json --filter worker"))
    assert (page["total"], page["matched"]) == (3, 2)
    assert page["tasks"][0] == {
        "number": 1,
        "object_id": page["tasks"][0]["object_id"],
        "name": "worker-10",
        "coroutine": "work_coroutine",
        "state": "waiting",
        "location": None,
        "awaits": "",
        "cancelling": 0,
        "created_at": None,
        "age": None,
        "created_in": None,
        "created_by": "not seen being created: it is older than the monitor, "
        "or was made by other means",
        "parent": None,
        "cancelled_by": "",
    }
    assert json.loads(seat.type("ps --json -f nobody"))["tasks"] == []


@given(
    st.lists(st.text(st.characters(categories=None), max_size=50), min_size=1, max_size=4),
    st.integers(20, 120),
)
def test_ps_of_any_names(names: list[str], width: int) -> None:
    """Whatever tasks are called, every row is one line that fits the client; JSON is ASCII."""
    desk = Desk()
    for name in names:
        desk.backend.add(name, name)
    seat = Seat(desk, columns=width)
    *lines, summary, end = seat.type("ps").split("\n")
    assert len(lines) == 1 + len(names)
    assert max(map(width_of, lines)) <= width
    assert (summary.split()[0], end) == (str(len(names)), "")
    text = seat.type("ps --json")
    assert text.isascii()
    assert [task["name"] for task in json.loads(text)["tasks"]] == names


@pytest.mark.parametrize("reference", ["1", "worker-10"])
def test_where(seat: Seat, reference: str) -> None:
    """`where` shows a task's stack, by number or name."""
    seat.type("ps")
    assert seat.type(f"where {reference}").startswith("task 1 (worker-10): waiting, coroutine ")
    stack = json.loads(seat.type(f"where {reference} --json"))
    assert (stack["task"]["name"], stack["frames"]) == ("worker-10", [])


@pytest.mark.parametrize("command", ["where", "cancel"])
def test_tasks_that_are_not_there(seat: Seat, desk: Desk, command: str) -> None:
    """A task that is gone, unknown or ambiguous is one line and the status 1."""
    desk.backend.add("main", "f")
    for reference in ("99", "abc", "main"):
        text = seat.type(f"{command} {reference}")
        assert text.count("\n") == 1
        assert "Error" not in text
        assert seat.run.status == 1


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (CancelOutcome.ENDED, 0),
        (CancelOutcome.ALREADY_DONE, 0),
        (CancelOutcome.REQUESTED, 1),
        (CancelOutcome.UNRESPONSIVE, 1),
        (CancelOutcome.UNSUPPORTED, 1),
    ],
)
def test_cancel(seat: Seat, desk: Desk, outcome: CancelOutcome, status: int) -> None:
    """`cancel` tells what came of it, and fails unless the task has ended."""
    desk.backend.add("it", "f", cancelled=outcome)
    text = seat.type("cancel it --timeout 1")
    assert f"(it): {outcome.value}: " in text
    assert seat.run.status == status


def test_cancel_json(seat: Seat) -> None:
    """`cancel --json` tells the outcome to programs."""
    assert json.loads(seat.type("cancel main --json"))["outcome"] == "ended"


@pytest.mark.parametrize("timeout", ["-1", "nan", "inf", "soon", "1e300"])
def test_cancel_with_a_bad_timeout(seat: Seat, timeout: str) -> None:
    """A timeout that makes no sense is refused in a line, and nothing is cancelled."""
    text = seat.type(f"cancel main --timeout {timeout}")
    assert text.startswith("cancel: ")
    assert text.count("\n") == 1
    assert seat.run.status == 2
    assert "3 live tasks" in seat.type("ps")


def test_cancel_is_logged(seat: Seat, caplog: pytest.LogCaptureFixture) -> None:
    """Who cancelled what is in the audit log."""
    seat.client.peer = "somebody"
    with caplog.at_level(logging.INFO, logger="aiomonitor.audit"):
        seat.type("cancel main")
    assert caplog.messages == ["somebody: cancel main", "somebody: cancel main: done"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["SIGUSR1", "usr1", "sigusr1", str(int(signal.SIGUSR1))])
def test_signal(seat: Seat, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """`signal` sends it to this process, by any of its names, and logs it."""
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: received.append(number))
    try:
        with caplog.at_level(logging.INFO, logger="aiomonitor.audit"):
            text = seat.type(f"signal {name}")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert text == f"sending SIGUSR1 to process {os.getpid()}\n"
    assert received == [signal.SIGUSR1]
    assert caplog.messages == [f"local: signal {name}", f"local: signal {name}: done"]


@pytest.mark.parametrize("name", ["0", "999", "9" * 5000, "nope", "SIG", "usr11", "²", "-9"])
def test_bad_signals(seat: Seat, name: str) -> None:
    """No signal of that name or number: one line, the status 2, and nothing is sent."""
    text = seat.type(f"signal {name}")
    assert text.startswith("signal: ")
    assert text.count("\n") == 1
    assert seat.run.status == 2


def test_stacktrace(seat: Seat, desk: Desk) -> None:
    """`stacktrace` shows the loop's thread, `--all` the others, too."""
    desk.backend.thread_id = threading.get_ident()
    text = seat.type("stacktrace")
    assert f"[{threading.get_ident()}], the monitored loop's (running)\n" in text
    assert "test_stacktrace" in text
    assert len(json.loads(seat.type("st --json"))) == 1
    assert len(json.loads(seat.type("st --all --json"))) == len(sys._current_frames())


def test_stacktrace_without_a_loop(seat: Seat, desk: Desk) -> None:
    """Where the loop has no thread, that is said with what would work."""
    desk.backend.state = "stopped"
    assert seat.type("stacktrace") == (
        "the monitored loop is stopped and has no thread: 'stacktrace --all' shows the others\n"
    )
    assert seat.run.status == 1
    assert "thread MainThread" in seat.type("stacktrace --all")


@pytest.mark.parametrize("command", ["exit", "quit", "q"])
def test_exit(seat: Seat, command: str) -> None:
    """Leaving concerns the client alone."""
    assert seat.type(command) == ""
    assert seat.run.leaving


def offered(desk: Desk, line: str) -> list[str]:
    return [each.text for each in desk.completions(line)]


def test_completion_of_tasks(desk: Desk) -> None:
    """TAB offers numbers, with names beside them, and names once they were begun."""
    assert sorted(offered(desk, "where ")) == ["1", "2", "3"]
    assert {each.help for each in desk.completions("where 1")} == {"worker-10, "}
    assert offered(desk, "cancel work") == ["worker-9", "worker-10"]


def test_completion_of_signals(desk: Desk) -> None:
    """TAB offers the names of signals, in any case."""
    assert "SIGTERM" in offered(desk, "signal sigt")


def test_completion_of_sort_keys(desk: Desk) -> None:
    """TAB offers the values that an option takes."""
    assert offered(desk, "ps --sort n") == ["name"]


def end(desk: Desk, number: int, name: str, **details: Any) -> None:
    desk.backend.ended.append(FakeLife(number=number, name=name, stack=(HERE,), **details))


def test_ps_terminated(seat: Seat, desk: Desk) -> None:
    """`ps-terminated` is a table of the ended tasks, the latest first, with a summary."""
    seat.client.columns = 200
    end(desk, 1, "a", ended=1.0)
    end(desk, 2, "b", ended=2.5, outcome="exception", failure=Failure("E", "no", ()))
    header, first, second, summary = seat.type("ps-terminated").splitlines()
    assert header.split() == ["ID", "NAME", "COROUTINE", "ENDED", "AFTER", "HOW", "CREATED", "IN"]
    assert first.split()[:2] == ["2", "b"]
    assert "2.5s  failed: E: no" in first
    assert second.split()[:2] == ["1", "a"]
    assert summary == "2 ended tasks remembered"


def test_ps_terminated_says_what_is_missing(seat: Seat, desk: Desk) -> None:
    """What was dropped is counted, and why nothing is recorded is told, in JSON as well."""
    desk.backend.dropped = 7
    desk.backend.not_recording = "it is off"
    *_, dropped, note = seat.type("pt").splitlines()
    assert dropped.startswith("7 more were dropped")
    assert note == "nothing is being recorded: it is off"
    page = json.loads(seat.type("pt --json"))
    assert (page["dropped"], page["note"]) == (7, "it is off")


def test_where_terminated(seat: Seat, desk: Desk) -> None:
    """`where-terminated` tells how a task ended, in words or in JSON."""
    end(desk, 1, "a", outcome="exception", failure=Failure("E", "no", (HERE,)))
    assert "task 1 (a): failed: E: no" in seat.type("where-terminated a")
    assert json.loads(seat.type("wt 1 --json"))["task"]["error"] == "E: no"


@pytest.mark.parametrize("reference", ["abc", "99", "'", "main", "\x1b[31m", "9" * 5000])
def test_where_terminated_refuses(seat: Seat, reference: str) -> None:
    """What is no ended task gets one line without a traceback, and the status 1 or 2."""
    text = seat.type(f"where-terminated {reference}")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    assert "\x1b" not in text
    assert seat.run.status in (1, 2)


def test_ps_tells_who_ignores_a_cancellation(seat: Seat, desk: Desk) -> None:
    """Under the table stands who goes on although it was asked to cancel itself."""
    task = desk.backend.tasks[0]
    task.number, task.cancelling = 1, 1
    desk.backend.clock = 20.0
    task.life = FakeLife(number=1, cancellations=(Cancellation(8.0, OUTSIDE, (HERE,)),))
    lines = seat.type("ps").splitlines()
    assert lines[1].split()[1] == "waiting!"
    assert lines[-2].startswith("task 1 (worker-10): cancel requested 12.0s ago by another thread")
    assert lines[-2].endswith("still waiting")
    assert "cancel requested 12.0s ago" in seat.type("where 1")


def test_ended_tasks_are_completed(desk: Desk) -> None:
    """TAB offers numbers and names of ended tasks, the latest first, and no live ones."""
    end(desk, 11, "gone-a", ended=1.0)
    end(desk, 12, "gone-b", ended=2.0)
    end(desk, 13, "gone-b", ended=3.0)
    assert offered(desk, "where-terminated ") == ["13", "12", "11"]
    assert offered(desk, "wt 12") == ["12"]
    assert offered(desk, "wt gone") == ["gone-b", "gone-a"]
    assert offered(desk, "wt main") == []
