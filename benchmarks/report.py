"""Runs the benchmarks and writes docs/performance.md.

    python benchmarks/report.py [--quick] [--reuse] [--only SERIES …] [--python PYTHON …]
                                [--tracking PYTHON …] [--peer PYTHON] [--output FILE]

The interpreter that runs this has to have this project, as those of `--python` have; `--peer` is
the interpreter of an environment with aiomonitor 0.7.1, which cannot share one with this project.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import HERE, Results
from page import Page, Run
from tables import sections

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(HERE).parent
PAGE = _ROOT / "docs" / "performance.md"


@dataclass(frozen=True)
class Series:
    """A benchmark with its arguments, and what its figures' names begin with in the report."""

    prefix: str
    script: str
    rounds: int
    arguments: tuple[str, ...] = ()
    for_quick: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)


_IMPORT_NAMES = {
    "import_wall_ratio": "import.wall_ratio",
    "import_ratio": "import.ratio",
    "import_ms": "import.ms",
    "modules": "import.modules",
    "heavy_modules": "import.heavy",
    "import_mb": "import.mb",
    "start_ms": "start.ms",
    "close_ms": "close.ms",
    "threads": "threads",
    "started_mb": "started.mb",
    "started_beyond_anyio_mb": "started.beyond_anyio_mb",
    "tracking_beyond_anyio_mb": "started.tracking_beyond_anyio_mb",
}
_TRACKING = {"tracking", "tracking_uvloop", "trio", "memory"}
_OURS_ALONE = {
    *("inspect_telnet", "insight", "looking", "looking_uvloop", "memory", "flood", "trio"),
}
"""What 0.7.1 has not, or is asked of it anyway."""
_IDLE_NAMES = {"idle_cpu_ms": "cpu_ms"}
_PEER_OPTIONS = {
    "inspect_latency.py": ("--telnet", "--no-limit"),
    "web_latency.py": ("--peer",),
    "web_pages.py": ("--poll",),
}


def all_series(small: int, large: int) -> list[Series]:
    """What a full report measures of this project."""
    few, many = str(small), str(large)
    uvloop = ("--loop", "uvloop")
    inspect = "inspect_latency.py"
    return [
        Series("", "import_cost.py", 15, for_quick=True, renamed=_IMPORT_NAMES),
        Series("idle", "idle_cost.py", 25, for_quick=True, renamed=_IDLE_NAMES),
        Series("idle_uvloop", "idle_cost.py", 25, uvloop, renamed=_IDLE_NAMES),
        Series("tracking", "tracking_cost.py", 15, for_quick=True),
        Series("tracking_uvloop", "tracking_cost.py", 15, (*uvloop, "--load", "spawn")),
        Series("trio", "trio_cost.py", 15, for_quick=True),
        Series("looking", "insight_cost.py", 15, ("--hook",)),
        Series("looking_uvloop", "insight_cost.py", 15, (*uvloop, "--hook")),
        Series("memory", "tracking_memory.py", 3),
        Series("flood", "tracking_flood.py", 1),
        Series("console", "console_idle.py", 9),
        Series("web", "web_latency.py", 9, ("--tasks", many)),
        Series("pages", "web_pages.py", 5, ("--tasks", few, many)),
        Series("inspect", inspect, 9, ("--tasks", few, many), for_quick=True),
        Series("insight", "insight_latency.py", 7, ("--tasks", many)),
        Series("inspect_uvloop", inspect, 9, (*uvloop, "--tasks", many)),
        Series("inspect_telnet", inspect, 9, ("--telnet", "--tasks", many)),
    ]


