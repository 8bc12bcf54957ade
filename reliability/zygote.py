"""Forks applications that have all modules loaded: `python -m reliability.zygote [--fresh]`.

Reads jobs as lines of JSON; answers each with the child's pid, then with its exit status. The child
returns from here to the top, so that it ends as every program does. With `--fresh` nothing is
loaded before, and the one job of this interpreter is run without a fork.
"""

from __future__ import annotations

import importlib
import os
import sys

from .job import Job

LOADED = (
    *("aiomonitor.service", "aiomonitor.webui.server", "aiomonitor.webui.console"),
    *("aiomonitor.terminal.session", "aiomonitor.terminal.editor", "aiomonitor.console.repl"),
    *("aiomonitor.commands.arguments", "aiomonitor.backends._asyncio.hook", "uvloop", "trio"),
    *("reliability.application", "reliability.work_trio"),
)


def next_child() -> Job | None:
    """In the child its job; None in the parent, once there are no more."""
    while line := sys.stdin.readline():
        job = Job.of(line)
        child = os.fork()
        if child == 0:
            _take_streams(job)
            return job
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def _take_streams(job: Job) -> None:
    """Of its own: files beside its log."""
    os.setpgid(0, 0)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, name in ((1, "out"), (2, "err")):
        opened = os.open(f"{job.log}.{name}", flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def main() -> int:
    """The child's exit status, or 0."""
    if "--fresh" in sys.argv:
        from .application import run

        return run(Job.of(sys.argv[-1]))
    for name in LOADED:
        importlib.import_module(name)
    print("ready", flush=True)
    job = next_child()
    if job is None:
        return 0
    from .application import run

    return run(job)


if __name__ == "__main__":
    sys.exit(main())
