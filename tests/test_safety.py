"""What an attacker tries: a monitor with a token, over real sockets, on every surface."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner

from aiomonitor import Monitor
from aiomonitor.__main__ import main as cli
from aiomonitor.access import gate
from aiomonitor.terminal.telnet import TTYPE_IS, Command, Option, TelnetCodec
from support import FREE, PATIENCE
from webui.harness import Browser, Events, Watched
from webui.socket_client import PageSocket, RefusedError
from webui.test_guard import METHODS, PATHS

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "correct horse"  # noqa: S105 - of a test
ODD = ["é ü", "日本🗝", "%2B+&=;\"'\\", "-c", "T", "x" * 1000]
SECRET_TASK = "payroll"  # noqa: S105 - a name


class Told(Monitor):
    """Notes what was run in it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ran: list[str] = []

    def run_line(self, line: str) -> None:
        self.ran.append(line)
        super().run_line(line)


@contextmanager
def monitored(token: str | None = TOKEN, **options: Any) -> Iterator[Told]:
    """A monitor of an application that has a task."""
    application = Watched()
    try:
        application.add(SECRET_TASK)
        with Told(application.loop, **{**FREE, **options}, token=token) as monitor:
            yield monitor
    finally:
        application.close()


def said(port: int | None, data: bytes, *, ends: bool = True) -> str:
    """What a service answers to these bytes, to its end; `ends` tells it that they are all."""
    with socket.create_connection(("127.0.0.1", port or 0), PATIENCE) as client:
        client.sendall(data)
        if ends:
            client.shutdown(socket.SHUT_WR)
        try:
            return b"".join(iter(lambda: client.recv(65536), b"")).decode("utf-8", "replace")
        except ConnectionError:
            return ""


def one_shot(monitor: Monitor, token: str | None, command: str = "ps", port: int = 0) -> Any:
    options = ["--port", str(port or monitor.port), "-c", command]
    return CliRunner().invoke(cli, [*options, *([f"--token={token}"] if token else [])])


def log_in(browser: Browser, token: str) -> int:
    form = {"Content_Type": "application/x-www-form-urlencoded", "X_Aiomonitor": None}
    return browser.post("/login", urlencode({"token": token}).encode(), **form).status


def bearer(token: str) -> str:
    return f"Bearer {token}".encode().decode("latin1")


# --- without the token ----------------------------------------------------------------------------


def test_the_web_without_the_token() -> None:
    """No method of any path tells or does anything but to show the way in; no stream, no socket."""
    with monitored() as monitor:
        browser = Browser(monitor.webui_port or 0)
        for path in PATHS:
            for method in METHODS:
                if path.startswith("/login"):
                    continue
                answer = browser.ask(method, path, X_Aiomonitor="1", Accept="text/html")
                assert answer.status == 401, (method, path)
                assert SECRET_TASK.encode() not in answer.body
                assert answer.headers["x-frame-options"] == "DENY"
                assert answer.headers["referrer-policy"] == "same-origin"
                assert answer.headers["cache-control"] == "no-store"
        with pytest.raises(RefusedError) as refused:
            PageSocket(browser.port)
        assert refused.value.status in (401, 403)
        for path in ("/login/../tasks", "/login/", "//tasks", "/login%2f..%2ftasks", "/login;/x"):
            assert browser.get(path).status in (401, 404), path
        assert monitor.ran == []
        with pytest.raises(AssertionError, match="has a token"):
            Events(browser, "view=tasks")


HOST = b"Host: localhost\r\n"
ASK = b"GET /api/tasks HTTP/1.1\r\n" + HOST
RARE = {
    "a whole address": b"GET http://localhost/api/tasks HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/1.0": b"GET /api/tasks HTTP/1.0\r\n\r\n",
    "two hosts": ASK + b"Host: evil\r\n\r\n",
    "behind the way in": b"GET /login HTTP/1.1\r\n" + HOST + b"\r\n" + ASK + b"\r\n",
    "within it": b"GET /login#/../api/tasks HTTP/1.1\r\n" + HOST + b"\r\n",
    "two lengths": b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + ASK + b"\r\n",
    "Basic": ASK + b"Authorization: Basic Y29ycmVjdCBob3JzZTo=\r\n\r\n",
    "an address with it": ASK.replace(b"tasks", b"tasks?token=correct%20horse") + b"\r\n",
    "an empty cookie": ASK + b"Cookie: aiomonitor-80=\r\n\r\n",
    "a proxy's word": ASK + b"X-Forwarded-For: 127.0.0.1\r\n\r\n",
}


