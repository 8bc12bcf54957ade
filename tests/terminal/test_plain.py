"""Lines of a plain client, on both of anyio's backends."""

from __future__ import annotations

import anyio
import pytest

from aiomonitor.dialogue import EndOfInput
from aiomonitor.dialogue.output import ClientOutput
from aiomonitor.terminal import plain
from aiomonitor.terminal.plain import PlainSource, SourceChanged
from support import PATIENCE

pytestmark = pytest.mark.anyio


class Client:
    """A source, and what was prompted."""

    def __init__(self) -> None:
        self.output = ClientOutput()
        self.source = PlainSource(self.output)

    @property
    def shown(self) -> str:
        return self.output._pending.decode()

    async def read(self, prompt: str = "") -> str:
        with anyio.fail_after(PATIENCE):
            return await self.source.read(prompt)


async def test_prompt_and_line() -> None:
    """The prompt is shown, and the next line returned without its end."""
    client = Client()
    client.source.feed(b"a\r\nb\n")
    assert [await client.read("> "), await client.read("> ")] == ["a", "b"]
    assert client.shown == "> > "


async def test_waiting_for_a_line() -> None:
    """A reader waits until the line is complete, in however many packets it comes."""
    client = Client()
    lines: list[str] = []

    async def read() -> None:
        lines.append(await client.read())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        for byte in b"ps":
            client.source.feed(bytes([byte]))
            await anyio.wait_all_tasks_blocked()
            assert lines == []
        client.source.feed(b"\n")
    assert lines == ["ps"]


async def test_the_rest_is_served_after_the_end() -> None:
    """What was sent before the end of input is still returned, and then the end."""
    client = Client()
    client.source.feed(b"a\nb")
    client.source.feed_eof()
    assert [await client.read(), await client.read()] == ["a", "b"]
    for _ in range(2):
        with pytest.raises(EndOfInput):
            await client.read()


async def test_giving_way() -> None:
    """A reader is told that the client turned out to be a terminal, once."""
    client = Client()
    async with anyio.create_task_group() as tasks:
        changed = anyio.Event()

        async def read() -> None:
            with pytest.raises(SourceChanged):
                await client.read()
            changed.set()

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        client.source.give_way()
        with anyio.fail_after(PATIENCE):
            await changed.wait()
    client.source.stay()
    client.source.feed(b"a\n")
    assert await client.read() == "a"


async def test_giving_way_at_the_end() -> None:
    """What has no end by then is no line: the client was found to be a terminal before it left."""
    client = Client()
    client.source.feed(b"a\nrest")
    client.source.give_way()
    client.source.feed_eof()
    assert await client.read() == "a"
    with pytest.raises(SourceChanged):
        await client.read()
    assert client.source.take_all() == b"rest"


async def test_no_way_to_give() -> None:
    """It was no terminal after all: then what has no end is a line."""
    client = Client()
    client.source.feed(b"rest")
    client.source.give_way()
    client.source.feed_eof()
    with pytest.raises(SourceChanged):
        await client.read()
    client.source.stay()
    client.source.feed_eof()
    assert await client.read() == "rest"
    with pytest.raises(EndOfInput):
        await client.read()


async def test_first_line() -> None:
    """The first line can be looked at before it is read; without one there is the end."""
    client = Client()
    client.source.feed(b"a\nb\n")
    with anyio.fail_after(PATIENCE):
        assert (await client.source.first_line(), client.source.used) == ("a", False)
        assert (await client.read(), client.source.used) == ("a", True)
        silent = Client()
        silent.source.feed_eof()
        assert await silent.source.first_line() is None


async def test_a_long_script_has_to_wait() -> None:
    """Many lines ahead are accepted, then the client is read no further until some have run."""
    client = Client()
    with anyio.fail_after(PATIENCE):
        client.source.feed(b"x\n" * plain._LINES_AHEAD)
        await client.source.room()
        client.source.feed(b"x\n")
        with anyio.move_on_after(0) as scope:
            await client.source.room()
        assert scope.cancelled_caught
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.source.room)
            await client.read()
