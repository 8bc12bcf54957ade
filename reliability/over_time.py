"""The part of the report that has a course: ten rows, and each column as a line of blocks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
COLUMNS = {
    "seconds": "s",
    "rss_mb": "memory, MB",
    "descriptors": "descriptors",
    "threads": "threads",
    "probe_ms": "probe, ms",
    "lag_ms": "lag, ms",
    "served": "clients served",
}
DRAWN = ("rss_mb", "descriptors", "threads", "probe_ms", "lag_ms")


def over_time(measured: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table for each Python whose figures have a course; each row is the median of its time."""
    for version, figures in measured.items():
        rows: Sequence[Mapping[str, float]] = figures.get("over_time", ())
        if not rows:
            continue
        yield f"Over time, with {version}:\n"
        yield f"| {' | '.join(COLUMNS.values())} |"
        yield "|" + "---:|" * len(COLUMNS)
        for row in rows:
            yield f"| {' | '.join(f'{row[key]:.1f}'.removesuffix('.0') for key in COLUMNS)} |"
        drawn = [line([row[key] for row in rows]) for key in DRAWN]
        yield f"| | {' | '.join(drawn)} | |\n"


def line(values: Sequence[float]) -> str:
    """From nought to the largest, so that flat looks flat."""
    top = max(values) or 1.0
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * value / top)] for value in values)
