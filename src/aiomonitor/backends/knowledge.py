"""Tells what objects a suspended task knows, and whether anybody else does.

The garbage collector tells what a coroutine's frame refers to. Where all references to an object
come from the tasks that wait for it, nobody is left who could wake them. Nothing of the
application's is called, and the heap is not searched. Imports no runtime.
"""

from __future__ import annotations

import gc
import sys
import weakref
from functools import lru_cache
from types import (
    AsyncGeneratorType,
    CellType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any

from . import frames, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    Held = list[object]

LARGE = 1000
"""Items beyond which a container is not looked into."""
_NO_OWNERS = (type, ModuleType, FunctionType, CodeType, CellType)
_RUNNING = (CoroutineType, GeneratorType, AsyncGeneratorType)
_PLAIN = (str, bytes, int, float, bool, type(None))
_CONTAINERS = (dict, list, tuple, set, frozenset)


def may_release(wanted: Collection[int], levels: Sequence[Any], held: Held) -> list[int]:
    """Those of the wanted objects that a task looks as if it had acquired by hand: its code
    releases something, and it knows them."""
    return knows(wanted, [each for each in levels if _releases(frames.code_of(each))], held)


@lru_cache(maxsize=4096)
def _releases(code: CodeType) -> bool:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return "release" in code.co_names or any(map(_releases, inner))


def knows(wanted: Collection[int], levels: Sequence[Any], held: Held) -> list[int]:
    """Those of the wanted objects that are in a variable of one of these levels, in what one holds,
    or in a global."""
    found = {id(each) for level in levels for each in known(level, held)}
    return [each for each in wanted if each in found]


def known(level: Any, held: Held) -> list[Any]:
    """What a level knows: its variables, what they hold, and the globals that it names."""
    near = objects.referents(level, held)
    found = [*near, *_globals(level, held)]
    for each in list(found):
        found += _held_by(each, held)
    return found


def _held_by(thing: Any, held: Held) -> list[Any]:
    """What is in the attributes of an object, or in a small container; its code is not asked."""
    kind = type(thing)
    if kind in _PLAIN or issubclass(kind, (*_NO_OWNERS, MethodType)) or not gc.is_tracked(thing):
        return []
    if kind in _CONTAINERS and len(thing) > LARGE:
        return []
    found = gc.get_referents(thing)
    for each in list(found):
        if type(each) is dict and len(each) <= LARGE:
            found += each.values()
    held += found
    return found


def _globals(level: Any, held: Held) -> list[Any]:
    kind = frames.kind_of(level)
    frame = kind.frame(level) if kind is not None else None
    if frame is None:
        return []
    held.append(frame)
    found = [frame.f_globals.get(name) for name in frame.f_code.co_names]
    held += found
    return found


# --- counting references --------------------------------------------------------------------------


def _count(box: list[Any]) -> int:
    return sys.getrefcount(box[0])


_OURS = _count([object()]) - 1
"""References that the count itself adds to that of the list. It differs from one Python to another.
"""


def references(box: list[Any]) -> int:
    """How many references there are to the one object in a list, but for the list's."""
    return _count(box) - _OURS - 1


def is_only_here(
    object_id: int, levels: Sequence[Any], more: int, is_own: Callable[[str], bool]
) -> bool:
    """Whether all references to an object come from these levels, and from `more` that are known.

    `levels` are all those of the tasks that wait for it; at least one whose file is the
    application's own has to have a name for it: `await Event().wait()` is how to wait for ever. A
    reference from an attribute counts as known if its owner is only here, too; a weak one does
    not. The caller has none of its own. Ask twice: the tasks go on meanwhile.
    """
    box: list[Any] = []
    known = more
    named = 0
    owners: list[list[Any]] = []
    for level in levels:
        own = is_own(frames.code_of(level).co_filename)
        for each in objects.direct_referents(level):
            if id(each) == object_id:
                known += 1
                named += own
                box[:] = [each]
            elif _may_own(each) and all(each is not owner[0] for owner in owners):
                owners.append([each])
    each = None
    if not box or weakref.getweakrefcount(box[0]):
        return False
    owned = sum(_owned(owner, object_id, levels) for owner in owners)
    return bool(named or owned) and references(box) <= known + owned


def _may_own(thing: Any) -> bool:
    kind = type(thing)
    return (
        kind not in (*_PLAIN, *_CONTAINERS)
        and kind.__name__ not in frames.OPAQUE
        and not issubclass(kind, (*_NO_OWNERS, *_RUNNING))
    )


def _owned(owner: list[Any], object_id: int, levels: Sequence[Any]) -> int:
    """The references from the attributes of a list's one owner, if it is known nowhere else."""
    found = gc.get_referents(owner[0])
    for each in list(found):
        if type(each) is dict and len(each) <= LARGE:
            found += each.values()
    count = sum(1 for each in found if id(each) == object_id)
    del found
    if not count or weakref.getweakrefcount(owner[0]):
        return 0
    near = (each for level in levels for each in objects.direct_referents(level))
    here = sum(each is owner[0] for each in near)
    return count if references(owner) <= here else 0
