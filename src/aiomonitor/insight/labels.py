"""Short names for what tasks share: "Lock#3". An object keeps its name while it is asked for."""

from __future__ import annotations

import dataclasses
import itertools
import re
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiomonitor.model import WaitInfo

LABELS = 10_000
"""Names remembered; those that were asked for last stay."""
_TYPE = re.compile(r"\b(?:an? )(memory object stream|memory channel|[A-Z]\w*)")


class Labels:
    """Gives names by `id()`. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[int, str], int] = OrderedDict()
        self._counter = itertools.count(1)

    def of(self, object_id: int, kind: str) -> str:
        """The name of an object of that kind of type."""
        with self._lock:
            number = self._known.pop((object_id, kind), None)
            if number is None:
                number = next(self._counter)
            self._known[object_id, kind] = number
            if len(self._known) > LABELS:
                self._known.popitem(last=False)
        return f"{kind}#{number}"

    def told(self, wait: WaitInfo) -> WaitInfo:
        """The wait in words that name its object."""
        if wait.object_id is None or (found := _TYPE.search(wait.what)) is None:
            return wait
        label = self.of(wait.object_id, found[1])
        what = wait.what[: found.start()] + label + wait.what[found.end() :]
        return dataclasses.replace(wait, what=what)

    def named(self, object_id: int, what: str) -> str:
        """The name of an object by the words for it."""
        found = _TYPE.search(what)
        return self.of(object_id, found[1] if found else "object")
