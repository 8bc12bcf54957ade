"""One console: asks its client for lines, has them run in the monitored loop, shows what came out.

`Console.interact` runs in a worker thread of the monitor, as a command does.
"""

from __future__ import annotations

import contextvars
import logging
import os
import time
import traceback
import types
from typing import TYPE_CHECKING, Any, Protocol

from aiomonitor.errors import CommandInterrupted

from . import namespace
from .completion import complete
from .output import Printed, routing, target
from .source import Rejected, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType

    from aiomonitor.backends.base import Evaluation
    from aiomonitor.client import CommandRun

PROMPT, CONTINUED = ">>> ", "... "

PATIENCE = 0.8
"""Seconds that a block waits for the loop before the client is told what blocks that."""

POLL = 0.2
"""Seconds between two looks whether the client is still there."""

REPR_LIMIT = 100_000
"""Characters shown of one value."""

audit = logging.getLogger("aiomonitor.audit")
_OUR_CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH100, PTH120 - compared as text


class Host(Protocol):
    """What a console needs of the monitor."""

    def evaluate(
        self,
        function: Callable[[], Any],
        *,
        context: contextvars.Context,
        failed: Callable[[BaseException], None],
        changed: Callable[[], None],
    ) -> Evaluation:
        """A block for the monitored loop, not begun."""
        ...

    def obstacle(self) -> str:
        """Why the loop does not answer, with the stack of what blocks it."""
        ...


class Console:
    """One client's; the names and the context variables live as long as it."""

    def __init__(self, run: CommandRun, host: Host, names: Mapping[str, Any]) -> None:
        self._run = run
        self._host = host
        self._source = Source()
        self._printed = Printed(self._display)
        self._names = dict(names)
        self._context = contextvars.Context()
        self._context.run(target.set, self._printed)
        self._evaluation: Evaluation | None = None

    def interact(self) -> None:
        """Until the client leaves the console, or its connection."""
        routing.open()
        self._run.on_interrupt = self.interrupt
        self._run.complete = lambda line: complete(line, self._names)
        try:
            self._write("Python console in the monitored loop: await works; exit() leaves\n")
            while self._serve_line():
                pass
        finally:
            self._run.on_interrupt = self._run.complete = None
            routing.close()
            self._source.close()

    def interrupt(self) -> bool:
        """Ctrl-C while a block runs; False if none does. In the monitor's loop."""
        if self._evaluation is None:
            return False
        self._evaluation.interrupt()
        return True

    # --- lines --------------------------------------------------------------------------------

    def _serve_line(self) -> bool:
        self._flush()
        try:
            line = self._run.ask(CONTINUED if self._source.is_incomplete else PROMPT, "python")
        except CommandInterrupted:
            self._run.check()
            self._source.abandon()
            self._write("KeyboardInterrupt\n")
            return True
        if line is None:
            return False
        audit.info("%s: console: %s", self._run.client.peer, line)
        return self._take(line)

    def _take(self, line: str) -> bool:
        block = self._source.push(line)
        if isinstance(block, Rejected):
            self._write("".join(traceback.format_exception_only(type(block.error), block.error)))
        elif block is not None:
            return self._execute(block.code)
        return True

    # --- blocks -------------------------------------------------------------------------------

    def _execute(self, code: CodeType) -> bool:
        """Run a block until it ends; False if it asked to leave."""
        evaluation = self._host.evaluate(
            types.FunctionType(code, self._names),
            context=self._context,
            failed=self._show_error,
            changed=self._printed.wake,
        )
        if not evaluation.begin():
            self._write(self._host.obstacle())
            return True
        self._evaluation = evaluation
        try:
            self._await_end(evaluation)
        except BaseException:
            evaluation.interrupt()  # the client has gone, and its block goes with it
            raise
        finally:
            self._evaluation = None
        self._flush()
        if not evaluation.started.is_set():
            self._write("KeyboardInterrupt\n")
            return True
        self._context = evaluation.context
        return not evaluation.leaving

    def _await_end(self, evaluation: Evaluation) -> None:
        told_at = time.monotonic() + PATIENCE
        while not evaluation.ended.is_set():
            with self._printed.changed:
                if not evaluation.ended.is_set():
                    self._printed.changed.wait(POLL)
            self._run.check()
            self._flush()
            if not evaluation.started.is_set() and time.monotonic() > told_at:
                told_at = float("inf")
                self._write(self._host.obstacle())
                self._write("the line runs when the loop is free; Ctrl-C abandons it\n")

    # --- what comes out -----------------------------------------------------------------------

    def _display(self, value: object) -> None:
        """In the loop's thread: a `repr` is the application's code."""
        if value is None:
            return
        self._names["_"] = value
        text = repr(value)
        if len(text) > REPR_LIMIT:
            text = f"{text[:REPR_LIMIT]}…\n[cut: the text of this value has {len(text)} characters]"
        self._printed.write(text + "\n")

    def _show_error(self, error: BaseException) -> None:
        """In the loop's thread, without our frames."""
        told = traceback.TracebackException.from_exception(error)
        _without_ours(told, set())
        self._printed.write("".join(told.format()))

    def _flush(self) -> None:
        if text := self._printed.take():
            self._write(text)

    def _write(self, text: str) -> None:
        if self._run.sout is not None:
            self._run.sout.write(text)


def _without_ours(told: traceback.TracebackException | None, seen: set[int]) -> None:
    if told is None or id(told) in seen:
        return
    seen.add(id(told))
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if not frame.filename.startswith(_OUR_CODE)]
    )
    _without_ours(told.__cause__, seen)
    _without_ours(told.__context__, seen)


def make_names(shared: Mapping[str, Any] | None, special: Mapping[str, Any]) -> dict[str, Any]:
    """A client's names; see `namespace`."""
    return namespace.make(shared or {}, special)
