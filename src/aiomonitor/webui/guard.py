"""Who may ask: judges every request before anything else sees it.

A web page in a developer's browser can reach loopback. It cannot forge `Host` after a DNS
rebinding, `Origin` or `Sec-Fetch-Site`, cannot add a header of its own without asking first (and is
refused then), and does not know the token. `Policy` decides, in plain sync code; `Guard` stands in
front of the application and does what it decided, for every method, path, static file, stream and
WebSocket.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from aiomonitor.access import audit
from aiomonitor.access.rates import RateLimit

from . import limits
from .asked import Asked
from .problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiomonitor.access.gate import Gate

    Scope = dict[str, Any]
    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CSRF_HEADER = "x-aiomonitor"
LOGIN = "/login"
LOGIN_WANTED = "aiomonitor.login_wanted"
"""In the scope of a request that is shown the way in instead of what it asked for."""

_PROTECTION = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": a form would then be sent with the Origin "null".
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


class Policy:
    """Who may ask for what. `host` is where the monitor listens, as it was given."""

    def __init__(self, host: str, gate: Gate) -> None:
        self._host = host.lower()
        self.gate = gate
        self._open = not _is_loopback(self._host)
        self.session = secrets.token_urlsafe(32)
        """What the cookie of a browser that has logged in holds; until this process ends."""

    def judge(self, asked: Asked) -> Problem | None:
        """Why the request is refused, or None."""
        try:
            self._check_target(asked)
            self._check_host(asked.one("host"))
            self._check_site(asked)
            if asked.changes_state:
                self._check_origin(asked)
            self._check_size(asked)
            self._check_token(asked)
        except Problem as problem:
            return problem
        return None

    def _check_target(self, asked: Asked) -> None:
        if len(asked.target) > limits.TARGET:
            raise Problem(414, f"path and query are longer than {limits.TARGET} bytes")
        if not asked.path.startswith("/"):
            raise Problem(400, "the request's target is not a path: this is no proxy")

    def _check_host(self, value: str) -> None:
        """After a DNS rebinding it is the name of the foreign site."""
        match = _HOST.fullmatch(value)
        name = match[1].strip("[]").lower().rstrip(".") if match else ""
        if not name:
            raise Problem(400, "the header Host is missing, or names no host")
        if not (name == self._host or _is_loopback(name) or (self._open and _is_ours(name))):
            raise Problem(
                403,
                f"the host {name[:100]!r} is not where this monitor listens: use localhost, "
                "127.0.0.1, or the host that it was started with",
            )

    def _check_site(self, asked: Asked) -> None:
        """Another site may link to us, but not use our answers as parts of its pages."""
        site = asked.one("sec-fetch-site")
        # Not to the API: `top` has the loop metered for as long as it looks.
        is_page = not asked.changes_state and not asked.path.startswith("/api/")
        follows_link = asked.one("sec-fetch-mode") == "navigate" and is_page
        if site not in ("", "same-origin", "none") and not follows_link:
            raise Problem(403, f"asked by a page of another site (Sec-Fetch-Site: {site[:40]})")
        # Our own link that saves a file has the destination "empty"; a frame has one of its own.
        saves = site == "same-origin" and asked.one("sec-fetch-dest") == "empty"
        if follows_link and not saves and asked.one("sec-fetch-dest") not in ("", "document"):
            raise Problem(403, "this page is not to be shown inside of another one")

    def _check_origin(self, asked: Asked) -> None:
        origin = asked.one("origin")
        if origin and origin.lower().partition("://")[2] != asked.one("host").lower():
            raise Problem(403, f"asked by a page of another origin ({origin[:100]})")
        if asked.websocket:
            self._check_socket(asked)
        elif asked.path != LOGIN and asked.one(CSRF_HEADER) != "1":
            raise Problem(403, "what changes something needs the header 'X-Aiomonitor: 1'")

    @staticmethod
    def _check_socket(asked: Asked) -> None:
        """A browser tells the origin of every WebSocket, and asks nobody before it opens one: so
        it must be there, and be that of a page which we have served."""
        if asked.one("origin").lower().partition("://")[0] not in ("http", "https"):
            raise Problem(403, "a WebSocket needs the header Origin, with the monitor's address")
        if asked.one("sec-fetch-site") not in ("", "same-origin"):
            raise Problem(403, "a WebSocket can only be opened by the monitor's own page")

    def _check_size(self, asked: Asked) -> None:
        length = asked.one("content-length")
        if length.isdecimal() and int(length[:20]) > limits.BODY:
            raise Problem(413, f"the body is larger than {limits.BODY} bytes")

    def _check_token(self, asked: Asked) -> None:
        if asked.path == LOGIN or self.is_admitted(asked):
            return
        self.check_patience(asked)
        raise Problem(
            401,
            "this monitor has a token: send 'Authorization: Bearer TOKEN', or log in at /login",
            {"WWW-Authenticate": 'Bearer realm="aiomonitor"'},
        )

    def check_patience(self, asked: Asked) -> None:
        """Who guesses has to wait."""
        if wait := self.gate.wait(asked.peer):
            raise Problem(429, "too many wrong tokens: wait a minute", {"Retry-After": str(wait)})

    def is_admitted(self, asked: Asked) -> bool:
        """Whether it brings the token, or the cookie for it; always where there is none."""
        return self.gate.is_open or self.has_cookie(asked) or self._has_bearer(asked)

    def _has_bearer(self, asked: Asked) -> bool:
        scheme, _, given = asked.one("authorization").partition(" ")
        # Header values come as Latin-1; most clients mean UTF-8.
        return scheme.lower() == "bearer" and self.gate.admits(
            asked.peer, given, given.encode("latin1", "replace")
        )

    def has_cookie(self, asked: Asked) -> bool:
        """Whether it is of a browser that has logged in."""
        cookies = _cookies(asked.headers.get("cookie", []))
        return any(
            name == self.cookie_name(asked) and _same(value, self.session)
            for name, value in cookies
        )

    @staticmethod
    def cookie_name(asked: Asked) -> str:
        """A name per port, since browsers send a host's cookies to all its ports."""
        port = asked.one("host").rpartition("]")[2].rpartition(":")[2]
        return f"aiomonitor-{port if port.isdecimal() else 80}"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def _cookies(headers: Iterable[str]) -> list[tuple[str, str]]:
    pairs = (part.strip().partition("=") for header in headers for part in header.split(";"))
    return [(name, value) for name, _, value in pairs]


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    literal = _literal(name)
    return literal is not None and literal.is_loopback


