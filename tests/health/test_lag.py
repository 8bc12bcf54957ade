"""The lag in windows that slide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.health.lag import BOUNDS, SLICE, WINDOWS, LagHistogram, quantile


def test_nothing_measured() -> None:
    """A window without measurements says so."""
    for window in LagHistogram().windows(0.0):
        assert (window.count, window.median, window.p99, window.worst) == (0, None, None, None)
        assert len(window.buckets) == len(BOUNDS) + 1


def test_buckets() -> None:
    """A measurement counts up to its bound, and beyond the last one."""
    lag = LagHistogram()
    for seconds in (0.001, 0.0011, 99.0):
        lag.add(0.0, seconds)
    buckets = lag.windows(0.0)[0].buckets
    assert buckets[BOUNDS.index(0.001)] == 1
    assert buckets[BOUNDS.index(0.0025)] == 1
    assert buckets[-1] == 1


def test_windows_slide() -> None:
    """What is older than a window is not in it, but in the longer ones."""
    lag = LagHistogram()
    lag.add(0.0, 0.2)
    lag.add(100.0, 0.001)
    assert [window.count for window in lag.windows(100.0)] == [1, 2, 2]
    assert [window.worst for window in lag.windows(100.0)] == [0.001, 0.2, 0.2]
    assert [window.count for window in lag.windows(100.0 + WINDOWS[-1] + SLICE)] == [0, 0, 0]


def test_what_is_pending_counts() -> None:
    """A call that is not answered counts as what it has waited, as long as one looks."""
    lag = LagHistogram()
    lag.add(0.0, 0.001)
    assert lag.windows(0.0, 3.0)[0].worst == 3.0
    assert lag.windows(0.0, 3.0)[0].count == 2
    assert lag.windows(0.0)[0].count == 1


def test_bounded() -> None:
    """The memory does not grow with the time."""
    lag = LagHistogram()
    for second in range(10_000):
        lag.add(float(second), 0.001)
    assert len(lag._slices) <= WINDOWS[-1] / SLICE + 1
    assert lag.windows(10_000.0)[-1].count <= WINDOWS[-1] + SLICE


def test_totals() -> None:
    """What was ever measured stays counted, whatever the windows forget."""
    lag = LagHistogram()
    for second in range(5000):
        lag.add(float(second), 0.002)
    assert lag.buckets[BOUNDS.index(0.0025)] == sum(lag.buckets) == 5000
    assert lag.seconds == pytest.approx(10.0)


@given(st.lists(st.floats(0.0, 20.0), min_size=1, max_size=50), st.floats(0.01, 1.0))
def test_quantiles_lie_in_the_right_bucket(lags: list[float], share: float) -> None:
    """A quantile is not above the worst, and in the bucket of the measurement of that rank."""
    lag = LagHistogram()
    for seconds in lags:
        lag.add(0.0, seconds)
    window = lag.windows(0.0)[0]
    found = quantile(window.buckets, window.worst, share)
    assert found is not None
    assert 0 <= found <= max(lags)
    rank = max(0, -(-share * len(lags) // 1) - 1)
    exact = sorted(lags)[min(int(rank), len(lags) - 1)]
    near = {index for index, bound in enumerate((*BOUNDS, 1e9)) if exact <= bound}
    assert found <= (*BOUNDS, 1e9)[min(near)] + 1e-9


def test_median() -> None:
    """Half of the measurements are not above it."""
    assert quantile([0, 0, 2, 0], 0.001, 0.5) == pytest.approx(0.000_75)
