"""How long what explains takes with many tasks, and how long it holds up the monitored loop.

As in inspect_latency.py; half of the tasks wait for locks, each of which a task has, and the others
for an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_latency import Bench, Target, first_visit, main

if TYPE_CHECKING:
    from typing import Any

    from harness import Results

COMMANDS = {
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
        client, results = first_visit(target, telnet=arguments.telnet)
        bench = Bench(target, client)
        client.command("mark")  # which `diff` needs
        bench.run(COMMANDS, arguments.rounds, arguments.patience)
        client.close()
    finally:
        target.stop()
    for name, series in bench.series.items():
        results.update(series.results(name))
    return results


if __name__ == "__main__":
    main(measure)
