"""Clients of every kind, which come while the application works and stay as long as they can."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Ports = "dict[str, int]"

IAC = b"\xff"
TELNET = IAC + b"\xfb\x18" + IAC + b"\xfb\x1f"  # WILL TTYPE, WILL NAWS
TERMINAL = (
    IAC + b"\xfa\x18\x00xterm" + IAC + b"\xf0" + IAC + b"\xfa\x1f\x00\x50\x00\x18" + IAC + b"\xf0"
)
ONE_SHOT = IAC + b"\xfb\xc8" + IAC + b"\xfa\xc8C" + b"ps --json" + IAC + b"\xf0"


def http(path: str, port: int, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request as a browser or curl makes it."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def upgrade(port: int, origin: str | None = None) -> bytes:
    """The opening of a console's WebSocket, as our page makes it."""
    return http(
        "/console/socket",
        port,
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: aiomonitor-console",
        f"Origin: {origin or f'http://127.0.0.1:{port}'}",
    )


def frame(payload: bytes, opcode: int = 1, mask: bytes = b"mask") -> bytes:
    """A masked frame (RFC 6455)."""
    size = len(payload)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + mask + masked


def enter(text: str) -> bytes:
    """What the console's page says to run a line."""
    return frame(b'{"type": "enter", "text": "%s"}' % text.encode())


def script(kind: str, port: int) -> Iterator[bytes]:
    """What a visitor of that kind says, piece by piece."""
    if kind == "plain":
        yield b"ps\nwhere 1\nfindings\ntree\nhealth\npt\nwatch\n"
    elif kind == "telnet":
        yield TELNET + TERMINAL
        yield b"ps\r"
        yield b"stack\rst\x03\x04"
    elif kind == "one_shot":
        yield ONE_SHOT
    elif kind == "console":
        yield b"1 + 1\nimport asyncio\nawait asyncio.sleep(60)\n"
    elif kind == "page":
        yield http("/api/tasks", port) + http("/tasks", port) + http("/metrics", port)
    elif kind == "stream":
        yield http("/api/events?view=tasks", port)
    elif kind == "web_console":
        yield upgrade(port)
        yield enter("2 + 2") + enter("await loop.create_future()")
    elif kind == "deaf":
        yield b"ps --json\nps --json --limit 0\n" * 400


SERVICES = {"console": "console_port"} | dict.fromkeys(
    ("page", "stream", "web_console"), "webui_port"
)


async def visit(
    kind: str, ports: dict[str, int], heard: Callable[[int], None] | None = None
) -> None:
    """Come, talk, and stay until the other end hangs up; or leave at once."""
    port = ports.get(SERVICES.get(kind, "port"))
    if not port:
        return
    with contextlib.suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        try:
            if kind == "connects_only":
                return
            for piece in script(kind, port):
                writer.write(piece)
                await asyncio.sleep(0.02)
            while kind not in ("deaf", "silent") and (data := await reader.read(1 << 16)):
                if heard is not None:
                    heard(len(data))
            if kind in ("deaf", "silent"):
                await asyncio.sleep(3600)
        finally:
            writer.transport.abort()
