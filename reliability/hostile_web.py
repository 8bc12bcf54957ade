"""Hostile requests for the web service: at its ASGI application, and at its sockets.

    python -m reliability.hostile_web ASGI RAW SOCKETS CONSOLE [SEED]

No request of the first kinds may change anything: each lacks a header, a token, or our own origin,
and what changes something is watched. A tenth of those at the application lacks nothing, which
shows that the watch sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiomonitor import Monitor
from aiomonitor.access.gate import Gate

from . import streams, visitors
from .hostile_requests import (
    TOKEN,
    Request,
    attack,
    console_lines,
    request,
    socket_attack,
)
from .measures import Complaints, descriptors, resident_mb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

PATIENCE = 30.0
"""Seconds after which a request hangs."""
AT_ONCE = 40


@dataclass
class Watch:
    """What was done."""

    changes: list[str] = field(default_factory=list)


class Watched(Monitor):
    """Tells what it is made to do."""

    seen = Watch()

    def run_line(self, line: str) -> None:
        """A command, of the console's page."""
        self.seen.changes.append(f"run {line}")
        super().run_line(line)


def _watch(name: str) -> None:
    real = getattr(Watched, name)

    def told(self: Watched, *args: Any, **kwargs: Any) -> Any:
        self.seen.changes.append(name)
        return real(self, *args, **kwargs) if name != "profile" else real(self, 0.01)

    setattr(Watched, name, told)


for _name in ("cancel", "cancel_scope", "mark", "profile"):
    _watch(_name)


class Application:
    """A loop in a thread, with a task that nobody is to cancel."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.beats = 0
        self.tasks = [
            asyncio.run_coroutine_threadsafe(each, self.loop)
            for each in (self._canary(), self._beat())
        ]

    async def _canary(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("canary")
        await asyncio.Event().wait()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self.beats += 1

    @property
    def lives(self) -> bool:
        """Whether both tasks go on."""
        before = self.beats
        time.sleep(0.2)
        return self.beats > before and not any(task.done() for task in self.tasks)

    def close(self) -> None:
        """End it."""
        asyncio.run_coroutine_threadsafe(_end_others(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _end_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.wait(others, timeout=PATIENCE)


async def at_application(count: int, seed: int, application: Application) -> dict[str, float]:
    """Requests one after another, so that it is known which of them did something."""
    from aiomonitor.webui import limits
    from aiomonitor.webui.app import make_app

    limits.CANCELS = (10**9, 1.0)  # type: ignore[misc]
    found = dict.fromkeys(("asgi_failures", "asgi_breaches", "asgi_controls", "asgi_seen"), 0.0)
    apps = []
    days = itertools.count()  # wrong tokens are forgiven from one to the next
    for token in (None, TOKEN):
        monitor = Watched(application.loop, port=None, console_port=None, webui_port=0, token=token)
        monitor.start()
        apps.append((monitor, make_app(monitor, Gate(token, clock=lambda: next(days) * 86400.0))))
    began, before = time.monotonic(), 0.0
    for number in range(count):
        if number == count // 10:
            before = resident_mb()
        rng = random.Random(f"{seed}-asgi-{number}")
        monitor, app = apps[number % 2]
        allowed = number % 20 in (9, 18)
        asked = request(rng, 20102, token=bool(number % 2), allowed=allowed)
        if allowed:  # not the canary itself
            asked.path = "/api/mark"
        Watched.seen.changes.clear()
        try:
            with contextlib.suppress(_Enough):
                await asyncio.wait_for(app(*_asgi(asked, number)), PATIENCE)
        except Exception:
            found["asgi_failures"] += 1
            print(f"{asked}\n{traceback.format_exc()}", file=sys.stderr)
        found["asgi_controls"] += allowed
        found["asgi_seen"] += allowed and bool(Watched.seen.changes)
        if Watched.seen.changes and not allowed:
            found["asgi_breaches"] += 1
            print(f"breach: {asked}: {Watched.seen.changes}", file=sys.stderr)
    took, growth = time.monotonic() - began, resident_mb() - before
    for monitor, app in apps:
        monitor.close()
        app.live.close()
    return {
        **found,
        "asgi_unseen": found["asgi_controls"] - found["asgi_seen"],
        "asgi": count,
        "asgi_us": 1e6 * took / count,
        "asgi_growth_mb": growth,
    }


class _Enough(Exception):  # noqa: N818
    """A stream has begun."""


def _asgi(asked: Request, number: int) -> tuple[Any, Any, Any]:
    path, _, query = asked.path.partition("?")
    raw = path.encode("utf-8", "replace")
    headers = [
        (n.strip().lower().encode(), v.encode("latin1", "replace")) for n, v in asked.headers
    ]
    scope = {
        "type": "http", "http_version": "1.1", "asgi": {"version": "3.0"}, "method": asked.method,
        "path": path, "raw_path": raw, "query_string": query.encode(), "scheme": "http",
        "root_path": "", "headers": headers, "extensions": {}, "state": {},
        "client": (f"127.1.{number >> 8 & 255}.{number & 255}", 1), "server": ("127.0.0.1", 20102),
    }  # fmt: skip
    said = [{"type": "http.request", "body": asked.body, "more_body": False}]
    done = asyncio.Event()

    async def receive() -> Any:
        if said:
            return said.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            done.set()

    return scope, receive, send


async def send(port: int, data: bytes, rng: Random, hangs: list[bytes]) -> None:
    """On a connection of its own, torn, until the other end hangs up or has been silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for packet in streams.torn(rng, data):
            writer.write(packet)
            await asyncio.sleep(0)
        if rng.random() < 0.5:
            with contextlib.suppress(OSError):
                writer.write_eof()
        async with _limit(PATIENCE, hangs, data):
            while await asyncio.wait_for(reader.read(1 << 16), 0.3):
                pass
    except (TimeoutError, asyncio.TimeoutError, ConnectionError):
        pass  # it waits for the rest of the request, as it should: limits are tested elsewhere
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def _limit(seconds: float, hangs: list[bytes], data: bytes) -> Any:
    began = time.monotonic()
    yield
    if time.monotonic() - began > seconds:
        hangs.append(data)


