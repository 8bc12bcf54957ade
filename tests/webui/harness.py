"""A monitored application with a web page, and a client that sends just what a test says."""

from __future__ import annotations

import asyncio
import http.client
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiomonitor import Monitor
from running import Application
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

XSS = "<img src=x onerror=alert(1)>"
"""A task's name that is markup."""


@dataclass(frozen=True)
class Answer:
    """What a request gave."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """What a problem document says, once it is one in every respect."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json.keys() == {"type", "title", "status", "detail"}
        assert self.json["status"] == self.status
        assert "\n" not in self.json["detail"]
        return str(self.json["detail"])


class Browser:
    """Makes requests, each on a connection of its own; a header that is None is left out."""

    def __init__(self, port: int, **headers: str | None) -> None:
        self.port = port
        self._headers = headers

    def connect(self, method: str, path: str, body: bytes = b"", **more: str | None) -> Any:
        """The response, unread, of `http.client`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {
            "Host": f"localhost:{self.port}",
            **({"Content-Length": str(len(body))} if body or method == "POST" else {}),
            **{name.replace("_", "-"): text for name, text in {**self._headers, **more}.items()},
        }
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, text in headers.items():
            if text is not None:
                connection.putheader(name, text)
        connection.endheaders(body or None)
        response = connection.getresponse()
        # It owns the socket now, if it is one that ends with the response.
        response.connection = connection  # type: ignore[attr-defined]
        return response

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> Answer:
        """The whole answer."""
        response = self.connect(method, path, body, **headers)
        try:
            found = {name.lower(): text for name, text in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            response.close()
            response.connection.close()

    def get(self, path: str, **headers: str | None) -> Answer:
        """A GET."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: bytes = b"", **headers: str | None) -> Answer:
        """A POST as our own pages make it."""
        return self.ask("POST", path, body, **{"X_Aiomonitor": "1", **headers})


class Events:
    """An open event stream."""

    def __init__(self, browser: Browser, query: str) -> None:
        self._response = browser.connect("GET", f"/api/events?{query}")
        assert self._response.status == 200, self._response.read()
        assert self._response.getheader("content-type").startswith("text/event-stream")

    def next(self, wanted: str) -> Any:
        """The data of the next event of that name."""
        name = ""
        while line := self._response.readline().decode():
            field, _, text = line.rstrip("\n").partition(": ")
            if field == "event":
                name = text
            elif field == "data" and name == wanted:
                return json.loads(text)
        raise AssertionError(f"the stream has ended without {wanted}")

    def rest(self) -> bytes:
        """What comes until the server ends the stream."""
        return bytes(self._response.read())

    def close(self) -> None:
        """Leave."""
        self._response.close()
        self._response.connection.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Watched(Application):
    """An application whose tasks wait until it ends, or are cancelled."""

    def add(self, name: str) -> None:
        """Start a task of that name."""

        async def start() -> None:
            self.kept.add(asyncio.create_task(self._wait(), name=name))
            await asyncio.sleep(0)

        self.run(start())

    def run(self, coroutine: Any) -> Any:
        """Run it in the loop, to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def __init__(self) -> None:
        super().__init__()
        self.kept: set[asyncio.Task[None]] = set()

    async def _wait(self) -> None:
        await asyncio.Event().wait()

    async def _cancel_all(self) -> None:
        for task in self.kept:
            task.cancel()
        await asyncio.gather(*self.kept, return_exceptions=True)

    def close(self) -> None:
        self.released.set()
        self.run(self._cancel_all())
        super().close()


@contextmanager
def watched(**options: Any) -> Iterator[tuple[Watched, Monitor]]:
    """A running application, with a monitor that has a web page and nothing else."""
    application = Watched()
    try:
        settings = {"port": None, "console_port": None, "webui_port": 0, **options}
        with Monitor(application.loop, **settings) as monitor:
            yield application, monitor
    finally:
        application.close()
