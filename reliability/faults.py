"""What goes wrong inside of the working application, by name: see `job.FAULTS`.

Each is a function of the world that it happens in. `BEFORE` happen before the loop runs,
`AT_START` before the monitor starts, `DURING` in the loop while the application works, `BETWEEN`
between its two stages.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import inspect
import logging
import os
import resource
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .application import World


def fill_descriptors(world: World, left: int) -> None:
    """Leave room for so many files."""
    limit = 65 + max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    taken: list[socket.socket] = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(socket.socket())
    for _ in range(min(left, len(taken))):
        taken.pop().close()
    world.kept += taken


def descriptors_gone(world: World) -> None:
    """When the monitor starts there is none left, or too few for all that it opens."""
    fill_descriptors(world, world.job.seed % 8)


def descriptors_run_out(world: World) -> None:
    """None is left while clients come."""
    fill_descriptors(world, 0)


def ports_taken(world: World) -> None:
    """Somebody listens where the monitor is to."""
    taken = socket.create_server(("127.0.0.1", 0))
    world.keep(taken)
    service = ("port", "webui_port", "console_port")[world.job.seed % 3]
    world.options[service] = taken.getsockname()[1]


def log_disk_full(_: World) -> None:
    """Every record fails to be written."""
    logging.raiseExceptions = False
    handler = logging.FileHandler("/dev/full")
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in ("aiomonitor", "aiomonitor.audit"):
        logging.getLogger(name).setLevel(logging.DEBUG)


def log_formatter_fails(_: World) -> None:
    """Every record runs out of memory."""
    logging.raiseExceptions = False

    class Broken(logging.Formatter):
        def format(self, _: logging.LogRecord) -> str:
            raise MemoryError

    for handler in logging.getLogger().handlers:
        handler.setFormatter(Broken())
    logging.getLogger("aiomonitor").setLevel(logging.DEBUG)


def formatter_out_of_memory(world: World) -> None:
    """What turns values into text runs out of memory."""
    formatting = ("health", "insight", "load", "scopes", "tables", "dump")
    rooms = ["render", "webui.schemas", *(f"render.{each}" for each in formatting)]
    for room in rooms:
        module = importlib.import_module(f"aiomonitor.{room}")
        for name, value in list(vars(module).items()):
            own = getattr(value, "__module__", "") == module.__name__
            if own and inspect.isfunction(value) and not name.startswith("_"):
                world.patch(module, name, _raises(MemoryError))
    world.patch(importlib.import_module("aiomonitor.webui.app"), "as_json", _raises(MemoryError))


def _raises(error: type[Exception]) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error("injected")

    return fail


def _break_one(world: World, places: Sequence[tuple[str, str, str]]) -> None:
    """One of these methods raises from now on: a bug of ours, or no memory for what it does."""
    module, owner, name = places[world.job.seed % len(places)]
    error = (RuntimeError, MemoryError)[world.job.seed // len(places) % 2]
    world.patch(getattr(importlib.import_module(module), owner), name, _raises(error))


def command_fails(world: World) -> None:
    """What an application may override in the interpreter raises."""
    names = ("precmd", "postcmd", "emptyline", "default", "tick", "greeting", "completions")
    _break_one(world, [("aiomonitor", "Monitor", name) for name in names])


def task_hook_fails(world: World) -> None:
    """What records a task has a bug."""
    names = ("adopt_late", "adopt_other", "follow", "_conclude", "put", "current_number")
    hook = "aiomonitor.backends._asyncio.hook"
    places = [(f"{hook}.watch", "LoopWatch", name) for name in names]
    places += [("aiomonitor.backends.stacks", "Stacks", "take")]
    places += [(f"{hook}.reasons", "Timeouts", name) for name in ("note", "reason")]
    _break_one(world, places)


def round_hook_fails(world: World) -> None:
    """What looks at the tasks in each round has a bug."""
    names = ("_pending_of", "_conclude", "_keep", "_look_again", "_move_on", "_call_back", "_arm")
    hook = "aiomonitor.backends._asyncio.hook.sweep"
    _break_one(world, [(hook, "Sweeper", name) for name in names])


def tracker_fails(world: World) -> None:
    """What takes over the ended tasks has a bug; or the watchdog, or what looks for findings."""
    places = [
        ("tracking.tracker", "Tracker", "count"),
        ("tracking.tracker", "Tracker", "visit"),
        ("tracking.tracker", "Tracker", "number"),
        ("tracking.history", "History", "_drain_chunk"),
        ("health.watchdog", "Watchdog", "_look"),
        ("health.watchdog", "Watchdog", "_rest"),
        ("inspection.observer", "Observer", "look"),
        ("rundir.registration", "Registration", ("enter", "leave")[world.job.seed % 2]),
        ("service", "Service", "_serve_client"),
        ("service", "Service", "_serve_web"),
    ]
    _break_one(world, [(f"aiomonitor.{module}", owner, name) for module, owner, name in places])


def loop_blocked(_: World) -> None:
    """It computes, and sleeps."""
    until = time.monotonic() + 0.15
    while time.monotonic() < until:
        sum(range(1000))
    time.sleep(0.15)


def loop_stopped(world: World) -> None:
    """It stops, and runs again later."""
    assert world.loop is not None
    if world.job.shape == "manual":
        world.loop.stop()


def loop_closed(world: World) -> None:
    """It is closed under the monitor, and the rest of the work has a loop of its own."""
    if world.loop is not None:
        world.loop.close()
        world.loop = None


def loop_replaced(world: World) -> None:
    """Another one does the rest, while the first one lies idle."""
    world.idle_loops.append(world.loop)
    world.loop = None


def fork(world: World) -> None:
    """A child computes something and leaves hard, as `multiprocessing` has it."""
    child = os.fork()
    if child == 0:
        os._exit(_in_child(world))
    _check_child(child)


def fork_and_exit(world: World) -> None:
    """A child ends the way that every program does. Not while a loop runs: asyncio refuses that.

    The loop that it has inherited is closed then, and by that the parent's, which shares its epoll,
    hears of no signal any more: without a monitor, too.
    """
    child = os.fork()
    if child == 0:
        world.in_child = True
        raise SystemExit(_in_child(world))
    _check_child(child)


def _in_child(world: World) -> int:
    """A monitor is closed in a fork, or left alone; nobody answers here for the parent."""
    if world.monitor is not None:
        if world.job.seed % 2:
            world.monitor.close()
        assert world.monitor.closed
    return 42


def _check_child(child: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 42, f"the child ended with {status}"
            return
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            raise AssertionError("the child does not end")
        time.sleep(0.002)


def threads_refused(world: World) -> None:
    """The system gives no more threads."""
    allowed = world.job.seed % 4
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        nonlocal allowed
        if threading.current_thread().name.startswith("aiomonitor") or "aiomonitor" in thread.name:
            if allowed <= 0:
                raise RuntimeError("can't start new thread")
            allowed -= 1
        real(thread)

    world.patch(threading.Thread, "start", start)


def monitor_in_thread(world: World) -> None:
    """Another thread starts and closes the monitor."""
    world.own_thread = True


AT_START: dict[str, Callable[[World], None]] = {"descriptors_gone": descriptors_gone}
BEFORE: dict[str, Callable[[World], None]] = {
    each.__name__: each
    for each in (
        *(ports_taken, log_disk_full, log_formatter_fails, command_fails),
        *(formatter_out_of_memory, threads_refused, monitor_in_thread),
    )
}
DURING: dict[str, Callable[[World], None]] = {
    each.__name__: each
    for each in (
        *(descriptors_run_out, task_hook_fails, round_hook_fails, tracker_fails),
        *(loop_blocked, loop_stopped, fork),
    )
}
BETWEEN: dict[str, Callable[[World], None]] = {
    each.__name__: each for each in (fork_and_exit, loop_closed, loop_replaced)
}


def is_expected_at_start(error: BaseException) -> bool:
    """Whether starting may fail like that: an application has to be able to go on."""
    expected = {errno.EADDRINUSE, errno.EMFILE, errno.ENFILE}
    return (isinstance(error, OSError) and error.errno in expected) or (
        isinstance(error, RuntimeError) and "new thread" in str(error)
    )
