"""What the fuzzers look for is found when it is there: each check, with a fault put in."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from reliability import checks, planted, targets
from reliability.checks import Breach, check_opening, check_page, check_stream
from reliability.rehearsal import Rehearsed
from reliability.streams import page
from reliability.targets import (
    TARGETS,
    Blocks,
    Commands,
    Keys,
    Openings,
    Planted,
    Sessions,
    Streams,
)

from aiomonitor.console.source import Source
from aiomonitor.terminal import lines, protocol, session, telnet
from aiomonitor.terminal.admission import Admission
from aiomonitor.terminal.editor import TerminalSource

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_sound_passes(name: str) -> None:
    """No input that the fuzzer starts from is a breach, nor is none at all."""
    target = TARGETS[name]()
    inputs = [b"", *(target.seed(random.Random(number)) for number in range(5))]  # noqa: S311
    passed = 0
    for each in inputs:
        target.run(each[:60])
        passed += 1
    target.close()
    assert passed == 6


def test_the_planted_fault_is_there() -> None:
    """Behind its word, and nowhere else: no input to start from holds it."""
    with pytest.raises(ValueError, match="planted"):
        Planted().run(planted.WORD + b"x")
    Planted().run(b"x" + planted.WORD)
    seeds = (Planted.seed(random.Random(number)) for number in range(50))  # noqa: S311
    assert not any(planted.WORD[:3] in each for each in seeds)


def test_a_stream_is_the_same_however_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec that forgets half a command at the end of a packet is found."""
    stream = b"ps\xff\xfb\x18\r\n"
    assert check_stream(stream).lines == ("ps",)
    real = telnet.TelnetCodec.receive

    def forgets(self: telnet.TelnetCodec, data: bytes) -> Any:
        self._tail = b""
        return real(self, data)

    monkeypatch.setattr(telnet.TelnetCodec, "receive", forgets)
    with pytest.raises(Breach, match="how the stream is cut"):
        Streams().run(stream)


def test_typed_is_the_same_between_the_same_messages() -> None:
    """It also counts where in the stream a message stands, not only which there are."""
    before, after = (check_stream(each) for each in (b"a\xff\xf4b", b"ab\xff\xf4"))
    assert before.messages == (protocol.Typed(b"a"), protocol.Interrupt(), protocol.Typed(b"b"))
    with pytest.raises(Breach):
        checks.check_same(before, after)


def test_floods_may_depend_on_packets() -> None:
    """Who negotiates without reading is hung up on: in fewer packets, sooner."""
    assert check_stream(b"\xff\xfd\x06" * 800).flooding


