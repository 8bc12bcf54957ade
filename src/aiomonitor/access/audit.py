"""The audit log: who did what, and what came of it; a line each, whatever a client has sent."""

from __future__ import annotations

import logging

from aiomonitor.escapes import printable

log = logging.getLogger("aiomonitor.audit")

LONGEST = 1000
"""Characters of what somebody did: a command is a few words, and a log is no place for a file."""


def note(peer: str, what: str, outcome: str = "") -> None:
    """Write a line: first without an outcome, and then with it. Any thread but the application's,
    whose log handlers may take their time."""
    cut = what if len(what) <= LONGEST else f"{what[:LONGEST]}…"
    log.info("%s", printable(": ".join(filter(None, (peer, cut, outcome)))))
