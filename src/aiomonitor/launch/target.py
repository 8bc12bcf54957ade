"""What `aiomonitor attach` has its target do: start a monitor, and say where.

Runs in a thread of its own, since the main thread was interrupted anywhere, and may hold any lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import beginnings, present
from aiomonitor.evidence import looks
from aiomonitor.monitor import Monitor

from .first_run import USUAL

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 5.0
"""Seconds to wait for who asked, who may have gone."""


def begin(folder: str, settings: Mapping[str, Any]) -> None:
    """Start a monitor, tell who asked, and remove the folder of the request. Never raises."""
    try:
        answer = attached(settings)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asker:
        asker.settimeout(PATIENCE)
        asker.connect(os.path.join(folder, "answer"))  # noqa: PTH118
        asker.sendall(json.dumps(answer).encode())
    shutil.rmtree(folder, ignore_errors=True)


def attached(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Where the monitor is, or why there is none."""
    for look in looks():
        if look.address:
            return {"error": "already", "address": look.address}
    runs = [each.run for each in present() if each.loop_state() == "running"]
    if not runs:
        return {"error": "no run"}
    monitor = Monitor(runs[0], **{**USUAL, **settings})
    monitor.start()
    if monitor.addresses and hasattr(runs[0], "close"):
        beginnings.when_closed(runs[0], monitor.close)
    return {"address": monitor.look().address, "disabled": not monitor.addresses}