@pytest.mark.parametrize(
    ("stream", "patch"),
    [(b"x" * 99, ("LINE_LIMIT", 9)), (b"\xff\xfa\x18\0xterm\xff\xf0", ("MAX_SUBNEGOTIATION", 3)),
     (b"", ("_BOUND", 2))],
    ids=["line", "terminal", "replies"],
)  # fmt: skip
def test_limits(stream: bytes, patch: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than it may be is found."""
    monkeypatch.setattr(checks, "_PER_BYTE", 0)
    monkeypatch.setattr(checks, *patch)
    with pytest.raises(Breach, match=r"longer than its limit|without bound"):
        check_stream(stream or b"\xff\xfd\x01")


@pytest.mark.parametrize(
    ("opening", "refused"),
    [(b"", False), (b"ps\n", False), (b"\x16\x03", True), (b"GET / HTTP/1.1\r\n", True),
     (b"ps\nGET / HTTP/1.1", False), (b"a\0", True)],
)  # fmt: skip
def test_openings(opening: bytes, refused: bool) -> None:
    """Other protocols are refused, and commands are not."""
    assert check_opening(opening) is refused


def test_two_ways_that_disagree_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two ways to look at the first line have to be of one mind."""
    monkeypatch.setattr(checks, "is_foreign", lambda _: False)
    with pytest.raises(Breach, match="the other does not"):
        Openings().run(b"")


def test_a_page_that_is_let_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard that knows fewer methods than browsers send is found."""
    check_page(page(b"M-SEARCH\n/x\nh\nbody"))
    monkeypatch.setattr(lines, "_HTTP", re.compile(rb"(GET|POST) \S+ HTTP/\d"))
    with pytest.raises(Breach, match="a browser's request is not refused"):
        check_page(page(b"M-SEARCH\n/x\nh\nbody"))


def test_a_page_has_no_say_in_the_form() -> None:
    """Whatever it chooses, a browser sends one request line, and the body behind an empty one."""
    said = page(b"P O\0ST\n/a b\xff\nx\r\0y\nexit\r\n\r\nexit")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST //a%20b%FF HTTP/1.1", b"Host: 127.0.0.1:20101", b"X-Chosen: xy",
        b"Content-Length: 12",
    ]  # fmt: skip
    assert body == b"exit\r\n\r\nexit"


# --- commands ---------------------------------------------------------------------------------


@pytest.fixture
def commands() -> Iterator[Commands]:
    """The target, closed afterwards."""
    target = Commands()
    yield target
    target.close()


def test_commands_are_understood_and_not_done(commands: Commands) -> None:
    """A line reaches the method that it names with its words converted, and no further."""
    monitor = commands.monitor
    assert monitor.said("where-t 7") == ""
    assert monitor.understood == "do_where_terminated"
    assert monitor.said("probe 7 x 2 --way 5 --colour RED") == ""
    assert monitor.understood == "do_probe 7 x (2.0,) Colour.RED 5 0 False"
    assert "not a valid integer" in monitor.said("probe x y")
    assert monitor.understood == ""


@pytest.mark.parametrize(
    ("said", "reason"),
    [("a\nb\n", "more than a line"), ("\x1b[A\n", "a terminal would act upon"),
     ("ps: KeyError: 'x' (/src/a.py:12)\n", "not foreseen")],
)  # fmt: skip
def test_what_is_wrong_with_an_answer(
    said: str, reason: str, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines, escapes and exceptions of ours that nobody has thought of are found."""
    commands.run(b"where x")
    monkeypatch.setattr(Rehearsed, "said", lambda *_: said)
    with pytest.raises(Breach, match=reason):
        commands.run(b"where x")


@pytest.mark.parametrize("text", [b"if x:\n    y", b"[1,\r2]\n\n", b"\xff\n@f", b"1 is 1"])
def test_python_that_the_console_cannot_take_is_found(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed may be wrong in any way; that the console does not stand it, is found."""
    Blocks().run(text)

    def fails(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(Source, "_fits", fails)
    with pytest.raises(RecursionError):
        Blocks().run(text)


# --- the editor and whole sessions ------------------------------------------------------------


def run(target: Any, data: bytes) -> None:
    """Run it, and close it."""
    try:
        target.run(data)
    finally:
        target.close()


def test_keys_that_depend_on_packets_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that takes CR LF in two packets for two lines is found."""
    run(Keys(), b"\0ps\r\nx\r")
    monkeypatch.setattr(TerminalSource, "_normalised", lambda _, data: data.replace(b"\r\n", b"\r"))
    with pytest.raises(Breach, match="how keys are cut"):
        run(Keys(), b"\0ps\r\nx\r")


def test_lines_over_the_limit_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of lines than may be pasted is found."""
    monkeypatch.setattr(targets, "PASTE_LIMIT", 1)
    with pytest.raises(Breach, match="longer than their limit"):
        run(Keys(), b"\0ps\r")


@pytest.mark.parametrize("first", [b"\0", b"\1", b"\2", b"\3"])
def test_a_guard_that_lets_in_is_found(first: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that runs what a stranger, or a page, has said is found."""
    said = first + b"POST\n/ps\nx\nps\nps\n"
    run(Sessions(), said)

    async def admits(*_: object) -> bool:
        return True

    monkeypatch.setattr(Admission, "ask", admits)
    monkeypatch.setattr(session, "is_foreign", lambda _: False)
    monkeypatch.setattr("aiomonitor.terminal.conversation.is_foreign", lambda _: False)
    with pytest.raises(Breach, match="passed the guard"):
        run(Sessions(), said)
