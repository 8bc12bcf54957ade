"""The system's `telnet` in a terminal, as a person uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .harness import PROMPT, Application, Terminal, client, eventually, require

if TYPE_CHECKING:
    from .conftest import MakeApplication, MakeTerminal


def _telnet(open_terminal: MakeTerminal, application: Application, columns: int = 100) -> Terminal:
    require("telnet", "tmux")
    terminal = open_terminal("telnet", "127.0.0.1", str(application.port), columns=columns)
    terminal.expect_prompt()
    return terminal


@pytest.fixture
def terminal(application: Application, open_terminal: MakeTerminal) -> Terminal:
    """A telnet client at its first prompt."""
    return _telnet(open_terminal, application)


@pytest.fixture(params=["telnet", "aiomonitor"])
def any_terminal(
    request: pytest.FixtureRequest, application: Application, open_terminal: MakeTerminal
) -> Terminal:
    """An interactive client at its first prompt: telnet, or our own."""
    if request.param == "telnet":
        return _telnet(open_terminal, application)
    terminal = open_terminal(*client("-p", str(application.port)))
    terminal.expect_prompt()
    return terminal


def test_greeting(any_terminal: Terminal) -> None:
    """A client is greeted with the number of tasks, and prompted."""
    screen = any_terminal.pane()
    assert "tasks running" in screen
    assert "Type help for available commands" in screen


def test_ps(any_terminal: Terminal) -> None:
    """`ps` lists the tasks, and only then prompts again."""
    header, *rows, summary = any_terminal.answer("ps")
    assert header.split() == ["ID", "STATE", "NAME", "COROUTINE", "AGE", "WHERE", "WAITS", "FOR"]
    assert sum("sleeper-" in row for row in rows) == 3
    assert summary.endswith("live tasks")


def test_tab_completes_a_command(any_terminal: Terminal) -> None:
    """TAB completes what is unique, and a space follows."""
    any_terminal.type("stackt")
    any_terminal.press("Tab")
    any_terminal.expect_last(f"{PROMPT}stacktrace")
    any_terminal.type("--a")
    any_terminal.press("Tab")
    any_terminal.expect_last(f"{PROMPT}stacktrace --all")


def test_tab_offers_options(terminal: Terminal) -> None:
    """TAB after a dash shows the options of the command."""
    terminal.type("ps --")
    terminal.press("Tab")
    for option in ("--filter", "--sort", "--reverse", "--limit", "--json"):
        terminal.expect(option)


def test_tab_offers_tasks(terminal: Terminal) -> None:
    """TAB completes a task's name, and shows what numbers stand for."""
    terminal.type("where ")
    terminal.press("Tab")
    terminal.expect("sleeper-0")
    terminal.press("C-c")
    terminal.expect_prompt()
    terminal.type("where heartb")
    terminal.press("Tab")
    terminal.expect_last(f"{PROMPT}where heartbeat")
    terminal.press("Enter")
    terminal.expect("await asyncio.sleep(BEAT)")
    terminal.expect_prompt()


def test_up_recalls(any_terminal: Terminal) -> None:
    """The up arrow brings back the lines before, the latest first."""
    any_terminal.answer("echo one")
    any_terminal.answer("echo two")
    any_terminal.press("Up")
    any_terminal.expect_last(f"{PROMPT}echo two")
    any_terminal.press("Up")
    any_terminal.expect_last(f"{PROMPT}echo one")
    any_terminal.press("Enter")
    eventually(lambda: any_terminal.lines()[-2:-1] == ["echo: one"], any_terminal.pane)


def test_ctrl_r_searches(terminal: Terminal) -> None:
    """Ctrl-R searches the history."""
    terminal.answer("echo needle")
    terminal.answer("echo hay")
    terminal.press("C-r")
    terminal.expect("reverse")
    terminal.type("needl")
    terminal.expect("echo needle")
    terminal.press("Enter")
    terminal.expect_last(f"{PROMPT}echo needle")
    terminal.press("Enter")
    eventually(lambda: terminal.lines()[-2:-1] == ["echo: needle"], terminal.pane)


def test_enter_repeats(terminal: Terminal) -> None:
    """An empty line runs the last command again, once."""
    (first,) = terminal.answer("count")
    (second,) = terminal.answer("")
    assert int(second.split()[-1]) == int(first.split()[-1]) + 1


def test_colour(any_terminal: Terminal) -> None:
    """`ps` is in colour on a terminal."""
    any_terminal.answer("ps")
    assert "\x1b[36m" in any_terminal.pane(escapes=True)


