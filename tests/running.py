"""Applications in a thread of their own, and blocking clients of the monitor that watches them."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiomonitor.monitor import CLOSE_TIMEOUT
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor import Monitor

GUARD = CLOSE_TIMEOUT + 3.0
"""The documented bound, and time for a machine that is busy with something else."""


@contextmanager
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < GUARD


class Application:
    """An asyncio loop in a thread of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = loop or asyncio.new_event_loop()
        self.released = threading.Event()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def block(self) -> None:
        """Block the loop until `released` is set."""
        blocked = threading.Event()

        def hold() -> None:
            blocked.set()
            self.released.wait(PATIENCE)

        self.loop.call_soon_threadsafe(hold)
        assert blocked.wait(PATIENCE)

    def stop(self) -> None:
        self.released.set()
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)

    def close(self) -> None:
        self.stop()
        self.loop.close()


class Client:
    """A plain client of a running monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self.socket = _connected(monitor)
        self.text = ""

    def send(self, line: str) -> None:
        self.socket.sendall(line.encode() + b"\n")

    def until(self, text: str) -> str:
        while text not in self.text:
            data = self.socket.recv(65536)
            assert data, f"{text!r} did not come, but {self.text!r}"
            self.text += data.decode("utf-8", "replace")
        before, _, self.text = self.text.partition(text)
        return before

    def hung_up(self) -> bool:
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        return True

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def _connected(monitor: Monitor) -> socket.socket:
    [address] = [each for each in monitor.addresses if each.service == "terminal"]
    if address.path is None:
        return socket.create_connection((monitor.host, address.port or 0), PATIENCE)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(address.path)
    return client


def refuses(port: int | None, host: str = "127.0.0.1") -> bool:
    assert port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex((host, port)) == errno.ECONNREFUSED


def monitors_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "aiomonitor"]
