"""Hostile requests, WebSockets and Python for `hostile_web`: made from a seed, so repeatable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import streams, visitors

if TYPE_CHECKING:
    from random import Random

TOKEN = "secret-of-this-run"  # noqa: S105 - of a test


CHANGING = ("/api/tasks/canary/cancel", "/api/scopes/s1/cancel", "/api/mark", "/api/profile")


READING = (
    *("/", "/tasks", "/tasks/1", "/tree", "/api/tasks", "/api/tasks/canary", "/api/findings"),
    *("/api/tasks/1/why", "/api/health", "/metrics", "/openapi.json", "/login", "/static/app.css"),
    *("/api/terminated", "/api/deadlocks", "/api/diff", "/nothing", "/api/groups", "/api/stalls"),
)


NOISE = (
    "%00",
    "%2e%2e/",
    "..",
    "//",
    "%ff",
    "é",
    "'",
    '"',
    "<b>",
    "\u202e",
    "%0d%0aX: y",
    "9" * 400,
    ";",
    "?",
    "#",
)


@dataclass
class Request:
    """One, before it is put into bytes."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    allowed: bool  # whether it lacks nothing

    def raw(self) -> bytes:
        """As bytes of HTTP/1.1."""
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            *(f"{name}: {text}" for name, text in self.headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin1", "replace") + self.body


def request(rng: Random, port: int, *, token: bool, allowed: bool = False) -> Request:
    """One that lacks at least one of what it takes to change something; if `allowed`, nothing."""
    changes = allowed or rng.random() < 0.6
    path = rng.choice(CHANGING if changes else READING)
    if not allowed and rng.random() < 0.3:
        path += rng.choice(("/", "?", "")) + "".join(rng.choice(NOISE) for _ in range(3))
    lacks = {rng.choice(("header", "origin", "host", *(["token", "token"] if token else [])))}
    lacks |= set(rng.sample(("header", "origin", "host", "token"), rng.randrange(3)))
    lacks = set() if allowed else lacks
    headers = [("Host", _host(rng, port, foreign="host" in lacks))]
    if "origin" in lacks:
        headers.append(
            (
                "Origin",
                rng.choice(
                    (
                        "http://evil.example",
                        "null",
                        f"http://127.0.0.1.evil:{port}",
                        "http://localhost:1",
                    )
                ),
            )
        )
        if rng.random() < 0.3:
            headers.append(("Sec-Fetch-Site", rng.choice(("cross-site", "same-site"))))
    elif rng.random() < 0.5:
        headers.append(("Origin", f"http://{headers[0][1]}"))
    if "header" not in lacks:
        headers.append(("X-Aiomonitor", "1"))
    elif rng.random() < 0.5:
        headers.append(
            (
                rng.choice(("X-Aiomonitor", "X-Aiomonitor ", "X_Aiomonitor")),
                rng.choice(("0", "", "2", "true", "11")),
            )
        )
    if token:
        good = f"Bearer {TOKEN}"
        bad = rng.choice(
            ("", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff")
        )
        headers.append(("Authorization", good if "token" not in lacks else bad))
    body = rng.choice(
        (b"{}", b"", b'{"seconds": 0.01}', rng.randbytes(30), b"{" * 200, b'{"timeout": 1e999}')
    )
    kind = rng.choice(
        ("application/json", "text/plain", "application/x-www-form-urlencoded", "x" * 300)
    )
    if not allowed:
        _spoil(rng, headers)
    else:
        body, kind = b"", ""
    headers += [("Content-Length", str(len(body)))] + ([("Content-Type", kind)] if kind else [])
    method = (
        "POST"
        if allowed
        else rng.choice(
            ("POST", "POST", "GET", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH", "BREW")
        )
    )
    return Request(method, path, headers, body, allowed)


def _host(rng: Random, port: int, *, foreign: bool) -> str:
    if foreign:
        return rng.choice(
            (
                "evil.example",
                f"evil.example:{port}",
                "",
                "127.0.0.1.nip.io",
                "0.0.0.0",  # noqa: S104 - nothing is bound to it
                "[::2]",
                "x" * 5000,
            )
        )
    return rng.choice((f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"))


def _spoil(rng: Random, headers: list[tuple[str, str]]) -> None:
    """Noise, which grants nothing: other headers, and some of those there a second time."""
    for _ in range(rng.choice((0, 0, 1, 3))):
        headers.append(rng.choice((
            ("X-Forwarded-Host", "localhost"), ("X-Original-URL", CHANGING[0]),
            ("Cookie", "aiomonitor-80=x"),
            ("X-HTTP-Method-Override", "POST"), ("Accept", "text/html"), ("Range", "bytes=0-"),
            ("Transfer-Encoding", "chunked"), ("Expect", "100-continue"), ("Content-Length", "7"),
            ("Connection", "upgrade"), ("X-" + "y" * 300, "z" * 3000),
            headers[rng.randrange(len(headers))],
        )))  # fmt: skip
    rng.shuffle(headers)


def attack(rng: Random, port: int, *, token: bool) -> bytes:
    """Bytes for a connection: requests mutated, torn, smuggled in bodies, or no HTTP at all."""
    kind = rng.random()
    asked = request(rng, port, token=token)
    inner = request(rng, port, token=False, allowed=True).raw()  # what a page may put into a body
    if kind < 0.35:
        return asked.raw()
    if kind < 0.55:  # a page's request, with one in its body that would be allowed
        head = visitors.http(
            rng.choice(READING + CHANGING), port, "Origin: http://evil.example", method="POST"
        )
        return (
            head[:-2]
            + f"Content-Type: text/plain\r\nContent-Length: {len(inner)}\r\n\r\n".encode()
            + inner
        )
    if kind < 0.65:
        chunk = f"{len(inner):x}\r\n".encode() + inner + b"\r\n0\r\n\r\n"
        head = visitors.http(
            "/api/mark",
            port,
            "Origin: http://evil.example",
            "Transfer-Encoding: chunked",
            method="POST",
        )
        return head + chunk
    if kind < 0.85:
        raw = bytearray(asked.raw())
        for _ in range(rng.randrange(1, 6)):
            raw[rng.randrange(len(raw))] = rng.choice((0, 10, 13, 32, 58, 255, rng.randrange(256)))
        return bytes(raw) if not _may(bytes(raw), token=token) else asked.raw()
    if kind < 0.95:
        return streams.telnet(rng) + rng.randbytes(50)
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + rng.randbytes(rng.randrange(200))


def _may(raw: bytes, *, token: bool) -> bool:
    """Whether a mutation may have taken away what was wrong with it."""
    low = raw.lower()
    return not token and b"x-aiomonitor: 1" in low


def socket_attack(rng: Random, port: int) -> bytes:
    """A WebSocket that should not open, or one that does and then says what no page would."""
    if rng.random() < 0.4:
        opening = visitors.upgrade(port, rng.choice(("http://evil.example", "null", "", "file://")))
        return opening + visitors.enter("1/0 # breach")
    said = []
    for _ in range(rng.randrange(1, 8)):
        text = rng.choice((
            b"{}", b"[]", b"\xff\xfe", b'{"type": "enter"}', b'{"type": "end"}',
            b'{"type": "interrupt"}', b'{"type": "complete", "id": 1, "text": "x."}',
            b'{"type": "complete", "id": -1, "text": ""}', b'{"type": "enter", "text": "1 +"}',
            b"[" * 5000, b'{"type": "enter", "text": "\\ud800"}', b"9" * 400, rng.randbytes(40),
            b'{"type": "complete", "id": 2, "text": "' + b"(" * 900 + b'"}',
        ))  # fmt: skip
        frame = bytearray(visitors.frame(text, rng.choice((1, 1, 1, 1, 2, 0, 8, 9, 10, 3, 15))))
        if rng.random() < 0.2:
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
        said.append(bytes(frame))
    return visitors.upgrade(port) + b"".join(said)


PYTHON = (
    *(
        "1",
        "x",
        "(",
        ")",
        "'",
        '"""',
        "\\",
        "def f():",
        "  ",
        "\t",
        "await",
        "lambda: 0",
        "tasks()",
        "\n",
        "print(1)",
    ),
    *(
        "async with x:",
        "raise ValueError",
        "1/0",
        "_",
        "\0",
        "é",
        "\ud7ff",
        "[i for i in range(9)]",
        ":=",
        "@",
        "x." * 90,
    ),
    *(
        "class A: pass",
        "import asyncio",
        "await asyncio.sleep(0)",
        "help(1)",
        "exit",
        "yield",
        "return 1",
        "f'{",
        "#",
        "%" * 50,
    ),
)


def console_lines(rng: Random) -> bytes:
    """Python, or nearly."""
    lines = (
        "".join(rng.choice(PYTHON) + rng.choice(("", " ")) for _ in range(rng.randrange(1, 7)))
        for _ in range(4)
    )
    return "\n".join(lines).encode("utf-8", "surrogatepass") + rng.choice(
        (b"\n", b"", b"\n\n", b"\xff\n", streams.telnet(rng))
    )
