"""A client's output on both of anyio's backends: bounded, patient in threads, never for ever."""

from __future__ import annotations

import io
import threading

import anyio
import anyio.to_thread
import pytest

from aiomonitor.dialogue.output import HIGH_WATER, UNREAD_LIMIT, ClientOutput
from aiomonitor.errors import CommandInterrupted
from support import PATIENCE

pytestmark = pytest.mark.anyio


class Wire:
    """A connection that takes bytes only while it is open."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.taken = b""
        self.error: type[Exception] | None = None
        self.asked = anyio.Event()
        self._open = anyio.Event()
        if is_open:
            self._open.set()

    def open(self) -> None:
        self._open.set()

    async def send(self, item: bytes) -> None:
        self.asked.set()
        await self._open.wait()
        if self.error is not None:
            raise self.error
        self.taken += item


class Observed(ClientOutput):
    """Tells when a thread has to wait for room."""

    def __init__(self) -> None:
        super().__init__()
        self._full = threading.Event()

    def _has_room(self) -> bool:
        has_room = super()._has_room()
        if not has_room:
            self._full.set()
        return has_room

    async def until_full(self) -> None:
        assert await anyio.to_thread.run_sync(self._full.wait, PATIENCE)


async def test_what_is_written_is_sent_in_order() -> None:
    """Text from the loop and from threads goes out as it was written."""
    output, wire = ClientOutput(), Wire()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(output.pump, wire)
            assert output.write("a\n") == 2
            await anyio.to_thread.run_sync(output.write, "b")
            output.write_bytes(b"\xff")
            print("c", file=output, flush=True)
            await output.drain()
            assert wire.taken == b"a\nb\xffc\n"
            tasks.cancel_scope.cancel()


async def test_it_is_a_text_stream() -> None:
    """It writes and is no terminal."""
    output = ClientOutput()
    assert isinstance(output, io.TextIOBase)
    assert (output.writable(), output.isatty(), output.encoding) == (True, False, "utf-8")


async def test_nothing_written_is_nothing_sent() -> None:
    """Empty text wakes nobody, and there is nothing to wait for."""
    output = ClientOutput()
    output.write("")
    with anyio.fail_after(PATIENCE):
        await output.drain()


@pytest.mark.parametrize(
    ("newline", "text", "data"),
    [
        ("\n", "a\nb", b"a\nb"),
        ("\r\n", "a\nb", b"a\r\nb"),
        ("\r\n", "a\r\nb", b"a\r\nb"),
        ("\n", "é \ud800", b"\xc3\xa9 \\ud800"),
    ],
)
async def test_encoding(newline: str, text: str, data: bytes) -> None:
    """Newlines are the client's, and lone surrogates are escaped instead of failing."""
    assert ClientOutput(newline).encode(text) == data


async def test_a_writer_in_a_thread_waits_for_room() -> None:
    """A thread that writes faster than the client reads waits, and goes on when there is room."""
    output, wire = Observed(), Wire(is_open=False)
    written: list[int] = []

    def write() -> None:
        written.extend(output.write("x" * HIGH_WATER) for _ in range(4))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(output.pump, wire)
            tasks.start_soon(anyio.to_thread.run_sync, write)
            await output.until_full()
            assert len(written) < 4
            assert len(output._pending) <= 2 * HIGH_WATER
            wire.open()
            while len(written) < 4:
                await anyio.lowlevel.checkpoint()
            await output.drain()
            assert len(wire.taken) == 4 * HIGH_WATER
            tasks.cancel_scope.cancel()


async def test_a_waiting_writer_is_released_when_the_client_goes() -> None:
    """A thread that waits for room is interrupted as soon as the client has gone."""
    output = Observed()
    output.write("x" * HIGH_WATER)
    interrupted: list[BaseException] = []

    def write() -> None:
        try:
            output.write("y")
        except CommandInterrupted as error:
            interrupted.append(error)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, write)
            await output.until_full()
            output.abandon()
    assert len(interrupted) == 1
    with pytest.raises(CommandInterrupted):
        output.write("z")


async def test_a_writer_in_the_loop_loses_a_client_that_never_reads() -> None:
    """A coroutine cannot wait for room: over the limit the client is given up."""
    output = ClientOutput()
    text = "x" * HIGH_WATER
    with pytest.raises(CommandInterrupted):
        list(map(output.write, [text] * (UNREAD_LIMIT // HIGH_WATER + 2)))
    assert len(output._pending) <= UNREAD_LIMIT + HIGH_WATER
    with pytest.raises(CommandInterrupted):
        output.write("y")


@pytest.mark.parametrize(
    "error", [anyio.BrokenResourceError, anyio.ClosedResourceError, TimeoutError]
)
async def test_a_lost_connection_ends_the_pump(error: type[Exception]) -> None:
    """When the connection breaks, or takes nothing for too long, writers are told."""
    output, wire = ClientOutput(), Wire()
    wire.error = error
    output.write("x")
    with anyio.fail_after(PATIENCE):
        await output.pump(wire)
        await output.drain()
    with pytest.raises(CommandInterrupted):
        output.write("y")


async def test_drain_waits_for_the_kernel() -> None:
    """Draining ends when the last byte was handed over, not before."""
    output, wire = ClientOutput(), Wire(is_open=False)
    output.write("x")
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(output.pump, wire)
            await wire.asked.wait()
            with anyio.move_on_after(0) as scope:
                await output.drain()
            assert scope.cancelled_caught
            wire.open()
            await output.drain()
            assert wire.taken == b"x"
            tasks.cancel_scope.cancel()


async def test_drain_after_the_client_went() -> None:
    """Nobody waits for a client that is not there any more."""
    output = ClientOutput()
    output.write("x")
    output.abandon()
    with anyio.fail_after(PATIENCE):
        await output.drain()


async def test_cancelling_the_pump_releases_the_writers() -> None:
    """A session that ends takes its writers along."""
    output, wire = ClientOutput(), Wire(is_open=False)
    output.write("x")
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(output.pump, wire)
            await wire.asked.wait()
            tasks.cancel_scope.cancel()
    with pytest.raises(CommandInterrupted):
        output.write("y")


async def test_many_threads_write_at_once() -> None:
    """Lines of several threads arrive whole, and none is lost."""
    output, wire = ClientOutput(), Wire()

    def write(mark: str) -> None:
        for _ in range(200):
            output.write(mark * 50 + "\n")

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            pump = anyio.CancelScope()

            async def send() -> None:
                with pump:
                    await output.pump(wire)

            tasks.start_soon(send)
            async with anyio.create_task_group() as writers:
                for mark in "abc":
                    writers.start_soon(anyio.to_thread.run_sync, write, mark)
            await output.drain()
            pump.cancel()
    lines = wire.taken.decode().split()
    assert sorted(lines) == sorted(mark * 50 for mark in "abc" for _ in range(200))
