"""An application on trio with something to see, run in a process of its own.

Prints the port of its web page, and ends when its standard input does.
"""

from __future__ import annotations

import json
import sys

import trio

import aiomonitor

HOSTILE_NAME = "<img src=x onerror=\"document.title='owned'\">"


async def serve(lock: trio.Lock, closed: trio.Event) -> None:
    """A nursery of handlers with a deadline; one has the lock, one shields itself."""
    with trio.move_on_after(3_600):
        async with trio.open_nursery() as handlers:
            await handlers.start(hold, lock, name="holder")
            handlers.start_soon(use, lock, name="handler")
            handlers.start_soon(use, lock, name=HOSTILE_NAME)
            handlers.start_soon(write, closed, name="writer")


async def hold(lock: trio.Lock, task_status: trio.TaskStatus[None]) -> None:
    """Have the lock, and keep it."""
    async with lock:
        task_status.started()
        await trio.sleep_forever()


async def use(lock: trio.Lock) -> None:
    """Wait for the lock."""
    async with lock:
        pass


async def write(closed: trio.Event) -> None:
    """Not to be interrupted until the end."""
    with trio.CancelScope(shield=True), trio.move_on_after(3_600):
        await closed.wait()


async def wait() -> None:
    """In a scope of its own, which may be cancelled alone."""
    with trio.CancelScope():
        await trio.sleep_forever()


async def main() -> None:
    closed = trio.Event()
    async with (
        aiomonitor.start_monitor(port=None, console_port=None, webui_port=0) as monitor,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(serve, trio.Lock(), closed, name="server")
        nursery.start_soon(wait, name="alone")
        print(json.dumps(monitor.webui_port), flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        closed.set()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
