"""How a browser gets in where there is a token: by a link that works once, or by the token itself.

Both set a cookie that scripts cannot read, and that is not sent with what other sites ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from quart import Response, redirect, render_template, request

from aiomonitor.access import audit
from aiomonitor.access.rates import RateLimit

from . import limits
from .asked import Asked, peer_of
from .guard import LOGIN, LOGIN_WANTED

if TYPE_CHECKING:
    from quart import Quart

    from .guard import Policy
    from .site import Site


class Login:
    """The way in."""

    def __init__(self, site: Site, policy: Policy) -> None:
        self._site = site
        self._policy = policy
        self._noted = RateLimit(*limits.REFUSALS_NOTED)

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
            if not self._noted.wait():
                self._noted.note()
                audit.note(peer(), "gave a link that is not valid")
            return await _form(401, "This link was used already, or is too old: get a new one.")
        audit.note(peer(), "logged in by a link")
        return self._with_cookie(await _entered(), asked)

    async def post(self) -> Response:
        """Take the token."""
        asked = Asked.of(cast("dict[str, Any]", request.scope))
        self._policy.check_patience(asked)
        form = await request.form
        # Whoever has a cookie is in already, and may have typed anything.
        if not (
            self._policy.has_cookie(asked)
            or self._policy.gate.admits(asked.peer, form.get("token", ""))
        ):
            return await _form(401, "That is not the token.")
        audit.note(peer(), "logged in by the token (web)")
        return self._with_cookie(cast("Response", redirect("/", 303)), asked)

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
    return peer_of(asked_scope(request.scope)).name
