"""What TAB offers in a console: names and attributes, found without running the application's code.

Properties, `__getattr__` and `__dir__` are left alone: they may do anything, and we are in another
thread than the loop's.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
import types
from typing import TYPE_CHECKING, Any

from aiomonitor.dialogue import Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OFFERED = 200
"""Names offered at most."""

_WORD = re.compile(r"[\w.]*$")
_MISSING = object()
_CODE = (property, types.GetSetDescriptorType, types.FunctionType)
"""Found on a class, these are no values of the instance's: only running them would tell."""


def complete(text: str, names: Mapping[str, Any]) -> list[Suggestion]:
    """What may stand for the last word of the text."""
    match = _WORD.search(text)
    path, dot, start = (match[0] if match else "").rpartition(".")
    found: Iterable[str] = ()
    if dot:
        found = _attributes(path.split("."), names)
    elif start:
        found = {*list(names), *list(vars(builtins)), *keyword.kwlist}
    hidden = not start.startswith("_")
    fitting = sorted(
        name for name in found if name.startswith(start) and not (hidden and name.startswith("_"))
    )
    return [Suggestion(f"{path}{dot}{name}") for name in fitting[:OFFERED]]


def _attributes(path: list[str], names: Mapping[str, Any]) -> set[str]:
    first, *rest = path
    value = names.get(first, vars(builtins).get(first, _MISSING))
    for name in rest:
        value = _attribute(value, name)
    return set() if value is _MISSING else _names_of(value)


def _attribute(value: Any, name: str) -> Any:
    found = inspect.getattr_static(value, name, _MISSING)
    if isinstance(found, types.MemberDescriptorType):
        return _slot(found, value)
    if isinstance(found, (staticmethod, classmethod)):
        return found.__func__
    if isinstance(found, _CODE) and not isinstance(value, (type, types.ModuleType)):
        return found if isinstance(found, types.FunctionType) else _MISSING
    return found


def _slot(descriptor: types.MemberDescriptorType, value: object) -> Any:
    """What a slot holds; reading it runs nobody's code."""
    try:
        return descriptor.__get__(value)
    except AttributeError:
        return _MISSING


def _names_of(value: object) -> set[str]:
    kinds = type.mro(value) if type(value) is type else type(value).__mro__
    found = {name for kind in kinds for name in list(vars(kind))}
    own = inspect.getattr_static(value, "__dict__", None)
    if isinstance(own, (types.GetSetDescriptorType, types.MemberDescriptorType)):  # a module's
        own = object.__getattribute__(value, "__dict__")
    return found | set(own) if isinstance(own, dict) else found
