"""A monitor with commands of the application's own: arguments, options, TAB, awaits, permissions.

    python custom_commands.py

`telnet localhost 20101`, and there `help`, `stock`, `stock tea`, `restock tea --count 5`, `audit`,
`wait coffee` (and `restock coffee` from another terminal). With AIOMONITOR_PERMISSIONS=read, only
those that look are left.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import click

import aiomonitor
from aiomonitor.utils import Parameter, alt_names, requires

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Store:
    """What the application is about: it lives in the monitored loop."""

    def __init__(self) -> None:
        self.items = {"tea": 3, "coffee": 0}
        self.news = asyncio.Condition()

    async def restock(self, item: str, count: int) -> int:
        """Put some on the shelf; returns how many are there now."""
        async with self.news:
            self.items[item] = self.items.get(item, 0) + count
            self.news.notify_all()
            return self.items[item]

    async def wait_for(self, item: str) -> int:
        """Wait until there is some."""
        async with self.news:
            await self.news.wait_for(lambda: self.items.get(item))
            return self.items[item]


class StoreMonitor(aiomonitor.Monitor):
    """Commands are the methods `do_...`; their signatures say what they take."""

    prompt = "store >>> "
    intro = "\nThe store's monitor: {tasknum} task{s} running; type help\n\n"
    store: Store
    store_loop: asyncio.AbstractEventLoop

    def _items(self, typed: str) -> list[str]:
        """What TAB offers."""
        return [item for item in self.store.items if item.startswith(typed)]

    @requires("read")  # it only looks
    @alt_names("s")
    def do_stock(
        self,
        item: Annotated[str, Parameter(help="Only this one.", complete=_items)] = "",
    ) -> None:
        """Show what there is. Sync: it runs in a thread of the monitor's."""
        if item and item not in self.store.items:
            raise aiomonitor.CommandError(f"no {item!r}: there is {', '.join(self.store.items)}")
        for name, count in sorted(self.store.items.items()):
            if item in ("", name):
                print(f"{name:<10} {count:>4}", file=self._sout)

    async def do_restock(
        self,
        item: Annotated[str, Parameter(help="Of what.", complete=_items)],
        *,
        count: int = 1,
    ) -> None:
        """Put some on the shelf. Async: awaited on the monitor's loop, not the application's."""
        print(await self._in_store(self.store.restock(item, count)), file=self._sout)

    async def do_wait(self, item: str) -> None:
        """Wait until there is some; Ctrl-C interrupts it."""
        print(await self._in_store(self.store.wait_for(item)), file=self._sout)

    async def _in_store(self, coroutine: Coroutine[Any, Any, int]) -> int:
        """Await something in the application's loop."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.store_loop)
        return await asyncio.wrap_future(future)

    @requires("read")
    @click.option("--least", type=click.IntRange(0), default=1, show_default=True)
    def do_audit(self, least: int) -> None:
        """Tell what is running out. Click's decorators work, too."""
        short = [item for item, count in self.store.items.items() if count < least]
        print(", ".join(short) or "nothing", file=self._sout)


async def main(port: int) -> None:
    """Serve nobody, until Ctrl-C."""
    monitor = StoreMonitor(port=port, webui_port="auto", console_port="auto", name="store")
    monitor.store, monitor.store_loop = Store(), asyncio.get_running_loop()
    with monitor:
        print(f"monitor: telnet localhost {monitor.port}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=20101, help="of the monitor's terminal")
    arguments = parser.parse_args()
    try:
        asyncio.run(main(arguments.port))
    except KeyboardInterrupt:
        print("closed")
