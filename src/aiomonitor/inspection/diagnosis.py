"""Judges the run by rules; logs what is new, once.

One judgement costs about 50 µs per task, in a thread of the monitor.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, get_args

from aiomonitor.insight.rules import RULES
from aiomonitor.model.findings import Finding, FindingCount, Findings, RuleInfo, Severity

if TYPE_CHECKING:
    from aiomonitor.insight.scene import Rule, Scene

    from .observer import Observer

log = logging.getLogger("aiomonitor.findings")

REMEMBERED = 1000
"""Findings whose first sighting is remembered, and which are not logged again."""
LOGGED = 5
"""New findings of one rule that one look logs."""
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class Diagnosis:
    """Applies rules to looks. Any thread of the monitor; one look at a time."""

    def __init__(self, observer: Observer, *, logs: bool = True) -> None:
        self._observer = observer
        self._logs = logs
        self._lock = threading.Lock()
        self._rules: dict[str, Rule] = {rule.name: rule for rule in RULES}
        self.thresholds: dict[str, float] = {rule.name: rule.threshold for rule in RULES}
        """By the names of rules; may be changed at any time."""
        self.latest: Findings | None = None
        self._seen: dict[tuple[str, str], float] = {}
        self._appeared: Counter[tuple[str, Severity]] = Counter()
        self._counts: tuple[FindingCount, ...] = ()

    def add(self, rule: Rule) -> None:
        """One more rule, or another one of that name."""
        with self._lock:
            self._rules = {**self._rules, rule.name: rule}
            self.thresholds[rule.name] = rule.threshold

    def judge(self, *, gently: bool = False) -> Findings:
        """A fresh look; a gentle one takes its time."""
        with self._lock:
            began = time.perf_counter()
            scene = self._observer.look(gently=gently)
            found, notes = self._apply(scene)
            took = time.perf_counter() - began
            self._note(found)
            self.latest = Findings(
                at=time.time(),
                took=took,
                findings=tuple(self._dated(found)),
                rules=tuple(map(self._told, self._rules.values())),
                notes=tuple(notes),
            )
            return self.latest

    def counts(self) -> tuple[FindingCount, ...]:
        """How often each rule has found something, and how much of it is still there. At once."""
        return self._counts or self._counted(Counter())

    def _note(self, found: list[Finding]) -> None:
        """What the look before did not find has appeared, also if it was there earlier."""
        before = {(each.rule, each.key) for each in self.latest.findings} if self.latest else set()
        new = [each for each in found if (each.rule, each.key) not in before]
        self._appeared.update((each.rule, each.severity) for each in new)
        self._counts = self._counted(Counter((each.rule, each.severity) for each in found))

    def _counted(self, present: Counter[tuple[str, Severity]]) -> tuple[FindingCount, ...]:
        """Of every rule and severity: what begins at 0 can be seen to grow."""
        known: set[tuple[str, Severity]] = {
            (rule, severity) for rule in self._rules for severity in SEVERITIES
        }
        return tuple(
            FindingCount(
                rule=rule,
                severity=severity,
                appeared=self._appeared[rule, severity],
                present=present[rule, severity],
            )
            for rule, severity in sorted(known | self._appeared.keys())
        )

    def _apply(self, scene: Scene) -> tuple[list[Finding], list[str]]:
        found: list[Finding] = []
        notes: list[str] = []
        for rule in self._rules.values():
            try:
                found += rule.check(scene, self.thresholds.get(rule.name, rule.threshold))
            except Exception as error:  # a rule of the user's
                log.debug("rule %r failed", rule.name, exc_info=True)
                notes.append(f"rule {rule.name!r} failed: {type(error).__name__}: {error}")
        found.sort(key=lambda each: SEVERITIES.index(each.severity))
        return found, notes

    def _dated(self, found: list[Finding]) -> list[Finding]:
        """With the time when each was first seen; what is new is logged."""
        now = time.time()
        new = [each for each in found if (each.rule, each.key) not in self._seen]
        self._seen.update(((each.rule, each.key), now) for each in new)
        if self._logs:
            _log(new)
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return [
            dataclasses.replace(each, first_seen=self._seen.get((each.rule, each.key), now))
            for each in found
        ]

    def _told(self, rule: Rule) -> RuleInfo:
        return RuleInfo(
            name=rule.name,
            text=rule.text,
            threshold=self.thresholds.get(rule.name, rule.threshold) if rule.unit else None,
            unit=rule.unit,
            remedy=rule.remedy,
        )


def _log(found: list[Finding]) -> None:
    """The first of each rule: what is wrong a hundred times at once must not flood the log."""
    counts = Counter[str]()
    for each in found:
        counts[each.rule] += 1
        if counts[each.rule] <= LOGGED:
            log.warning("%s: %s Remedy: %s", each.rule, _sentence(each.sentence), each.remedy)
    for rule, count in counts.items():
        if count > LOGGED:
            log.warning("%s: and %d more; the command 'findings' tells them", rule, count - LOGGED)


def _sentence(text: str) -> str:
    from aiomonitor.escapes import printable  # names are the application's

    return printable(text if text.endswith(".") else f"{text}.")
