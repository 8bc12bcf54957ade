"""An echo server in anyio's words, with a monitor: on asyncio, or on trio.

    python anyio_echo.py
    python anyio_echo.py --backend trio        (pip install 'aiomonitor[trio]')

It does not notice which, and neither does the monitor: `telnet localhost 20101`, and there `tree`,
`ps`, or `where` with one of the numbers. Connect to its own port, which it prints, to give it
something to do.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import anyio

import aiomonitor

if TYPE_CHECKING:
    from anyio.abc import SocketStream


class EchoMonitor(aiomonitor.Monitor):
    """The monitor, with a command of this program's own."""

    prompt = "echo >>> "
    echoed = 0

    def do_echoed(self) -> None:
        """How many bytes went back."""
        print(self.echoed, file=self._sout)


def started(port: int) -> EchoMonitor:
    """The other ports may be taken: then it is the next ones."""
    return aiomonitor.start_monitor(
        monitor=EchoMonitor, port=port, webui_port="auto", console_port="auto"
    )


async def main(port: int) -> None:
    """Listen, and tell where."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)

    async def echo(client: SocketStream) -> None:
        async with client:
            with anyio.move_on_after(60):  # seconds for one client
                async for piece in client:
                    await client.send(piece)
                    monitor.echoed += len(piece)

    async with started(port) as monitor, listener:
        where = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django's
        print(f"echo: port {where}; monitor: telnet localhost {monitor.port}", flush=True)
        await listener.serve(echo)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio")
    parser.add_argument("--port", type=int, default=20101, help="of the monitor's terminal")
    arguments = parser.parse_args()
    anyio.run(main, arguments.port, backend=arguments.backend)
