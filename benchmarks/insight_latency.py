"""How long what explains takes with many tasks, and how long it holds up the monitored loop.

As in inspect_latency.py; half of the tasks wait for locks, each of which a task has, and the others
for an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_latency import Target, main, visited

if TYPE_CHECKING:
    from typing import Any

    from client import Client
    from harness import Results

COMMANDS: dict[str, str | None] = {
    "idle": None,
    "groups": "groups",
    "deadlocks": "deadlocks",
    "findings": "findings",
    "locks": "locks",
    "queues": "queues",
    "tree": "tree",
    "why": "why needle",
    "mark": "mark",
    "diff": "diff",
}


def measure(arguments: Any, tasks: int) -> Results:
    """One target with so many tasks."""
    target = Target(tasks, arguments.loop, locks=True)
    try:
        return visited(target, arguments, _commands)
    finally:
        target.stop()


def _commands(client: Client) -> dict[str, str | None]:
    client.command("mark")  # which `diff` needs
    return COMMANDS


if __name__ == "__main__":
    main(measure)
