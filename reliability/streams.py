"""Byte streams as no client sends them, or only hostile ones do: made from a seed, repeatable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

IAC, SB, SE = 255, 250, 240
VERBS = (251, 252, 253, 254)
OPTIONS = (0, 1, 3, 5, 6, 24, 31, 34, 39, 0xC8, 255)
WORDS = (
    *(b"ps", b"where 1", b"help", b"\r\n", b"\n", b"\r", b"\r\0", b"\0", b"\x03", b"\x04", b"\x1a"),
    *(b"\x1b[A", b"\x1b[200~", b"\x1b[201~", b"\x1b]0;x\x07", b"\x1b", b"\x7f", b"\x15", b"\t"),
    *("Größe\u200f\u202e😀".encode(), b"\xc3", b"\xed\xa0\x80", b"\xff\xff", b"'", b'"', b"\\"),
    *(b"--json", b"--filter", b"-", b"cancel", b"canary", b"exit", b"watch", b"console", b" " * 50),
    *(b"GET / HTTP/1.1", b"\x16\x03\x01\x02", b"Host: x", b"x" * 300, b"!" * 3, b"%s%n{0}"),
)


def telnet(rng: Random) -> bytes:
    """A stream of words, noise, negotiations and subnegotiations, whole or cut off."""
    return b"".join(_piece(rng) for _ in range(rng.randrange(1, 9)))


def _piece(rng: Random) -> bytes:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(WORDS)
    if kind < 0.5:
        return rng.randbytes(rng.randrange(1, 20))
    if kind < 0.75:
        return bytes((IAC, rng.choice(VERBS), rng.choice(OPTIONS)))
    if kind < 0.9:
        return _subnegotiation(rng)
    if kind < 0.98:
        return bytes((IAC, rng.randrange(230, 256)))
    return bytes((IAC, rng.choice(VERBS), rng.randrange(256))) * rng.choice((10, 300, 800))


def _subnegotiation(rng: Random) -> bytes:
    option = rng.choice(OPTIONS)
    payloads = (
        *(b"\0xterm", b"\1", b"\0" + rng.randbytes(8), b"\0\x50\0\x18", b"\xff\xff\xff\xff"),
        *(
            b"Tsecret",
            b"Ctouch",
            b"C" + rng.choice(WORDS),
            b"",
            b"C" + b"x" * rng.choice((9, 5000)),
        ),
    )
    payload = rng.choice(payloads).replace(b"\xff", b"\xff\xff")
    ends = (bytes((IAC, SE)),) * 8 + (b"", bytes((IAC,)), bytes((IAC, 241)))
    return bytes((IAC, SB, option)) + payload + rng.choice(ends)


def torn(rng: Random, stream: bytes) -> list[bytes]:
    """The stream in packets."""
    cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.choice((0, 0, 1, 3))))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "M-SEARCH", "X")


def from_browser(rng: Random, line: bytes) -> bytes:
    """A request that a page of another site can make a browser send here, with the line in it
    wherever such a page has a say: the path, header values, the body."""
    command = line.decode().strip()
    path = rng.choice(("/", f"/{command}", f"/?{command}", "/a%0d%0a" + command)).replace(
        " ", "%20"
    )
    head = [f"{rng.choice(METHODS)} {path} HTTP/1.1", f"Host: 127.0.0.1:{rng.randrange(1, 65536)}"]
    head += rng.sample(
        (f"Accept: {command}", "Origin: http://evil.example", "Content-Type: text/plain",
         f"X-{command.replace(' ', '-')}: 1", "Connection: keep-alive", f"Cookie: {command}"), 3
    )  # fmt: skip
    body = b"".join(rng.choice((line, b"\n", b"\r", rng.choice(WORDS))) for _ in range(6))
    body = rng.choice((line * 5, b"\n" + line, body, telnet(rng) + b"\n" + line))
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What a method and a header's name are made of."""


def page(chosen: bytes) -> bytes:
    """A request with all that a page has a say in as it chose: the method, the path, a header and
    the body, one on a line each. A browser lets each hold no more than is let through here."""
    method, path, header, body = (*chosen.split(b"\n", 3), b"", b"", b"")[:4]
    method = bytes(each for each in method if each in _TOKEN) or b"GET"
    path = b"".join(b"%c" % each if 0x21 <= each <= 0x7E else b"%%%02X" % each for each in path)
    header = bytes(each for each in header if each >= 0x20 and each != 0x7F)
    return (
        b"%s /%s HTTP/1.1\r\nHost: 127.0.0.1:20101\r\nX-Chosen: %s\r\nContent-Length: %d\r\n\r\n%s"
        % (method, path, header, len(body), body)
    )
