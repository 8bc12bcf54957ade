"""docs/reliability.md from figures: a pure function, the same figures give the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .over_time import over_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .parts import Aim

TITLES = {
    "faults": "A working application under faults",
    "text": "Hostile streams for the terminal",
    "guided": "Hostile input that a coverage-guided fuzzer makes up",
    "web": "Hostile requests for the web service and the console",
    "load": "Many clients at once",
    "cuts": "Clients that are cut at every byte",
    "soak": "A soak: everything at once, for as long as there is time",
}
HEAD = """# Reliability

Written by `python -m reliability`, verdicts included; changes by hand are lost. What is random is
made from a seed, so each run can be had again. `--quick` is what CI runs. Not measured here: hours
of use.

Long parts can be run in portions: `1/4` after the seed of `hostile_text`, names of targets after
that of `guided`. The full figures of these two are of portions, added up. What the sessions of the
first kept of memory was measured on its own: 4 000 in one loop left 120 to 320 MB behind, as each
prompt that had ended kept those before it; now they leave 3.

Before the soak's clients come, its application has as many ended tasks remembered as there ever
are: 5 MB that took minutes to come together, and were told as growth. At both of its rests the
allocator gives back what it holds back. It has one heap, by `MALLOC_ARENA_MAX=1` unless that is
set: with the sixteen that glibc has for threads of two processors, memory was 20 MB more. From the
second minute to the fourth it grew by 2.4 MB a minute, with one heap by 0.5 and 1.8 in two runs,
the latter less and less; objects did not grow in any.

What still grows there are stores that fill up: `tracemalloc` told the names of locks, 10 000 at
most, which take minutes to come together and then 2.5 MB. It also told whole source files in
`linecache`, of all that had stood in a stack: those are not kept any more.

Under the load the application's slow requests wait for Python's garbage collector, as
`gc.callbacks` told: with 100 terminals let in, 200 streams and 100 slow readers it knew 120 000
objects at first and 206 000 at most, and went through all of them three times, for 0.09, 0.10 and
0.13 s on 3.12. Each time some ten requests were late, so these alone make up a hundredth of all.
3.14 collects less at a time. The other requests ask for the interpreter four times each, and wait a
millisecond or two each time that the monitor computes: its pieces are that long. 250 terminals are
let in; fifty of the slow readers are terminals, too.

```console
$ python -m reliability [--quick] [--python PYTHON …] [PART …]
```
"""


def text(
    figures: Mapping[str, Any],
    aims: Mapping[str, Sequence[Aim]],
    scales: Mapping[str, Mapping[str, Sequence[str]]],
    modules: Mapping[str, str],
) -> str:
    """As Markdown."""
    lines = [HEAD]
    for part, rows in aims.items():
        for scale in ("full", "quick"):
            measured = figures.get(part, {}).get(scale)
            if measured:
                command = f"python -m reliability.{modules[part]} {' '.join(scales[scale][part])}"
                lines += [
                    f"## {TITLES[part]} ({scale})\n",
                    f"`{command}`\n",
                    *_table(rows, measured),
                    "",
                    *over_time(measured),
                ]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: Sequence[Aim], measured: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    versions = sorted(measured, key=lambda each: [int(part) for part in each.split(".")])
    yield _row(["figure", "aim", *versions, "reached"])
    yield "|---|---|" + "---:|" * len(versions) + "---|"
    for aim in rows:
        found = [measured[version].get(aim.key) for version in versions]
        verdicts = {aim.reached(each) for each in found if each is not None}
        reached = "no" if False in verdicts else "yes" if True in verdicts else ""
        yield _row([aim.label, aim.shown, *map(_shown, found), reached])


def _shown(figure: float | None) -> str:
    return (
        "not measured" if figure is None else f"{figure:,.1f}".removesuffix(".0").replace(",", " ")
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
