"""What the tests drive: the application's process, a terminal in tmux, a raw connection."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

GUARD: Final = 30.0
"""Seconds after which something hangs; no test waits for it."""
CLOSE_LIMIT: Final = 2.0
"""Seconds after which `close()` has returned, as documented."""
CLOSE_SLACK: Final = 1.0
"""Seconds that a loaded machine may add to that."""
BLOCKED_LIMIT: Final = 10.0
"""Seconds for an answer while the loop is blocked: ten times what is promised."""
PROMPT: Final = "monitor >>> "

IAC: Final = b"\xff"

_PACKAGES: Final = {"nc": "netcat-openbsd"}


def require(*programs: str) -> None:
    """Skip a test whose clients are not installed; fail where they have to be."""
    for program in programs:
        if shutil.which(program) is None:
            package = _PACKAGES.get(program, program)
            reason = f"needs the program {program}: apt-get install {package}"
            if os.environ.get("AIOMONITOR_REQUIRE_CLIENTS") == "1":
                pytest.fail(reason)
            pytest.skip(reason)


def eventually(condition: Callable[[], object], what: Callable[[], str] | str = "") -> None:
    """Return when the condition holds; fail after `GUARD` seconds, saying `what` was seen."""
    deadline = time.monotonic() + GUARD
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen in {GUARD:g} s: {what() if callable(what) else what}")
        pause.wait(0.02)


def environment(**changes: str) -> dict[str, str]:
    """The environment of every process: ours, without what would change the clients' output."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "AIOMONITOR_TOKEN", "TMUX", "PYTHONWARNINGS")
    }
    return {**kept, "LC_ALL": "C.UTF-8", **changes}


