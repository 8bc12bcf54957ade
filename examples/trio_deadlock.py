"""A program on trio that hangs after a second or two: find out why.

    pip install 'aiomonitor[trio]'
    python trio_deadlock.py
    telnet localhost 20101

Two clerks move money between two accounts, and each locks the one that it takes money from first.
`ps --filter clerk` shows who waits for whom, `why clerk-1` says it. `cancel clerk-1 --scope` tells
what could be given up to get on, and with `--yes` it is. Ctrl-C ends the program.
"""

from __future__ import annotations

import argparse
import random

import trio

import aiomonitor


class Account:
    """Some money, for one at a time."""

    def __init__(self, balance: int) -> None:
        self.balance = balance
        self.lock = trio.Lock()


async def transfer(source: Account, target: Account) -> None:
    """Move one coin, under both locks."""
    async with source.lock:
        await trio.sleep(random.uniform(0, 0.05))  # noqa: S311 - the ledger is slow
        async with target.lock:
            source.balance -= 1
            target.balance += 1


async def clerk(source: Account, target: Account) -> None:
    """Move coins for ever."""
    while True:
        with trio.move_on_after(3_600):  # "this never takes an hour"
            await transfer(source, target)


async def main(port: int) -> None:
    """Two clerks, and the monitor, which it tells of."""
    savings, checking = Account(1_000), Account(1_000)
    names = {"savings": savings, "checking": checking}
    async with (
        monitored(port, names) as monitor,
        trio.open_nursery() as office,
    ):
        print(f"monitor: telnet localhost {monitor.port}", flush=True)
        office.start_soon(clerk, savings, checking, name="clerk-1")
        office.start_soon(clerk, checking, savings, name="clerk-2")


def monitored(port: int, names: dict[str, Account]) -> aiomonitor.Monitor:
    """The other ports may be taken: then it is the next ones."""
    return aiomonitor.start_monitor(
        port=port, webui_port="auto", console_port="auto", locals=dict(names)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=20101, help="of the monitor's terminal")
    trio.run(main, parser.parse_args().port)
