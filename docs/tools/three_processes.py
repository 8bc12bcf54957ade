"""Three small processes with monitors, two workers and one that hangs, for the page on several.

Started without arguments, it starts the three, which end when it does. Here it stands as a tool;
`capture.py` copies it to where it is run.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time

import aiomonitor


async def pack() -> None:
    """Works, now and then."""
    while True:  # noqa: ASYNC110 - as applications do
        await asyncio.sleep(0.05)


async def count_stock() -> None:
    """Never gives way again."""
    await asyncio.sleep(1)
    time.sleep(3600)  # noqa: ASYNC251 - so that it hangs


async def serve(name: str) -> None:
    """A worker, or the one that hangs."""
    with aiomonitor.start_monitor(port="auto", name=name):
        print(name, flush=True)
        works = (count_stock,) if name == "stock" else (pack, pack)
        tasks = [
            asyncio.create_task(work(), name=f"{work.__name__.replace('_', '-')}-{number}")
            for number, work in enumerate(works, start=1)
        ]
        await asyncio.wait(tasks)


def end_with_parent() -> None:
    """Our standard input ends when whoever started us does."""
    sys.stdin.read()
    os._exit(0)


def start_children() -> list[subprocess.Popen[bytes]]:
    """The three, each with its monitor."""
    children = []
    for name in ("shop", "shop", "stock"):
        command = [sys.executable, sys.argv[0], name]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None  # noqa: S101
        child.stdout.readline()
        children.append(child)
    return children


async def conduct() -> None:
    """Do nothing; our own monitor is not among those that can be found."""
    os.environ["AIOMONITOR_RUN_DIR"] = ""
    with aiomonitor.start_monitor():
        await asyncio.Event().wait()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        threading.Thread(target=end_with_parent, daemon=True).start()
        asyncio.run(serve(sys.argv[1]))
    else:
        started = start_children()
        asyncio.run(conduct())
