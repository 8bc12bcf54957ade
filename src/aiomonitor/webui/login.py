"""How a browser gets in where there is a token: by a link that works once, or by the token itself.

Both set a cookie that scripts cannot read, and that is not sent with what other sites ask for.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, cast

from quart import Response, redirect, render_template, request

from . import limits
from .guard import LOGIN, LOGIN_WANTED, Asked, peer_of
from .problems import Problem
from .ratelimit import RateLimit

if TYPE_CHECKING:
    from quart import Quart

    from .guard import Policy
    from .site import Site

audit = logging.getLogger("aiomonitor.audit")


class Login:
    """The way in."""

    def __init__(self, site: Site, policy: Policy) -> None:
        self._site = site
        self._policy = policy
        self._failures = RateLimit(*limits.LOGINS)

    def add_to(self, app: Quart) -> None:
        """Route it."""
        app.add_url_rule(LOGIN, "login", self.show, methods=["GET"])
        app.add_url_rule(LOGIN, "log_in", self.post, methods=["POST"])

    async def show(self) -> Response:
        """Ask for the token, or take a ticket in its place."""
        asked = Asked.of(cast("dict[str, Any]", request.scope))
        if LOGIN_WANTED in asked_scope(request.scope):
            return await _form(401, "This monitor has a token.")
        ticket = request.args.get("ticket", "")
        if self._policy.is_admitted(asked):
            return await _entered()
        if not ticket or request.method == "HEAD":
            return await _form(200, "This monitor has a token.")
        if not self._site.tickets.redeem(ticket):
            self._note_failure()
            return await _form(401, "This link was used already, or is too old: get a new one.")
        audit.info("%s: logged in by a link", peer())
        return self._with_cookie(await _entered(), asked)

    async def post(self) -> Response:
        """Take the token."""
        asked = Asked.of(cast("dict[str, Any]", request.scope))
        if wait := self._failures.wait():
            raise Problem(
                429, "too many wrong tokens: wait a minute", {"Retry-After": str(math.ceil(wait))}
            )
        form = await request.form
        if not (
            self._policy.is_token(form.get("token", "").strip()) or self._policy.is_admitted(asked)
        ):
            self._note_failure()
            return await _form(401, "That is not the token.")
        audit.info("%s: logged in by the token", peer())
        return self._with_cookie(cast("Response", redirect("/", 303)), asked)

    def _note_failure(self) -> None:
        self._failures.note()
        audit.info("%s: failed to log in", peer())

    def _with_cookie(self, response: Response, asked: Asked) -> Response:
        response.set_cookie(
            self._policy.cookie_name(asked),
            self._policy.session,
            httponly=True,
            samesite="Strict",
        )
        return response


def asked_scope(scope: Any) -> dict[str, Any]:
    """The ASGI scope as what it is."""
    return cast("dict[str, Any]", scope)


async def _form(status: int, text: str) -> Response:
    return Response(await render_template("login.html", text=text, entered=False), status)


async def _entered() -> Response:
    """Not a redirect: after a link in another site's page, the browser would go there as asked by
    that site, and without the cookie."""
    return Response(await render_template("login.html", text="You are in.", entered=True))


def peer() -> str:
    """Who asks, for the log."""
    return peer_of(asked_scope(request.scope))
