"""What rules have found: sentences with a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .tasks import FrameInfo

Severity = Literal["error", "warning"]
"""error: something does not work; warning: it may soon not, or may be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule has found.

    `key` names what it is about, and stays the same while it lasts: with the rule's name it tells
    one finding from another. `value` is what was compared with the rule's `threshold`, if anything
    was. `tasks` are numbers, the first hundred of `count`. `place` is a line of code, if one is to
    blame. `first_seen` is Unix time.
    """

    rule: str
    key: str
    severity: Severity
    sentence: str
    remedy: str
    value: float | None = None
    threshold: float | None = None
    count: int = 0
    tasks: tuple[int, ...] = ()
    place: FrameInfo | None = None
    first_seen: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCount:
    """The findings of a rule that have this severity: how many have `appeared` since the monitor
    began, one that went and came back counted again, and how many were `present` at the last look.
    """

    rule: str
    severity: Severity
    appeared: int
    present: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInfo:
    """A rule in words: what it looks for, from which `threshold` on (in `unit`), and the remedy."""

    name: str
    text: str
    threshold: float | None
    unit: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What all rules have found, errors first. `at` is Unix time, `took` seconds. `notes` say what
    could not be looked at, and why."""

    at: float
    took: float
    findings: tuple[Finding, ...]
    rules: tuple[RuleInfo, ...]
    notes: tuple[str, ...] = ()