def test_rare_requests() -> None:
    """However it is asked for, nothing comes without the token."""
    with monitored() as monitor:
        for name, request in RARE.items():
            answer = said(monitor.webui_port, request, ends=False)  # it waits for its end
            assert answer.startswith("HTTP/1.1 "), name
            assert SECRET_TASK not in answer, name
        right = b"Authorization: Bearer correct horse\r\nConnection: close\r\n\r\n"
        assert SECRET_TASK in said(monitor.webui_port, ASK + right, ends=False)


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
UPGRADE += b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"


def test_another_version_of_http() -> None:
    """HTTP/2 is judged as HTTP/1 is."""
    with monitored() as monitor:
        with socket.create_connection(("127.0.0.1", monitor.webui_port or 0), PATIENCE) as client:
            client.sendall(ASK + UPGRADE)
            seen = b""
            while b"Unauthorized" not in seen:
                data = client.recv(65536)
                assert data, seen
                seen += data
        assert seen.startswith(b"HTTP/1.1 101")
        assert SECRET_TASK.encode() not in seen


def test_many_tokens_on_one_connection(caplog: pytest.LogCaptureFixture) -> None:
    """A single command may bring several; beyond the limit they are not looked at."""
    codec = TelnetCodec()
    codec.request(Option.ONE_SHOT, "local")
    opening = codec.bytes_to_send()
    codec.receive(bytes([Command.IAC, Command.DO, Option.ONE_SHOT]))
    for guess in (*range(50), TOKEN):
        codec.subnegotiate(Option.ONE_SHOT, f"T{guess}".encode())
    codec.subnegotiate(Option.ONE_SHOT, b"Cps")
    with caplog.at_level(logging.INFO, "aiomonitor.audit"), monitored() as monitor:
        answer = said(monitor.port, opening + codec.bytes_to_send(), ends=False)
        assert "too many wrong tokens" in answer
        assert monitor.ran == []
    assert len(caplog.messages) == gate.GUESSES[0]


TELNET = bytes([Command.IAC, Command.DO, Option.SGA])
OPENINGS = [
    b"ps\nps\nps\nps\n",
    b"\nps\n",
    b"\x03ps\n\x04ps\n",
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\nps\n",
    b"\x16\x03\x01ps\n",
    TELNET + bytes([Command.IAC, Command.AYT]) + b"ps\r\0ps\r\0",
    b"x" * 100_000 + b"\nps\n",
    "sécret\nps\n".encode("latin1"),
]


@pytest.mark.parametrize("opening", OPENINGS)
def test_text_services_without_the_token(opening: bytes) -> None:
    """Nothing is run or told before it, at neither port."""
    with monitored() as monitor:
        for port in (monitor.port, monitor.console_port):
            text = said(port, opening)
            assert SECRET_TASK not in text
            assert "monitor >>>" not in text
            assert "Python" not in text
        assert one_shot(monitor, None).exit_code == 2
        assert one_shot(monitor, "wrong").exit_code == 2
        assert one_shot(monitor, None, "1", port=monitor.console_port or 0).exit_code == 2
        assert monitor.ran == []


def test_keys_at_the_question_for_the_token() -> None:
    """TAB and history tell neither tasks nor commands, and what is typed is not shown."""
    codec = TelnetCodec()
    for option in (Option.TTYPE, Option.SGA):
        codec.accept(option, "local")
    codec.accept(Option.ECHO, "remote")
    codec.accept(Option.SGA, "remote")
    seen = b""
    with monitored() as monitor:
        with socket.create_connection(("127.0.0.1", monitor.port or 0), PATIENCE) as client:
            asked = False
            while b"not the token" not in seen:
                for event in codec.receive(client.recv(65536)):
                    seen += getattr(event, "data", b"")
                    if getattr(event, "option", None) == Option.TTYPE and hasattr(event, "payload"):
                        codec.subnegotiate(Option.TTYPE, TTYPE_IS + b"xterm")
                client.sendall(codec.bytes_to_send())
                if b"token:" in seen and not asked:
                    asked = True
                    client.sendall(b"\t\tcancel \t\t\x1b[A\x12ps\r\0hunter2\r\0")
        assert b"hunter2" not in seen
        assert b"where" not in seen
        assert SECRET_TASK.encode() not in seen
        assert monitor.ran == []


# --- with it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ODD)
def test_odd_tokens(token: str) -> None:
    """A token of whatever can be typed opens every surface."""
    with monitored(token) as monitor:
        browser = Browser(monitor.webui_port or 0)
        assert SECRET_TASK in said(monitor.port, f"{token}\nps\n".encode())
        assert "2" in said(monitor.console_port, f"{token}\n1 + 1\n".encode())
        assert browser.get("/api/status", Authorization=bearer(token)).status == 200
        assert log_in(browser, token) == 303
        result = one_shot(monitor, token)
        assert (SECRET_TASK in result.output, result.exit_code) == (True, 0)


