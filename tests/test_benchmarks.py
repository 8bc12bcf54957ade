"""The benchmarks run and yield numbers; how large these are is not a matter for tests."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

KINDS = ("noise", "watchdog", "top", "profile")
ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.benchmark

INSPECTED = {"idle.stall_ms", "ps.first_ms", "ps.stall_ms", "where.whole_ms", "ps_all.whole_ms"}


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a benchmark with this interpreter, which has the project in whatever way."""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{script} ended with {done.returncode}:\n{done.stderr}"
    return done


def figures(tmp_path: Path, script: str, *arguments: str) -> dict[str, float]:
    """What the benchmark writes."""
    path = tmp_path / "figures.json"
    run(script, *arguments, "--rounds", "1", "--json", str(path))
    found: dict[str, float] = json.loads(path.read_text())
    assert all(math.isfinite(figure) for figure in found.values())
    return found


def test_import_cost_yields_numbers(tmp_path: Path) -> None:
    """Time, modules and memory of import and start are measured in fresh interpreters."""
    found = figures(tmp_path, "import_cost.py")
    assert found["heavy_modules"] == 0
    assert {"import_wall_ratio", "started_beyond_anyio_mb", "start_ms", "threads"} <= set(found)


def test_idle_cost_yields_numbers(tmp_path: Path) -> None:
    """A monitor is started and closed between the samples of one process."""
    found = figures(tmp_path, "idle_cost.py", "--tasks", "500")
    assert {"per_task_ratio", "noise_ratio", "idle_cpu_ms"} <= set(found)


def test_tracking_cost_yields_numbers(tmp_path: Path) -> None:
    """Each load runs with tracking and without."""
    found = figures(tmp_path, "tracking_cost.py", "--scale", "0.05")
    assert {"spawn_ratio", "deep_ratio", "cancel_ratio", "request_ratio", "steps_ratio"} <= set(
        found
    )


@pytest.mark.parametrize("options", [[], ["--hook"]], ids=["plain", "hooked"])
def test_insight_cost_yields_numbers(tmp_path: Path, options: list[str]) -> None:
    """Each load runs with the watchdog, `top` and `profile`, and without; a rest, too."""
    found = figures(tmp_path, "insight_cost.py", "--scale", "0.1", *options)
    looks = {f"{load}.{kind}.cpu_ratio" for load in ("steps", "compute") for kind in KINDS}
    assert {*looks, "steps.watchdog.wall_ratio", "idle_cpu_ms", "idle_switches"} <= set(found)


def test_trio_cost_yields_numbers(tmp_path: Path) -> None:
    """The same on trio, and a figure for each hook."""
    found = figures(tmp_path, "trio_cost.py", "--scale", "0.05")
    assert {"spawn_ratio", "group_ratio", "echo_ratio", "steps_ratio"} <= set(found)
    assert {"hook.task_spawned_us", "hook.task_exited_us"} <= set(found)


def test_tracking_flood_yields_numbers(tmp_path: Path) -> None:
    """A flood tells how many tasks it was, and what was dropped."""
    found = figures(tmp_path, "tracking_flood.py", "--seconds", "0.3")
    assert found["rate"] > 0
    assert 0 <= found["dropped_ratio"] < 1


@pytest.mark.parametrize("kind", ["live", "history"])
def test_tracking_memory_yields_numbers(kind: str) -> None:
    """One figure of one process."""
    done = run("tracking_memory.py", "--one", kind, "--hook")
    assert float(done.stdout) > 0


def test_web_latency_yields_numbers(tmp_path: Path) -> None:
    """First visits and answers of the web service, beside a heartbeat in the monitored loop."""
    found = figures(tmp_path, "web_latency.py", "--tasks", "60", "--visits", "1")
    assert {"visit.busy_ms", "60.tasks.whole_ms", "60.tasks.stall_ms"} <= set(found)
    scrapes = {f"60.scrape.{name}_ms" for name in ("first.whole", "first.stall", "later.stall")}
    assert scrapes <= set(found)


def test_web_pages_yields_numbers(tmp_path: Path) -> None:
    """Pages are open in some of the rounds, and have their events."""
    found = figures(tmp_path, "web_pages.py", "--tasks", "60", "--seconds", "0.2")
    assert {"60.steps_ratio", "60.tasks_ratio"} <= set(found)
    assert found["60.steps_events_per_s"] > 0


@pytest.mark.parametrize("client", [[], ["--telnet"]], ids=["plain", "telnet"])
def test_inspect_latency_yields_numbers(tmp_path: Path, client: list[str]) -> None:
    """Each kind of client gets whole answers, beside a heartbeat in the monitored loop."""
    found = figures(tmp_path, "inspect_latency.py", "--tasks", "60", *client)
    assert {f"60.{name}" for name in INSPECTED} <= set(found)


def test_insight_latency_yields_numbers(tmp_path: Path) -> None:
    """What explains is asked, beside a heartbeat in the monitored loop."""
    found = figures(tmp_path, "insight_latency.py", "--tasks", "600")
    asked = ("deadlocks", "findings", "groups", "locks", "queues", "tree", "why", "mark", "diff")
    assert {f"600.{name}.{key}_ms" for name in asked for key in ("whole", "stall")} <= set(found)


def test_report_writes_its_verdicts(tmp_path: Path) -> None:
    """The page has a table per benchmark, and says of each aim whether it is reached."""
    output = tmp_path / "performance.md"
    done = run(
        *("report.py", "--quick", "--rounds", "1", "--tasks", "50", "100"),
        *("--build", str(tmp_path / "build"), "--output", str(output)),
    )
    assert "failed: " not in done.stderr, done.stderr
    text = output.read_text(encoding="utf-8")
    assert "## Import and start" in text
    assert "## 100 tasks" in text
    assert "`start()`, at most 50.0 ms: **" in text
    assert "0.7.1" in text
    assert "not measured" in text
    assert str(ROOT) not in text
