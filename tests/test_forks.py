"""A forked child does not answer for its parent, and starts a monitor of its own on request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aiomonitor.threads import ProcessLock
from support import LOOP_KINDS, PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@pytest.mark.parametrize("kind", [LOOP_KINDS[0], LOOP_KINDS[-1]])
@pytest.mark.parametrize("scenario", ["os.fork", "multiprocessing", "prefork"])
def test_a_forking_program(scenario: str, kind: str, tmp_path: Path) -> None:
    """Both processes have a monitor that is their own, each is found, and both end well; whether
    the program forks in its running loop, by multiprocessing, or before it runs the loop."""
    here = Path(__file__).parent
    ended = subprocess.run(
        [sys.executable, str(here / "forking.py"), scenario, kind],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "AIOMONITOR_RUN_DIR": str(tmp_path)},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    child, parent = map(json.loads, ended.stdout.splitlines())
    assert parent.pop("pid") != child["pid"]
    assert parent == {"served": True, "status": 0, "registered": True, "after": True}
    own = child["own"]
    assert (own["name"], own["pid"], own["sleeper"]) == ("child", child["pid"], True)
    assert [name for name, _ in own["registered"]] == ["child", "parent"]
    assert [child[name] for name in ("parents_closed", "only_parent_registered", "after")] == [
        True
    ] * 3


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_lock_that_somebody_has() -> None:
    """A lock of the process's is free in a child, although the thread that has it is not there."""
    lock = ProcessLock()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(PATIENCE)
    assert not lock.acquire(blocking=False)
    child = os.fork()
    if not child:
        os._exit(not lock.acquire(blocking=False))
    assert os.waitpid(child, 0)[1] == 0
    done.set()
    thread.join()
    assert lock.acquire(blocking=False)
    lock.release()
