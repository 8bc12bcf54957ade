"""What is asked of the connection to a client."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from aiomonitor.access.peers import tune

if TYPE_CHECKING:
    import pytest


def test_a_port() -> None:
    """Small answers go at once, and a client that is lost in silence is noticed."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as far,
    ):
        tune(far)
        assert far.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert far.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert far.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


def test_a_system_that_lets_nobody_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"):
        monkeypatch.delattr(socket, name, raising=False)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as far,
    ):
        tune(far)
        assert far.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_file() -> None:
    """The system tells at once there."""
    near, far = socket.socketpair()
    with near, far:
        tune(far)
        assert not far.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_one_that_is_gone() -> None:
    """It is noticed where it is read, not here."""
    with socket.socket() as closed:
        closed.close()
        tune(closed)
