"""What each thread executes, while threads begin and end and garbage is collected."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import pytest

from aiomonitor.backends import tops
from support import PATIENCE

BUSY = """
import faulthandler, gc, sys, threading, time
from aiomonitor.backends.tops import current_frames

faulthandler.dump_traceback_later(20, exit=True)
over = threading.Event()

def descend(levels):
    descend(levels - 1) if levels else over.wait()

def start_threads():
    while not over.is_set():
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

threads = [threading.Thread(target=descend, args=(9,)) for _ in range(8)]
threads.append(threading.Thread(target=start_threads))
gc.callbacks.append(lambda *_: time.sleep(0))
gc.set_threshold(3)
for each in threads:
    each.start()
for _ in range(5000):
    assert threading.get_ident() in current_frames()
over.set()
assert gc.isenabled()
print("not deadlocked")
"""


def test_no_deadlock_with_the_garbage_collector() -> None:
    """On 3.11.7 this stood still within the first hundred calls."""
    command = [sys.executable, "-c", BUSY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout == "not deadlocked\n", done.stderr


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("risky", [True, False])
def test_the_collector_is_as_before(
    monkeypatch: pytest.MonkeyPatch, *, risky: bool, enabled: bool
) -> None:
    if risky and tops._call is None:
        monkeypatch.setattr(tops, "_call", lambda function: function())
    monkeypatch.setattr(tops, "CAN_DEADLOCK", risky)
    (gc.enable if enabled else gc.disable)()
    try:
        found = tops.current_frames()
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
    assert threading.get_ident() in found


def test_the_collector_is_enabled_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise MemoryError

    if tops._call is None:
        monkeypatch.setattr(tops, "_call", lambda function: function())
    monkeypatch.setattr(tops, "CAN_DEADLOCK", True)
    monkeypatch.setattr(sys, "_current_frames", fail)
    with pytest.raises(MemoryError):
        tops.current_frames()
    assert gc.isenabled()
