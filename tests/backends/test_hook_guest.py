"""CPython's own tests of tasks and task groups, with the hook on each loop that they make.

Run as a script, this is the guest: `test_hook_guest.py plain|hooked NAME…` runs the tests of these
names, and prints the ids of those that did not pass, as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import io
import json
import subprocess
import sys
import unittest
from typing import Any

TIME_LIMIT = 300
"""Seconds for one run of one module, which takes 10."""

MODULES = ["test_tasks", *(["test_taskgroups"] if sys.version_info >= (3, 11) else [])]


class Hooks:
    """Those of all loops that were made, and what they have seen.

    A closed loop loses its hook: tests keep their loops, and each collects all the garbage.
    """

    def __init__(self) -> None:
        self._live: dict[Any, Any] = {}
        self.watched = self.failed = 0

    def hook_every_loop(self) -> None:
        """Hook loops as they are made."""
        from aiomonitor.backends._asyncio.hook import TaskHook

        initialise, close = asyncio.BaseEventLoop.__init__, asyncio.BaseEventLoop.close

        def hooked(loop: Any) -> None:
            initialise(loop)
            self._live[loop] = TaskHook(loop)
            self._live[loop].install()

        def closed(loop: Any) -> None:
            close(loop)
            hook = self._live.pop(loop, None)
            if hook is not None:
                self.count(hook)
                hook.uninstall()

        asyncio.BaseEventLoop.__init__ = hooked  # type: ignore[assignment,method-assign]
        asyncio.BaseEventLoop.close = closed  # type: ignore[assignment,method-assign]

    def count(self, hook: Any) -> None:
        self.watched += len(hook.drain(sys.maxsize))
        self.failed += not hook.active

    def finish(self) -> None:
        """Count those of loops that nobody has closed."""
        for hook in self._live.values():
            self.count(hook)


def guest(mode: str, *names: str) -> None:
    hooks = Hooks()
    if mode == "hooked":
        hooks.hook_every_loop()
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    gc.freeze()  # each test collects: what it made, not what was loaded before
    result = unittest.TextTestRunner(io.StringIO()).run(suite)
    bad = sorted(test.id() for test, _ in result.failures + result.errors)
    hooks.finish()
    json.dump([bad, result.testsRun, hooks.watched, hooks.failed], sys.stdout)


def run_guest(mode: str, *names: str) -> Any:
    command = [sys.executable, __file__, mode, *names]
    done = subprocess.run(command, capture_output=True, timeout=TIME_LIMIT, check=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    # A script's own folder comes first on the path, where `test` is not CPython's.
    sys.path.pop(0)
    guest(*sys.argv[1:])


if __name__ == "__main__":
    main()
else:
    import pytest

    @pytest.mark.parametrize("module", MODULES)
    def test_guest(module: str) -> None:
        """CPython's tests pass and fail as they do without the hook."""
        name = f"test.test_asyncio.{module}"
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            pytest.skip(f"needs {name}: an interpreter installed with its tests")
        bad, count, watched, failed = run_guest("hooked", name)
        if bad:  # because of the hook, or in this interpreter anyway
            assert [bad, len(bad)] == run_guest("plain", *bad)[:2]
        assert count > 0
        assert watched > 0, "the hook saw no task"
        assert not failed, "a hook took itself off"
