"""Line editing for terminals, over real sockets, on both of anyio's backends."""

from __future__ import annotations

import contextvars
import gc
import os
import sys
import weakref
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from prompt_toolkit.application import get_app
from prompt_toolkit.output import DummyOutput

from aiomonitor.terminal import editor, prompts
from aiomonitor.terminal.editor import TYPED_LIMIT
from aiomonitor.terminal.keys import ConnectionInput
from aiomonitor.terminal.telnet import Command
from support import Host, TelnetPeer, connection, happened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiomonitor.dialogue import Suggestion

pytestmark = pytest.mark.anyio

UP, DOWN, LEFT, PASTE, PASTED = b"\x1b[A", b"\x1b[B", b"\x1b[D", b"\x1b[200~", b"\x1b[201~"


@pytest.fixture
def host() -> Host:
    return Host()


@asynccontextmanager
async def terminal(host: Host) -> AsyncIterator[TelnetPeer]:
    """A terminal whose first prompt is open."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until(">")
        yield peer


@pytest.mark.parametrize("enter", [b"\r", b"\n", b"\r\n", b"\r\0"])
async def test_enter(host: Host, enter: bytes) -> None:
    """Whatever a client sends for Enter, the line runs once."""
    async with terminal(host) as peer:
        await peer.send(b"zebra a" + enter + b"zebra b" + enter)
        await peer.until("[a]\r\n")
        await peer.until("[b]\r\n")
    assert host.ran == ["zebra a", "zebra b"]


async def test_torn_enter(host: Host) -> None:
    """CR and LF in two packets are one Enter, even if a command has run in between."""
    async with terminal(host) as peer:
        await peer.send(b"zebra a\r")
        await peer.until("[a]\r\n")
        await peer.send(b"\nzebra b\r")
        await peer.until("[b]\r\n")
    assert host.ran == ["zebra a", "zebra b"]


async def test_typing_is_shown(host: Host) -> None:
    """What is typed is echoed by the server, which has taken that over."""
    async with terminal(host) as peer:
        for key in b"zebra":
            await peer.send(bytes([key]))
            await peer.until(chr(key))


async def test_editing(host: Host) -> None:
    """The usual keys work: arrows, backspace, start of line, delete the line."""
    async with terminal(host) as peer:
        await peer.send(b"nonsense\x15ebrx\x7fa ab" + LEFT + b"_\x01z\r")
        await peer.until("[a_b]")


async def test_completion(host: Host) -> None:
    """TAB completes what is unique, and a space follows."""
    async with terminal(host) as peer:
        await peer.send(b"zeb\t")
        await peer.until("ra")
        await peer.send(b"x\r")
        await peer.until("[x]")
    assert host.ran == ["zebra x"]


async def test_completion_shows_a_choice(host: Host) -> None:
    """TAB on what is ambiguous shows what there is, with explanations."""
    async with terminal(host) as peer:
        await peer.send(b"fo\t")
        await peer.until("rever")
        await peer.send(b"\x15f\t")
        await peer.until("Write until somebody interrupts it.")
        await peer.send(b"\x03")


async def test_history(host: Host) -> None:
    """The up arrow recalls the lines before, the latest first."""
    async with terminal(host) as peer:
        await peer.send(b"zebra a\rzebra b\r")
        await peer.until("[b]\r\n")
        await peer.send(UP + UP + b"\r")
        await peer.until("[a]\r\n")
        await peer.send(UP + UP + DOWN + b"!\r")
        await peer.until("[a!]\r\n")


async def test_search(host: Host) -> None:
    """Ctrl-R finds an earlier line by a part of it."""
    async with terminal(host) as peer:
        await peer.send(b"zebra needle\rzebra b\r")
        await peer.until("[b]\r\n")
        await peer.send(b"\x12edl\r")
        await peer.send(b"\r")
        await peer.until("[needle]\r\n")


async def test_histories_are_apart(host: Host) -> None:
    """Nobody recalls another client's lines."""
    async with terminal(host) as one, terminal(host) as two:
        await one.send(b"zebra one\r")
        await one.until("[one]")
        await two.send(UP + b"zebra two\r")
        await two.until("[two]")
    assert host.ran == ["zebra one", "zebra two"]


