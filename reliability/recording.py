"""Records what real clients say, for `sayings` to be cut: telnet, nc, curl, Chromium, our own.

    python -m reliability.recording [KIND …]

Each talks to a monitor through a relay that writes down the client's side, byte for byte, into
`recorded/`. Run it anew when a client's next version says something else; Chromium is driven by
Playwright (dependency group `pictures`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from typing import TYPE_CHECKING

from .cuts import Ground
from .hostile_web import Application
from .sayings import MARK, RECORDED, TOKEN, VALUE, file_of

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30.0
"""Seconds for a client to get its answer."""
PROMPT = b"monitor >>>"
PYTHON = f"canary.value = {VALUE}"
BROWSER = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


class Relay:
    """A port that leads to another one; remembers what was said on each connection to it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._said: list[bytearray] = []
        self.heard: list[bytes] = []
        """What each of the clients has said, once it is closed."""
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Write down no more, and serve no other client."""
        self.heard = [bytes(each) for each in self._said]
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                monitor = socket.create_connection(("127.0.0.1", self._target))
                said = bytearray()
                self._said.append(said)
                for source, sink, record in ((client, monitor, said), (monitor, client, None)):
                    threading.Thread(target=_copy, args=(source, sink, record), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket, record: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if record is not None:
                record += data
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


# --- the clients ------------------------------------------------------------------------------


def telnet(relay: Relay) -> None:
    """A user who mistypes, goes back, and asks for the last line once more, at a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.execvp("telnet", ["telnet", "127.0.0.1", str(relay.port)])  # noqa: S606, S607 - in its terminal
    keys = (
        MARK.encode()[:-1] + b"x\x7fe\r",
        MARK.encode()[1:] + b"\x1b[H" + MARK.encode()[:1] + b"\r",
        b"\x1b[A\r",
        b"\x04",
    )
    for line in keys:
        _await(terminal, PROMPT)
        for key in line:
            os.write(terminal, bytes((key,)))
    _await(terminal, b"closed by foreign host")
    os.waitpid(pid, 0)
    os.close(terminal)


def _await(terminal: int, wanted: bytes) -> None:
    heard, deadline = b"", time.monotonic() + PATIENCE
    while wanted not in heard:
        ready, _, _ = select.select([terminal], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError(f"telnet did not show {wanted!r}, but {heard[-300:]!r}")
        heard += os.read(terminal, 1 << 16)


def _run(*command: str, said: bytes = b"", token: str = "", in_time: bool = True) -> bytes:
    ended = subprocess.run(
        command, input=said, capture_output=True, timeout=PATIENCE, check=False,
        env={**os.environ, "AIOMONITOR_TOKEN": token},
    )  # fmt: skip
    if ended.returncode and in_time:
        raise ChildProcessError(f"{command} ended with {ended.returncode}: {ended.stderr!r}")
    return ended.stdout


def netcat(*lines: str) -> Callable[[Relay], None]:
    """A script that says all of it at once, and closes its half."""
    return lambda relay: _say(relay.port, "".join(lines).encode())


def _say(port: int, said: bytes) -> None:
    _run("nc", "-N", "127.0.0.1", str(port), said=said)


def one_shot(token: str = "") -> Callable[[Relay], None]:
    """Our own client, with one command."""
    return lambda relay: _ask(relay.port, token)


def _ask(port: int, token: str) -> None:
    _run(sys.executable, "-m", "aiomonitor.cli", "-p", str(port), "-c", MARK, token=token)


def curl(path: str, *options: str) -> Callable[[Relay], None]:
    """A request; where there is no end to the answer, for a second."""
    stream = "-N" in options
    limit = ("--max-time", "1") if stream else ("--fail",)
    return lambda relay: _fetch(
        f"http://127.0.0.1:{relay.port}{path}", *limit, *options, stream=stream
    )


def _fetch(url: str, *options: str, stream: bool) -> None:
    if not _run("curl", "-sS", *options, url, in_time=not stream):
        raise ChildProcessError(f"curl got nothing from {url}")


def browser(relay: Relay) -> None:
    """The console's page, where two lines are entered; that it is closed afterwards is left out: in
    one go with the lines, it would take them back."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=BROWSER
        )
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{relay.port}/console")
        for line in ("1 + 1", PYTHON):
            page.locator('#console[data-state="prompt"]').wait_for()
            page.locator("#input").fill(line)
            page.locator("#input").press("Enter")
            page.locator("#log").get_by_text(line).wait_for()
        page.locator('#console[data-state="prompt"]').wait_for()
        relay.close()
        chromium.close()


POST = ("-X", "POST", "-H", "X-Aiomonitor: 1", "-H", "Content-Type: application/json", "-d", "{}")
CLIENTS: dict[str, tuple[str, bool, Callable[[Relay], None]]] = {
    "telnet": ("terminal", False, telnet),
    "plain": ("terminal", False, netcat(f"{MARK}\r\n", "\n", f"{MARK}\n", "exit\n")),
    "one-shot": ("terminal", False, one_shot()),
    "one-shot with a token": ("terminal", True, one_shot(TOKEN)),
    "plain with a token": ("terminal", True, netcat(f"{TOKEN}\n", f"{MARK}\n")),
    "console": (
        *("console", False),
        netcat("1 + 1\n", f"{PYTHON}\n", "import asyncio\n", "await asyncio.sleep(0)\n"),
    ),
    "GET": ("web", False, curl("/api/tasks")),
    "POST": ("web", False, curl("/api/mark", *POST)),
    "event stream": ("web", False, curl("/api/events?view=tasks", "-N")),
    "WebSocket": ("web", False, browser),
}
"""By kind: the service, whether the monitor has a token, and the client."""


def record(ground: Ground, kind: str) -> bytes:
    """What that client says, on the connection that it is about."""
    service, locked, client = CLIENTS[kind]
    relay = Relay(ground.port(service, locked=locked))
    client(relay)
    if not relay.heard:
        relay.close()
    sockets = [each for each in relay.heard if b"Upgrade: websocket" in each]
    (said,) = sockets or relay.heard
    return said


def main(kinds: list[str]) -> None:
    """Record all of them, or those."""
    application = Application()
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(application, folder)
        try:
            for kind in kinds or CLIENTS:
                said = record(ground, kind)
                file_of(kind).write_bytes(said)
                print(f"{kind}: {len(said)} bytes")
        finally:
            ground.close()
            application.close()


if __name__ == "__main__":
    main(sys.argv[1:])
