"""What the soak makes of its samples."""

from __future__ import annotations

from typing import Any

import pytest
from reliability.soak import BACK, LONG, judged, left

REST = {"descriptors": 30, "threads": 20}


def samples(seconds: float, back: float) -> list[dict[str, float]]:
    """One a second: memory comes back by 50 MB until then, and grows by 3 MB a minute."""
    usual = dict.fromkeys(("threads", "probe_ms", "lag_ms"), 1.0)
    return [
        {**usual, "seconds": at, "rss_mb": 100 + at / 20 - (50 if at < back else 0)}
        for at in map(float, range(60, int(seconds)))
    ]


def test_memory_counts_once_the_clients_are_back() -> None:
    rests: list[dict[str, Any]] = [
        {**REST, "seconds": 60, "kept_mb": 80},
        {**REST, "seconds": 300, "kept_mb": 90},
    ]
    figures = judged(samples(300, 60 + BACK), rests, 300)
    assert figures["rss_mb_per_minute"] == pytest.approx(3)
    assert figures["rest_mb_per_minute"] == pytest.approx(2.5)


def test_a_short_soak_tells_nothing_by_the_minute() -> None:
    rests: list[dict[str, Any]] = [
        {**REST, "seconds": 60, "kept_mb": 80},
        {**REST, "seconds": LONG - 1, "kept_mb": 90},
    ]
    assert (
        not {"rss_mb_per_minute", "rest_mb_per_minute"}
        & judged(samples(LONG - 1, 60), rests, LONG - 1).keys()
    )


def test_what_clients_leave() -> None:
    before = {"census": {"builtins.list": 10, "builtins.dict": 5}, "blocks": 100}
    after = {"census": {"builtins.list": 13, "asyncio.Task": 1}, "blocks": 130}
    assert left(before, after) == {"objects_growth": -1, "blocks_growth": 30}
