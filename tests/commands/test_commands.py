"""The interpreter of the seed: from a line to a call, and what subclasses override."""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends import sources
from aiomonitor.commands import CommandInterpreter
from aiomonitor.errors import CommandError
from aiomonitor.utils import alt_names
from support import Desk, Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Postcmd = tuple[str, list[Any], Any, "Exception | None"]


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Probe(CommandInterpreter):
    """Commands that go well and badly, and a record of what `postcmd` was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Postcmd] = []

    def postcmd(
        self, comm: str, args: Sequence[Any], result: Any, exception: Exception | None
    ) -> None:
        self.told.append((comm, list(args), result, exception))

    @alt_names("plus")
    def do_add(self, *numbers: int) -> int:
        """Add numbers.

        All of them.
        """
        self._sout.write(f"{sum(numbers)}\n")
        return sum(numbers)

    async def do_wait(self, thing: str = "x") -> str:
        """Wait."""
        self._sout.write(f"waited for {thing}\n")
        return thing

    def do_ask(self) -> None:
        print(f"hello {self._sin.readline().strip()}", file=self._sout)

    def do_fail(self) -> None:
        raise ValueError("first\nsecond")

    def do_fail_silently(self) -> None:
        raise ValueError

    async def do_fail_later(self) -> None:
        raise ValueError("later")

    def do_refuse(self) -> None:
        raise CommandError("nothing doing")

    def do_be_unspeakable(self) -> None:
        raise UnspeakableError

    def do_leave(self) -> None:
        raise SystemExit(3)

    async def do_leave_later(self) -> None:
        raise SystemExit(3)

    def do_colour(self) -> None:
        raise ValueError("\x1b[31mred")


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def seat(probe: Probe) -> Seat:
    return Seat(probe)


def test_defaults_of_the_texts() -> None:
    """The prompt is the documented one."""
    assert CommandInterpreter.prompt == "monitor >>> "


@pytest.mark.parametrize(("tasks", "words"), [(0, "0 tasks"), (1, "1 task "), (2, "2 tasks")])
def test_intro(tasks: int, words: str) -> None:
    """The intro tells the number of tasks, in the plural unless there is one."""
    desk = Desk()
    for _ in range(tasks):
        desk.backend.add("t", "f")
    assert words in desk.greeting()


def test_an_intro_of_ones_own() -> None:
    """A subclass's intro is filled in, and one that cannot be says so."""
    desk = Desk()
    desk.intro = "{tasknum}{s}!"
    assert desk.greeting() == "0s!"
    desk.intro = "{nope}"
    assert "cannot be filled in" in desk.greeting()


def test_a_sync_command(seat: Seat, probe: Probe) -> None:
    """A command gets converted arguments, writes to its client, and its result reaches postcmd."""
    assert seat.type("add 1 2") == "3\n"
    assert probe.told == [("add", [1, 2], 3, None)]
    assert seat.run.status == 0


def test_an_async_command(seat: Seat, probe: Probe) -> None:
    """A coroutine is awaited, and its result is the command's."""
    assert seat.type("wait 'a tram'") == "waited for a tram\n"
    assert probe.told == [("wait", ["a tram"], "a tram", None)]


def test_a_command_reads_its_clients_answers(seat: Seat) -> None:
    """`_sin` is where the client types."""
    assert seat.type("ask", answers="you\n") == "hello you\n"


def test_dispatch_returns_the_result(probe: Probe) -> None:
    """`_command_dispatch` runs a line outside of any session and returns what the command did."""
    assert probe._command_dispatch("wait y") == "y"
    assert probe._command_dispatch("fail") is probe._empty_result