async def at_sockets(name: str, count: int, seed: int, port: int, make: Any) -> dict[str, float]:
    """So many connections, some at a time."""
    hangs: list[bytes] = []
    numbers = iter(range(count))
    before = [0.0]

    async def work_off() -> None:
        for number in numbers:
            if number == count // 4:
                before[0] = resident_mb()
            rng = random.Random(f"{seed}-{name}-{number}")
            await send(port, make(rng), rng, hangs)

    began = time.monotonic()
    await asyncio.gather(*(work_off() for _ in range(AT_ONCE)))
    return {
        name: count,
        f"{name}_hangs": len(hangs),
        f"{name}_ms": 1000 * (time.monotonic() - began) / max(count, 1),
        f"{name}_growth_mb": resident_mb() - before[0],
    }


def kinds(monitors: list[Monitor], counts: list[int]) -> Iterator[tuple[str, int, int, Any]]:
    """What is sent where."""
    free, locked = monitors
    port, closed = free.webui_port or 0, locked.webui_port or 0
    raw, sockets, console = counts
    yield "raw", raw // 2, port, lambda rng: attack(rng, port, token=False)
    yield "raw_token", raw - raw // 2, closed, lambda rng: attack(rng, closed, token=True)
    yield "sockets", sockets, port, lambda rng: socket_attack(rng, port)
    yield "console", console, free.console_port or 0, console_lines


def main(arguments: list[str]) -> dict[str, float]:
    """All kinds."""
    asgi, *counts = [*map(int, arguments), 1][:4]
    seed = int(arguments[4]) if len(arguments) > 4 else 1
    complaints, application = Complaints(), Application()
    figures = asyncio.run(at_application(asgi, seed, application))
    monitors: list[Monitor] = []
    for token in (None, TOKEN):
        monitors.append(
            Watched(application.loop, port=0, console_port=0, webui_port=0, token=token)
        )
        monitors[-1].start()
    breaches = 0
    try:
        asyncio.run(_warm(monitors))
        before = descriptors(), threading.active_count()
        for name, count, port, make in kinds(monitors, counts):
            Watched.seen.changes.clear()
            figures.update(asyncio.run(at_sockets(name, count, seed, port, make)))
            changes = [each for each in Watched.seen.changes if not each.startswith("run console")]
            breaches += len(changes)
            print(changes[:5], file=sys.stderr) if changes else None
        figures["web_descriptors"] = _settled(before[0])
        figures["application_lives"] = float(application.lives)
    finally:
        for monitor in monitors:
            monitor.close()
        application.close()
    for each in complaints.told[:8]:
        print(each, file=sys.stderr)
    return {**figures, "web_breaches": breaches, "web_errors": complaints.count}


async def _warm(monitors: list[Monitor]) -> None:
    """Load what serves."""
    for monitor in monitors:
        reader, writer = await asyncio.open_connection("127.0.0.1", monitor.webui_port)
        writer.write(visitors.http("/api/tasks", monitor.webui_port or 0, "Connection: close"))
        await reader.read(100)
        writer.close()


def _settled(before: int) -> float:
    """Descriptors more than before, once what was cut off has been let go."""
    deadline = time.monotonic() + 20
    while (more := descriptors() - before) > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    return float(more)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
