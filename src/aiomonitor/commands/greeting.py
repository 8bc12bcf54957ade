"""What a client reads first: the intro, and whether there is something that it should know."""

from __future__ import annotations

from aiomonitor.queries import Queries

from . import CommandInterpreter


class Greeting(Queries, CommandInterpreter):
    """Greets the clients of a monitor. Any thread."""

    def greeting(self) -> str:
        """The intro with its fields filled in: what a client reads first."""
        count = self.task_count()
        try:
            intro = self.intro.format(tasknum=count, s="" if count == 1 else "s")
        except (LookupError, ValueError) as error:
            intro = f"the intro cannot be filled in: {error!r}\n"
        return intro + self._findings_told()

    def _findings_told(self) -> str:
        known = self.known_findings()
        count = len(known.findings) if known is not None else 0
        if not count:
            return ""
        return f"{count} finding{'' if count == 1 else 's'}: type findings to read them\n"
