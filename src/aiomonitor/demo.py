"""A small shop with the monitor on, to explore: `python -m aiomonitor demo`.

An application like any other: asyncio and the stdlib, and of aiomonitor what is public. Customers
order over real connections on loopback, workers pack what waits in a bounded queue, all of them
share one lock for the ledger, and one task is stuck.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
import signal
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from .errors import AiomonitorError
from .monitor import Monitor
from .utils import alt_names

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

CUSTOMERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
WORKERS = 3
QUEUE_SIZE = 3
"""Small enough to be full at times: handlers are seen waiting for a place."""
REMEMBERED = 20
"""Orders that `orders` can show; the shop runs as long as it is left on."""


class PrinterError(Exception):
    """What goes wrong now and then."""


@dataclass(kw_only=True)
class Order:
    """What a customer wants, and how far it got."""

    number: int
    customer: str
    state: str = "queued"
    packed: asyncio.Event = field(default_factory=asyncio.Event)

    def __str__(self) -> str:
        return f"#{self.number:<5} {self.customer:<8} {self.state}"


class Shop:
    """The service: its state is the loop's alone, but for what `do_orders` copies."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.recent: deque[Order] = deque(maxlen=REMEMBERED)
        self._connections = itertools.count(1)
        self._handlers: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._queue: asyncio.Queue[Order] = asyncio.Queue(QUEUE_SIZE)
        self._ledger = asyncio.Lock()
        self._delivery_note = asyncio.Event()  # which nobody will ever set

    # --- orders -------------------------------------------------------------------------------

    def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection was made. Starts its task itself, so that the task has a name from birth.

        Given a coroutine function, asyncio would start one; when that is cancelled, 3.12.1 logs it.
        """
        number = next(self._connections)
        handler = asyncio.create_task(self.handle(reader, writer), name=f"handler-{number}")
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A name per line in, a receipt per order out. Slow: it waits until the order is packed."""
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                order = await self.take_order(line.decode().strip())
                await order.packed.wait()
                writer.write(f"{order}\n".encode())
                await writer.drain()

    async def take_order(self, customer: str) -> Order:
        """Queue an order; waits while the queue is full."""
        order = Order(number=next(self._numbers), customer=customer)
        self.counts["taken"] += 1
        self.recent.append(order)
        await self._queue.put(order)
        return order

    async def work(self) -> None:
        """A worker: packs one order after the other."""
        while True:
            order = await self._queue.get()
            order.state = "being packed"
            await pause(0.3, 1)
            await self.write_ledger(order)
            order.packed.set()

    async def write_ledger(self, order: Order) -> None:
        """One at a time, so workers wait here for each other."""
        async with self._ledger:
            await pause(0.1, 0.5)
            order.state = "packed"
            self.counts["packed"] += 1

    # --- what else goes on --------------------------------------------------------------------

    async def shop_online(self, customer: str, port: int) -> None:
        """A customer, who comes back after each visit."""
        while True:
            with contextlib.suppress(ConnectionError):
                await self.visit(customer, port)
            await pause(0.5, 2)

    async def visit(self, customer: str, port: int) -> None:
        """Order over one connection, wait for the receipt, think, and again."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            receipt = b"welcome"
            while receipt:
                writer.write(f"{customer}\n".encode())
                receipt = await reader.readline()
                await pause(0.1, 1.5)

    async def print_labels(self) -> None:
        """Starts a print job every few seconds, and takes its failures as they come."""
        for number in itertools.count(1):
            try:
                await asyncio.create_task(self.print_label(), name=f"label-{number}")
                self.counts["labels"] += 1
            except PrinterError as error:
                self.counts["jams"] += 1
                log.warning("label %d was not printed: %s", number, error)
            await pause(1, 3)

    async def print_label(self) -> None:
        """Fails now and then."""
        await pause(0.5, 1)
        if random.random() < 0.3:  # noqa: S311 - no secret
            raise PrinterError("paper jam")

    async def book_deliveries(self) -> None:
        """Stuck: it waits for a note that no other task will bring."""
        while True:
            await self.await_note()
            self.counts["deliveries"] += 1

    async def await_note(self) -> None:
        """Where the stuck task is found."""
        await self._delivery_note.wait()
        self._delivery_note.clear()

    # --- life cycle ---------------------------------------------------------------------------

    async def run(self, opened: Callable[[], None]) -> None:
        """Be open until this task is cancelled; `opened` is called when all other tasks are there.

        No `asyncio.TaskGroup`: 3.10 has none, and a task that is cancelled from the monitor should
        not take the others with it.
        """
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        tasks = self.start_tasks(server.sockets[0].getsockname()[1])
        opened()
        try:
            await asyncio.wait(tasks)
        finally:
            server.close()

    def start_tasks(self, port: int) -> list[asyncio.Task[None]]:
        """Everything that goes on in the shop, under names that mean something."""
        parts = {
            **{f"worker-{number}": self.work() for number in range(1, WORKERS + 1)},
            **{f"customer-{name}": self.shop_online(name, port) for name in CUSTOMERS},
            "label-printer": self.print_labels(),
            "reporter": self.report(),
            "deliveries": self.book_deliveries(),
        }
        return [asyncio.create_task(part, name=name) for name, part in parts.items()]

    async def report(self) -> None:
        """A timer: what a service says of itself in its log."""
        while True:
            await asyncio.sleep(5)
            log.info("%s", self.summary())

    def summary(self) -> str:
        """One line on what was done so far."""
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.copy().items()))
        return f"{counts or 'nothing yet'}; {self._queue.qsize()} of {QUEUE_SIZE} places queued"


class ShopMonitor(Monitor):
    """The monitor with one command of the shop's own."""

    prompt = "shop >>> "
    shop: Shop

    @alt_names("o")
    def do_orders(self, customer: str = "", *, limit: int = 10, waiting: bool = False) -> None:
        """Show the last orders, of all customers or of one, and what the shop has done."""
        found = [
            order
            for order in tuple(self.shop.recent)  # this is a worker thread: the loop appends to it
            if customer in ("", order.customer) and not (waiting and order.packed.is_set())
        ]
        for order in found[-limit:]:
            print(order, file=self._sout)
        print(self.shop.summary(), file=self._sout)


