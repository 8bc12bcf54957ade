"""A client of a console without a connection: lines in, what is shown out."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiomonitor.commands.console import LoopRuntime
from aiomonitor.console.repl import BANNER, Console
from aiomonitor.dialogue import Dialogue
from aiomonitor.dialogue.client import Client, CommandRun
from aiomonitor.errors import CommandInterrupted
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiomonitor.backends.base import Backend
    from aiomonitor.dialogue import LineKind

CTRL_C = object()


class Typist(Dialogue):
    """Types entries, and reads what comes until it is asked for the next line."""

    def __init__(self, *, scripted: bool = False) -> None:
        super().__init__(None, None)
        self.is_scripted = scripted
        self.prompts: list[str] = []
        self._everything = ""
        self.over = False
        self._lines: list[Any] = []
        self._more = threading.Condition()
        self._replies = queue.SimpleQueue[str]()
        self._parts: list[str] = []

    @property
    def has_ended(self) -> bool:
        return self.over

    def ask(self, prompt: str, kind: LineKind) -> str | None:
        assert kind == "python"
        self.prompts.append(prompt)
        with self._more:
            if not self._lines:
                self._replies.put("".join(self._parts))
                self._parts.clear()
            assert self._more.wait_for(lambda: self._lines, PATIENCE)
            line = self._lines.pop(0)
        if line is CTRL_C:
            raise CommandInterrupted
        assert line is None or isinstance(line, str)
        return line

    def upcoming(self) -> str | None:
        with self._more:
            return next((line for line in self._lines if isinstance(line, str) and line), None)

    def show(self, text: str) -> None:
        with self._more:
            self._everything += text
            self._more.notify_all()

    def write(self, text: str) -> None:
        self._parts.append(text)
        self.show(text)

    def until(self, text: str) -> None:
        """Wait until this has come, as a reply or in between."""
        with self._more:
            assert self._more.wait_for(lambda: text in self._everything, PATIENCE), text

    def type(self, *lines: object) -> None:
        """Send lines; None is the end of input."""
        with self._more:
            self._lines.extend(lines)
            self._more.notify_all()

    def reply(self) -> str:
        """What has come by the time of the next prompt, since the last one."""
        return self._replies.get(timeout=PATIENCE)

    def enter(self, text: str) -> str:
        """Type the lines of the text; the reply."""
        self.type(*text.split("\n"))
        return self.reply()


class Seat:
    """A console in a thread of its own, as in a worker of the monitor, and its client."""

    def __init__(
        self, backend: Backend, shared: Mapping[str, Any] | None = None, *, scripted: bool = False
    ) -> None:
        self._typist = Typist(scripted=scripted)
        self.run = CommandRun(Client(peer="the test"))
        self.run.dialogue = self._typist
        runtime = LoopRuntime(backend, tuple)
        names = {**backend.console_names(), "monitor": self}
        self.console = Console(self.run, runtime, shared, names)
        self.thread = threading.Thread(target=self.run.call, args=[self.console.interact])

    @property
    def typist(self) -> Typist:
        """The client. The console opens when it is first asked for: pytest replaces `sys.stdout`
        between the fixtures and the test."""
        if self.thread.ident is None:
            self.thread.start()
            greeting = self._typist.reply()
            assert greeting.startswith("" if self._typist.is_scripted else BANNER[:7])
        return self._typist

    def end(self) -> None:
        """Leave, unless that has been done."""
        self.typist.type(None)
        self.run.interrupted = self.thread.is_alive() and self.console._execution is not None
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@contextmanager
def seat(
    backend: Backend, shared: Mapping[str, Any] | None = None, *, scripted: bool = False
) -> Iterator[Seat]:
    """A console, ended whatever happens."""
    one = Seat(backend, shared, scripted=scripted)
    try:
        yield one
    finally:
        one.end()
