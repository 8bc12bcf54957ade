"""The Quart application: routes made from the registry, errors as problem details."""

from __future__ import annotations

import contextlib
import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread
from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from aiomonitor.access import audit
from aiomonitor.access.rates import RateLimit
from aiomonitor.failures import is_of_the_end
from aiomonitor.pacing import counted
from aiomonitor.permissions import refusal

from . import limits, login, pages
from .api import Desk, wants_plain
from .console import Consoles
from .events import Live
from .guard import Guard, Policy
from .headcount import Headcount
from .insight_api import registry
from .openapi import document
from .problems import MEDIA_TYPE, Problem
from .sampler import Sampler
from .schemas import as_json
from .tally import Tally
from .views import make_view

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiomonitor.access.gate import Gate

    from .endpoints import Endpoint
    from .guard import Application, Receive, Scope, Send
    from .site import Site

    Answer = Callable[[Endpoint, dict[str, Any]], Awaitable[Response]]

log = logging.getLogger("aiomonitor")

_LOOKS_AT_ONCE = 2
"""Looks at the tasks at a time: more would compete for the GIL, with the application too."""
_DUMPS_AT_ONCE = 1
"""Dumps at a time: of very many tasks, one takes seconds."""
_SCRAPES_AT_ONCE = 2
"""Servers that collect metrics, which do not wait for those who look: a pair watches for its
members' failures."""


