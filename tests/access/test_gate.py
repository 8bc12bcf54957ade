"""What may be a token, and how often somebody may guess."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from aiomonitor import Monitor
from aiomonitor.access import gate
from aiomonitor.access.audit import LONGEST, note
from aiomonitor.access.gate import Gate, checked_token
from aiomonitor.access.peers import Peer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIOMONITOR_TOKEN", raising=False)


def someone(origin: str = "192.0.2.1") -> Peer:
    return Peer(name=f"{origin}:4711", origin=origin)


# --- what may be one ------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["a", "open sesame é", "日本", "🗝", "x" * 1000, "%2B+&=;\"'\\"])
def test_tokens(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever can be typed is one, from the code or from the environment."""
    assert checked_token(token) == token
    monkeypatch.setenv("AIOMONITOR_TOKEN", token)
    assert checked_token(None) == token
    assert checked_token("other") == "other"


def test_none() -> None:
    """None, without the variable, is no token."""
    assert checked_token(None) is None
    assert Gate(None).is_open
    assert Gate(None).admits(someone(), "")


WRONG = {"": "is empty", " ": "blanks", "x ": "blanks", "a\nb": "cannot be typed"}
WRONG |= {"a\x1b[2J": "cannot be typed", "\udcff": "cannot be typed", "x" * 1001: "at most 1000"}


@pytest.mark.parametrize("token", WRONG)
def test_no_tokens(token: str) -> None:
    """What nobody could give, or was left empty by mistake, is refused, and not repeated."""
    with pytest.raises(ValueError, match=f"^token .*{WRONG[token]}") as caught:
        Monitor(token=token)
    assert "\n" not in str(caught.value)
    if len(token) > 3:
        assert token not in str(caught.value)


def test_an_empty_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that was set to nothing lets nobody believe that there is a token."""
    monkeypatch.setenv("AIOMONITOR_TOKEN", "")
    with pytest.raises(ValueError, match="AIOMONITOR_TOKEN is empty"):
        Monitor()
    assert checked_token("x") == "x"


def test_the_wrong_type() -> None:
    """Bytes are refused, and not shown."""
    wrong: Any = b"s3cret"
    with pytest.raises(TypeError, match="token is of type bytes: give a string, or None"):
        Monitor(token=wrong)


# --- guessing -------------------------------------------------------------------------------------


def test_guessing(clock: Clock) -> None:
    """Of so many wrong tokens in a window, the next one waits, and so does the right one."""
    door = Gate("s3cret", clock)
    count, window = gate.GUESSES
    for guess in range(count):
        assert door.wait(someone()) == 0
        assert not door.admits(someone(), f"guess {guess}")
        clock.now += 1
    assert door.wait(someone()) == window - count
    assert not door.admits(someone(), "s3cret")
    clock.now = window + 0.5  # the first of them does not count any more
    assert door.admits(someone(), "s3cret")
    assert not door.admits(someone(), "guess")
    assert door.wait(someone()) == 1


def test_others_need_not_wait(clock: Clock) -> None:
    """Each host has guesses of its own; whoever was right meanwhile does not give it new ones."""
    door = Gate("s3cret", clock)
    for _ in range(gate.GUESSES[0]):
        assert door.admits(someone("198.51.100.7"), "s3cret")
        assert not door.admits(someone(), "guess")
    assert door.wait(someone())
    assert door.admits(someone("198.51.100.7"), "s3cret")


def test_nothing_is_no_guess(clock: Clock) -> None:
    """An empty line is wrong, but says nothing."""
    door = Gate("s3cret", clock)
    for _ in range(100):
        assert not door.admits(someone(), " ")
    assert door.wait(someone()) == 0


def test_hosts_are_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many are remembered, the latest."""
    monkeypatch.setattr(gate, "HOSTS", 2)
    monkeypatch.setattr(gate, "GUESSES", (1, 60.0))
    door = Gate("s3cret", clock)
    for host in ("a", "b", "c"):
        assert not door.admits(someone(host), "guess")
    assert [door.wait(someone(host)) for host in ("a", "b", "c")] == [0, 60, 60]


def test_other_encodings(clock: Clock) -> None:
    """The same token in other bytes."""
    door = Gate("é", clock)
    assert door.admits(someone(), "Ã©", "é".encode())
    assert not door.admits(someone(), "\udcc3")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_origins(one: str, other: str, same: bool) -> None:
    """A host of IPv6 has more addresses than anybody could remember: its network counts."""
    import socket

    near, far = socket.socket(socket.AF_INET), socket.socket(socket.AF_INET)
    with near, far:
        origins = [Peer.of(near, (host, 5)).origin for host in (one, other)]
    assert (origins[0] == origins[1]) == same


# --- the log --------------------------------------------------------------------------------------


def test_notes(caplog: pytest.LogCaptureFixture) -> None:
    """One line each, of bounded length, with its outcome."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"):
        note("1.2.3.4:5", "cancel 1\nroot: all is well\u2028\x1b[2J", "done\r\n")
        note("1.2.3.4:5", "x" * 10_000, "done")
        gate.Gate("s3cret").admits(someone(), "guess\n")
    assert caplog.messages[0] == (r"1.2.3.4:5: cancel 1\nroot: all is well\u2028\x1b[2J: done\r\n")
    assert caplog.messages[1] == f"1.2.3.4:5: {'x' * LONGEST}…: done"
    assert caplog.messages[2] == "192.0.2.1:4711: gave a wrong token"
