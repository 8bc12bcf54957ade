"""Waits for what comes from outside of the loop: time, sockets, threads and processes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import threading
from asyncio import selector_events, streams
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import frames, objects
from aiomonitor.backends.objects import called
from aiomonitor.model import WaitInfo

from .futures import thread_of
from .look import codes

if TYPE_CHECKING:
    from .look import Look, Tellers


def tellers() -> Tellers:
    """By the functions that tasks are suspended in."""
    loop: Any = selector_events.BaseSelectorEventLoop
    reading = codes(getattr(streams.StreamReader, "_wait_for_data", None))
    writing = codes(getattr(streams.FlowControlMixin, "_drain_helper", None))
    names = ("sock_recv", "sock_recv_into", "sock_recvfrom", "sock_accept")
    receiving = codes(*(getattr(loop, name, None) for name in names))
    sending = codes(*(getattr(loop, name, None) for name in ("sock_sendall", "sock_sendto")))
    connecting = codes(loop.sock_connect)
    return {
        asyncio.sleep.__code__: _sleep,
        asyncio.to_thread.__code__: _to_thread,
        **dict.fromkeys(reading, _reading),
        **dict.fromkeys(writing, _writing),
        asyncio.subprocess.Process.wait.__code__: _process,
        **dict.fromkeys(receiving, functools.partial(_socket, wish="to be readable")),
        **dict.fromkeys(sending, functools.partial(_socket, wish="to be writable")),
        **dict.fromkeys(connecting, functools.partial(_socket, wish="to be connected")),
    }


def anyio_tellers(anyio: Any) -> Tellers:
    """The same for anyio's own."""
    stream = functools.partial(_anyio_stream, kind=anyio.SocketStream)
    return {
        anyio.AsyncIOBackend.run_sync_in_worker_thread.__code__: _anyio_thread,
        anyio.SocketStream.receive.__code__: functools.partial(stream, wish="data from"),
        anyio.SocketStream.send.__code__: functools.partial(stream, wish="room to write to"),
        anyio.Process.wait.__code__: functools.partial(_process, kind=anyio.Process),
    }


# --- time -----------------------------------------------------------------------------------------


def _sleep(look: Look) -> WaitInfo | None:
    for each in look.referents():
        when: Any = getattr(each, "when", None)
        if callable(when) and hasattr(each, "cancelled"):
            loop: Any = look.future.get_loop()
            # The type's: an instance's may be ours, which counts turns.
            left = when() - type(loop).time(loop)
            if left == math.inf:
                return WaitInfo(kind="sleep", what=objects.FOR_EVER)
            return WaitInfo(kind="sleep", what="a timer", timeout=left)
    return None


# --- sockets --------------------------------------------------------------------------------------


def _transport_told(transport: Any, wish: str) -> WaitInfo | None:
    """What a transport has noted when it was made: asking it now would be its own thread's."""
    if transport is None:
        return None
    if type(transport).__module__.partition(".")[0] == "uvloop":
        return _uvloop_told(transport, wish)
    extra: dict[str, Any] = getattr(transport, "_extra", None) or {}
    sock, peer = extra.get("socket"), extra.get("peername")
    fd = None if sock is None else sock.fileno()
    told = "a pipe" if "pipe" in extra else "a stream"
    if fd is not None and peer:
        told = f"socket {fd} to {objects.address(peer)}"
    return WaitInfo(kind="socket", what=f"{wish} {told}", object_id=id(transport), fd=fd)


def _uvloop_told(transport: Any, wish: str) -> WaitInfo:
    """uvloop notes nothing, but to ask for its socket changes nothing, in any thread."""
    told, fd = "a stream", None
    with contextlib.suppress(Exception):  # it is closed meanwhile
        sock = transport.get_extra_info("socket")
        fd = sock.fileno()
        if name := objects.socket_name(sock):
            told = f"socket {fd}{name}"
    return WaitInfo(kind="socket", what=f"{wish} {told}", object_id=id(transport), fd=fd)


def _reading(look: Look) -> WaitInfo | None:
    reader: Any = look.found(asyncio.StreamReader)
    return None if reader is None else _transport_told(reader._transport, "data from")


def _writing(look: Look) -> WaitInfo | None:
    protocol: Any = look.found(streams.FlowControlMixin)
    transport = getattr(getattr(protocol, "_stream_reader", None), "_transport", None)
    transport = transport or getattr(protocol, "_transport", None)
    return _transport_told(transport, "room to write to")


def _socket(look: Look, wish: str) -> WaitInfo | None:
    for each in look.referents():
        if objects.is_socket(each):
            told = f"socket {each.fileno()}{objects.socket_name(each)}"
            return WaitInfo(kind="socket", what=f"{told} {wish}", fd=each.fileno())
    return None


def _anyio_stream(look: Look, kind: Any, wish: str) -> WaitInfo | None:
    stream = look.found(kind)
    return None if stream is None else _transport_told(stream._transport, wish)


# --- threads and processes ------------------------------------------------------------------------


def _to_thread(look: Look) -> WaitInfo | None:
    for each in look.referents():
        if isinstance(each, functools.partial) and each.args:
            thread = thread_of(look)
            return WaitInfo(
                kind="thread", what=f"{called(each.args[0])}() in a thread", thread=thread
            )
    return None


def _anyio_thread(look: Look) -> WaitInfo | None:
    function = worker = None
    for each in look.referents():
        if isinstance(each, threading.Thread):
            worker = each
        elif callable(each) and not isinstance(each, type) and not _is_of(each, look.level):
            function = function or each
    if worker is None:
        return None
    return WaitInfo(kind="thread", what=f"{called(function)}() in a thread", thread=worker.ident)


def _is_of(function: Any, level: Any) -> bool:
    """Whether it is what runs there: a coroutine refers to its own function, too."""
    return getattr(function, "__code__", None) is frames.code_of(level)


def _process(look: Look, kind: Any = asyncio.subprocess.Process) -> WaitInfo | None:
    process = look.found(kind)
    if process is None:
        return None
    return WaitInfo(kind="process", what=f"process {process.pid} to end", pid=process.pid)