def test_without_a_session_it_prints(probe: Probe, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside of a session the streams are the process's own, as with `cmd.Cmd`."""
    probe.run_line("add 2")
    assert capsys.readouterr().out == "2\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("fail", "fail: ValueError: first second (FILE)\n"),
        ("fail-silently", "fail-silently: ValueError (FILE)\n"),
        ("fail_later", "fail_later: ValueError: later (FILE)\n"),
        ("refuse", "nothing doing\n"),
        ("be-unsp", "be-unsp: UnspeakableError: (its text cannot be had: RuntimeError) (FILE)\n"),
        ("colour", "colour: ValueError: \\x1b[31mred (FILE)\n"),
    ],
)
def test_a_command_that_raises(seat: Seat, probe: Probe, line: str, told: str) -> None:
    """An exception is one line with its place, never a traceback, and postcmd gets it."""
    before, _, after = told.partition("FILE")
    text = seat.type(line)
    assert text.startswith(before)
    assert text.endswith(after)
    assert text.count("\n") == 1
    assert (f"{__file__}:" in text) == ("FILE" in told)
    assert seat.run.status == 1
    [(_, _, result, exception)] = probe.told
    assert result is probe._empty_result
    assert isinstance(exception, Exception)


@pytest.mark.parametrize("line", ["add 2", "help add", "nope"])
def test_what_runs_a_command_cannot_be_loaded(
    seat: Seat, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """As where no file is left to open: that is one line, too, which needs no file itself."""
    monkeypatch.setitem(sys.modules, "aiomonitor.commands.arguments", None)
    monkeypatch.setattr(linecache, "updatecache", lambda *_: pytest.fail("a file was opened"))
    monkeypatch.setattr(sources, "_line", lambda *_: pytest.fail("a file was opened"))
    linecache.clearcache()
    text = seat.type(line)
    assert text.startswith(f"{line.split()[0]}: ModuleNotFoundError: import of aiomonitor.commands")
    assert text.count("\n") == 1
    assert seat.run.status == 1


@pytest.mark.parametrize("line", ["leave", "leave-later"])
def test_a_command_that_exits(seat: Seat, probe: Probe, line: str) -> None:
    """A command cannot end the application: it is told so, and goes on as a failed one."""
    assert "the application goes on" in seat.type(line)
    assert seat.run.status == 1
    assert not seat.run.leaving
    assert isinstance(probe.told[0][3], CommandError)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("add one", "add: Invalid value for '[NUMBERS]...': 'one' is not a valid integer.\n"),
        ("add 'one", "no closing quotation: close the quote, or write a backslash before it\n"),
        ("''", "no command: 'help' lists what there is\n"),
        ("ad --nope", "add: No such option"),
    ],
)
def test_lines_that_are_not_understood(seat: Seat, probe: Probe, line: str, told: str) -> None:
    """A line that cannot be parsed gets one line back, the status 2, and reaches postcmd."""
    text = seat.type(line)
    assert text.startswith(told)
    assert text.count("\n") == 1
    assert seat.run.status == 2
    assert len(probe.told) == 1
    assert probe.told[0][2] is probe._empty_result


def test_help_of_a_command_by_option(seat: Seat) -> None:
    """`--help` prints the usage and is no failure."""
    assert "Add numbers." in seat.type("add --help")
    assert seat.run.status == 0


def test_lastcmd_is_stored_either_way(seat: Seat) -> None:
    """The last line is remembered whether it was executed properly or not."""
    for line in ("add 1", "fail", "nope", "add 'one"):
        seat.type(line)
        assert seat.client.lastcmd == line


def test_an_empty_line_repeats(seat: Seat, probe: Probe) -> None:
    """An empty line, or blanks, run the last command again."""
    assert seat.type("  ") == ""
    seat.type("add 1")
    assert seat.type("") == "1\n"
    assert seat.type(" \t") == "1\n"
    assert len(probe.told) == 3


def test_two_clients_share_nothing(probe: Probe) -> None:
    """Each client repeats its own last command, and reads its own output."""
    one, two = Seat(probe), Seat(probe)
    assert (one.type("add 1"), two.type("add 2")) == ("1\n", "2\n")
    assert (one.type(""), two.type("")) == ("1\n", "2\n")


