"""Times the steps of one trio run's tasks, by an instrument that is there while somebody looks."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

import trio
import trio.lowlevel

from aiomonitor.backends.meters import Accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.meters import Entry


class TrioMeter(trio.abc.Instrument):
    """The `Meter` of one run; the instrument's hooks run in its thread."""

    exact = True
    note = ""

    def __init__(
        self,
        call: Callable[[Callable[[], object]], bool],
        describe: Callable[[Any], tuple[str, str, int | None]],
    ) -> None:
        self._call = call
        self._accounts = Accounts(describe)
        self._began: float | None = None
        self._stopped = False

    def start(self) -> None:
        """As in `Meter`."""
        self._call(self._add)

    def _add(self) -> None:
        if not self._stopped:
            trio.lowlevel.add_instrument(self)

    def stop(self) -> None:
        """As in `Meter`."""
        if not self._stopped:
            self._stopped = True
            self._call(self._remove)

    def _remove(self) -> None:
        with suppress(KeyError):
            trio.lowlevel.remove_instrument(self)

    def read(self) -> tuple[list[Entry], float]:
        """As in `Meter`."""
        return self._accounts.read(), 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - trio's
        """A step begins."""
        self._began = perf_counter()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """It has ended."""
        if self._began is not None:
            self._accounts.add(task, perf_counter() - self._began)
            self._began = None
