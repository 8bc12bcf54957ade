"""A shop on aiohttp, with a monitor in its cleanup context.

    pip install aiohttp
    python aiohttp_server.py

Ask it for something (`curl localhost:8080/order/tea`), and look at what it does meanwhile: `telnet
localhost 20101`, and there `ps`, `groups`, or `orders`, a command of its own. `aiomonitor ls` finds
it, too.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

import aiomonitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ORDERS: web.AppKey[list[str]] = web.AppKey("orders", list)


class ShopMonitor(aiomonitor.Monitor):
    """The monitor, with a command of this program's own."""

    prompt = "shop >>> "
    app: web.Application

    def do_orders(self, *, last: int = 10) -> None:
        """Show the last orders."""
        for order in self.app[ORDERS][-last:]:
            print(order, file=self._sout)


async def order(request: web.Request) -> web.Response:
    """Take an order, which needs half a minute."""
    item = request.match_info["item"]
    request.app[ORDERS].append(item)
    await asyncio.sleep(30)
    return web.Response(text=f"{item}: ready\n")


def monitored(port: int) -> Callable[[web.Application], AsyncIterator[None]]:
    """The first of the cleanup contexts: what the others start is seen, and how they end."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        monitor = ShopMonitor(
            port=port,
            webui_port="auto",  # 20102, or the next that is free
            console_port="auto",
            name="shop",
            locals={"app": app},
        )
        monitor.app = app
        with monitor:
            print(f"monitor: telnet localhost {monitor.port}", flush=True)
            yield

    return context


def application(port: int) -> web.Application:
    """The shop."""
    app = web.Application()
    app[ORDERS] = []
    app.router.add_get("/order/{item}", order)
    app.cleanup_ctx.append(monitored(port))
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=20101, help="of the monitor's terminal")
    parser.add_argument("--http", type=int, default=8080, help="of the shop itself")
    arguments = parser.parse_args()
    web.run_app(application(arguments.port), host="127.0.0.1", port=arguments.http)
