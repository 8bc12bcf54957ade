"""What we give to Prometheus and Grafana is valid, by the word of `promtool` where it has one."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from clients.harness import eventually
from webui.harness import Browser, watched

from .dashboard import DASHBOARD, PANELS, expressions
from .harness import CONTRIB, RULES, SECRET, TOKEN_FILE, program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.fleet

WIDTH = 24
"""Of Grafana's grid."""
OWN = re.compile(r"(?<!:)\baiomonitor_[a-z_]+\b(?!:)")
"""A metric of ours, and none that a rule records."""
DERIVED = re.compile(r"_(bucket|sum|count|total|info)$")


def promtool(*arguments: str | Path, given: bytes | None = None) -> str:
    """What it says, if it finds nothing wrong."""
    command = [program("promtool"), *map(str, arguments)]
    ended = subprocess.run(command, input=given, capture_output=True, check=False)
    told = (ended.stdout + ended.stderr).decode()
    assert ended.returncode == 0, told
    return told


def test_rules() -> None:
    """Alerts and records are written as they should be."""
    assert "SUCCESS" in promtool("check", "rules", CONTRIB / "prometheus" / RULES)


def test_rules_do_what_they_should() -> None:
    """Each alert fires when it should, and not before."""
    tests = CONTRIB / "prometheus" / "aiomonitor.rules.test.yml"
    assert "SUCCESS" in promtool("test", "rules", tests)
    rules = (CONTRIB / "prometheus" / RULES).read_text("utf-8")
    for alert in re.findall(r"alert: (\w+)", rules):
        assert re.search(rf"alertname: {alert}\n +exp_alerts:|name=\"{alert}", tests.read_text())


def test_configuration(tmp_path: Path) -> None:
    """The example works where the files are that it names."""
    for path in (CONTRIB / "prometheus").glob("*.yml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / TOKEN_FILE).write_text(SECRET, "utf-8")
    assert "SUCCESS" in promtool("check", "config", tmp_path / "prometheus.yml")


def listed(name: str, web: str, *, token: bool = False) -> dict[str, Any]:
    """A monitor as `aiomonitor ls --json` tells of it."""
    ports = {"web": 1} if ":" in web else {}
    return {"name": name, "ports": ports, "web": web, "token": token}


def test_targets(tmp_path: Path) -> None:
    """Where this machine's monitors are: all that can be scraped, with and without a token."""
    monitors = [
        listed("shop", "127.0.0.1:20102"),
        listed("shop", "[::]:20105"),
        listed("till", "0.0.0.0:20108", token=True),
        listed("socket", "/run/user/0/shop/web.sock"),
        {**listed("none", ""), "web": None},
    ]
    script = CONTRIB / "prometheus" / "targets.py"
    command = [sys.executable, str(script), str(tmp_path)]
    subprocess.run(command, input=json.dumps(monitors).encode(), check=True)
    found = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert found == {
        "open-local.json": [
            {"targets": ["127.0.0.1:20102"], "labels": {"application": "shop"}},
            {"targets": ["[::1]:20105"], "labels": {"application": "shop"}},
        ],
        "token-local.json": [{"targets": ["127.0.0.1:20108"], "labels": {"application": "till"}}],
    }


def test_metrics() -> None:
    """Names, types and texts are as Prometheus' conventions want them."""
    with watched() as (_, monitor):
        text = Browser(monitor.webui_port or 0).get("/metrics", Accept="text/plain").body
    assert promtool("check", "metrics", given=text) == ""


def test_all_metrics_exist() -> None:
    """What dashboard and rules ask for is there."""
    with watched() as (_, monitor):
        monitor.findings()
        eventually(lambda: monitor.totals().loop_cpu is not None)  # it has answered once
        text = Browser(monitor.webui_port or 0).get("/metrics").body.decode()
    there = set(re.findall(r"^(\w+)", text, re.MULTILINE))
    asked = (CONTRIB / "prometheus" / RULES).read_text("utf-8") + " ".join(expressions())
    wanted = set(OWN.findall(asked))
    assert {"aiomonitor_tasks", "aiomonitor_info"} < wanted
    assert wanted <= there
    unused = {DERIVED.sub("", each) for each in there} - {DERIVED.sub("", each) for each in wanted}
    assert unused == {
        *("aiomonitor_recording", "aiomonitor_history_tasks"),
        "aiomonitor_tasks_counted_timestamp_seconds",
    }


def test_the_dashboard_is_whole() -> None:
    """Each panel has its own number and place, a text, and queries of the chosen data source."""
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in PANELS:
        assert panel["description"], panel["title"]
        assert panel["datasource"] == source, panel["title"]
        assert all(target["datasource"] == source for target in panel["targets"])
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
    assert DASHBOARD["schemaVersion"] >= 41
    assert DASHBOARD["id"] is None  # which is the importer's to give


def test_panels_do_not_overlap() -> None:
    """Each has a place of its own on the grid."""

    def cells(panel: Any) -> set[tuple[int, int]]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        across = range(place["x"], place["x"] + place["w"])
        return set(itertools.product(across, range(place["y"], place["y"] + place["h"])))

    taken = [cells(panel) for panel in DASHBOARD["panels"]]
    assert sum(map(len, taken)) == len(set().union(*taken))


def test_variables() -> None:
    """Data source, application and instance are chosen above the panels; every query heeds it."""
    variables = [each["name"] for each in DASHBOARD["templating"]["list"]]
    assert variables == ["datasource", "application", "instance"]
    assert all('instance=~"$instance"' in each for each in expressions())
    text = json.dumps(DASHBOARD)
    assert set(re.findall(r"\$\{?(\w+)", text)) - {"__all", "__rate_interval"} == set(variables)
