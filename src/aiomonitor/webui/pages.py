"""The HTML pages, and the files that they load. The pages hold hardly any data: the API does."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quart import Response, render_template, request
from werkzeug.security import safe_join

import aiomonitor

from .problems import Problem

if TYPE_CHECKING:
    from quart import Quart

    from .site import Site

HERE = Path(__file__).parent
STATIC = HERE / "static"

PAGES = {
    "/": "overview",
    "/tasks": "tasks",
    "/tasks/<ref>": "task",
    "/tree": "tree",
    "/waits": "waits",
    "/insight": "insight",
    "/health": "health",
    "/finished": "finished",
    "/finished/<ref>": "ended",
    "/watch": "watch",
    "/console": "console",
}
"""Paths, and the templates that they show."""

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Not left to the machine's own table, which may say otherwise."""


async def page(name: str, site: Site, **values: Any) -> str:
    """One page."""
    context: dict[str, Any] = {"page": name, "version": aiomonitor.__version__, "ref": ""}
    status = site.status()
    context |= {"hooked": not status.note, "runtime": status.runtime}
    context |= {"console": not site.console_refusal, "permissions": site.permissions}
    return await render_template(f"{name}.html", **{**context, **values})


def add_pages(app: Quart, site: Site) -> None:
    """Route the pages and their files."""
    for path, name in PAGES.items():

        async def show(_name: str = name, **values: str) -> str:
            if _name == "console" and site.console_refusal:
                raise Problem(403, site.console_refusal)
            return await page(_name, site, **values)

        app.add_url_rule(path, name, show, methods=["GET"])
    app.add_url_rule("/static/<path:name>", "static", static_file, methods=["GET"])


async def static_file(name: str) -> Response:
    """A file that comes with the package; it is small, so it is read at once."""
    joined = safe_join(str(STATIC), name)
    path = Path(joined) if joined else None
    try:
        content = path.read_bytes() if path is not None and path.is_file() else None
    except OSError:  # its name is too long for one
        content = None
    if path is None or content is None:
        raise Problem(404, f"there is no file {name[:100]!r}")
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    response = Response(content, content_type=kind or "application/octet-stream")
    if kind and kind.startswith("text/"):
        response.content_type = f"{kind}; charset=utf-8"
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    response.cache_control.no_cache = True
    return await response.make_conditional(request)
