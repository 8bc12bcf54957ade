"""Whether an aim is reached, and what follows for the run."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING

import pytest
from reliability import __main__ as program
from reliability.parts import AIMS, FULL, PARTS, QUICK, Aim, missed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROWS = (
    Aim("seen", "seen"),
    Aim("hangs", "hangs", 0),
    Aim("done", "done", least=1),
    Aim("ratio", "ratio", 1.25, timing=True),
)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of one part, with each kind of aim."""
    for of_parts, value in (
        (AIMS, ROWS), (PARTS, "cuts"), (QUICK, ("7",)), (FULL, ("1",)),
    ):  # fmt: skip
        monkeypatch.setitem(of_parts, "cuts", value)


@pytest.mark.parametrize(
    ("aim", "figure", "reached"),
    [
        (Aim("a", "a"), 5, None),
        (Aim("a", "a", 0), 0, True),
        (Aim("a", "a", 0), 1, False),
        (Aim("a", "a", 0), -3, True),
        (Aim("a", "a", least=1), 1, True),
        (Aim("a", "a", least=1), 0.5, False),
        (Aim("a", "a", 2, least=1), 1.5, True),
        (Aim("a", "a", 2, least=1), 3, False),
        (Aim("a", "a", 2), math.nan, False),
    ],
)
def test_reached(aim: Aim, figure: float, reached: bool | None) -> None:
    """A figure reaches its aim or does not; where there is no aim, neither; no number is none."""
    assert aim.reached(figure) is reached


def test_an_aim_in_words() -> None:
    """An aim is told with its bounds."""
    assert Aim("a", "a").shown == ""
    assert Aim("a", "a", 0).shown == "at most 0"
    assert Aim("a", "a", 1.25, least=1).shown == "at most 1.25, at least 1"


@pytest.mark.usefixtures("rows")
def test_what_is_missed() -> None:
    """Missed is what was measured and did not reach its aim, unless it hangs on the machine."""
    assert missed("cuts", {"seen": 9, "hangs": 0, "done": 1, "ratio": 99.0}) == []
    assert missed("cuts", {}) == []
    assert missed("cuts", {"hangs": 2, "done": 0}) == [
        "hangs: 2, not at most 0",
        "done: 0, not at least 1",
    ]


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, figures: Mapping[str, float], *options: str
) -> tuple[int, list[Sequence[str]]]:
    """The program's status with these figures, and what the part was called with."""
    called: list[Sequence[str]] = []

    def measure(_: str, __: str, arguments: Sequence[str]) -> Mapping[str, float]:
        called.append(arguments)
        return figures

    monkeypatch.setattr(program, "measure", measure)
    monkeypatch.setattr(program, "FIGURES", folder / "figures.json")
    monkeypatch.setattr(program, "PAGE", folder / "page.md")
    monkeypatch.setattr(sys, "argv", ["reliability", *options, "cuts"])
    return program.main(), called


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("options", [(), ("--quick",)], ids=["full", "quick"])
def test_an_aim_that_is_missed_fails_the_run(
    options: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The status is 1, the reason is told, and the page says no."""
    status, called = run(monkeypatch, tmp_path, {"hangs": 2, "done": 1}, *options)
    assert status == 1
    assert called == [QUICK["cuts"] if options else FULL["cuts"]]
    assert "hangs: 2, not at most 0" in capsys.readouterr().out
    assert "| hangs | at most 0 | 2 | no |" in (tmp_path / "page.md").read_text()


@pytest.mark.usefixtures("rows")
def test_a_run_that_reaches_its_aims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 0; what was measured at another scale is kept."""
    run(monkeypatch, tmp_path, {"hangs": 2})
    status, _ = run(monkeypatch, tmp_path, {"hangs": 0, "done": 3, "ratio": 9.0}, "--quick")
    assert status == 0
    assert "all aims were reached" in capsys.readouterr().out
    kept = json.loads((tmp_path / "figures.json").read_text())["cuts"]
    assert [*kept["full"].values()] == [{"hangs": 2}]
    assert [*kept["quick"].values()] == [{"hangs": 0, "done": 3, "ratio": 9.0}]


def test_an_unknown_part_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that is mistyped is named, with those there are."""
    monkeypatch.setattr(sys, "argv", ["reliability", "cust"])
    with pytest.raises(SystemExit):
        program.main()
    assert "no such part: cust; there are" in capsys.readouterr().err


def test_every_part_is_whole() -> None:
    """Each part has both scales and aims, and none of its rows twice."""
    assert set(PARTS) == set(QUICK) == set(FULL) == set(AIMS)
    for part, aims in AIMS.items():
        keys = [aim.key for aim in aims]
        assert len(keys) == len(set(keys)), part
