"""The console as people reach it: telnet, our own client, nc, a bare connection."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from .harness import Application, Terminal, Wire, client, eventually, require, run

if TYPE_CHECKING:
    from .conftest import MakeApplication, MakeTerminal

PROMPT = ">>> "

TRANSCRIPT = [
    ("1 + 1", "2"),
    ("_ * 10", "20"),
    ("await asyncio.sleep(0, 'slept')", "'slept'"),
    ("for number in range(2):\n    print('n', number)\n", "n 0\nn 1"),
    ("async def f():\n    yield 'one'\n", ""),
    ("[x async for x in f()]", "['one']"),
    ("asyncio.get_running_loop() is loop", "True"),
    ("import contextvars; v = contextvars.ContextVar('v'); token = v.set('kept')", ""),
    ("v.get()", "'kept'"),
    ("print('naïve', 'ütf')", "naïve ütf"),
    ("business.beats >= 0", "True"),
    ("[task.name for task in tasks() if task.name == 'heartbeat']", "['heartbeat']"),
    ("monitor.console_port > 0", "True"),
    ("1 +", "SyntaxError: invalid syntax"),
    ("1 / 0", "ZeroDivisionError: division by zero"),
]
"""What is typed, and the end of the reply."""


def nc(application: Application, given: str) -> str:
    """All that the console's port says to a script."""
    require("nc")
    ended = run("nc", "-N", "127.0.0.1", str(application.console_port), given=given)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.decode()


def at_console(application: Application) -> Wire:
    """A bare connection at the console's prompt."""
    wire = Wire(application.console_port)
    wire.send(b"'ready'\n")
    wire.read_until(b"'ready'\n>>> ")
    return wire


def test_transcript_plain(start: MakeApplication, kind_of_loop: str) -> None:
    """A plain client gets plain lines, on each kind of loop."""
    application = start("--loop", kind_of_loop)
    with at_console(application) as wire:
        for typed, expected in TRANSCRIPT:
            wire.send(typed.encode() + b"\n")
            blocks = typed.count("\n")
            reply = wire.read_until(b">>> ").decode()
            assert reply.startswith("... " * blocks)
            assert reply[4 * blocks : -4].rstrip("\n").endswith(expected)
            assert "\x1b" not in reply
    application.stop()


def test_transcript_interactive(
    start: MakeApplication, kind_of_loop: str, open_terminal: MakeTerminal
) -> None:
    """A terminal shows the same replies, on each kind of loop; blocks are edited as a whole."""
    require("telnet", "tmux")
    application = start("--loop", kind_of_loop)
    terminal = open_terminal("telnet", "127.0.0.1", str(application.console_port))
    terminal.expect_last(PROMPT)
    for typed, expected in TRANSCRIPT[:6]:
        terminal.press("C-l")
        eventually(lambda: terminal.lines() == [PROMPT.rstrip()], terminal.pane)
        first, *more = typed.split("\n")
        terminal.enter(first)
        for number, line in enumerate(more, 1):
            eventually(lambda: len(terminal.lines()) > number, terminal.pane)  # noqa: B023
            terminal.enter(line.strip())  # the editor indents
        eventually(
            lambda: len(terminal.lines()) > 1 and terminal.lines()[-1] == PROMPT.rstrip(),
            terminal.pane,
        )
        assert "\n".join(terminal.lines()[:-1]).endswith(expected)
    terminal.press("C-d")
    assert "closed by foreign host" in " ".join(_ended(terminal))
    application.stop()


def _ended(terminal: Terminal) -> list[str]:
    terminal.expect_end()
    return terminal.lines()


@pytest.fixture(params=["telnet", "aiomonitor"])
def terminal(
    request: pytest.FixtureRequest, application: Application, open_terminal: MakeTerminal
) -> Terminal:
    """An interactive client that has entered `console` at the monitor's prompt."""
    require("telnet", "tmux")
    port = str(application.port)
    command = client("-p", port) if request.param == "aiomonitor" else ["telnet", "127.0.0.1", port]
    terminal = open_terminal(*command)
    terminal.expect_prompt()
    terminal.enter("console")
    terminal.expect_last(PROMPT)
    return terminal


def test_console_and_back(terminal: Terminal) -> None:
    """exit() and Ctrl-D return to the monitor's prompt."""
    terminal.enter("6 * 7")
    terminal.expect("42")
    terminal.enter("exit()")
    terminal.expect_prompt()
    terminal.enter("console")
    terminal.expect_last(PROMPT)
    terminal.press("C-d")
    terminal.expect_prompt()


def test_keys(terminal: Terminal) -> None:
    """Completion calls no property; Ctrl-C ends an await, a loop and a line; history comes back."""
    terminal.enter("sprung = []")
    terminal.enter("class P: trap = property(lambda self: sprung.append(1))")
    terminal.press("Enter")
    terminal.enter("p = P()")
    terminal.expect_last(PROMPT)
    terminal.type("p.tr")
    terminal.press("Tab")
    terminal.expect_last(">>> p.trap")
    terminal.press("C-c")
    _expect_interrupts(terminal, 1)
    for number, typed in enumerate(("await asyncio.sleep(3600)", "while True: pass"), 2):
        terminal.enter(typed)
        if typed.startswith("while"):
            terminal.press("Enter")
        terminal.press("C-c")
        _expect_interrupts(terminal, number)
    terminal.enter("len(sprung)")
    eventually(lambda: terminal.lines()[-2:] == ["0", PROMPT.rstrip()], terminal.pane)
    terminal.press("Up", "Up")
    eventually(lambda: "while True: pass" in " ".join(terminal.lines()[-2:]), terminal.pane)
    terminal.press("C-c")


