"""A real Prometheus scrapes five workers, and answers what dashboard and alerts ask."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from clients.harness import eventually

from .dashboard import DASHBOARD, PANELS, asked
from .harness import GUARDED, KINDS

if TYPE_CHECKING:
    from .conftest import Fleet

pytestmark = pytest.mark.fleet

IDENTITY = ("application", "pid", "runtime")
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]


def test_everybody_is_told_apart(fleet: Fleet) -> None:
    """Workers of one host have series of their own, and tell application, pid and runtime."""
    found = {
        each["metric"]["instance"]: each["metric"]
        for each in fleet.prometheus.query("aiomonitor_info")
    }
    for worker in fleet.workers.values():
        told = tuple(found[worker.instance][label] for label in IDENTITY)
        assert told == worker.identity


def test_a_token_is_sent(fleet: Fleet) -> None:
    """Those that ask for one are scraped by a job of their own."""
    guarded = {fleet.workers[kind].instance for kind in GUARDED}
    assert fleet.prometheus.instances('up{job="aiomonitor-token"} == 1') == guarded


@pytest.mark.parametrize("expression", QUERIES)
def test_dashboard(fleet: Fleet, expression: str) -> None:
    """Each query has an answer for each worker alone, and for all."""
    choices = [asked(expression)]
    if "> 0" not in expression:  # what is filtered is not of everybody
        choices += [
            asked(expression, application=worker.application, instance=worker.instance)
            for worker in fleet.workers.values()
        ]
    for query in choices:
        # A busy machine may need more than the second that it has for a scrape.
        eventually(partial(fleet.prometheus.query, query), query)


def test_one_worker_alone(fleet: Fleet) -> None:
    """What is chosen above the panels is all that they show."""
    for panel in PANELS:
        for target in panel["targets"]:
            query = asked(target["expr"], instance=fleet.workers["leaking"].instance)
            found = {each["metric"].get("instance") for each in fleet.prometheus.query(query)}
            assert found <= {None, fleet.workers["leaking"].instance}, query


def test_variables(fleet: Fleet) -> None:
    """The lists above the panels have every application and every worker."""
    _, application, instance = (each["query"] for each in DASHBOARD["templating"]["list"])
    assert application["query"] == "label_values(aiomonitor_info, application)"
    assert instance["query"].startswith("label_values(aiomonitor_info{")
    labels: Any = fleet.prometheus.api
    there = {"match[]": "aiomonitor_info"}
    assert set(labels("label/application/values", **there)) == set(KINDS.values())
    assert set(labels("label/instance/values", **there)) == fleet.instances


def rules(fleet: Fleet, kind: str) -> dict[str, Any]:
    """Those that alert, or that record, by name."""
    groups = fleet.prometheus.api("rules")["groups"]
    found = [rule for group in groups for rule in group["rules"] if rule["type"] == kind]
    return {rule["name"]: rule for rule in found}


def test_records(fleet: Fleet) -> None:
    """Each rule works, and records something of every worker."""
    for name, rule in rules(fleet, "recording").items():
        assert rule["health"] == "ok", rule
        eventually(partial(records_all, fleet, name), partial(str, rule))


def records_all(fleet: Fleet, name: str) -> bool:
    """Whether there is something of that name of every worker."""
    return fleet.prometheus.instances(name) == fleet.instances


def test_alerts_can_be_asked(fleet: Fleet) -> None:
    """Each alert's expression works, and those that need more than a fault have nothing to say."""
    for rule in rules(fleet, "alerting").values():
        assert rule["health"] == "ok", rule
        fleet.prometheus.query(rule["query"])
    for name in ("AiomonitorLoopBlocked", "AiomonitorBlind"):
        assert fleet.prometheus.query(rules(fleet, "alerting")[name]["query"]) == []


@pytest.mark.parametrize(
    ("alert", "kind"),
    [
        ("AiomonitorStalls", "stalling"),
        ("AiomonitorLoopLag", "stalling"),
        ("AiomonitorFinding", "stalling"),
        ("AiomonitorTaskGrowth", "leaking"),
    ],
)
def test_alert(fleet: Fleet, alert: str, kind: str) -> None:
    """It fires for the worker that it should fire for, and tells who that is."""
    worker, name = fleet.workers[kind], (alert, fleet.workers[kind].instance)
    eventually(lambda: name in fleet.prometheus.firing(), lambda: str(fleet.prometheus.firing()))
    labels = fleet.prometheus.firing()[name]
    assert tuple(labels[each] for each in IDENTITY) == worker.identity


def test_one_goes_down(fleet: Fleet) -> None:
    """Whoever has ended is missed. The last of the tests."""
    worker = fleet.workers["asyncio"]
    worker.end()
    eventually(lambda: ("AiomonitorDown", worker.instance) in fleet.prometheus.firing())
    assert fleet.prometheus.instances("aiomonitor_info") == fleet.instances - {worker.instance}
