"""The client whose command runs: what belongs to one of many is found by the command that it runs.

It lives in a context variable, so it follows a command into worker threads and coroutines.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from aiomonitor.dialogue.client import Client, CommandRun


class PresentClient:
    """`lastcmd`, `_sin` and `_sout` of the client that this thread or coroutine works for."""

    @property
    def _run(self) -> CommandRun:
        from aiomonitor.dialogue.client import current_run  # with the first client

        return current_run.get(None) or self._own_run

    @functools.cached_property
    def _own_run(self) -> CommandRun:
        """Commands that are run outside of a session (a test, a script) print as `cmd.Cmd` does."""
        from aiomonitor.dialogue.client import Client, CommandRun

        return CommandRun(Client())

    @property
    def _client(self) -> Client:
        return self._run.client

    @property
    def lastcmd(self) -> str:
        """The current client's last line, whether it was executed properly or not."""
        return self._client.lastcmd

    @lastcmd.setter
    def lastcmd(self, line: str) -> None:
        self._client.lastcmd = line

    @property
    def _sin(self) -> TextIO:
        """Lines that the current client sends while its command runs."""
        return self._run.sin or sys.stdin

    @_sin.setter
    def _sin(self, stream: TextIO) -> None:
        self._run.sin = stream

    @property
    def _sout(self) -> TextIO:
        """What is written here goes to the current client alone."""
        return self._run.sout or sys.stdout

    @_sout.setter
    def _sout(self, stream: TextIO) -> None:
        self._run.sout = stream