def test_no_color(start: MakeApplication, open_terminal: MakeTerminal) -> None:
    """There is no colour at all if the application runs under NO_COLOR."""
    terminal = _telnet(open_terminal, start(NO_COLOR="1"))
    terminal.answer("ps")
    assert "\x1b" not in terminal.pane(escapes=True)


def test_resize(any_terminal: Terminal) -> None:
    """The table fits the window of the moment: columns are dropped, lines never wrap."""
    wide = any_terminal.answer("ps")
    assert "COROUTINE" in wide[0]
    any_terminal.resize(40, 30)
    eventually(lambda: "COROUTINE" not in any_terminal.answer("ps")[0], any_terminal.pane)
    narrow = any_terminal.answer("ps")
    assert "ID" in narrow[0]
    assert "NAME" in narrow[0]
    assert len(narrow) == len(wide)
    any_terminal.resize(120, 30)
    eventually(lambda: "COROUTINE" in any_terminal.answer("ps")[0], any_terminal.pane)


def test_ctrl_c_abandons_a_line(any_terminal: Terminal, application: Application) -> None:
    """Ctrl-C at the prompt throws the line away and prompts again."""
    before = application.call("runs")
    any_terminal.type("count")
    any_terminal.expect_last(f"{PROMPT}count")
    any_terminal.press("C-c")
    any_terminal.expect_prompt()
    any_terminal.answer("echo next")
    assert application.call("runs") == before


@pytest.mark.parametrize(("command", "sign"), [("forever", "awaiting"), ("spin", "spinning")])
def test_ctrl_c_interrupts(any_terminal: Terminal, command: str, sign: str) -> None:
    """Ctrl-C ends a command that awaits for ever, and one that computes for ever."""
    any_terminal.enter(command)
    any_terminal.expect(sign)
    any_terminal.press("C-c")
    any_terminal.expect("interrupted")
    any_terminal.expect_prompt()
    assert any_terminal.answer("echo next") == ["echo: next"]


def test_ctrl_c_leaves_a_hanging_command_behind(
    terminal: Terminal, application: Application
) -> None:
    """Ctrl-C gives the prompt back even if the command hangs in a blocking call."""
    terminal.enter("hold")
    terminal.expect("holding")
    terminal.press("C-c")
    terminal.expect("its thread is left behind")
    terminal.expect_prompt()
    assert terminal.answer("echo next") == ["echo: next"]


def test_ctrl_d_leaves(any_terminal: Terminal) -> None:
    """Ctrl-D at the prompt ends the connection."""
    any_terminal.press("C-d")
    any_terminal.expect_end()
    assert "closed" in any_terminal.pane()


def test_exit_leaves(any_terminal: Terminal) -> None:
    """`exit` ends the connection, and the application goes on."""
    any_terminal.enter("exit")
    any_terminal.expect_end()
    assert "closed" in any_terminal.pane()


def test_utf8(any_terminal: Terminal) -> None:
    """What is typed in UTF-8 is shown, edited and run as such."""
    any_terminal.type("echo Grüße 你好x")
    any_terminal.press("BSpace")
    any_terminal.expect_last(f"{PROMPT}echo Grüße 你好")
    any_terminal.press("Enter")
    eventually(lambda: any_terminal.lines()[-2:-1] == ["echo: Grüße 你好"], any_terminal.pane)


def test_escape_of_telnet(terminal: Terminal) -> None:
    """Ctrl-] and `quit` leave in the middle of a command, and the application goes on."""
    terminal.enter("forever")
    terminal.expect("awaiting")
    terminal.press("C-]")
    terminal.expect("telnet>")
    terminal.enter("quit")
    terminal.expect_end()


def test_escape_of_our_client(application: Application, open_terminal: MakeTerminal) -> None:
    """Ctrl-] leaves our own client in the middle of a command."""
    terminal = open_terminal(*client("-p", str(application.port)))
    terminal.expect_prompt()
    terminal.enter("forever")
    terminal.expect("awaiting")
    terminal.press("C-]")
    assert terminal.expect_end() == 0


def test_command_asks_back(any_terminal: Terminal) -> None:
    """A command reads the client's next line."""
    any_terminal.enter("ask")
    any_terminal.expect("your name?")
    any_terminal.enter("Ada")
    any_terminal.expect("hello Ada")
    any_terminal.expect_prompt()


def test_two_people(application: Application, open_terminal: MakeTerminal) -> None:
    """Two clients have their own output and their own last command."""
    first = _telnet(open_terminal, application)
    second = _telnet(open_terminal, application)
    assert first.answer("echo one") == ["echo: one"]
    assert second.answer("echo two") == ["echo: two"]
    assert first.answer("") == ["echo: one"]
    assert "two" not in first.pane()
