"""A client's socket, and when it is known that nobody is at its other end."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import anyio
import pytest

from aiomonitor import Monitor
from aiomonitor.terminal.stream import ClientStream
from running import Application
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    Pair = tuple[socket.socket, socket.socket]

pytestmark = pytest.mark.anyio


def tcp_pair() -> Pair:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return near, far


async def is_gone(stream: ClientStream, within: float) -> bool:
    with anyio.move_on_after(within) as scope:
        await stream.wait_gone()
    return not scope.cancelled_caught


@pytest.mark.parametrize("pair", [tcp_pair, socket.socketpair])
async def test_who_waits_for_answers_is_there(pair: Callable[[], Pair]) -> None:
    near, far = pair()
    with near:
        stream = ClientStream(far)
        near.shutdown(socket.SHUT_WR)
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        assert not await is_gone(stream, 1.2)
        await stream.send(b"answer")
        assert near.recv(10) == b"answer"
        assert not await is_gone(stream, 0.6)
        await stream.aclose()
        assert await is_gone(stream, PATIENCE)


async def test_who_has_hung_up_is_gone_when_something_was_sent() -> None:
    near, far = tcp_pair()
    stream = ClientStream(far)
    near.close()
    assert not await is_gone(stream, 0.6)  # TCP does not tell
    await stream.send(b"answer")
    assert await is_gone(stream, PATIENCE)
    await stream.aclose()


async def test_who_has_closed_a_unix_socket_is_gone() -> None:
    near, far = socket.socketpair()
    stream = ClientStream(far)
    near.close()
    assert await is_gone(stream, PATIENCE)
    await stream.aclose()


def test_a_command_without_an_end_ends_with_its_client() -> None:
    """Nothing happens that it could tell of: the greeting was the last that was sent."""
    application = Application()
    try:
        with Monitor(application.loop, port=0, webui_port=None, console_port=None) as monitor:
            assert monitor.port is not None
            with socket.create_connection(("127.0.0.1", monitor.port)) as client:
                client.sendall(b"watch\n")
            assert monitor._crew is not None
            service = monitor._crew._service
            deadline = time.monotonic() + PATIENCE
            for wanted in (1, 0):  # it is served, and then it is not any more
                while service._clients != wanted and time.monotonic() < deadline:
                    time.sleep(0.01)
                assert service._clients == wanted
    finally:
        application.close()
