"""docs/performance.md from figures: pure functions, the same figures give the same text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Run:
    """What one interpreter with one aiomonitor gave: a column of the tables."""

    label: str
    figures: Mapping[str, float]
    ours: bool = True


@dataclass(frozen=True)
class Measure:
    """A row. An aim is the highest figure that reaches it."""

    label: str
    key: str
    unit: str = ""
    aim: float | None = None

    def reached(self, run: Run) -> bool | None:
        """None if there is no telling."""
        figure = run.figures.get(self.key, math.nan)
        return None if self.aim is None or math.isnan(figure) else figure <= self.aim

    def shown(self, figure: float | None) -> str:
        """A figure with its unit, in as many digits as mean something."""
        if figure is None or math.isnan(figure):
            return NOT_MEASURED
        digits = 0 if self.unit == "" else 2 if self.unit == "×" or abs(figure) < 1 else 1
        rounded = round(figure, digits) + 0.0  # no "-0.00"
        number = f"{rounded:,.{digits}f}".replace(",", " ")
        return f"{number} {self.unit}".rstrip()


@dataclass(frozen=True)
class Section:
    """One table, with what it is about."""

    title: str
    text: str
    measures: Sequence[Measure]


@dataclass
class Page:
    """The whole document."""

    runs: Sequence[Run]
    sections: Sequence[Section]
    facts: Sequence[str]
    command: str

    def text(self) -> str:
        """As Markdown."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield "# Performance"
        yield "\nWritten by `benchmarks/report.py`, verdicts included; changes by hand are lost."
        yield "Figures are medians; a machine that does other things, too, makes them worse."
        yield f"\n```console\n$ {self.command}\n```\n"
        yield from (f"- {fact}" for fact in self.facts)
        yield "\n## Aims\n"
        yield from self._verdicts()
        for section in self.sections:
            yield from self._table(section)

    def _verdicts(self) -> Iterator[str]:
        for section in self.sections:
            for measure in section.measures:
                if measure.aim is not None and self._measured(measure):
                    aim = f"at most {measure.shown(measure.aim)}"
                    yield f"- {section.title}: {measure.label}, {aim}: **{self._verdict(measure)}**"

    def _measured(self, measure: Measure) -> bool:
        return any(measure.key in run.figures for run in self.runs)

    def _verdict(self, measure: Measure) -> str:
        """Reached if every interpreter of ours reached it."""
        ours = (run for run in self.runs if run.ours and measure.key in run.figures)
        told = {run.label: measure.reached(run) for run in ours}
        missed = [label for label, reached in told.items() if reached is False]
        if missed:
            return "not reached" + (f" ({'; '.join(missed)})" if len(told) > 1 else "")
        return NOT_MEASURED if None in told.values() else "reached"

    def _table(self, section: Section) -> Iterator[str]:
        if not any(map(self._measured, section.measures)):
            return
        yield f"\n## {section.title}\n\n{section.text}\n"
        yield _row(["measure", "aim", *(run.label for run in self.runs)])
        yield "|---|---|" + "---:|" * len(self.runs)
        for measure in section.measures:
            if not self._measured(measure):
                continue
            aim = "" if measure.aim is None else f"≤ {measure.shown(measure.aim)}"
            cells = [measure.shown(run.figures.get(measure.key)) for run in self.runs]
            yield _row([measure.label, aim, *cells])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
