"""The hooks: `pytest -p aiomonitor` loads this, since the package names it as its plugin.

A dump is in the report of a test that times out or leaves tasks behind. Imports pytest, as nothing
else does.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor import evidence
from aiomonitor.backends.leaving import notice_expiries
from aiomonitor.evidence import dumping

from .leaks import LeakCheck, told

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

DUMPS = 5
"""Dumps at expiring timeouts in one test: an application may have many that mean nothing."""

timed_out: pytest.StashKey[str] = pytest.StashKey()
"""What went on when the test timed out."""
expired: pytest.StashKey[str] = pytest.StashKey()
"""What went on when a timeout in it expired, the latest."""
leaked: pytest.StashKey[str] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aiomonitor")
    group.addoption(
        "--aiomonitor-timeout",
        type=float,
        metavar="SECONDS",
        help="fail a test that takes longer, with a dump of all tasks",
    )
    group.addoption(
        "--aiomonitor-leaks",
        action="store_true",
        default=None,
        help="fail a test that leaves asyncio tasks behind",
    )
    parser.addini("aiomonitor_timeout", "as --aiomonitor-timeout", default="")
    parser.addini("aiomonitor_leaks", "as --aiomonitor-leaks", type="bool", default=False)
    parser.addini(
        "aiomonitor_leaks_allow",
        "patterns of names or coroutines of tasks that may be left behind",
        type="linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "aiomonitor(timeout=None, leaks=None, allow=()): its own timeout in seconds, whether tasks "
        "may be left behind (leaks=False), and patterns of those that may",
    )
    config.pluginmanager.register(Plugin(config), "aiomonitor-reports")


class Plugin:
    """For one run of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._leaks = LeakCheck()
        self._undo = [_wrap_pytest_timeout()]
        dumping.RUNNERS = tuple(map(_folder, (pytest.Item, type(pytest.hookimpl))))
        self._leaks.start()

    def pytest_unconfigure(self) -> None:
        self._leaks.stop()
        dumping.RUNNERS = ()
        for undo in self._undo:
            undo()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        options = self._options(item)
        self._leaks.begin(self._allowed(options))
        try:
            with _noting_expiries(item), _alarm(item, self._timeout(options)):
                result = yield
        finally:
            self._leaks.end()
            if self._leaks.left:
                item.stash[leaked] = self._leaks.dump
        if self._leaks.left and self._is_strict(options):
            pytest.fail(told(self._leaks.left), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call":
            # What is left behind by a test that did not come to its end, that one shows as well.
            dumps = [item.stash.get(timed_out, None) or item.stash.get(leaked, None)]
            if call.excinfo is not None and _is_timeout(call.excinfo.value):
                dumps.append(item.stash.get(expired, None))
            report.sections += [("aiomonitor: what went on", each) for each in dumps if each]
        return report

    def _options(self, item: pytest.Item) -> dict[str, Any]:
        """Those of its markers; the closest counts."""
        found: dict[str, Any] = {}
        for marker in item.iter_markers("aiomonitor"):
            found = {**marker.kwargs, **found}
        return found

    def _timeout(self, options: dict[str, Any]) -> float | None:
        wanted = options.get("timeout", self._config.getoption("--aiomonitor-timeout"))
        if wanted is None:
            wanted = self._config.getini("aiomonitor_timeout") or None
        return None if wanted is None else float(wanted)

    def _is_strict(self, options: dict[str, Any]) -> bool:
        if "leaks" in options:
            return not options["leaks"]
        if self._config.getoption("--aiomonitor-leaks"):
            return True
        return bool(self._config.getini("aiomonitor_leaks"))

    def _allowed(self, options: dict[str, Any]) -> list[str]:
        return [*self._config.getini("aiomonitor_leaks_allow"), *options.get("allow", ())]


@contextmanager
def _alarm(item: pytest.Item, seconds: float | None) -> Iterator[None]:
    """Fail after so long: by a signal, which also ends a blocking call. Where there is none, or not
    in the main thread, there is a dump, and the test goes on."""
    if not seconds:
        yield
    elif hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():

        def fail(*_: object) -> None:
            __tracebackhide__ = True
            _note_timeout(item)
            pytest.fail(f"it took longer than {seconds:g} s (--aiomonitor-timeout)")

        before = signal.signal(signal.SIGALRM, fail)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    else:
        timer = threading.Timer(seconds, _note_timeout, (item,))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _note_timeout(item: pytest.Item) -> None:
    item.stash[timed_out] = evidence.taken()


@contextmanager
def _noting_expiries(item: pytest.Item) -> Iterator[None]:
    dumps = 0

    def note() -> None:
        nonlocal dumps
        if dumps < DUMPS:
            dumps += 1
            item.stash[expired] = evidence.taken()

    stop = notice_expiries(note)
    try:
        yield
    finally:
        stop()


def _is_timeout(error: BaseException | None) -> bool:
    """Whether it is a TimeoutError, or holds one, or came of one."""
    while error is not None:
        inner = getattr(error, "exceptions", ())
        if type(error).__name__ in ("TimeoutError", "TooSlowError") or any(map(_is_timeout, inner)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _folder(kind: Any) -> str:
    """Where the package is that a class comes from: pytest's own, and that which calls hooks."""
    return os.path.dirname(inspect.getfile(kind)) + os.sep  # noqa: PTH120 - compared as text


def _wrap_pytest_timeout() -> Callable[[], None]:
    """Have pytest-timeout make a dump first, if it is there, whichever of its methods it uses."""
    module: Any = sys.modules.get("pytest_timeout")
    names = [name for name in ("timeout_sigalrm", "timeout_timer") if hasattr(module, name)]
    inner = {name: getattr(module, name) for name in names}

    def wrapped(name: str, item: pytest.Item, settings: object) -> object:
        _note_timeout(item)
        if name == "timeout_timer":  # the end of the process: there will be no report
            _write_at_once(item)
        return inner[name](item, settings)

    for name in names:
        setattr(module, name, functools.partial(wrapped, name))

    def undo() -> None:
        for name in names:
            setattr(module, name, inner[name])

    return undo


def _write_at_once(item: pytest.Item) -> None:
    capture: Any = item.config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(item)
    if sys.stderr is not None:
        sys.stderr.write(item.stash[timed_out])
        sys.stderr.flush()