def test_guesses_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has guessed at one surface waits at all of them, with the right token too; who is in
    already goes on."""
    monkeypatch.setattr(gate, "GUESSES", (4, 60.0))
    with monitored() as monitor:
        browser = Browser(monitor.webui_port or 0)
        link = (monitor.web_link() or "").partition(f":{browser.port}")[2]
        cookie = browser.get(link).headers["set-cookie"].partition(";")[0]
        assert said(monitor.port, b"wrong 1\n").count("that is not the token") == 1
        assert one_shot(monitor, "wrong 2").exit_code == 2
        assert browser.get("/api/status", Authorization="Bearer wrong 3").status == 401
        assert log_in(browser, "wrong 4") == 401
        for port in (monitor.port, monitor.console_port):
            assert "too many wrong tokens: try again in" in said(port, f"{TOKEN}\nps\n".encode())
        assert "too many wrong tokens" in one_shot(monitor, TOKEN).output
        answer = browser.get("/api/status", Authorization=bearer(TOKEN))
        assert (answer.status, int(answer.headers["retry-after"]) > 50) == (429, True)
        assert log_in(browser, TOKEN) == 429
        assert browser.get("/api/status", Cookie=cookie).status == 200
        assert monitor.ran == []


def test_the_token_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is in no log, at no level, whether right or wrong, and in no address."""
    caplog.set_level(logging.DEBUG)
    with monitored() as monitor:
        browser = Browser(monitor.webui_port or 0)
        said(monitor.port, f"wrong-{TOKEN}\n{TOKEN}\nps\ncancel 99\n".encode())
        one_shot(monitor, TOKEN, "cancel 99")
        browser.get("/api/status", Authorization=bearer(TOKEN))
        browser.get("/api/status", Authorization=bearer(f"x{TOKEN}"))
        log_in(browser, TOKEN)
        assert TOKEN not in repr(monitor)
        assert TOKEN not in (monitor.web_link() or "")
    assert "cancel 99" in caplog.text
    assert TOKEN not in caplog.text
    assert TOKEN not in str([record.args for record in caplog.records])


def test_who_logs_in_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    """And so is who fails, on each surface."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"), monitored() as monitor:
        browser = Browser(monitor.webui_port or 0)
        said(monitor.port, f"guess\n{TOKEN}\n".encode())
        log_in(browser, "guess")
        log_in(browser, TOKEN)
        browser.get("/api/status", Authorization="Bearer guess")
        one_shot(monitor, "guess")
        for ticket in ("nonsense", (monitor.web_link() or "").partition("=")[2]):
            browser.get(f"/login?ticket={ticket}")
    assert [re.sub(r"^127\.0\.0\.1:\d+: ", "", line) for line in caplog.messages] == [
        "gave a wrong token",
        "logged in by the token",
        "gave a wrong token",
        "logged in by the token (web)",
        "gave a wrong token",
        "gave a wrong token",
        "gave a link that is not valid",
        "logged in by a link",
    ]


# --- the log --------------------------------------------------------------------------------------


def test_no_line_is_forged(caplog: pytest.LogCaptureFixture) -> None:
    """Newlines and escapes in an address or a body stay in their line."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"), monitored(None) as monitor:
        browser = Browser(monitor.webui_port or 0)
        assert browser.post("/api/tasks/x%0Aroot:%20logged%20in%1B[2J/cancel").status == 404
        json = {"Content_Type": "application/json"}
        assert browser.post("/api/mark", b'{"name": "x\\nroot: forged"}', **json).status == 200
        browser.post("/api/tasks/%0Aforged/cancel", Origin="http://evil.example")
        said(monitor.port, b"cancel 'x\x1b[2J\x0bforged'\n")
    assert len(caplog.messages) == 7
    for line in caplog.messages:
        assert line.isprintable()
        assert line.startswith("127.0.0.1:")


