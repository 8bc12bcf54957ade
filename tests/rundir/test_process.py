"""A process is told from a later one of its number, and from those of other machines."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from aiomonitor.rundir.process import fate, mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN: Final = os.getpid()

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux, which tells when a process began"
)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until its input is closed."""
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield process


def test_our_own() -> None:
    """The process that asks goes on."""
    assert fate(OWN, mark_of(OWN)) == "alive"


def test_one_that_ends(child: subprocess.Popen[bytes]) -> None:
    """It is alive until it ends."""
    mark = mark_of(child.pid)
    assert fate(child.pid, mark) == "alive"
    child.kill()
    child.wait()
    assert fate(child.pid, mark) == "gone"


@linux_only
def test_one_that_nobody_waits_for(child: subprocess.Popen[bytes]) -> None:
    """A process that has ended is gone, although its number is not free yet."""
    mark = mark_of(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert fate(child.pid, mark) == "gone"


@linux_only
def test_a_number_that_is_used_again() -> None:
    """Another process of the same number is not the one that is meant."""
    assert fate(OWN, {**mark_of(OWN), "started": "1"}) == "gone"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"boot": "an earlier one"}, "gone"),
        ({"boot": "its own", "node": "another machine"}, "elsewhere"),
        ({"namespace": "pid:[1]"}, "elsewhere" if sys.platform == "linux" else "alive"),
        ({"node": "renamed"}, "alive"),
    ],
)
def test_other_machines(other: dict[str, str], expected: str) -> None:
    """Of another machine or container nobody knows; before this one was started all are gone."""
    assert fate(OWN, {**mark_of(OWN), **other}) == expected


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX: signals to a process")
def test_where_no_start_is_told(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its number alone, without harm to it; also if it is another user's."""
    mark = {**mark_of(child.pid), "started": ""}
    assert fate(child.pid, mark) == "alive"
    child.kill()
    child.wait()
    assert fate(child.pid, mark) == "gone"
    assert fate(2**70, mark) == "gone"

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr("aiomonitor.rundir.process.os.kill", refuse)
    assert fate(1, mark) == "alive"