def this_task() -> asyncio.Task[None]:
    """The task that calls."""
    return cast("asyncio.Task[None]", asyncio.current_task())


async def pause(least: float, most: float) -> None:
    """Stand for real work, of between so many seconds."""
    await asyncio.sleep(random.uniform(least, most))  # noqa: S311 - no secret


def directions(host: str, port: int, page: str | None) -> str:
    """How to connect, and what to try."""
    return f"""\
A small shop is open, and its monitor listens. Connect from another terminal, by any of

  telnet {host} {port}
  nc {host} {port}
  python -m aiomonitor.cli -H {host} -p {port}

or open {page} in a browser, and try

  ps                    all tasks, and the line where each one is suspended
  where worker-1        who created it, and its await chain, with source lines
  ps-terminated         the tasks that ended lately, and how: some labels are not printed
  orders                a command of this application's own: the last orders
  console               Python inside the shop: shop.counts, or await shop.take_order("me")
  help                  all commands

One task is stuck: it is called "deliveries". Orders come and go, but ps shows it at the same line
for ever. Find out why, and end it:

  where deliveries
  cancel deliveries
  where-terminated deliveries

Ctrl-C in this terminal closes the shop."""


async def serve(host: str | None, port: int, webui_port: int, console_port: int) -> None:
    """Run the shop under its monitor, until Ctrl-C or a cancellation of this task."""
    this_task().set_name("shop")
    end_by_signals()
    shop = Shop()
    monitor = ShopMonitor(
        host=host,
        port=port,
        webui_port=webui_port,
        console_port=console_port,
        locals={"shop": shop},
        name="shop",
    )
    monitor.shop = shop

    def tell() -> None:
        print(directions(monitor.host, monitor.port or 0, monitor.web_link()), flush=True)

    with monitor:
        await shop.run(tell)


def end_by_signals() -> None:
    """Let Ctrl-C cancel the current task, instead of being raised in whichever task runs."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: there it is raised
            asyncio.get_running_loop().add_signal_handler(number, this_task().cancel)


def run(
    host: str | None, port: int, webui_port: int, console_port: int, *, verbose: bool = False
) -> int:
    """Run the demonstration until Ctrl-C; the exit status."""
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR)
    try:
        asyncio.run(serve(host, port, webui_port, console_port))
    except AiomonitorError as error:
        print(f"aiomonitor demo: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nThe shop is closed.", flush=True)
    return 0
