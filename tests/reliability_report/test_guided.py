"""What the guided part makes of the fuzzer's words."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest
from reliability import guided
from reliability.parts import AIMS, CONTROL, GUIDED, missed
from reliability.targets import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

TOLD = """INFO: seed corpus: files: 32 min: 2b max: 5312b total: 12183b rss: 65Mb
#33	INITED cov: 151 ft: 472 corp: 27/3633b exec/s: 0 rss: 65Mb
#1024	pulse  cov: 151 ft: 677 corp: 83/30Kb lim: 1024 exec/s: 512 rss: 65Mb
#2000	DONE   cov: 152 ft: 705 corp: 94/35Kb lim: 1024 exec/s: 250 rss: 68Mb
Done 2000 runs in 8 second(s)
"""
REACHED = {
    "runs": 2000, "edges_first": 151, "edges": 152, "features_first": 472, "features": 705,
    "kept": 94, "growth_mb": 3,
}  # fmt: skip


SOUND = {"breaches": 0.0, "failed": 0.0, **REACHED}
FOUND = {**dict.fromkeys(GUIDED, SOUND), CONTROL: {**SOUND, "breaches": 7.0}}


def test_what_was_reached() -> None:
    """At the start, and at the end; where the end did not come, nothing is told."""
    assert guided.reached(TOLD) == REACHED
    assert guided.reached(TOLD.partition("#2000")[0]) == {}


def test_targets_that_fail_or_stay_where_they_are_miss_the_aims() -> None:
    """One that ended badly has not grown; a breach anywhere counts."""
    assert missed("guided", guided.summary(FOUND)) == []
    figures = guided.summary({**FOUND, "keys": {"breaches": 3.0, "failed": 1.0}})
    assert figures["guided_runs"] == 10000
    assert figures["guided_streams_features"] == 705
    assert [each.rpartition(": ")[2] for each in missed("guided", figures)] == [
        "3, not at most 0", "1, not at most 0", "5, not at least 6",
    ]  # fmt: skip


def test_a_fuzzer_that_does_not_find_what_is_there_misses_the_aims() -> None:
    """The planted fault counts as found, and never as a breach."""
    assert guided.summary(FOUND)["guided_breaches"] == 0
    (told,) = missed("guided", guided.summary({**FOUND, CONTROL: SOUND}))
    assert told.endswith("it is guided: 0, not at least 1")
    assert len(missed("guided", guided.summary({**FOUND, CONTROL: {}}))) == 1


def test_every_target_is_run_and_shown() -> None:
    """Each has its share of the runs and its rows."""
    assert set(guided.SHARES) == set(TARGETS) == {*GUIDED, CONTROL}
    assert {aim.key for aim in AIMS["guided"]} <= set(guided.summary(FOUND))


def test_a_corpus_is_made_from_the_seed(tmp_path: Path) -> None:
    """The same seed has the same inputs, none longer than it may be."""
    one, other = (
        [path.read_bytes() for path in sorted(guided.corpus("keys", 1, tmp_path / name).iterdir())]
        for name in ("one", "other")
    )
    assert one == other
    assert len(one) == guided.SEEDS
    assert max(map(len, one)) <= guided.LENGTHS["keys"]


def test_without_the_fuzzer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, with what installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match=r"needs atheris.*dependency group `fuzz`"):
        guided.main(["100"])
