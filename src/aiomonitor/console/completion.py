"""What TAB offers in a console: names and attributes, found without running the application's code.

Properties, `__getattr__` and `__dir__` are left alone: they may do anything, and we are in another
thread than the loop's.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import keyword
import re
import types
from typing import TYPE_CHECKING, Any

from aiomonitor.arguments import Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OFFERED = 200
"""Names offered at most."""

WORD = re.compile(r"[\w.]*$")
"""What is being completed, at the end of a line."""


def complete(line: str, names: Mapping[str, Any]) -> list[Suggestion]:
    """What may stand for the last word of the line."""
    match = WORD.search(line)
    path, dot, start = (match[0] if match else "").rpartition(".")
    found: Iterable[str]
    if dot:
        found = _attributes(path.split("."), names)
    elif start:
        found = {*names, *vars(builtins), *keyword.kwlist}
    else:
        return []
    hidden = not start.startswith("_")
    fitting = sorted(
        name for name in found if name.startswith(start) and not (hidden and name.startswith("_"))
    )
    return [Suggestion(f"{path}{dot}{name}") for name in fitting[:OFFERED]]


def _attributes(path: list[str], names: Mapping[str, Any]) -> set[str]:
    first, *rest = path
    missing = object()
    value = names.get(first, vars(builtins).get(first, missing))
    for name in rest:
        value = inspect.getattr_static(value, name, missing)
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        if isinstance(value, (property, types.MemberDescriptorType, types.GetSetDescriptorType)):
            return set()  # only running code would tell
    return set() if value is missing else _names_of(value)


def _names_of(value: object) -> set[str]:
    kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
    found = {name for kind in kinds for name in vars(kind)}
    own = inspect.getattr_static(value, "__dict__", None)
    if isinstance(own, (types.GetSetDescriptorType, dict)):
        with contextlib.suppress(AttributeError):
            found.update(object.__getattribute__(value, "__dict__"))
    return found