class Overrides(Probe):
    """What the seed lets subclasses override."""

    def precmd(
        self, comm: str, args: Sequence[str]
    ) -> tuple[Callable[..., Any] | None, Sequence[Any]]:
        if comm == "sum":
            comm = "add"
        cmd_method = self._getcmd(comm)
        if cmd_method is None:
            return None, args
        return cmd_method, [2 * arg for arg in self._map_args(cmd_method, args)]

    def emptyline(self) -> None:
        self._sout.write("empty\n")

    def default(self, comm: str, args: Sequence[str]) -> Any:
        self._sout.write(f"{comm}? {list(args)}\n")
        return self.later(comm)

    async def later(self, comm: str) -> str:
        return comm


def test_precmd_can_be_overridden() -> None:
    """A subclass resolves commands by `_getcmd` and converts by `_map_args`, as documented."""
    assert Seat(Overrides()).type("sum 1 2") == "6\n"


def test_emptyline_can_be_overridden() -> None:
    """A subclass decides what an empty line does."""
    assert Seat(Overrides()).type("  ") == "empty\n"


def test_default_can_be_overridden() -> None:
    """A subclass handles unknown commands, also in a coroutine."""
    overrides = Overrides()
    assert Seat(overrides).type("nope a b") == "nope? ['a', 'b']\n"
    assert overrides.told == [("nope", ["a", "b"], "nope", None)]


def test_an_unknown_command_reaches_postcmd(seat: Seat, probe: Probe) -> None:
    """`postcmd` runs after `default`, too."""
    seat.type("nope a")
    assert probe.told == [("nope", ["a"], None, None)]


def test_a_precmd_that_raises(seat: Seat, monkeypatch: pytest.MonkeyPatch, probe: Probe) -> None:
    """A bug in a subclass's precmd is one line, as a command's."""

    def precmd(comm: str, args: Sequence[str]) -> Any:
        raise KeyError(comm)

    monkeypatch.setattr(probe, "precmd", precmd)
    assert seat.type("add 1").startswith("add: KeyError: 'add' (")


def test_a_postcmd_that_raises(seat: Seat, monkeypatch: pytest.MonkeyPatch, probe: Probe) -> None:
    """A bug in a subclass's postcmd is one line after the command's output."""

    def postcmd(*args: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(probe, "postcmd", postcmd)
    assert seat.type("add 1").startswith("1\npostcmd: KeyError: 'x' (")


def test_the_list_of_commands(seat: Seat) -> None:
    """`help` names every command once, with aliases and the first line of its documentation."""
    lines = seat.type("help").splitlines()[1:]
    names = [line.split()[0] for line in lines]
    assert names == sorted(set(names))
    assert "be-unspeakable" in names
    assert "  add                plus         Add numbers." in lines


def test_help_of_one_command(seat: Seat) -> None:
    """`help COMMAND` shows usage and the whole documentation; a beginning will do."""
    assert seat.type("? ad").startswith(
        "add [OPTIONS] [NUMBERS]...\n\nAdd numbers.\n\nAll of them."
    )


def test_help_of_several_commands(seat: Seat) -> None:
    """`help A B` explains both."""
    text = seat.type("help add wait")
    assert "Add numbers." in text
    assert "Wait." in text


def test_help_of_an_unknown_command(seat: Seat) -> None:
    """`help` of what does not exist says what would work."""
    assert seat.type("help wiat") == "unknown command 'wiat': did you mean 'wait'?\n"
    assert seat.run.status == 2


def test_help_templates(seat: Seat, probe: Probe) -> None:
    """Both templates are filled in with the documented fields."""
    probe.help_template = "{cmd_name}|{arg_list}|{doc}|{doc_firstline}"
    probe.help_short_template = "<{cmd_name}|{arg_list}|{doc}|{doc_firstline}>"
    doc = "Add numbers.\n\nAll of them."
    assert seat.type("help add") == f"add|[OPTIONS] [NUMBERS]...|{doc}|Add numbers."
    assert f"<add|[OPTIONS] [NUMBERS]...|{doc}|Add numbers.>" in seat.type("help")
