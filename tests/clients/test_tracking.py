"""Who created, who cancelled and how it ended, asked of a real application over sockets."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .harness import PROMPT, Application, Wire, eventually

if TYPE_CHECKING:
    from .conftest import MakeApplication


@pytest.fixture
def told(kind_of_loop: str, start: MakeApplication) -> Application:
    """An application, on each loop, that stories are told to."""
    return start("--loop", kind_of_loop)


def ask(application: Application, command: str) -> str:
    """The answer to one command, on a connection of its own."""
    with Wire(application.port).greeted() as wire:
        return wire.ask(command.encode()).decode().removesuffix(PROMPT)


def ended(application: Application, name: str) -> list[dict[str, Any]]:
    """The ended tasks of that name, the latest first."""
    answer = ask(application, f"ps-terminated --json --filter {name}")
    return [task for task in json.loads(answer)["tasks"] if task["name"] == name]


def in_order(text: str, *parts: str) -> bool:
    """Whether the parts come in this order."""
    position = -1
    for part in parts:
        position = text.find(part, position + 1)
        if position < 0:
            return False
    return True


def test_namesakes_lose_no_record(told: Application) -> None:
    """Each of several tasks of one name is in the history, and is found by its number."""
    told.call("tell", "repetition")
    numbers = [task["number"] for task in ended(told, "namesake")]
    assert len(set(numbers)) == 5
    for number in numbers:
        assert f"task {number} (namesake): returned" in ask(told, f"wt {number}")
    latest = ask(told, "where-terminated namesake")
    assert f"task {numbers[0]} (namesake)" in latest
    assert "(the latest of 5 remembered tasks of this name)" in latest


def test_a_living_canceller(told: Application) -> None:
    """`where-terminated` names a canceller that lives on, with its stack in call order."""
    told.call("tell", "murder")
    assert "murderer" in ask(told, "ps --filter lurk")
    answer = ask(told, "wt victim")
    assert "(victim): cancelled by task " in answer
    assert "(murderer)" in answer
    assert in_order(answer, "cancel requested ", "lurk", "strike", "# THE BLOW")


def test_a_failure(told: Application) -> None:
    """An exception comes with its text, its place, and what it was raised from."""
    told.call("tell", "misfortune")
    answer = ask(told, "wt walker")
    assert "(walker): failed: ValueError: lost" in answer
    assert in_order(answer, "# THE FALL", "from LookupError: no such road")
    assert "failed: ValueError: lost" in ask(told, "pt")


def test_swallowed_cancellations(told: Application) -> None:
    """A cancellation that was ignored is shown, of a task that ended and of one that goes on."""
    told.call("tell", "disobedience")
    assert "swallowed a cancellation by task " in ask(told, "wt sulker")
    row = json.loads(ask(told, "ps --json --filter ignore"))["tasks"][0]
    assert row["name"] == "rebel"
    assert row["cancelled_by"].startswith("task ")
    assert "cancel requested " in ask(told, "where rebel")
    eventually(lambda: "still waiting" in ask(told, "ps --filter ignore"), "it is told after 1 s")


def test_a_chain_of_creation(told: Application) -> None:
    """`where` tells each ancestor's stack when it created the next, ended ones included."""
    told.call("tell", "family")
    answer = ask(told, "where child")
    assert in_order(
        answer,
        "(grandparent) created task ",
        "(parent):",
        "# A PARENT IS BORN",
        "(parent) created task ",
        "(child):",
        "# A CHILD IS BORN",
        "(child): waiting",
        "_for_ever",
    )


def test_marked_tasks_are_remembered(told: Application) -> None:
    """The end of a marked task is known when many others have ended since."""
    told.call("tell", "remarkable_end")
    assert len(ended(told, "remarkable")) == 1
    page = json.loads(ask(told, "pt --json --limit 1"))
    assert (page["remembered"], page["dropped"]) == (1001, 0)
    assert page["ended"] > 1100
    assert f"1001 ended tasks remembered, of {page['ended']}" in ask(told, "pt --limit 1")


def test_a_request_from_here(told: Application) -> None:
    """A task that a client has cancelled was cancelled by this monitor."""
    ask(told, "cancel sleeper-0")
    assert "cancelled by this monitor" in ask(told, "wt sleeper-0")


def test_tasks_older_than_the_monitor(told: Application) -> None:
    """Who created them is not known, and the answer says why."""
    assert "not seen being created: it is older than the monitor" in ask(told, "where sleeper-1")
    beat = ask(told, "ps --filter _beat --json")
    assert '"created_in": null' in beat
    assert '"created_by": "not seen being created' in beat


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("where-terminated abc", "no ended task 'abc' is remembered: 'ps-terminated' lists"),
        ("where-terminated 99999", "no ended task '99999' is remembered: 'ps-terminated' lists"),
        ("where-terminated heartbeat", "task heartbeat has not ended: 'where heartbeat' shows it"),
        ("where-terminated", "where-terminated: "),
        ("ps-terminated --limit -2", "ps-terminated: a limit of -2 makes no sense"),
        ("ps-terminated --sort age", "ps-terminated: "),
    ],
)
def test_mistakes(application: Application, command: str, answer: str) -> None:
    """What cannot be answered gets one line that says what would work."""
    lines = [line for line in ask(application, command).splitlines() if line]
    assert [line.startswith(answer) for line in lines] == [True]


def test_listing_options(told: Application) -> None:
    """`ps-terminated` filters, sorts, limits and turns round."""
    told.call("tell", "repetition")
    told.call("tell", "misfortune")
    listed = ask(told, "pst --filter namesake --sort id --reverse --limit 2").splitlines()
    numbers = sorted((task["number"] for task in ended(told, "namesake")), reverse=True)
    assert [line.split()[0] for line in listed[1:3]] == [str(number) for number in numbers[:2]]
    assert listed[3].startswith("2 shown of 5 of ")


def test_the_monitors_own_tasks_never_appear(told: Application) -> None:
    """Neither among the live tasks nor among the ended ones."""
    with Wire(told.port).greeted() as wire:
        for _ in range(3):
            wire.ask(b"ps")
            wire.ask(b"count")
        listings = wire.ask(b"ps --json") + wire.ask(b"pt --json")
    assert b"aiomonitor/terminal" not in listings
    assert b"aiomonitor/service" not in listings
    assert b"Session" not in listings


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs Python 3.11: asyncio.timeout")
def test_a_timeout_swallows_nothing(told: Application) -> None:
    """A timeout takes its request back, so the task that it interrupted is no rebel."""
    told.call("tell", "patience")
    answer = ask(told, "wt patient")
    assert "(patient): returned" in answer
    assert "swallowed" not in answer
    assert in_order(answer, "cancel requested ", "by a timeout of 0.001 s")
