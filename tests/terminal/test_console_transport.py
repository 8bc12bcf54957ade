"""The console over a connection, on both of anyio's backends, in loops of both runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiomonitor.terminal.telnet import Command
from backends.applications import LoopApplication
from support import PATIENCE, Host, Peer, TelnetPeer, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


def make(runtime: str) -> Any:
    """An application in a thread of its own."""
    if runtime == "trio":
        pytest.importorskip("trio", reason="needs the package trio")
        from backends.trio_application import TrioApplication

        return TrioApplication()
    import asyncio

    return LoopApplication(asyncio.new_event_loop)


@pytest.fixture(params=["asyncio", "trio"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A terminal whose console is in such an application."""
    application = make(request.param)
    host = Host()
    host._observe(application.backend)
    yield host
    application.close()


async def test_plain(host: Host) -> None:
    """What is typed runs, awaits and is answered; `exit()` leads back to the commands."""
    runtime = "trio" if "trio" in host._backend.console_names() else "asyncio"
    async with connection(host, speaks_first=True) as stream:
        peer = Peer(stream)
        with anyio.fail_after(PATIENCE):
            await peer.send(f"console\n6 * 7\nawait {runtime}.sleep(0)\n".encode())
            await peer.until("42\n")
            await peer.send(b"print('still ' + 'here')\nexit()\nzebra a\n")
            await peer.until("still here\n")
            await peer.until("[a]\n")
            await peer.end()


async def test_telnet(host: Host) -> None:
    """Ctrl-C ends an await, and leaving takes the rest along."""
    sleep = "trio.sleep_forever" if "trio" in host._backend.console_names() else "asyncio.sleep"
    waiting = "()" if sleep.startswith("trio") else "(1000)"
    async with connection(host) as stream:
        peer = TelnetPeer(stream)
        with anyio.fail_after(PATIENCE):
            await peer.until(">")
            await peer.send(b"console\r")
            await peer.until(">>>")
            await peer.send(f"print('in', 'it'); await {sleep}{waiting}\r".encode())
            await peer.until("in it")
            await peer.send(bytes([Command.IAC, Command.IP]))
            await peer.until("KeyboardInterrupt")
            await peer.until(">>>")
