"""What the clients of a monitor may do; stdlib only."""

from __future__ import annotations

import os
from typing import Any, Literal, get_args

Permission = Literal["read", "act", "exec"]
"""read: look; act: cancel, send signals, and run commands of the application's own; exec: run
Python. Each includes those before it."""

VARIABLE = "AIOMONITOR_PERMISSIONS"
DISABLE = "AIOMONITOR_DISABLE"
_ORDER: tuple[Permission, ...] = get_args(Permission)
_NEEDS = "cmd_permission"
_NO = ("", "0", "false", "no", "off")


def granted(wanted: object) -> Permission:
    """What was asked for; for None what the environment says, which is "exec" if it says nothing.
    Raises `ValueError` for what is no permission."""
    if wanted is None:
        return _checked(VARIABLE, os.environ.get(VARIABLE) or "exec")
    return _checked("permissions", wanted)


def _checked(source: str, wanted: object) -> Permission:
    for each in _ORDER:
        if wanted == each:
            return each
    raise ValueError(f"{source} is {wanted!r}: give one of {', '.join(map(repr, _ORDER))}")


def is_disabled() -> bool:
    """Whether the environment wants no monitor at all."""
    return os.environ.get(DISABLE, "").strip().lower() not in _NO


def refusal(has: Permission, needs: Permission, what: str) -> str:
    """Why something is not done, or an empty string."""
    if _ORDER.index(needs) <= _ORDER.index(has):
        return ""
    return (
        f"{what} is not permitted: it needs permissions={needs!r}, and this monitor was started "
        f"with {has!r}"
    )


def mark(command: Any, needs: Permission) -> None:
    """Note what a command needs."""
    setattr(command, _NEEDS, _checked("permissions", needs))


def marked(command: Any) -> Permission | None:
    """What was noted, if it was."""
    needs: Permission | None = getattr(command, _NEEDS, None)
    return needs


def needed(interpreter: object, method: Any) -> Permission:
    """What a command of the interpreter needs: what it is marked with; else, where it replaces one
    of ours, what that needs. Ours only look unless they are marked; nobody knows what others do."""
    name = getattr(method, "__name__", "")
    for each in (method, *(vars(kind).get(name) for kind in type(interpreter).__mro__)):
        if (noted := marked(each)) is not None:
            return noted
        if (getattr(each, "__module__", None) or "").partition(".")[0] == __package__:
            return "read"
    return "act"
