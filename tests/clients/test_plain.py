"""Clients that send plain lines: nc, socat, and our own one in a pipe."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from .harness import GUARD, PROMPT, Application, client, environment, eventually, require, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import MakeApplication, MakeTerminal


def _nc(application: Application, given: str) -> str:
    require("nc")
    ended = run("nc", "-N", "127.0.0.1", str(application.port), given=given)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.decode("utf-8", "replace")


def test_nc_once(application: Application) -> None:
    """`printf 'ps\\n' | nc -N` prints the tasks, without escape codes, and ends."""
    output = _nc(application, "ps\n")
    assert output.count("sleeper-") == 3
    assert output.count("live tasks") == 1
    assert "\x1b" not in output


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_nc_line_ends(application: Application, end: str) -> None:
    """Any end of a line runs the command once, the end of the input too."""
    before = application.call("runs")
    assert _nc(application, f"count{end}").count("run number") == 1
    assert application.call("runs") == before + 1


def test_nc_many_lines(application: Application) -> None:
    """All commands of a script run, in order, before the connection ends."""
    output = _nc(application, "".join(f"echo line {number}\n" for number in range(50)))
    said = [line.partition("echo: ")[2] for line in output.splitlines() if "echo: " in line]
    assert said == [f"line {number}" for number in range(50)]


def test_nc_utf8(application: Application) -> None:
    """UTF-8 goes in and comes out."""
    assert "echo: Grüße 你好\n" in _nc(application, "echo Grüße 你好\n")


class Pipe:
    """A plain client with pipes for its standard streams."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )

    def read_prompt(self) -> bytes:
        """What is said up to the next prompt."""
        assert self.process.stdout is not None
        said = b""
        while not said.endswith(PROMPT.encode()):
            byte = self.process.stdout.read(1)
            assert byte, f"it has ended after {said!r}"
            said += byte
        return said

    def send(self, data: bytes) -> None:
        """Type this."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def hang_up(self) -> None:
        """End its input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> None:
        """End the client."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture(params=["nc", "socat", "aiomonitor"])
def pipe(request: pytest.FixtureRequest, application: Application) -> Iterator[Pipe]:
    """A client that has said nothing yet."""
    port = str(application.port)
    commands = {
        "nc": ["nc", "127.0.0.1", port],
        "socat": ["socat", "-", f"TCP4:127.0.0.1:{port}"],
        "aiomonitor": client("-p", port),
    }
    if request.param != "aiomonitor":
        require(request.param)
    pipe = Pipe(*commands[request.param])
    yield pipe
    pipe.end()


def test_dialogue(pipe: Pipe) -> None:
    """A client that waits gets greeting and prompt, an answer for each line, and its end."""
    greeting = pipe.read_prompt()
    assert b"tasks running" in greeting
    assert b"\x1b" not in greeting
    pipe.send(b"echo one\n")
    assert pipe.read_prompt() == b"echo: one\n" + PROMPT.encode()
    pipe.send(b"ps\n")
    assert pipe.read_prompt().count(b"sleeper-") == 3
    pipe.send(b"exit\n")
    pipe.hang_up()  # nc waits for it, even if the server has closed
    assert pipe.process.wait(GUARD) == 0


def test_bare_carriage_returns(application: Application) -> None:
    """A terminal in raw mode, whose Enter is a bare CR, has its lines run."""
    require("socat")
    address = f"TCP4:127.0.0.1:{application.port}"
    before = application.call("runs")
    pipe = Pipe("socat", "-", address)
    try:
        pipe.read_prompt()
        for line in (b"count\r", b"count\r\n", b"count\n"):
            pipe.send(line)
            assert pipe.read_prompt().startswith(b"run number ")
    finally:
        pipe.end()
    assert application.call("runs") == before + 3


def test_nc_in_a_terminal(application: Application, open_terminal: MakeTerminal) -> None:
    """nc in a terminal shows each line once: its own terminal echoes it."""
    require("nc")
    terminal = open_terminal("nc", "127.0.0.1", str(application.port))
    terminal.expect_prompt()
    terminal.enter("echo one")
    wanted = [f"{PROMPT}echo one", "echo: one", PROMPT.rstrip()]
    eventually(lambda: terminal.lines()[-3:] == wanted, terminal.pane)
    terminal.enter("exit")
    terminal.press("C-d")  # nc waits for it, even if the server has closed
    assert terminal.expect_end() == 0


def test_socat_raw_terminal(application: Application, open_terminal: MakeTerminal) -> None:
    """socat in a raw terminal has its lines run, too."""
    require("socat")
    address = f"TCP4:127.0.0.1:{application.port}"
    terminal = open_terminal("socat", "-,raw,echo=0,opost,onlcr", address)
    terminal.expect(PROMPT.rstrip())
    terminal.enter("echo one")
    terminal.expect("echo: one")
    terminal.enter("exit")
    terminal.expect_end()


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("echo hello", 0, "echo: hello\n"),
        ("fail", 1, "fail: RuntimeError: broken on purpose"),
        ("where 99999", 1, "99999"),
        ("nonsense", 2, "nonsense"),
        ("ps --nonsense", 2, "--nonsense"),
        ("count; count", 2, "count;"),
    ],
)
def test_one_command(application: Application, command: str, status: int, said: str) -> None:
    """`-c` prints what the command says, and nothing else, and ends with its status."""
    ended = run(*client("-p", str(application.port), "-c", command))
    assert ended.returncode == status
    assert said in ended.stdout.decode("utf-8", "replace")
    assert len(ended.stdout.splitlines()) == 1
    assert ended.stderr == b""


def test_one_command_json(application: Application) -> None:
    """`-c 'ps --json'` is a JSON document for programs."""
    ended = run(*client("-p", str(application.port), "-c", "ps --json --filter sleeper"))
    document = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert sorted(task["name"] for task in document["tasks"]) == [
        f"sleeper-{number}" for number in range(3)
    ]
    assert document["matched"] == 3


def test_nobody_answers(start: MakeApplication) -> None:
    """`-c` ends with 3 and one line if there is no monitor."""
    application = start()
    application.call("close")
    ended = run(*client("-p", str(application.port), "-c", "ps"))
    assert ended.returncode == 3
    assert ended.stdout == b""
    assert len(ended.stderr.splitlines()) == 1