def _literal(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_ours(name: str) -> bool:
    """For a monitor that other machines reach: by address, which nobody can rebind, or by this
    machine's name. There is a token then."""
    return _literal(name) is not None or name == socket.gethostname().lower()


class Guard:
    """An ASGI application in front of another one."""

    def __init__(self, app: Application, policy: Policy) -> None:
        self._app = app
        self._policy = policy
        self._noted = RateLimit(*limits.REFUSALS_NOTED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = Asked.of(scope)
        refusal = self._policy.judge(asked)
        if refusal is not None and refusal.status == 403:
            self._note_refusal(asked, refusal)
        protected = partial(_send_protected, send, closes=_is_programs(asked, scope))
        if refusal is None:
            await self._app(scope, receive, protected)
        elif refusal.status == 401 and asked.wants_page:
            await self._app(_to_login(scope), receive, protected)
        else:
            await refuse(refusal, scope, protected)

    def _note_refusal(self, asked: Asked, problem: Problem) -> None:
        """In the audit log; so many at most, since pages can ask as often as they like."""
        if not self._noted.wait():
            self._noted.note()
            what = f"{asked.method} {asked.target} (web)"
            audit.note(asked.peer.name, what, f"refused: {problem.detail}")


def _is_programs(asked: Asked, scope: Scope) -> bool:
    """Whether a program asks, and not a page: it is told that the connection ends with its answer.

    Most make one for each request, and Hypercorn would keep what they have left for as long as it
    keeps others alive: 200 of them were a full house. And a server that scrapes every 15 s would
    find its connection closed just as it asks again.
    """
    is_http1 = scope["type"] == "http" and scope["http_version"] < "2"
    return is_http1 and "sec-fetch-site" not in asked.headers


def _to_login(scope: Scope) -> Scope:
    login = {"path": LOGIN, "raw_path": LOGIN.encode(), "query_string": b"", "method": "GET"}
    return {**scope, **login, LOGIN_WANTED: True}


async def _send_protected(send: Send, message: Message, *, closes: bool) -> None:
    if message["type"] in ("http.response.start", "websocket.http.response.start"):
        given = {bytes(name).lower() for name, _ in message["headers"]}
        added = {**_PROTECTION, "cache-control": "no-store"}
        if closes:
            added["connection"] = "close"
        extra = [
            (name.encode(), value.encode())
            for name, value in added.items()
            if name.encode() not in given
        ]
        message = {**message, "headers": [*message["headers"], *extra]}
    await send(message)


async def refuse(problem: Problem, scope: Scope, send: Send) -> None:
    """Answer with the problem, and end the connection; a WebSocket's that is not open yet, too."""
    kind = "http"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008})  # a bare 403
            return
        kind = "websocket.http"
    body = problem.body()
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        **{name.lower(): value for name, value in problem.headers.items()},
    }
    if scope["http_version"] < "2":
        headers["connection"] = "close"  # the body of the request has not been read
    await send(
        {
            "type": f"{kind}.response.start",
            "status": problem.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    if scope.get("method") == "HEAD":
        body = b""
    await send({"type": f"{kind}.response.body", "body": body, "more_body": False})