class _Pages(Quart):
    """Logs to our own logger: Quart's would put a handler on it, and print."""

    # From Quart 0.23 on, the request's context comes before the exception.
    def log_exception(self, *arguments: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        error = arguments[-1]
        level = logging.DEBUG if is_of_the_end(error[1]) else logging.ERROR
        log.log(level, "a request of the web page has failed", exc_info=error)


class WebApp:
    """What Hypercorn serves. `live` has to be run; both it and `consoles` to be closed."""

    def __init__(self, site: Site, gate: Gate) -> None:
        tally = Tally()
        headcount = Headcount(site, tally)
        self._desk = Desk(
            site=site, sampler=Sampler(site, headcount), headcount=headcount, tally=tally
        )
        self.live = Live(self._desk)
        policy = Policy(site.host, gate)
        app = _make_quart()
        pages.add_pages(app, site)
        login.Login(site, policy).add_to(app)
        Api(self._desk, self.live).add_to(app)
        _add_error_handlers(app, site)
        self.consoles = Consoles(site)
        self._quart = cast("Application", app)
        self._guard = Guard(self._route, policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guard(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.consoles if scope["type"] == "websocket" else self._quart
        await answer(scope, receive, send)


def make_app(site: Site, gate: Gate) -> WebApp:
    """The ASGI application of one monitor."""
    return WebApp(site, gate)


def _make_quart() -> Quart:
    app = _Pages(__name__, static_folder=None, template_folder=str(pages.HERE / "templates"))
    # The application's own settings of Flask and Quart, as FLASK_DEBUG, are none of ours.
    app.config.update(
        DEBUG=False,
        TESTING=False,
        PROPAGATE_EXCEPTIONS=False,
        TEMPLATES_AUTO_RELOAD=False,
        EXPLAIN_TEMPLATE_LOADING=False,
        MAX_CONTENT_LENGTH=limits.BODY,
        BODY_TIMEOUT=limits.BODY_WAIT,
        RESPONSE_TIMEOUT=limits.RESPONSE_WAIT,
    )
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    return app


class Api:
    """The endpoints of the registry, and what is made from it."""

    def __init__(self, desk: Desk, live: Live) -> None:
        self._desk = desk
        self._live = live
        self._looks = anyio.CapacityLimiter(_LOOKS_AT_ONCE)
        self._scrapes = anyio.CapacityLimiter(_SCRAPES_AT_ONCE)
        self._dumps = anyio.CapacityLimiter(_DUMPS_AT_ONCE)
        self._tops = anyio.CapacityLimiter(limits.TOPS_AT_ONCE)
        self._cancels = anyio.CapacityLimiter(limits.CANCELS_AT_ONCE)
        self._cancel_rate = RateLimit(*limits.CANCELS)

    def add_to(self, app: Quart) -> None:
        """Route them."""
        for endpoint in registry.endpoints:
            answer: Answer = self._act if endpoint.method == "POST" else self._look
            answer = {"events": self._events, "metrics": self._scrape}.get(endpoint.name, answer)
            rule = endpoint.path.replace("{", "<").replace("}", ">")
            view = partial(self._answer, endpoint, answer)
            app.add_url_rule(rule, f"api_{endpoint.name}", view, methods=[endpoint.method])
        app.add_url_rule("/openapi.json", "openapi", self._openapi, methods=["GET"])

    async def _answer(
        self,
        endpoint: Endpoint,
        answer: Answer,
        **path: str,
    ) -> Response:
        query = list(request.args.items(multi=True))
        body = bytes(await request.body) if endpoint.method == "POST" else b""
        kind = request.headers.get("Content-Type", "")
        return await answer(endpoint, endpoint.arguments(path, query, body, kind))

    async def _look(self, endpoint: Endpoint, arguments: dict[str, Any]) -> Response:
        def work() -> bytes | str:
            with counted(), self._desk.tally.look():
                found = endpoint.handle(self._desk, **arguments)
                return found if isinstance(found, (bytes, str)) else as_json(found)

        # Those that take their time must not be in the way of the others.
        limiter = {"top": self._tops, "dump": self._dumps}.get(endpoint.name, self._looks)
        body = await anyio.to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=True)
        return Response(body, content_type=endpoint.media_type_of(body))

    async def _scrape(self, endpoint: Endpoint, _: dict[str, Any]) -> Response:
        plain = wants_plain(request.headers.get("Accept", ""))

        def work() -> bytes:
            from .metrics import exposition  # not before somebody asks: it brings its own server

            with counted(), self._desk.tally.look():
                return exposition(self._desk, plain=plain)

        body = await anyio.to_thread.run_sync(work, limiter=self._scrapes, abandon_on_cancel=True)
        kind = endpoint.also if plain else endpoint.media_type
        return Response(body, content_type=kind, headers={"Vary": "Accept"})

    async def _act(self, endpoint: Endpoint, arguments: dict[str, Any]) -> Response:
        action = _action(endpoint, arguments)
        self._check_permission(endpoint, action)
        wait = self._cancel_rate.wait()
        if wait or not self._cancels.available_tokens:
            told = {"Retry-After": str(math.ceil(wait or 1))}
            raise Problem(429, "too many actions at a time: wait a little", told)
        self._cancel_rate.note()
        peer, noted = login.peer(), f"{action} (web)"
        audit.note(peer, noted)
        try:
            result = await anyio.to_thread.run_sync(
                partial(endpoint.handle, self._desk, **arguments),
                limiter=self._cancels,
                abandon_on_cancel=True,
            )
        except BaseException as error:
            audit.note(peer, noted, str(error) if isinstance(error, Problem) else repr(error))
            raise
        outcome = getattr(result, "outcome", "done")
        audit.note(peer, noted, getattr(outcome, "value", outcome))
        return Response(as_json(result), content_type=endpoint.media_type)

    def _check_permission(self, endpoint: Endpoint, action: str) -> None:
        why_not = refusal(self._desk.site.permissions, endpoint.needs, action.partition(" ")[0])
        if why_not:
            audit.note(login.peer(), f"{action} (web)", "refused")
            raise Problem(403, why_not)

    async def _events(self, _: Endpoint, arguments: dict[str, Any]) -> Response:
        given = {name: value for name, value in arguments.items() if value is not None}
        view = make_view(given.pop("view"), given)
        self._live.check_room()
        if request.method == "HEAD":
            return Response(b"", content_type="text/event-stream")
        response = Response(self._live.stream(view), content_type="text/event-stream")
        response.timeout = None
        return response

    async def _openapi(self) -> Response:
        return Response(as_json(document(registry)), content_type="application/json")


def _action(endpoint: Endpoint, arguments: dict[str, Any]) -> str:
    """What a POST does, as the terminal's command for it."""
    if endpoint.name in ("cancel", "cancel_scope"):
        scope = " --scope" if endpoint.name == "cancel_scope" else ""
        return f"cancel {arguments['ref']}{scope}"
    return " ".join([endpoint.name, *map(str, arguments.values())]).strip()


def _add_error_handlers(app: Quart, site: Site) -> None:
    async def tell(error: Exception) -> Response:
        problem = _as_problem(error)
        if _is_for_people():
            with contextlib.suppress(Exception):  # an error page that fails must not hide the error
                text = await pages.page(
                    "error", site, status=problem.status, title=problem.title, detail=problem.detail
                )
                return Response(text, problem.status, headers=problem.headers)
        body = b"" if request.method == "HEAD" else problem.body()
        return Response(body, problem.status, content_type=MEDIA_TYPE, headers=problem.headers)

    app.register_error_handler(Problem, tell)
    app.register_error_handler(HTTPException, tell)


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    status = getattr(error, "code", None) or 500
    if status == 404:
        return Problem(404, f"there is nothing at {request.path[:200]}")
    if status == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
        return Problem(405, f"{request.method} is not for this: {allowed} is", {"Allow": allowed})
    if status == 413:
        return Problem(413, f"the body is larger than {limits.BODY} bytes")
    if status == 500:
        return Problem(500, "the monitor has failed to answer: its log tells why")
    return Problem(status, str(getattr(error, "description", "") or "the request makes no sense"))


def _is_for_people() -> bool:
    api = request.path.startswith(("/api/", "/static/")) or request.path in (
        "/openapi.json",
        "/metrics",
    )
    return not api and "text/html" in request.headers.get("Accept", "")
