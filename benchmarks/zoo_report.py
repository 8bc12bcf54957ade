"""Judges the zoo in tests/zoo, and writes docs/zoo.md: what was expected and found, precision, recall.

python benchmarks/zoo_report.py [--output docs/zoo.md]
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

BEYOND = """\
## What is beyond reach

- A lock that was acquired by hand, by code whose names do not contain "release", has no known holder: a deadlock
  through it is not told as a circle, but once its waiters have waited for long, as a crowd or a holder that ended.
- Who waits for a queue, event or future that lives in a module or in an object of another task's is never told to
  be forgotten: somebody might still wake it.
- Two tasks with an inbox each, who know each other and both wait, are no deadlock for the monitor: a callback may
  post to either. Queues make a circle only where both are full.
- Growth is told after five looks in a row with more tasks each time, of those that were there at the look before:
  a leak slower than a task in fifteen seconds takes longer, and a service that only ever starts up is told as a
  leak, too.
- A line counts as stuck when nobody in it has gone on for half a minute: one that moves more slowly is told, too.
- Of a semaphore without a bound, nobody knows how much was there at first: that it never comes back is only told
  once fifty tasks are stuck.
- An object that a nested function has in a variable of the function around it counts as known to somebody.
- On a machine that is overloaded, the loop is blocked indeed, though the application is not at fault.
- What wakes a task is not known in general: "swallowed" means that a task waits, outside of any handler for the
  cancellation, some seconds after it.
"""


def main() -> None:
    """Judge all, one after the other."""
    from zoo.harness import THRESHOLDS, found_in, specimens

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "zoo.md")
    output = parser.parse_args().output
    rows, right, missed, wrong, healthy = [], 0, 0, 0, 0
    for specimen in specimens().values():
        if lack := specimen.lacks():
            rows.append(f"| {specimen.name} | {_told(specimen.expects)} | needs {lack} |")
            continue
        rules = {each["rule"] for each in found_in(specimen.name)}
        named = rules & specimen.expects
        extra = rules - specimen.expects - specimen.allowed
        right += bool(named)
        missed += specimen.is_faulty and not named
        wrong += bool(extra)
        healthy += not specimen.is_faulty
        note = " **missed**" if specimen.is_faulty and not named else ""
        note += f" **wrong: {_told(extra)}**" if extra else ""
        rows.append(f"| {specimen.name} | {_told(specimen.expects)} | {_told(rules)}{note} |")
        print(rows[-1])
    precision = right / max(right + wrong, 1)
    recall = right / max(right + missed, 1)
    lowered = ", ".join(f"{name} {value:g}" for name, value in THRESHOLDS.items())
    output.write_text(
        f"""# The zoo

Small applications with a planted fault, and healthy ones, each run with a monitor in a process of its own and
judged eight times by `findings`. Written by `python benchmarks/zoo_report.py` on Python {platform.python_version()}; the tests run
it on every Python. One of the expected rules has to find something, and no other one may. So that nobody waits
for minutes, thresholds are lower than in production, the same for all: {lowered}.

{right + missed} faulty, {healthy} healthy: **precision {precision:.0%}, recall {recall:.0%}**.

| application | planted | found |
|---|---|---|
{chr(10).join(rows)}

{BEYOND}"""
    )


def _told(rules: object) -> str:
    return ", ".join(sorted(rules)) or "–"  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
