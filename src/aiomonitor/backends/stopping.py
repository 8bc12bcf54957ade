"""Tells whether what ended a client's code was meant for the application that the code runs in.

Python runs signal handlers in the main thread, between two instructions of whatever runs there. So
a SIGTERM to the application, or Ctrl-C at its terminal, may strike in the middle of typed code.
"""

from __future__ import annotations

import dis
import signal
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, TracebackType

_RAISE = dis.opmap["RAISE_VARARGS"]


def is_for_application(error: BaseException) -> bool:
    """Whether a signal raised it; in the thread where it was raised."""
    if isinstance(error, (SystemExit, KeyboardInterrupt)) and error.__traceback__ is not None:
        codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        if not _handler_codes().isdisjoint(codes):
            return True
    return type(error) is KeyboardInterrupt and _comes_from_nowhere(error.__traceback__)


def _handler_codes() -> set[CodeType]:
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    codes = (getattr(handler, "__code__", None) for handler in handlers)
    return {code for code in codes if code is not None}


def _comes_from_nowhere(trace: TracebackType | None) -> bool:
    """Whether no `raise` raised it: Python's own handler of SIGINT is written in C."""
    if trace is None or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code: Any = trace.tb_frame.f_code
    return bool(code.co_code[trace.tb_lasti] != _RAISE)
