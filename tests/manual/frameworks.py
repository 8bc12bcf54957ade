"""The stages of the manual's frameworks: each block is served by the real server, and visited."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import types
import urllib.request
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .stages import Names, run, stage, started, told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 30.0
"""Seconds after which a server is taken for broken."""


def fetched(port: int, path: str = "/") -> str:
    """What the application's own port answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


async def visit(port: int, expected: str) -> None:
    """One request to the application, then one command to its monitor, while it serves."""
    assert expected in await asyncio.to_thread(fetched, port)
    assert "live task" in await asyncio.to_thread(told, "ps")
    assert not started[-1].closed


async def under_uvicorn(application: Any, expected: str) -> None:
    """uvicorn serves the application, is visited, and ends in good order."""
    uvicorn = import_module("uvicorn")
    config = uvicorn.Config(application, port=0, lifespan="on", log_level="warning")
    server = uvicorn.Server(config)
    start, ready = server.startup, asyncio.Event()

    async def start_and_tell(*given: Any, **named: Any) -> None:
        await start(*given, **named)
        ready.set()

    server.startup = start_and_tell
    serving = asyncio.create_task(server.serve())
    await asyncio.wait_for(ready.wait(), PATIENCE)
    await visit(server.servers[0].sockets[0].getsockname()[1], expected)
    server.should_exit = True
    await asyncio.wait_for(serving, PATIENCE)
    assert started[-1].closed


@stage
def aiohttp(file: Path) -> None:
    """A runner of aiohttp's serves `app`."""
    web = import_module("aiohttp.web")
    names = run(file, __name__="app")
    assert callable(names["hello"])

    async def serving() -> None:
        runner = web.AppRunner(names["app"])
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await visit(runner.addresses[0][1], "hello")
        await runner.cleanup()
        assert started[-1].closed

    asyncio.run(serving())


@stage
def fastapi(file: Path) -> None:
    """uvicorn serves `app`."""
    asyncio.run(under_uvicorn(loaded(file)["app"], '{"hello":"world"}'))


@stage
def fastapi_workers(file: Path) -> None:
    """Two workers under uvicorn's supervisor are found, and asked."""
    port = free_port()
    uvicorn = ["uvicorn", "shop:app", "--workers", "2", "--port", str(port)]
    where = {**os.environ, "AIOMONITOR_RUN_DIR": str(file.parent / "run")}
    with subprocess.Popen([sys.executable, "-m", *uvicorn], cwd=file.parent, env=where) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while len(workers := listed(where)) < 2:
                assert server.poll() is None
                assert time.monotonic() < deadline, workers
            assert [worker["name"] for worker in workers] == ["shop", "shop"]
            assert all(worker["tasks"] for worker in workers)
            assert len({json.dumps(worker["ports"]) for worker in workers}) == 2
        finally:
            server.terminate()


def listed(environment: dict[str, str]) -> list[Names]:
    """What `aiomonitor ls --json` says."""
    command = [sys.executable, "-m", "aiomonitor", "ls", "--json"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    rows: list[Names] = json.loads(ended.stdout or "[]")
    return rows


def free_port() -> int:
    """One that nobody has, for a server that cannot tell which it took."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def loaded(file: Path) -> Names:
    """The block's names; it is in a module, since FastAPI looks types up there."""
    module = types.ModuleType("app")
    sys.modules["app"] = module
    exec(compile(file.read_text("utf-8"), str(file), "exec"), vars(module))  # noqa: S102
    return vars(module)


@stage
def quart(file: Path) -> None:
    """Hypercorn serves `app`, on a socket that it is given."""
    asyncio.run(under_hypercorn(loaded(file)["app"], "hello"))


async def under_hypercorn(application: Any, expected: str) -> None:
    """Hypercorn serves the application, is visited, and ends in good order."""
    hypercorn = import_module("hypercorn.asyncio")
    config = import_module("hypercorn.config").Config()
    config.errorlog = None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        config.bind = [f"fd://{listener.detach()}"]
    end = asyncio.Event()
    served: Callable[..., Any] = hypercorn.serve
    serving = asyncio.create_task(served(application, config, shutdown_trigger=end.wait))
    await visit_when_started(port, expected, serving)
    end.set()
    await asyncio.wait_for(serving, PATIENCE)
    assert started[-1].closed


async def visit_when_started(port: int, expected: str, serving: asyncio.Task[Any]) -> None:
    """The socket listens before the server does, so a first visit may wait for it."""
    visiting = asyncio.create_task(visit(port, expected))
    await asyncio.wait([visiting, serving], return_when=asyncio.FIRST_COMPLETED)
    visiting.result()


@stage
def django(file: Path) -> None:
    """uvicorn serves `application`, with settings as small as they can be."""
    settings = types.ModuleType("mysite.settings")
    urls = types.ModuleType("mysite.urls")
    vars(settings).update({"SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"]}, ROOT_URLCONF="mysite.urls")
    vars(settings).update(USE_TZ=True, DEBUG=False)
    http = import_module("django.http")
    vars(urls)["urlpatterns"] = [
        import_module("django.urls").path("", lambda request: http.HttpResponse("hello"))
    ]
    sys.modules.update({"mysite.settings": settings, "mysite.urls": urls})
    sys.modules["mysite"] = types.ModuleType("mysite")
    asyncio.run(under_uvicorn(loaded(file)["application"], "hello"))
