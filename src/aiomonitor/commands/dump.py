"""`Monitor.dump`, and the command of that name: all there is to know, to be kept for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor import evidence
from aiomonitor.queries import Queries

from .listing import JsonOption, Listings

if TYPE_CHECKING:
    from aiomonitor.doors import Place
    from aiomonitor.evidence.dumping import Look


class DumpCommand(Queries, Listings):
    """Writes down what goes on. The command is a sync one: it runs in a worker thread."""

    _place: Place

    def look(self) -> Look:
        """The run as `evidence` needs it. Any thread."""
        from aiomonitor.evidence.dumping import Look  # when somebody asks

        return Look(self, self._backend, str(self._place))

    def dump(self, file: evidence.File = None, *, json: bool = False) -> None:
        """As `aiomonitor.dump`, of this monitor's run alone. Any thread, from its start on."""
        evidence.write(lambda: [self.look()], file, json=json)

    def dumped(self, *, json: bool = False) -> str:
        """What `dump` writes, as text. Any thread, from the start on; it takes as long as that."""
        return evidence.dumped([self.look()], json=json)

    def do_dump(self, *, json: JsonOption = False) -> None:
        """Write all there is to know, as text to be kept: `aiomonitor -c dump > evidence.txt`.

        Findings, deadlocks, the loop's lag and what blocked it, who waits for whom, the stacks of
        all tasks, each different one once, and of all threads.
        """
        self._write(self.dumped(json=json))
