"""A shop on FastAPI, with several workers of uvicorn's and a monitor in each.

    pip install fastapi uvicorn
    python fastapi_uvicorn.py

Each worker takes free ports, so look for them: `aiomonitor ls`. `aiomonitor -c ps --all` asks all
of them, `aiomonitor connect PID` looks into one. Make one hang (`curl localhost:8000/hang`), and
see what `ls`, `stacktrace` and `stalls` say of it.

The same works under `gunicorn -k uvicorn_worker.UvicornWorker -w 3 fastapi_uvicorn:app`, and under
`hypercorn -w 3 fastapi_uvicorn:app`.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

import aiomonitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Of one worker."""
    with aiomonitor.start_monitor(port="auto", name="shop", locals={"app": app}) as monitor:
        print(f"monitor: telnet localhost {monitor.port}", flush=True)
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/order/{item}")
async def order(item: str) -> dict[str, str]:
    """Take an order, which needs half a minute."""
    await asyncio.sleep(30)
    return {item: "ready"}


@app.get("/hang")
async def hang() -> dict[str, str]:
    """What a handler must not do: the worker's loop is blocked for ten seconds."""
    time.sleep(10)  # noqa: ASYNC251 - to be found
    return {"that": "was wrong"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--http", type=int, default=8000, help="the port of the shop itself")
    arguments = parser.parse_args()
    uvicorn.run("fastapi_uvicorn:app", port=arguments.http, workers=arguments.workers)