def _expect_interrupts(terminal: Terminal, number: int) -> None:
    def seen() -> bool:
        lines = terminal.lines()
        return lines.count("KeyboardInterrupt") == number and lines[-1] == PROMPT.rstrip()

    eventually(seen, terminal.pane)


def test_a_paste(terminal: Terminal) -> None:
    """Code pasted as a whole runs, empty lines and all."""
    terminal.type("\x1b[200~def f():\r    a = 1\r\r    return a + 1\r\rf() * 100\r\x1b[201~\r")
    terminal.expect("200")
    terminal.expect_last(PROMPT)


def test_output_while_typing(terminal: Terminal) -> None:
    """What comes up later is shown above the line that is being typed."""
    terminal.enter("handle = loop.call_later(0.5, print, 'later')")
    terminal.type("half a li")
    terminal.expect("later")
    terminal.type("ne")
    terminal.expect_last(">>> half a line")
    terminal.press("C-c")


def test_nc_script(application: Application) -> None:
    """A script's lines run, and its last one may take a moment."""
    output = nc(application, "x = 20\nasync def f():\n  return x + 1\n\nawait f() * 2\n")
    assert output.endswith(">>> 42\n>>> ")
    assert nc(application, "await asyncio.sleep(0.3, 'slept')").endswith(">>> 'slept'\n>>> ")


@pytest.mark.parametrize(("code", "status", "output"), [("1 + 1", 0, b"2\n"), ("1/0", 1, b"")])
def test_one_shot(application: Application, code: str, status: int, output: bytes) -> None:
    """`-c CODE` on the console's port prints the value alone; the status tells of an error."""
    ended = run(*client("-p", str(application.console_port), "-c", code))
    assert ended.returncode == status
    assert ended.stdout.endswith(output or b"ZeroDivisionError: division by zero\n")
    assert b">>>" not in ended.stdout


def test_http_is_hung_up_on(application: Application) -> None:
    """A browser gets no word, and none of what it sends runs."""
    with Wire(application.console_port) as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nbusiness.beats = -1000\r\n")
        assert wire.read_to_end() == b""
    assert application.call("beats") >= 0


def test_a_token(start: MakeApplication) -> None:
    """With a token, nothing runs before it is given."""
    application = start(AIOMONITOR_TOKEN="secret")  # noqa: S106
    with Wire(application.console_port) as wire:
        wire.send(b"business.beats\nsecret\n'let in'\n")
        assert b"that is not the token" in wire.read_until(b"'let in'")
    application.stop()


def test_a_line_too_long(application: Application) -> None:
    """It is refused in one line, and the console goes on."""
    with at_console(application) as wire:
        wire.send(b"'" + b"x" * 2_000_000 + b"'\n")
        assert b"line too long" in wire.read_until(b">>> ")
        wire.send(b"1 + 1\n")
        assert wire.read_until(b">>> ").startswith(b"2\n")


def test_a_client_that_leaves(application: Application) -> None:
    """Its await ends with it, however it leaves."""
    for leave in ("reset", "close"):
        with at_console(application) as wire:
            wire.send(b"print('begun'); await asyncio.sleep(3600)\n")
            wire.read_until(b"begun\n")
            wire.reset() if leave == "reset" else wire.socket.close()
        with Wire(application.port).greeted() as other:
            eventually(lambda: b"aiomonitor console" not in other.ask(b"ps"), leave)


@pytest.mark.parametrize("how", ["call", "loop"])
def test_a_blocked_loop(start: MakeApplication, kind_of_loop: str, how: str) -> None:
    """Within about a second the client sees what blocks, and its line runs in the end."""
    application = start("--loop", kind_of_loop)
    with at_console(application) as wire:
        application.call("block", how)
        wire.send(b"'ran'\n")
        began = time.monotonic()
        told = wire.read_until(b"Ctrl-C abandons it\n").decode()
        assert time.monotonic() - began < 5
        assert "the monitored loop is blocked " in told
        assert "application.py" in told
        application.call("release")
        assert wire.read_until(b">>> ").startswith(b"'ran'")
    application.stop()


def test_many_at_once(application: Application) -> None:
    """Two consoles and ten other clients, none of which waits for another."""

    def look(number: int) -> bool:
        with Wire(application.port).greeted() as wire:
            return all(b"heartbeat" in wire.ask(b"ps") for _ in range(5)) and number >= 0

    with at_console(application) as one, at_console(application) as two:
        one.send(b"gate = asyncio.Event(); business.gate = gate; await gate.wait()\n")
        two.send(b"x = 'own'\n")
        two.read_until(b">>> ")
        with ThreadPoolExecutor(10) as pool:
            assert all(pool.map(look, range(10)))
        two.send(b"while not hasattr(business, 'gate'): await asyncio.sleep(0.01)\n\n")
        two.read_until(b">>> ")
        two.send(b"business.gate.set(); x\n")
        assert b"'own'" in two.read_until(b">>> ")
        assert one.read_until(b">>> ").startswith(b"True\n")


def test_the_applications_terminal_is_untouched(application: Application) -> None:
    """Prints, warnings and errors of a console are not the application's."""
    output = nc(
        application,
        "import warnings, sys; warnings.warn('for the client')\nprint('x', file=sys.stderr)\n1/0\n",
    )
    assert "UserWarning: for the client" in output
    application.check_silence()