@dataclass(frozen=True)
class Measuring:
    """One interpreter, and where its figures go."""

    python: str
    build: Path
    peer: bool = False
    rounds: int | None = None  # instead of each series' own
    reuse: bool = False

    def figures(self, wanted: list[Series]) -> Results:
        """Everything that can be measured there; what fails is reported and left out."""
        results: Results = {}
        for series in wanted:
            found = self._measure(series)
            for name, figure in found.items():
                name = series.renamed.get(name, name)
                results[f"{series.prefix}.{name}" if series.prefix else name] = figure
        return results

    def _measure(self, series: Series) -> Results:
        path = self.build / f"{series.prefix or 'import'}.json"
        if not (self.reuse and path.exists()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._run(series, path)
        results: Results = json.loads(path.read_text()) if path.exists() else {}
        return results

    def _run(self, series: Series, path: Path) -> None:
        command = [self.python, f"{HERE}/{series.script}", *series.arguments, "--json", str(path)]
        command += ["--rounds", str(self.rounds or series.rounds)]
        if self.peer:
            command += _PEER_OPTIONS.get(series.script, ())
        print(f"$ {shlex.join(command)}", flush=True)
        if subprocess.run(command, env=self._environment()).returncode:
            print("failed: these figures will be missing", file=sys.stderr)

    def _environment(self) -> dict[str, str]:
        """This project may be found by PYTHONPATH, and would then hide 0.7.1."""
        hidden = {"PYTHONPATH"} if self.peer else set()
        return {name: value for name, value in os.environ.items() if name not in hidden}


def version_of(python: str) -> str:
    """Which Python the interpreter is."""
    code = "import platform; print(platform.python_version())"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def collect(arguments: argparse.Namespace) -> list[Run]:
    """A column per interpreter, this project's first."""
    wanted = all_series(*arguments.tasks)
    if arguments.quick:
        wanted = [series for series in wanted if series.for_quick]
    if arguments.only:
        wanted = [series for series in wanted if series.prefix in arguments.only]
    rounds = arguments.rounds or (3 if arguments.quick else None)
    build, reuse = arguments.build, arguments.reuse
    tracking = [series for series in wanted if series.prefix in _TRACKING]
    ours = [(python, wanted) for python in (sys.executable, *arguments.python)]
    runs = []
    for python, some in [*ours, *((python, tracking) for python in arguments.tracking)]:
        version = version_of(python)
        here = Measuring(python, build / version, rounds=rounds, reuse=reuse)
        runs.append(Run(f"here, {version}", here.figures(some)))
    if arguments.peer is None:
        return [*runs, Run("0.7.1", {}, ours=False)]
    peer = Measuring(arguments.peer, build / "peer", peer=True, rounds=rounds, reuse=reuse)
    label = f"0.7.1, {version_of(arguments.peer)}"
    return [*runs, Run(label, _with_telnet(peer.figures(_for_peer(wanted))), ours=False)]


def _for_peer(wanted: list[Series]) -> list[Series]:
    """0.7.1 is asked through telnet anyway, its history has no counts, and it knows no trio; where
    it takes twenty times as long, less is done. Of many tasks its pages ask for more than it can
    answer, so that there is no time without them."""
    less = {"tracking_cost.py": (5, ("--scale", "0.2")), "web_pages.py": (2, ("--tasks", "10000"))}
    return [
        replace(
            series,
            rounds=less.get(series.script, (series.rounds, ()))[0],
            arguments=(*series.arguments, *less.get(series.script, (0, ()))[1]),
        )
        for series in wanted
        if series.prefix not in _OURS_ALONE
    ]


def _with_telnet(figures: Results) -> Results:
    again = {
        name.replace("inspect.", "inspect_telnet.", 1): figure
        for name, figure in figures.items()
        if name.startswith("inspect.")
    }
    return {**figures, **again}


def facts() -> list[str]:
    """When and on what kind of machine, in words that name nobody's."""
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    return [
        f"date: {today.isoformat()}",
        f"machine: {os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        f"run by: {platform.python_implementation()} {platform.python_version()}",
    ]


def command_again(arguments: argparse.Namespace) -> str:
    """The command line, with the places of other interpreters left out."""
    words = ["python benchmarks/report.py"]
    words += ["--quick"] if arguments.quick else []
    words += [f"--only {each}" for each in arguments.only]
    words += ["--python PYTHON"] * len(arguments.python)
    words += ["--tracking PYTHON"] * len(arguments.tracking)
    words += ["--peer PEER_PYTHON"] if arguments.peer else []
    if arguments.output != PAGE:
        words += [f"--output {arguments.output}"]
    return " ".join(words)


def options() -> argparse.ArgumentParser:
    """The command line's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, and no uvloop")
    parser.add_argument("--python", action="append", default=[], help="another interpreter of ours")
    parser.add_argument(
        "--tracking", action="append", default=[], help="another, for the cost of tracking alone"
    )
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter with aiomonitor 0.7.1")
    parser.add_argument("--reuse", action="store_true", help="measure only what build/ lacks")
    names = [series.prefix for series in all_series(0, 0) if series.prefix]
    parser.add_argument(
        "--only", action="append", default=[], choices=names, help="this series of benchmarks"
    )
    parser.add_argument("--rounds", type=int, help="rounds of every benchmark")
    parser.add_argument("--tasks", type=int, nargs=2, default=(10_000, 100_000))
    parser.add_argument("--build", type=Path, default=_ROOT / "build" / "benchmarks")
    parser.add_argument("--output", type=Path, default=PAGE)
    return parser


def main() -> None:
    """Measure, then write the page."""
    arguments = options().parse_args()
    page = Page(
        runs=collect(arguments),
        sections=sections(*arguments.tasks),
        facts=facts(),
        command=command_again(arguments),
    )
    arguments.output.write_text(page.text(), encoding="utf-8")
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
