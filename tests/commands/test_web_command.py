"""The command `web`, and the links that let a browser in."""

from __future__ import annotations

import io
import re

import pytest

from aiomonitor import CommandError, Monitor
from aiomonitor.commands.web import TICKET_LIFE, TICKETS, Tickets
from aiomonitor.doors import Place


class Clock:
    """Stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_works_once() -> None:
    """What was issued lets one in, once; anything else lets nobody in."""
    tickets = Tickets()
    ticket = tickets.issue()
    assert not tickets.redeem("")
    assert not tickets.redeem(ticket[:-1])
    assert tickets.redeem(ticket)
    assert not tickets.redeem(ticket)


def test_a_ticket_expires() -> None:
    """It is valid for so long, and no longer."""
    clock = Clock()
    tickets = Tickets(clock)
    first, second = tickets.issue(), tickets.issue()
    clock.now = TICKET_LIFE
    assert tickets.redeem(first)
    clock.now += 0.1
    assert not tickets.redeem(second)


def test_tickets_are_bounded() -> None:
    """Of more than may be unused at once, the oldest are void."""
    tickets = Tickets()
    issued = [tickets.issue() for _ in range(TICKETS + 1)]
    assert not tickets.redeem(issued[0])
    assert all(map(tickets.redeem, issued[1:]))


class Told(Monitor):
    """A monitor that was started somewhere, as far as its links know."""

    def __init__(self, *, token: str | None = None, port: int | None = 20102, host: str) -> None:
        super().__init__(object(), token=token)
        self._place = Place(host=host, ports={"terminal": None, "web": port, "console": None})

    def web(self) -> str:
        """What the command says."""
        self.stdout = io.StringIO()
        self._own_run.sout = self.stdout
        self.do_web()
        return self.stdout.getvalue()


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIOMONITOR_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "[::1]"),
        ("localhost", "localhost"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - told, not bound
        ("::", "[::1]"),
    ],
)
def test_where_the_page_is(host: str, place: str) -> None:
    """The link names a host that can be connected to."""
    assert Told(host=host).web() == f"http://{place}:20102/\n"


def test_with_a_token() -> None:
    """The link holds a ticket, another one each time, and not the token."""
    monitor = Told(host="127.0.0.1", token="s3cret")  # noqa: S106 - of a test
    links = [monitor.web() for _ in range(2)]
    assert links[0] != links[1]
    for link in links:
        assert "s3cret" not in link
        found = re.fullmatch(r"http://127\.0\.0\.1:20102/login\?ticket=(\S+)\n", link)
        assert found
        assert monitor.tickets.redeem(found[1])


def test_without_a_page() -> None:
    """That there is none is told in one line."""
    monitor = Told(host="127.0.0.1", port=None)
    assert monitor.web_link() is None
    with pytest.raises(CommandError, match=r"there is no web page: .* webui_port=None"):
        monitor.web()