async def test_history_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last lines are remembered."""
    monkeypatch.setattr(prompts, "_HISTORY", 5)
    made = prompts.Prompts(lambda _: [], lambda: None, lambda: b"", color=False)
    keys, screen = ConnectionInput(), DummyOutput()
    for number in range(50):
        history = made.make("command", keys, screen).buffer.history
        history.append_string(str(number))
        assert len(history.get_strings()) <= 11
    assert history.get_strings()[-5:] == ["45", "46", "47", "48", "49"]


async def test_answers_are_no_history(host: Host) -> None:
    """What a command asked for is neither recalled nor run."""
    async with terminal(host) as peer:
        await peer.send(b"ask\r")
        await peer.until("name?")
        await peer.send(b"you\r")
        await peer.until("hello you")
        await peer.send(UP + b"\r")
        await peer.until("name?")
        await peer.send(b"me\r")
        await peer.until("hello me")
    assert host.ran == ["ask", "ask"]


async def test_ctrl_c_abandons_the_line(host: Host) -> None:
    """Ctrl-C at the prompt forgets the line, and the next one is run."""
    async with terminal(host) as peer:
        await peer.send(b"zebra x\x03")
        await peer.until(">")
        await peer.send(b"zebra a\r")
        await peer.until("[a]")
    assert host.ran == ["zebra a"]


@pytest.mark.parametrize("key", [b"\x03", b"\x0f"])
async def test_keys_after_the_end_of_a_line(host: Host, key: bytes) -> None:
    """What comes in one packet with the key that ends a line belongs to the next line."""
    async with terminal(host) as peer:
        await peer.send(b"zebra x" + key + b"zebra a\r")
        await peer.until("[a]")
    assert host.ran[-1] == "zebra a"


async def test_ctrl_d_leaves(host: Host) -> None:
    """Ctrl-D on an empty line leaves."""
    async with terminal(host) as peer:
        await peer.send(b"\x04")
        await peer.until_end()


@pytest.mark.parametrize("key", [b"\x04", b"exit\r"])
async def test_keys_after_leaving_are_nobodys(host: Host, key: bytes) -> None:
    """What a client typed after it had left is never run, least of all by the next client."""
    async with terminal(host) as other:
        async with terminal(host) as peer:
            await peer.send(key + b"zebra stray\r")
            await peer.until_end()
        await other.send(b"zebra a\rzebra b\r")
        await other.until("[b]")
        async with terminal(host) as later:
            await later.send(b"zebra c\r")
            await later.until("[c]")
    assert "zebra stray" not in host.ran
    assert host.ran[-3:] == ["zebra a", "zebra b", "zebra c"]


async def test_type_ahead(host: Host) -> None:
    """What is typed while a command runs is kept for the next prompt."""
    async with terminal(host) as peer:
        await peer.send(b"hold\r")
        await happened(host.started)
        await peer.send(b"zebra a\rzeb" + bytes([Command.IAC, Command.AYT]))
        await peer.until("[aiomonitor is here]")
        host.released.set()
        await peer.until("[a]")
        await peer.send(b"ra b\r")
        await peer.until("[b]")


async def test_ctrl_c_interrupts_and_drops_type_ahead(host: Host) -> None:
    """Ctrl-C while a command runs ends it, and forgets what was typed before it."""
    async with terminal(host) as peer:
        await peer.send(b"forever\r")
        await happened(host.started)
        await peer.send(b"zebra x\r\x03zebra a\r")
        await peer.until("interrupted")
        await peer.until("[a]")
    assert host.ran == ["forever", "zebra a"]


@pytest.mark.parametrize("bracketed", [False, True])
async def test_a_line_too_long(host: Host, bracketed: bool) -> None:
    """A typed line over the limit is refused, and the next one is run."""
    text = b"x" * (2 * TYPED_LIMIT)
    async with terminal(host) as peer:
        await peer.send((PASTE + text + PASTED if bracketed else text) + b"\r")
        await peer.until(f"line too long: over {TYPED_LIMIT} bytes")
        await peer.send(b"zebra a\r")
        await peer.until("[a]")
    assert host.ran == ["zebra a"]


async def test_a_long_line_in_pieces(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control keys among the bytes do not lift the limit."""
    monkeypatch.setattr(editor, "TYPED_LIMIT", 500)
    async with terminal(host) as peer:
        await peer.send(b"x\x01" * 300 + b"\r")
        await peer.until("line too long: over 500 bytes")
    assert host.ran == []