def test_outcomes_on_the_web(caplog: pytest.LogCaptureFixture) -> None:
    """What fails and what is refused has its line, too."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"), monitored(None) as monitor:
        browser = Browser(monitor.webui_port or 0)
        browser.post("/api/tasks/99/cancel")
        browser.post("/api/tasks/99/cancel", X_Aiomonitor=None)
        browser.get("/api/tasks", Host="evil.example")
    lines = [re.sub(r"^127\.0\.0\.1:\d+: ", "", line) for line in caplog.messages]
    assert lines[:2] == ["cancel 99 (web)", "cancel 99 (web): no task has the number 99"]
    assert lines[2].startswith("POST /api/tasks/99/cancel (web): refused: what changes something")
    assert lines[3].startswith("GET /api/tasks (web): refused: the host 'evil.example' is not")


def test_refusals_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A page of another site can ask as often as it likes."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"), monitored(None) as monitor:
        browser = Browser(monitor.webui_port or 0)
        for _ in range(30):
            assert browser.get("/", Host="evil.example").status == 403
    assert len(caplog.messages) == 20


# --- permissions ----------------------------------------------------------------------------------

ACTS = ["cancel 1", "ca 1", "canc 1", "cancel s1 --scope --yes", "ca --scope 1", "signal USR1"]
ACTS += ["sig USR1", "cancel --help"]


def test_read_on_every_surface(caplog: pytest.LogCaptureFixture) -> None:
    """Aliases, beginnings, single commands, the API and sockets: all refuse, and all is noted."""
    with (
        caplog.at_level(logging.INFO, "aiomonitor.audit"),
        monitored(None, permissions="read") as monitor,
    ):
        browser = Browser(monitor.webui_port or 0)
        for line in ACTS:
            assert "needs permissions='act'" in said(monitor.port, f"{line}\n".encode()), line
            shot = one_shot(monitor, None, line)
            assert ("needs permissions='act'" in shot.output, shot.exit_code) == (True, 1), line
        assert "unknown command" in said(monitor.port, b"CANCEL 1\n")
        for path in ("tasks/1", f"tasks/{SECRET_TASK}", "scopes/s1"):
            assert browser.post(f"/api/{path}/cancel").status == 403
        with pytest.raises(RefusedError) as refused:
            PageSocket(browser.port)
        assert "needs permissions='exec'" in refused.value.detail
        assert "needs permissions='exec'" in said(monitor.port, b"console\n1\n")
        assert monitor.console_port is None
        [task] = [each for each in monitor.tasks() if each.name == SECRET_TASK]
        assert not task.cancelling
    assert all(line.endswith(": refused") for line in caplog.messages)
    assert len(caplog.messages) == 2 * len(ACTS) + 5


def test_act_is_not_exec() -> None:
    """Who may cancel may not run Python, on either way."""
    with monitored(None, permissions="act") as monitor:
        with pytest.raises(RefusedError):
            PageSocket(monitor.webui_port or 0)
        assert "needs permissions='exec'" in said(monitor.port, b"cons\n1\n")
        browser = Browser(monitor.webui_port or 0)
        assert browser.post(f"/api/tasks/{SECRET_TASK}/cancel").status == 200


# --- other sites ----------------------------------------------------------------------------------


def test_links_of_other_sites() -> None:
    """They may lead to a page, and to nothing that has the application metered or downloaded."""
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    link["Sec_Fetch_Dest"] = "document"
    with monitored(None) as monitor:
        browser = Browser(monitor.webui_port or 0)
        assert browser.get("/tasks", **link).status == 200
        for path in ("/api/top?seconds=1", "/api/status", "/api/events?view=tasks"):
            assert browser.get(path, **link).status == 403
            assert (
                browser.get(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors").status == 403
            )
        own = {**link, "Sec_Fetch_Site": "none"}
        assert browser.get("/api/status", **own).status == 200


def test_rebinding_at_every_surface() -> None:
    """A foreign name in the Host, however it is written, gets nothing."""
    with monitored(None) as monitor:
        browser = Browser(monitor.webui_port or 0)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[::1].x", "0"):
            assert browser.get("/api/status", Host=host).status in (400, 403)
            with pytest.raises(RefusedError):
                PageSocket(browser.port, Host=host, Origin=f"http://{host}")
        for origin in ("http://evil.example", "null", "http://localhost:1", None):
            with pytest.raises(RefusedError):
                PageSocket(browser.port, Origin=origin)


# --- no monitor -----------------------------------------------------------------------------------


def test_disabled_in_every_form(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    """`with`, `async with`, start_monitor and `unix_path`: nothing listens, and it is told once."""
    monkeypatch.setenv("AIOMONITOR_DISABLE", "1")
    place = tmp_path / "run"

    async def main() -> None:
        with Monitor(unix_path=place) as one:
            assert one.addresses == ()
        async with Monitor(host="0.0.0.0") as two:  # noqa: S104 - not listened at
            assert two.addresses == ()
        monitor = Monitor()
        monitor.start()
        with monitor:
            assert monitor.web_link() is None
        assert monitor.closed

    with caplog.at_level(logging.INFO, "aiomonitor"):
        asyncio.run(main())
    assert caplog.messages == 3 * ["no monitor: AIOMONITOR_DISABLE is set"]
    assert not place.exists()
