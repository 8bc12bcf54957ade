"""What the log tells of sessions that fail, and of clients that are lost."""

from __future__ import annotations

import errno
import logging
import queue
import socket
import struct
import sys
from typing import TYPE_CHECKING

import pytest

from aiomonitor import Monitor
from aiomonitor.failures import Failures, is_of_the_end
from running import Application
from support import PATIENCE, ask

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Iterator


class Log(logging.Handler):
    """What the monitor logs of sessions, for a test to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._records = queue.SimpleQueue[logging.LogRecord]()

    def emit(self, record: logging.LogRecord) -> None:
        self._records.put(record)

    def next(self) -> logging.LogRecord:
        """The next record that is of a session which failed."""
        while True:
            record = self._records.get(timeout=PATIENCE)
            if "session" in record.getMessage():
                return record

    def errors(self) -> list[str]:
        """What there is of errors, now."""
        records = [self._records.get() for _ in range(self._records.qsize())]
        return [each.getMessage() for each in records if each.levelno >= logging.ERROR]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    logger, handler = logging.getLogger("aiomonitor"), Log()
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def monitor(log: Log) -> Iterator[Monitor]:
    """One with a terminal."""
    application = Application()
    try:
        with Monitor(application.loop, port=0, webui_port=None, console_port=None) as started:
            yield started
    finally:
        application.close()


@pytest.fixture
def fail(monitor: Monitor, log: Log, monkeypatch: pytest.MonkeyPatch) -> Fail:
    return Fail(monitor, log, monkeypatch)


class Fail:
    """Has a session fail as it greets its client, and returns what is logged of that."""

    def __init__(self, monitor: Monitor, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monitor = monitor
        self._log = log
        self._error = Exception()
        monkeypatch.setattr(monitor, "greeting", self._greeting)

    def _greeting(self) -> str:
        raise self._error

    def __call__(self, error: Exception) -> logging.LogRecord:
        self._error = error
        with socket.create_connection(("127.0.0.1", self._monitor.port or 0)) as client:
            client.sendall(b"ps\n")
            return self._log.next()


def no_file(name: str = "greeting.py") -> OSError:
    return OSError(errno.EMFILE, "Too many open files", name)


def test_what_the_system_lacks(fail: Fail) -> None:
    """Is told once, by name and with where it was missing, however many clients meet it."""
    told = fail(no_file())
    assert told.levelno == logging.ERROR
    assert told.getMessage().endswith(" has failed: [Errno 24] Too many open files: 'greeting.py'")
    assert told.exc_info
    assert [fail(no_file()).levelno for _ in range(2)] == [logging.DEBUG] * 2
    assert fail(no_file("another.py")).levelno == logging.ERROR


def test_a_failure_of_ours(fail: Fail) -> None:
    """Is told each time."""
    told = [fail(ValueError("a digit")) for _ in range(2)]
    assert [each.levelno for each in told] == [logging.ERROR] * 2
    assert told[0].getMessage().endswith(" has failed")


def test_a_connection_that_is_not_the_clients(fail: Fail) -> None:
    """Its error is not taken for the loss of the client."""
    told = fail(BrokenPipeError())
    assert told.levelno == logging.ERROR
    assert told.getMessage().endswith(" has failed: BrokenPipeError")


@pytest.mark.parametrize("sent", [b"", b"ps\n", b"ps", b"\xff\xfb\x18"])
def test_a_lost_client_is_no_failure(monitor: Monitor, log: Log, sent: bytes) -> None:
    """Whatever it has said before its connection was reset."""
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", monitor.port or 0)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(sent)
    assert "Asyncio Monitor" in ask(monitor.port, "ps")
    monitor.close()
    assert log.errors() == []


ENDING = RuntimeError("can't create new thread at interpreter shutdown")


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (ENDING, True),
        (RuntimeError("cannot schedule new futures after interpreter shutdown"), True),
        (RuntimeError("no"), False),
        (OSError(errno.EMFILE, "interpreter shutdown"), False),
        (None, False),
    ],
)
def test_the_end_of_the_interpreter(error: Exception | None, *, is_it: bool) -> None:
    assert is_of_the_end(error) == is_it


def test_the_end_of_the_interpreter_in_a_group(log: Log) -> None:
    """As anyio raises it, of a session whose program ends with its monitor open."""
    assert is_of_the_end(ExceptionGroup("", [ENDING, ENDING]))
    assert not is_of_the_end(ExceptionGroup("", [ENDING, ValueError()]))
    Failures().note("somebody", ExceptionGroup("", [ENDING]))
    assert log.errors() == []
