"""Which process this is, and how it does in a few figures: for people, and for programs."""

from __future__ import annotations

import json
import os

import aiomonitor
from support import Desk, Seat


def desk() -> Desk:
    desk = Desk()
    desk._name = "shop\x1b[2J"
    desk.backend.add("worker")
    return desk


def test_for_people() -> None:
    """Its name, number and command line, and how the loop and the tasks are."""
    text = Seat(desk()).type("about")
    first, *rest = text.splitlines()
    assert first.startswith(f"shop\\x1b[2J: process {os.getpid()}, ")
    assert f"aiomonitor {aiomonitor.__version__}" in rest[0]
    assert rest[1:] == [
        "the loop is running; lag -, at worst -; was blocked never",
        "tasks: 1, findings: not looked for yet",
    ]


def test_for_programs() -> None:
    """The same as data; None is what is not known."""
    told = json.loads(Seat(desk()).type("about --json"))
    assert (told["pid"], told["tasks"], told["loop_state"]) == (os.getpid(), 1, "running")
    assert [told[name] for name in ("lag", "worst_lag", "blocked_for", "findings")] == [None] * 4
    assert told["uptime"] >= 0
