"""What one run of the working application is: values that both sides of a run know."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

FAULTS = (
    "ports_taken",
    "descriptors_gone",
    "descriptors_run_out",
    "log_disk_full",
    "log_formatter_fails",
    "formatter_out_of_memory",
    "command_fails",
    "task_hook_fails",
    "round_hook_fails",
    "tracker_fails",
    "loop_blocked",
    "loop_stopped",
    "loop_closed",
    "loop_replaced",
    "fork",
    "fork_and_exit",
    "threads_refused",
    "monitor_in_thread",
)
"""What goes wrong in the application's process; `faults` has them by these names."""

ON_TRIO = frozenset(FAULTS) - {
    *("task_hook_fails", "round_hook_fails", "loop_stopped", "loop_closed", "loop_replaced"),
    "fork_and_exit",
}
"""Those that trio has, too: its runs cannot be stopped, and its hook is of another kind."""

BY_HAND = {"loop_stopped", "loop_closed", "loop_replaced", "fork_and_exit"}
"""Those that need a loop that the application runs by hand."""

ENDINGS = {
    "returns": 0,
    "exits": 3,
    "raises": 1,
    "leaves_hard": 4,
    "sigint": -2,
    "sigint_caught": 5,
    "sigterm": -15,
    "sigterm_exits": 6,
    "sigterm_in_loop": 7,
}
"""How the application ends, and the exit status of that."""

SIGNALLED = {name for name in ENDINGS if name.startswith("sig")}
"""The endings that somebody else asks for."""

VISITORS = (
    *("plain", "telnet", "one_shot", "console", "page", "stream", "web_console"),
    *("silent", "deaf", "connects_only"),
)
"""Who comes meanwhile; `visitors` has them by these names."""


@dataclass(frozen=True)
class Job:
    """One run."""

    seed: int
    loop: str = "asyncio"
    shape: str = "run"  # or "manual": a loop that the application runs and closes by hand
    ending: str = "returns"
    faults: tuple[str, ...] = ()
    visitors: tuple[str, ...] = ()
    delay: float = 0.0  # seconds until the signal
    monitored: bool = True
    control: int = 0  # the port where the application tells how far it is
    log: str = ""

    def line(self) -> str:
        """As a line of JSON."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def of(cls, line: str) -> Job:
        """The reverse."""
        values = json.loads(line)
        for name in ("faults", "visitors"):
            values[name] = tuple(values[name])
        return cls(**values)

    @property
    def kind(self) -> str:
        """What a person wants to know of it."""
        with_what = " + ".join(self.faults) or "no fault"
        return f"{self.loop}, {self.shape}: {with_what}; {self.ending}; {', '.join(self.visitors)}"
