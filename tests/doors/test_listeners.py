"""Listening sockets: bound before anybody is served, or a clear error and nothing left."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import TYPE_CHECKING

import pytest

from aiomonitor import BindError, UnsafeAddressError
from aiomonitor.doors.ports import listen
from aiomonitor.model.addresses import display

if TYPE_CHECKING:
    from collections.abc import Iterator


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="needs the address ::1 on this machine")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def opened(host: str, port: int = 0, *, safe: bool = False) -> list[tuple[str, int]]:
    """The addresses that are listened at, each proven by a connection."""
    listeners = listen("terminal", host, port, safe=safe)
    addresses = [listener.getsockname()[:2] for listener in listeners]
    try:
        for address in addresses:
            socket.create_connection(address).close()
    finally:
        for listener in listeners:
            listener.close()
    return addresses


def complaint(host: str, port: int) -> BindError:
    with pytest.raises(BindError) as caught:
        listen("terminal", host, port, safe=False)
    return caught.value


def test_a_free_port() -> None:
    """Port 0 takes a free port, and clients can connect at once."""
    [(host, port)] = opened("127.0.0.1")
    assert host == "127.0.0.1"
    assert port > 0


def test_a_port_can_be_taken_again() -> None:
    """A port that was closed is free for the next monitor, although connections linger."""
    [(_, port)] = opened("127.0.0.1")
    assert opened("127.0.0.1", port) == [("127.0.0.1", port)]


def test_a_busy_port(taken: int) -> None:
    """The message names service, host, port, cause and remedy; the error is an OSError."""
    error = complaint("127.0.0.1", taken)
    assert isinstance(error, OSError)
    assert error.errno == errno.EADDRINUSE
    text = str(error)
    assert f"terminal cannot listen on 127.0.0.1:{taken}: " in text
    assert "0 for a free one, or None" in text
    assert isinstance(error.__cause__, OSError)


def test_two_listeners_collide() -> None:
    """Nobody shares a port unnoticed, not even with another monitor."""
    (listener,) = listen("terminal", "127.0.0.1", 0, safe=False)
    with listener:
        assert complaint("127.0.0.1", listener.getsockname()[1]).errno == errno.EADDRINUSE


def test_localhost() -> None:
    """`localhost` is served on one port at every loopback address that the machine has."""
    addresses = opened("localhost")
    assert len({port for _, port in addresses}) == 1
    assert all(ipaddress.ip_address(host).is_loopback for host, _ in addresses)


@needs_ipv6
def test_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If one of a host's addresses cannot be had, the others are given back."""

    def both(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        v4, v6 = ("127.0.0.1", port), ("::1", port, 0, 0)
        return [(socket.AF_INET, 1, 6, "", v4), (socket.AF_INET6, 1, 6, "", v6)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        assert complaint("twins", port).errno == errno.EADDRINUSE
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_an_address_family_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that the machine does not have is left out while another one works."""

    def both(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        elsewhere, here = ("192.0.2.1", port), ("127.0.0.1", port)
        return [(socket.AF_INET, 1, 6, "", elsewhere), (socket.AF_INET, 1, 6, "", here)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    (listener,) = listen("terminal", "twins", 0, safe=True)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"


@needs_ipv6
def test_ipv6() -> None:
    """IPv6 hosts work, and are written in brackets."""
    [(host, port)] = opened("::1")
    assert host == "::1"
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        assert f"[::1]:{port}" in str(complaint("::1", port))


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_no_port(port: int) -> None:
    """A number that is no port is refused with the range."""
    assert "0 to 65535" in str(complaint("127.0.0.1", port))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70 + ".example", "\x00", "1.2.3"])
def test_bad_hosts(host: str) -> None:
    """A host that has no address here is refused at once, by name."""
    with pytest.raises((BindError, UnsafeAddressError)) as caught:
        listen("terminal", host, 0, safe=False)
    assert str(caught.value)


def test_an_address_of_another_machine() -> None:
    """An address that is none of this machine's is refused with what would work."""
    with pytest.raises(BindError, match=r"give 127\.0\.0\.1 or ::1"):
        listen("terminal", "192.0.2.1", 0, safe=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 - refused
def test_beyond_loopback(host: str) -> None:
    """Without a token nothing but loopback is listened at, and the message says why."""
    with pytest.raises(UnsafeAddressError, match="set a token"):
        listen("terminal", host, 0, safe=False)


def test_an_empty_host() -> None:
    """An empty host, which sockets take for every interface, is refused even with a token."""
    with pytest.raises(UnsafeAddressError, match="every network interface"):
        listen("terminal", "", 0, safe=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3"])
def test_loopback(host: str) -> None:
    """Every loopback address may be listened at without a token."""
    assert opened(host)[0][0] == host


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs /proc")  # noqa: PTH110
def test_refusals_leave_no_socket(taken: int) -> None:
    """A refusal leaves no file descriptor open."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for port in (taken, 70000):
        complaint("127.0.0.1", port)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize(("host", "text"), [("::1", "[::1]:5"), ("localhost", "localhost:5")])
def test_display(host: str, text: str) -> None:
    """Addresses are written as people do."""
    assert display(host, 5) == text