class Application:
    """The application in its process; see `application.py` for what it can be asked."""

    def __init__(self, directory: Path, *options: str, **variables: str) -> None:
        self._stderr = directory / "stderr"
        ours, theirs = socket.socketpair()
        script = Path(__file__).with_name("application.py")
        with theirs, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-W", "always::ResourceWarning", str(script)),
                    *("--control", str(theirs.fileno())),
                    *options,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=[theirs.fileno()],
                env=environment(**variables),
            )
        ours.settimeout(2 * GUARD)
        self._control = ours
        self._stream = ours.makefile("rw")
        hello = self._receive()
        self.port: int = hello["port"]
        self.console_port: int = hello["console_port"]
        self.web_port: int = hello["web_port"]

    def _receive(self) -> Any:
        line = self._stream.readline()
        assert line, f"the application has ended: {self.stderr}"
        return json.loads(line)

    def _send(self, function: str, *arguments: object) -> None:
        self._stream.write(json.dumps([function, *arguments]) + "\n")
        self._stream.flush()

    def call(self, function: str, *arguments: object) -> Any:
        """Ask the application, in its control thread."""
        self._send(function, *arguments)
        answer = self._receive()
        assert "error" not in answer, answer["error"]
        return answer["value"]

    @property
    def stderr(self) -> str:
        """What the application has printed there."""
        return self._stderr.read_text("utf-8", "replace")

    @property
    def resident(self) -> int:
        """Its memory in bytes."""
        fields = self._proc("statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def descriptors(self) -> int:
        """How many files it has open."""
        return len(list(self._proc("fd").iterdir()))

    def _proc(self, name: str) -> Path:
        path = Path("/proc", str(self.process.pid), name)
        if not path.exists():
            pytest.skip("needs /proc, to look at the application from outside")
        return path

    def check_health(self) -> None:
        """The loop goes on, a new client is served, and nobody has complained."""
        beats = self.call("beats")
        eventually(lambda: self.call("beats") > beats + 3, "the application's heartbeat")
        with Wire(self.port) as wire:
            wire.send(b"echo well\nexit\n")
            assert b"echo: well\n" in wire.read_to_end()
        self.check_silence()

    def check_silence(self) -> None:
        """Nothing of ours is on the application's terminal."""
        assert not self.stderr, self.stderr

    def wait(self) -> int:
        """The exit status, once it has ended."""
        return self.process.wait(GUARD)

    def stop(self) -> None:
        """End it in good order."""
        self._send("stop")  # it may end before it has answered
        assert self.wait() == 0, self.stderr
        self.check_silence()

    def end(self) -> None:
        """End it, whatever happens."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self._stream.close()
        self._control.close()


class Wire:
    """A bare connection, for clients that no program plays: those that misbehave."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(GUARD)
        self.socket.connect(("127.0.0.1", port))
        self.seen = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def read_until(self, wanted: bytes) -> bytes:
        """All up to and with the wanted bytes, which are then no longer looked at."""
        while wanted not in self.seen:
            data = self.socket.recv(65_536)
            assert data, f"the connection ended before {wanted!r}: {self.seen[-500:]!r}"
            self.seen += data
        found, end, self.seen = self.seen.partition(wanted)
        return found + end

    def ask(self, line: bytes) -> bytes:
        """What a command answers, up to the next prompt."""
        self.send(line + b"\n")
        return self.read_until(PROMPT.encode())

    def greeted(self) -> Wire:
        """Itself at a prompt, as a plain client: who speaks first is not asked for telnet."""
        self.send(b"\n")
        self.read_until(PROMPT.encode())
        self.read_until(PROMPT.encode())
        return self

    def read_to_end(self) -> bytes:
        """The rest of what comes; the server may close rudely, if we sent what it did not read."""
        with contextlib.suppress(ConnectionError):
            while data := self.socket.recv(65_536):
                self.seen += data
        return self.seen

    def reset(self) -> None:
        """Leave with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


_numbers = itertools.count()


# tmux has a status of its own for a command that has ended, but does not always get to it. The
# sleep keeps the screen for the test, and ends it even if the test is killed.
_WRAPPER: Final = '"$@"; echo "[ended with $?]"; exec sleep 60'
_ENDED: Final = re.compile(r"\[ended with (\d+)\]")


class Terminal:
    """A command in a terminal of its own: a tmux server that nobody shares."""

    def __init__(self, *command: str, columns: int = 100, rows: int = 30, **variables: str) -> None:
        require("tmux")
        self._directory = tempfile.mkdtemp(prefix="aiomonitor-tmux-")
        config = Path(self._directory, "config")
        config.write_text(
            "set -g status off\nset -g escape-time 0\nset -g default-terminal screen-256color\n"
        )
        self._run(
            *("-f", str(config), "new-session", "-d", "-x", str(columns), "-y", str(rows)),
            *("--", "sh", "-c", _WRAPPER, "sh", *command),
            variables=variables,
        )

    def _run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        ended = subprocess.run(
            ["tmux", "-S", str(Path(self._directory, "socket")), *arguments],
            env=environment(**variables or {}),
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
        assert ended.returncode == 0, f"tmux {arguments}: {ended.stderr}"
        return ended.stdout

    def pane(self, *, escapes: bool = False, history: bool = False) -> str:
        """What is on the screen."""
        options = [*(["-e"] if escapes else []), *(["-S", "-"] if history else [])]
        return self._run("capture-pane", "-p", *options)

    def lines(self) -> list[str]:
        """The screen's lines that hold something, without blanks at their ends."""
        return [line.rstrip() for line in self.pane().splitlines() if line.strip()]

    def type(self, text: str) -> None:
        """Type the text as it is."""
        self._run("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys by the names that tmux has for them."""
        self._run("send-keys", *keys)

    def enter(self, line: str) -> None:
        """Type a line and press Enter."""
        self.type(line)
        self.press("Enter")

    def expect(self, text: str) -> None:
        """Wait until the text is on the screen."""
        eventually(lambda: text in self.pane(), lambda: f"{text!r} on\n{self.pane()}")

    def expect_last(self, line: str) -> None:
        """Wait until the last line on the screen is this one."""
        eventually(
            lambda: self.lines()[-1:] == [line.rstrip()],
            lambda: f"{line!r} at the end of\n{self.pane()}",
        )

    def expect_prompt(self) -> None:
        """Wait for an empty prompt at the end of the screen."""
        self.expect_last(PROMPT)

    def answer(self, line: str) -> list[str]:
        """Run a command on a cleared screen: the lines between it and the next prompt."""
        self.press("C-l")
        eventually(lambda: self.lines() == [PROMPT.rstrip()], self.pane)
        self.enter(line)
        eventually(lambda: len(self.lines()) > 1 and self.lines()[-1] == PROMPT.rstrip(), self.pane)
        return self.lines()[1:-1]

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def expect_end(self) -> int:
        """Wait for the command's end; its exit status."""
        eventually(lambda: _ENDED.search(self.pane()), self.pane)
        ended = _ENDED.search(self.pane())
        assert ended is not None
        return int(ended[1])

    def end(self) -> None:
        """End the command and its tmux."""
        with contextlib.suppress(AssertionError):
            self._run("kill-server")
        shutil.rmtree(self._directory, ignore_errors=True)


def client(*arguments: str) -> list[str]:
    """The command line of our own client."""
    return [sys.executable, "-m", "aiomonitor.cli", *arguments]


def run(
    *command: str, given: str | bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a client with this on its standard input, to its end."""
    return subprocess.run(
        command,
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        timeout=GUARD,
        env=environment(**variables),
        check=False,
    )


def interrupt(application: Application) -> None:
    """Ctrl-C, as the application's own terminal would send it."""
    application.process.send_signal(signal.SIGINT)
