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


def hook_every_loop() -> list[Any]:
    """Hook loops as they are made; the list fills with the hooks."""
    from aiomonitor.backends._asyncio.hook import TaskHook

    hooks: list[TaskHook] = []
    original = asyncio.BaseEventLoop.__init__

    def initialise(self: Any) -> None:
        original(self)
        hooks.append(TaskHook(self))
        hooks[-1].install()

    asyncio.BaseEventLoop.__init__ = initialise  # type: ignore[method-assign]
    return hooks


def guest(mode: str, *names: str) -> None:
    hooks = hook_every_loop() if mode == "hooked" else []
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    gc.freeze()  # each test collects: what it made, not what was loaded before
    result = unittest.TextTestRunner(io.StringIO()).run(suite)
    bad = sorted(test.id() for test, _ in result.failures + result.errors)
    watched = sum(len(hook.drain(sys.maxsize)) for hook in hooks)
    failed = sum(not hook.active for hook in hooks)
    json.dump([bad, result.testsRun, watched, failed], sys.stdout)


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