async def test_utf8_in_pieces(host: Host) -> None:
    """A character torn between packets arrives whole."""
    async with terminal(host) as peer:
        for byte in "zebra é日🎉\r".encode():
            await peer.send(bytes([byte]))
        await peer.until("[é日🎉]")


async def test_invalid_utf8(host: Host) -> None:
    """Bytes that are no UTF-8 do not harm the line or the session."""
    async with terminal(host) as peer:
        await peer.send(b"zebra \xe9\xc3 a\r")
        await peer.until("a]")
        await peer.send(b"zebra b\r")
        await peer.until("[b]")


async def test_bracketed_paste(host: Host) -> None:
    """Pasted text waits for Enter."""
    async with terminal(host) as peer:
        await peer.send(PASTE + b"zebra pasted" + PASTED)
        await peer.until("pasted")
        assert host.ran == []
        await peer.send(b"\r")
        await peer.until("[pasted]")


async def test_resizing(host: Host) -> None:
    """A new size of the window reaches an open prompt and the next command."""
    async with terminal(host) as peer:
        await peer.send(b"cli")
        await peer.resize(33, 10)
        await peer.send(b"ent\r")
        await peer.until("33 columns")


async def test_resizing_draws_the_line_anew(host: Host) -> None:
    """At once, with the line continued where the window ends now."""
    async with terminal(host) as peer:
        await peer.send(b"zebra " + b"x" * 30)
        await peer.until("x" * 30)
        assert "... " not in peer.text
        await peer.resize(20, 10)
        await peer.until("... xx")
        await peer.send(b"\r")
        await peer.until(f"[{'x' * 30}]")


async def test_losing_the_connection_at_the_prompt(host: Host) -> None:
    """A client that goes while it types ends its session, and its line is not run."""
    async with terminal(host) as peer:
        await peer.send(b"zebra x")
        await peer.until("x")
    assert host.ran == []


async def test_two_terminals(host: Host) -> None:
    """Two people type at once, each in their own line."""
    async with terminal(host) as one, terminal(host) as two:
        for keys in (b"ze", b"bra", b" "):
            await one.send(keys)
            await two.send(keys)
        await one.send(b"one\r")
        await two.send(b"two\r")
        await one.until("[one]")
        await two.until("[two]")


async def test_names_are_neutralised_in_completions() -> None:
    """A task's name cannot reach the terminal as a control sequence by way of TAB."""
    host = Host()
    host.backend.add("ab\x1b]0;evil\x07cd", "f")
    async with terminal(host) as peer:
        await peer.send(b"where ab\t")
        await peer.until("x1b]0;evil")
        assert b"\x1b]0;evil" not in peer.raw
        await peer.send(b"\x03")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_no_file_descriptor_is_left(host: Host) -> None:
    """Clients that connect and close, at the prompt or before, leave no file descriptor."""

    async def visit() -> int:
        async with connection(host):
            pass
        async with terminal(host) as peer:
            await peer.send(b"x")
        await anyio.wait_all_tasks_blocked()
        return len(os.listdir(Path("/proc/self/fd")))  # noqa: PTH208

    await visit()
    before = await visit()
    after = [await visit() for _ in range(5)]
    assert min(after) <= before


async def test_a_source_elsewhere_can_be_fed_at_any_time() -> None:
    """Bytes that come between two prompts are kept, also where prompts have a loop of their own."""
    host = Host()
    async with terminal(host) as peer:
        for number in range(5):
            await peer.send(f"zebra {number}\r".encode())
        await peer.until("[4]")
    assert host.ran == [f"zebra {number}" for number in range(5)]


async def test_prompts_are_let_go(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a terminal has gone its prompt is kept by nothing, also if a context copied in it is."""
    copied, applications = [], []

    def complete(text: str) -> list[Suggestion]:
        copied.append(contextvars.copy_context())
        applications.append(weakref.ref(get_app()))
        return Host.completions(host, text)

    monkeypatch.setattr(host, "completions", complete)
    async with terminal(host) as peer:
        await peer.send(b"zeb\t")
        await peer.until("ra")
        await peer.send(b"x\r")
        await peer.until("[x]")
        assert applications[0]() is not None
    gc.collect()
    assert applications[0]() is None
    assert copied
