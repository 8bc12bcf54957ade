"""The web service's life: loaded late, there in time, gone in time."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from aiomonitor import Monitor, service
from aiomonitor.errors import BindError
from aiomonitor.webui import limits
from aiomonitor.webui.messages import SUBPROTOCOL
from clients.harness import eventually
from running import refuses
from support import PATIENCE

from .harness import Browser, Events, watched
from .socket_client import PageSocket, RefusedError

CLOSE_LIMIT = 1.0 + 1.0
"""Seconds that are promised, and some for a machine that is busy with something else."""

_LAZY = """
import asyncio, socket, sys, threading, aiomonitor
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()

def loaded():
    return sorted({"quart", "hypercorn", "flask", "prometheus_client"} & {*sys.modules})

def told(port, text):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(text)
        return client.recv(12)

with aiomonitor.start_monitor(loop, port=0, webui_port=0, console_port=None) as monitor:
    told(monitor.port, b"ps\\n")
    print(loaded())
    print(told(monitor.webui_port, b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"))
    print(loaded())
loop.call_soon_threadsafe(loop.stop)
"""


def test_lazy() -> None:
    """Nothing of the web is loaded until its port is visited; nothing is printed then."""
    ended = subprocess.run(
        [sys.executable, "-c", _LAZY], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert ended.stdout.splitlines() == [
        "[]",
        "b'HTTP/1.1 200'",
        "['flask', 'hypercorn', 'quart']",
    ]
    assert ended.stderr == ""


def test_blocked_loop() -> None:
    """The page is there while the application's loop is blocked, and says so."""
    with watched() as (application, monitor):
        browser = Browser(monitor.webui_port or 0)
        application.block()
        assert browser.get("/", Accept="text/html").status == 200
        assert browser.get("/api/status").json["blocked_for"] > 0
        application.released.set()


def test_spinning_loop() -> None:
    """It is there while the loop spins in Python code, too."""
    with watched() as (application, monitor):
        spinning, ended = threading.Event(), threading.Event()

        def spin() -> None:
            spinning.set()
            while not ended.is_set():
                pass

        application.loop.call_soon_threadsafe(spin)
        assert spinning.wait(PATIENCE)
        try:
            assert Browser(monitor.webui_port or 0).get("/api/tasks").status == 200
        finally:
            ended.set()


def test_close_with_streams() -> None:
    """Closing ends open streams in good order, and cuts off who does not read or is half way."""
    with ExitStack() as stack:
        application, monitor = stack.enter_context(watched())
        browser = Browser(monitor.webui_port or 0)
        for number in range(300):
            application.add(f"task {number}")
        streams = [stack.enter_context(Events(browser, "view=tasks&limit=1000")) for _ in range(5)]
        for events in streams:
            events.next("rows")
        address = ("127.0.0.1", browser.port)
        half, deaf = (stack.enter_context(socket.create_connection(address)) for _ in range(2))
        half.sendall(b"GET / HT")
        for _ in range(40):
            deaf.sendall(b"GET /api/tasks?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        began = time.monotonic()
        monitor.close()
        assert time.monotonic() - began < CLOSE_LIMIT
        for events in streams:
            assert b"event" not in events.rest().partition(b"\n\n")[2]
        assert refuses(browser.port)


def test_close_before_a_visit() -> None:
    """A web service that nobody has visited closes as well."""
    with watched() as (_, monitor):
        port = monitor.webui_port
        monitor.close()
        assert refuses(port)


def test_ports() -> None:
    """A free port is told, none is left out, and a busy one is an error that leaves nothing."""
    with watched() as (application, monitor):
        assert f"web at 127.0.0.1:{monitor.webui_port}" in repr(monitor)
        second = Monitor(application.loop, port=0, console_port=None, webui_port=monitor.webui_port)
        with pytest.raises(BindError, match="web cannot listen"):
            second.start()
        with watched(webui_port=None, port=0) as (_, without):
            assert without.webui_port is None
            assert without.web_link() is None


def test_ipv6() -> None:
    """An IPv6 host works, with its literal as Host."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("needs IPv6 on loopback")
    with watched(host="::1") as (_, monitor):
        port = monitor.webui_port or 0
        with socket.create_connection(("::1", port), PATIENCE) as client:
            client.sendall(b"GET /api/status HTTP/1.1\r\nHost: [::1]:%d\r\n\r\n" % port)
            assert client.recv(12) == b"HTTP/1.1 200"


def test_too_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections cost the application files: beyond the limit they get a word and no place."""
    monkeypatch.setattr(limits, "CONNECTIONS", 2)
    with ExitStack() as stack:
        _, monitor = stack.enter_context(watched())
        browser = Browser(monitor.webui_port or 0)
        for _ in range(2):
            stack.enter_context(Events(browser, "view=overview")).next("status")
        with socket.create_connection(("127.0.0.1", browser.port), PATIENCE) as client:
            refusal = b"".join(iter(lambda: client.recv(4096), b""))
        assert refusal.startswith(b"HTTP/1.1 503 ")
        assert b"too many connections" in refusal


def test_browsers_take_no_terminals_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open pages do not count as terminal clients: those have their own limit, told in words."""
    monkeypatch.setattr(service, "CLIENT_LIMIT", 1)
    with ExitStack() as stack:
        _, monitor = stack.enter_context(watched(port=0))
        browser = Browser(monitor.webui_port or 0)
        for _ in range(2):
            stack.enter_context(Events(browser, "view=overview")).next("status")
        address = ("127.0.0.1", monitor.port or 0)
        first = stack.enter_context(socket.create_connection(address, PATIENCE))
        first.sendall(b"help\n")
        assert b"too many clients" not in first.recv(4096)
        for said in (b"", b"\xff\xfb\x18" * 1000):  # what a telnet says at once, nobody reads
            with socket.create_connection(address, PATIENCE) as second:
                second.sendall(said)
                assert b"".join(iter(lambda: second.recv(4096), b"")) == (
                    b"too many clients (1): try again later\n"
                )


def test_connections_that_were_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may make one after the other: what it has left is nobody's place."""
    monkeypatch.setattr(limits, "CONNECTIONS", 8)
    with watched() as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        for _ in range(40):
            answer = browser.get("/api/status")
            assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_connections_of_pages() -> None:
    """A page has many requests, for which it keeps its connection."""
    with watched() as (_, monitor):
        page = Browser(monitor.webui_port or 0, Sec_Fetch_Site="same-origin")
        answer = page.get("/api/status")
        assert answer.status == 200
        assert "connection" not in answer.headers


def test_http2() -> None:
    """HTTP/2 is guarded as HTTP/1 is; a request that is none gets an error."""
    with watched() as (_, monitor):
        address = ("127.0.0.1", monitor.webui_port or 0)
        with socket.create_connection(address, PATIENCE) as client:
            client.sendall(b"hello\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 400"
        upgrade = (
            b"GET /api/status HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with socket.create_connection(address, PATIENCE) as client:
            client.sendall(upgrade)
            assert client.recv(12) == b"HTTP/1.1 403"


def test_a_frame_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that talks before its socket is accepted has no console: others have it."""
    monkeypatch.setattr(limits, "CONSOLES", 1)
    with watched() as (_, monitor):
        port = monitor.webui_port or 0
        early = (
            f"GET /console/socket HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nOrigin: http://localhost:{port}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
        ).encode() + b"\x81\x81mask\x00"
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(early)
            assert client.recv(12) == b"HTTP/1.1 400"

        def served() -> bool:
            with contextlib.suppress(RefusedError), PageSocket(port) as page:
                return "await works" in page.output_until("prompt")
            return False

        eventually(served, "a console for somebody else")


def test_logging_is_left_alone() -> None:
    """An application that uses Quart and Hypercorn itself finds their loggers untouched."""
    with watched() as (_, monitor):
        assert Browser(monitor.webui_port or 0).get("/").status == 200
    for name in ("hypercorn.error", "hypercorn.access", "quart.app", "aiomonitor.webui.app"):
        assert logging.getLogger(name).handlers == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork() -> None:
    """A forked child holds neither the port nor a connection, while the parent serves on."""
    with watched() as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        with Events(browser, "view=overview") as events:
            events.next("status")
            before = _sockets()
            released, release = os.pipe()
            told, tell = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(tell, str(_sockets()).encode())
                os.close(release)
                os.read(released, 1)
                os._exit(0)
            try:
                # What is left are both ends of the client here, and of what wakes loops.
                assert int(os.read(told, 20)) < before
                events.next("status")
                monitor.close()
                assert refuses(browser.port)
            finally:
                for descriptor in (release, released, told, tell):
                    os.close(descriptor)
                os.waitpid(child, 0)


def _sockets() -> int:
    """How many TCP sockets this process has that it listens or was connected to by."""
    count = 0
    for descriptor in range(256):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as found:
            count += found.family == socket.AF_INET
    return count


def test_a_static_file_that_cannot_be(caplog: pytest.LogCaptureFixture) -> None:
    """A name that is too long for a file is one of nothing."""
    with watched() as (_, monitor):
        answer = Browser(monitor.webui_port or 0).get(f"/static/app.css{'9' * 400}")
    assert answer.status == 404
    assert "there is no file" in answer.detail
    assert not caplog.records
