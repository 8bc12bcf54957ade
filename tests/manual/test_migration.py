"""What the page on aiomonitor 0.7 claims, checked against 0.7.1 itself and against this package.

0.7.1 is in a folder of its own, which `AIOMONITOR_PEER` names; `nox -s tests_docs` puts it there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import click
import pytest
from blocks import DOCS

import aiomonitor
from aiomonitor.webui.insight_api import registry
from aiomonitor.webui.pages import PAGES

pytestmark = pytest.mark.manual

GUARD = 60.0
"""Seconds after which it hangs."""
PEER = os.environ.get("AIOMONITOR_PEER", "")
PAGE = (DOCS / "migration.md").read_text("utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \| (?:`([^`]+)`|(—)) \|", PAGE, re.MULTILINE)
OLD = [old for old, _, _ in ROWS]
NEW = [new for _, new, _ in ROWS if new]


@pytest.fixture(scope="module")
def peer() -> dict[str, Any]:
    """What 0.7.1 says of itself."""
    if not Path(PEER, "aiomonitor").is_dir():
        reason = "needs aiomonitor 0.7.1: pip install --target FOLDER, and AIOMONITOR_PEER=FOLDER"
        if os.environ.get("AIOMONITOR_REQUIRE_CLIENTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("peer_facts.py"))],
        env={**os.environ, "PYTHONPATH": PEER},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    facts: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return facts


def test_rows() -> None:
    """The tables are found."""
    assert len(ROWS) > 20


@pytest.mark.parametrize("old", OLD)
def test_was_there(peer: dict[str, Any], old: str) -> None:
    """What a row says of 0.7.1 is so."""
    assert old in peer["there"]


@pytest.mark.parametrize("new", dict.fromkeys(NEW))
def test_is_there(new: str) -> None:
    """What a row says of this version is so."""
    if argument := re.fullmatch(r"(start_monitor|Monitor)\((\w+)\)", new):
        assert argument[2] in signature(getattr(aiomonitor, argument[1])).parameters
    elif option := re.fullmatch(r"([a-z-]+) (--\w+)", new):
        assert option[2] in options_of(option[1])
    elif " /" in new:
        endpoints = {f"{each.method} {each.path}" for each in registry.endpoints}
        assert new in endpoints | {f"GET {path}" for path in PAGES}
    else:
        assert resolved(new) is not None


def options_of(name: str) -> set[str]:
    """The options of one of our commands."""
    monitor = aiomonitor.Monitor()
    method = monitor._getcmd(name)
    assert method is not None
    parameters = monitor._click_command(method).params
    return {flag for each in parameters if isinstance(each, click.Option) for flag in each.opts}


def resolved(name: str) -> object:
    """What a dotted name of this package is."""
    module, _, attribute = name.removeprefix("aiomonitor.").rpartition(".")
    if module == "Monitor":
        return getattr(aiomonitor.Monitor, attribute)
    return getattr(import_module(f"aiomonitor.{module}" if module else "aiomonitor"), attribute)


def test_what_is_gone_is_told(peer: dict[str, Any]) -> None:
    """Whatever 0.7.1 has and this version has not is in a table."""
    gone = {
        *(f"aiomonitor.{name}" for name in peer["names"] if not hasattr(aiomonitor, name)),
        *(f"Monitor.{name}" for name in peer["methods"] if not hasattr(aiomonitor.Monitor, name)),
        *(f"start_monitor({name})" for name in missing_arguments(peer, "start_monitor")),
        *(f"Monitor({name})" for name in missing_arguments(peer, "Monitor")),
    }
    assert not gone - set(OLD)


def missing_arguments(peer: dict[str, Any], name: str) -> set[str]:
    """Arguments that are no longer taken."""
    return set(peer["arguments"][name]) - set(signature(getattr(aiomonitor, name)).parameters)


def test_commands(peer: dict[str, Any]) -> None:
    """All names and aliases of commands are the same; what options are gone is told."""
    monitor = aiomonitor.Monitor()
    for name, command in peer["commands"].items():
        method = monitor._getcmd(name)
        assert method is not None
        assert method.__name__ == f"do_{command.replace('-', '_')}"
    for command, options in peer["options"].items():
        gone = set(options) - options_of(command)
        assert all(f"{command} {option}" in OLD for option in gone)


def test_behaviour(peer: dict[str, Any]) -> None:
    """0.7.1 behaves as the page says."""
    assert peer["hook_task_factory"] is False
    assert peer["task"] == "TracedTask"
    assert peer["close before start"] == "AssertionError"
    assert peer["prompt of a subclass"] == "monitor >>> "
    assert peer["returns though the web port is taken"] is False


def test_our_behaviour() -> None:
    """This version behaves as the page says, where no other test is about that."""

    class Mine(aiomonitor.Monitor):
        prompt = "mine >>> "

    monitor = Mine()
    assert monitor.prompt == "mine >>> "
    monitor.close()
    with pytest.raises(TypeError, match="max_termination_history is None"):
        aiomonitor.Monitor(max_termination_history=None)  # type: ignore[arg-type]
