"""CPython's own tests of tasks and task groups, with the hook on each loop that they make.

Run as a script, this is the guest: `test_hook_guest.py MODULE plain|hooked` prints the ids of the
tests that did not pass, as JSON.
"""

from __future__ import annotations

import asyncio
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
    from aiomonitor.backends._asyncio_hook import TaskHook

    hooks: list[TaskHook] = []
    original = asyncio.BaseEventLoop.__init__

    def initialise(self: Any) -> None:
        original(self)
        hooks.append(TaskHook(self))
        hooks[-1].install()

    asyncio.BaseEventLoop.__init__ = initialise  # type: ignore[method-assign]
    return hooks


def guest(module: str, mode: str) -> None:
    hooks = hook_every_loop() if mode == "hooked" else []
    suite = unittest.defaultTestLoader.loadTestsFromName(f"test.test_asyncio.{module}")
    result = unittest.TextTestRunner(io.StringIO()).run(suite)
    bad = sorted(test.id() for test, _ in result.failures + result.errors)
    watched = sum(len(hook.drain(sys.maxsize)) for hook in hooks)
    failed = sum(not hook.active for hook in hooks)
    json.dump([bad, result.testsRun, watched, failed], sys.stdout)


def run_guest(module: str, mode: str) -> Any:
    command = [sys.executable, __file__, module, mode]
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
        try:
            found = importlib.util.find_spec(f"test.test_asyncio.{module}")
        except ModuleNotFoundError:
            found = None
        if found is None:
            pytest.skip(
                f"needs test.test_asyncio.{module}: an interpreter installed with its tests"
            )
        hooked, count, watched, failed = run_guest(module, "hooked")
        if hooked:  # by the hook, or by this interpreter; without it, a run takes as long again
            assert [hooked, count] == run_guest(module, "plain")[:2]
        assert count > 0
        assert watched > 0, "the hook saw no task"
        assert not failed, "a hook took itself off"
