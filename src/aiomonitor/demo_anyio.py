"""A small kitchen with the monitor on, on trio: `python -m aiomonitor demo --backend trio`.

An application like any other, written against anyio, so it runs on asyncio as well and does not
notice which. Waiters bring orders over real connections, cooks share one oven, the bill of each
order is written in a scope that is shielded, each order has a deadline, and one task is stuck.
"""

from __future__ import annotations

import itertools
import logging
import math
import random
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING

import anyio

from .errors import AiomonitorError
from .monitor import Monitor
from .utils import alt_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import SocketStream, TaskGroup
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

log = logging.getLogger(__name__)

GUESTS = ("alice", "bob", "carol", "dave", "erin")
COOKS = 3
PASS_SIZE = 2
"""Orders that wait for a cook: small enough to be full at times."""
PATIENCE = 6.0
"""Seconds after which a guest leaves."""


class BurntError(Exception):
    """What goes wrong now and then."""


class Kitchen:
    """The service; its state is the run's alone, but for the counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.oven = anyio.Lock()
        self.delivery = anyio.Event()  # which nobody will ever set
        self.scope = anyio.CancelScope()
        self._numbers = itertools.count(1)
        self._orders: MemoryObjectSendStream[str]

    async def run(self, opened: Callable[[], None]) -> None:
        """Be open until `close`; `opened` is called when all tasks are there."""
        self._orders, incoming = anyio.create_memory_object_stream[str](PASS_SIZE)
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        port: int = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django's
        with self.scope:
            async with self._orders, incoming, listener, anyio.create_task_group() as staff:
                self.start_staff(staff, incoming)
                staff.start_soon(listener.serve, self.serve_guest, name="door")
                for guest in GUESTS:
                    staff.start_soon(self.eat, guest, port, name=f"guest-{guest}")
                opened()

    def start_staff(self, staff: TaskGroup, incoming: MemoryObjectReceiveStream[str]) -> None:
        """Everybody who works here."""
        for number in range(1, COOKS + 1):
            staff.start_soon(self.cook, incoming, name=f"cook-{number}")
        staff.start_soon(self.await_delivery, name="delivery")
        staff.start_soon(self.bake, name="baker")

    def close(self) -> None:
        """End `run`; in its own thread."""
        self.scope.cancel()

    # --- orders -------------------------------------------------------------------------------

    async def serve_guest(self, stream: SocketStream) -> None:
        """A name in, a receipt out, and again; what takes too long is not served."""
        async with stream:
            try:
                while guest := (await stream.receive()).decode():
                    with anyio.move_on_after(PATIENCE) as patience:
                        await self._orders.send(guest)
                    await self.write_bill(guest, late=patience.cancelled_caught)
                    await stream.send(b"here you are")
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                self.counts["guests who left"] += 1

    async def write_bill(self, guest: str, *, late: bool) -> None:
        """Not to be interrupted, even if the kitchen closes."""
        with anyio.CancelScope(shield=True):
            await pause(0.05, 0.2)
            log.info("bill %d: %s%s", next(self._numbers), guest, ", late" if late else "")
            self.counts["late" if late else "served"] += 1

    async def cook(self, incoming: MemoryObjectReceiveStream[str]) -> None:
        """One order after the other; all cooks share one oven."""
        async for _guest in incoming:
            await pause(0.1, 0.5)
            async with self.oven:
                await pause(0.3, 1)

    # --- what else goes on --------------------------------------------------------------------

    async def eat(self, guest: str, port: int) -> None:
        """Order, eat, and order again."""
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            while True:
                await stream.send(guest.encode())
                await stream.receive()
                await pause(0.5, 2)

    async def bake(self) -> None:
        """Starts a task for each cake; some get burnt, which ends that task alone."""
        for number in itertools.count(1):
            try:
                async with anyio.create_task_group() as cakes:
                    cakes.start_soon(self.bake_cake, name=f"cake-{number}")
                self.counts["cakes"] += 1
            except Exception:  # a group: the only one of its kind in 3.10
                self.counts["burnt cakes"] += 1
            await pause(1, 2)

    async def bake_cake(self) -> None:
        """Fails now and then."""
        await pause(0.5, 1)
        if random.random() < 0.3:  # noqa: S311 - no secret
            raise BurntError("the cake is burnt")

    async def await_delivery(self) -> None:
        """Stuck: it waits, in a scope of its own, for what nobody will bring."""
        with anyio.CancelScope() as scope:
            await self.delivery.wait()
        if scope.cancelled_caught:
            self.counts["deliveries given up"] += 1


async def pause(least: float, most: float) -> None:
    """Stand for real work, of between so many seconds."""
    await anyio.sleep(random.uniform(least, most))  # noqa: S311 - no secret


class KitchenMonitor(Monitor):
    """The monitor with one command of the kitchen's own."""

    prompt = "kitchen >>> "
    kitchen: Kitchen

    @alt_names("me")
    def do_menu(self) -> None:
        """Show what the kitchen has done so far."""
        counts = sorted(self.kitchen.counts.copy().items())
        print(", ".join(f"{count} {what}" for what, count in counts) or "nothing", file=self._sout)


def directions(host: str, port: int, page: str | None, runtime: str) -> str:
    """How to connect, and what to try."""
    return f"""\
A small kitchen is open, on {runtime}, and its monitor listens. Connect from another terminal, by
any of

  telnet {host} {port}
  nc {host} {port}
  python -m aiomonitor.cli -H {host} -p {port}

or open {page} in a browser, and try

  tree                  all tasks, under the nurseries that they are in, and the scopes around
  ps                    all tasks, and what each one waits for: who has the oven?
  where cook-1          its await chain, who created it, and the scopes that it is in
  ps-terminated         the tasks that ended lately, and how: some cakes get burnt
  menu                  a command of this application's own
  console               Python inside the kitchen: kitchen.counts, or await {runtime}.sleep(1)
  help                  all commands

One task is stuck: it is called "delivery". Find out why, and end it:

  where delivery
  cancel delivery --scope
  cancel delivery --scope --yes
  where-terminated delivery

Ctrl-C in this terminal closes the kitchen."""


async def serve(
    host: str | None, port: int, webui_port: int, console_port: int, runtime: str
) -> None:
    """Run the kitchen under its monitor, until Ctrl-C."""
    kitchen = Kitchen()
    monitor = KitchenMonitor(
        host=host,
        port=port,
        webui_port=webui_port,
        console_port=console_port,
        locals={"kitchen": kitchen},
        name="kitchen",
    )
    monitor.kitchen = kitchen

    def tell() -> None:
        page = monitor.web_link()
        print(directions(monitor.host, monitor.port or 0, page, runtime), flush=True)

    async with monitor, anyio.create_task_group() as tasks:
        tasks.start_soon(close_by_signal, kitchen, name="signals")
        await kitchen.run(tell)
        tasks.cancel_scope.cancel()


async def close_by_signal(kitchen: Kitchen) -> None:
    """Ctrl-C ends it in good order, instead of in whichever task runs."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            kitchen.close()
            await anyio.sleep(math.inf)


def run(
    host: str | None,
    port: int,
    webui_port: int,
    console_port: int,
    *,
    runtime: str = "trio",
    verbose: bool = False,
) -> int:
    """Run the demonstration until Ctrl-C; the exit status."""
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR)
    try:
        anyio.run(serve, host, port, webui_port, console_port, runtime, backend=runtime)
    except AiomonitorError as error:
        print(f"aiomonitor demo: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    print("\nThe kitchen is closed.", flush=True)
    return 0
