"""Signals that strike in the middle of a client's code are the application's."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from aiomonitor.backends.stopping import is_for_application

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="needs POSIX: a signal sent to this process"
)


def raised_by(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    pytest.fail("nothing was raised")


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    while True:
        pass


def typed(kind: type[BaseException]) -> NoReturn:
    raise kind


def test_ctrl_c_at_the_applications_terminal() -> None:
    """KeyboardInterrupt out of Python's own handler is the application's."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run without one
    try:
        assert is_for_application(raised_by(lambda: send(signal.SIGINT)))
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_exits() -> None:
    """SystemExit out of a handler of the application's is, too."""

    def handler(number: int, frame: object) -> NoReturn:
        sys.exit(3)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        assert is_for_application(raised_by(lambda: send(signal.SIGTERM)))
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ValueError])
def test_what_was_typed(kind: type[BaseException]) -> None:
    """What a `raise` of the client's code raised is the client's."""
    assert not is_for_application(raised_by(lambda: typed(kind)))
