"""Values and exceptions as a console shows them; in the thread that made them, as `repr` and `str`
are the application's code."""

from __future__ import annotations

import os
import traceback

REPR_LIMIT = 100_000
"""Characters shown of one value."""

_OUR_CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH100, PTH120 - compared as text


def value_text(value: object) -> str:
    """The value's `repr`, and how long that is if it was cut."""
    text = repr(value)
    if len(text) <= REPR_LIMIT:
        return text
    return f"{text[:REPR_LIMIT]}\n[cut: {len(text)} characters; the first {REPR_LIMIT} are shown]"


def error_text(error: BaseException) -> str:
    """The traceback as CPython's prompt shows it, without our frames."""
    told = traceback.TracebackException.from_exception(error)
    _drop_ours(told, set())
    text = "".join(told.format())
    if len(text) <= REPR_LIMIT:
        return text
    half = REPR_LIMIT // 2  # an endless recursion: the end tells what was raised
    return f"{text[:half]}\n[cut: {len(text)} characters]\n{text[-half:]}"


def rejection_text(error: BaseException) -> str:
    """What is wrong with typed code that does not compile."""
    return "".join(traceback.format_exception_only(type(error), error))


def _drop_ours(told: traceback.TracebackException | None, seen: set[int]) -> None:
    if told is None or id(told) in seen:
        return
    seen.add(id(told))
    theirs = [frame for frame in told.stack if not frame.filename.startswith(_OUR_CODE)]
    told.stack = traceback.StackSummary.from_list(theirs)
    for other in (told.__cause__, told.__context__, *(getattr(told, "exceptions", None) or ())):
        _drop_ours(other, seen)
