"""Reads the Grafana dashboard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from .harness import CONTRIB

if TYPE_CHECKING:
    from collections.abc import Iterator

DASHBOARD: Final[Any] = json.loads((CONTRIB / "grafana" / "aiomonitor.json").read_text("utf-8"))
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RATE_INTERVAL: Final = "10s"
"""In place of Grafana's, which makes it of the scrape interval and the width of the panel."""


def expressions() -> Iterator[str]:
    """Every query of every panel, as it is written."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"]


def asked(expression: str, *, application: str = ".+", instance: str = ".+") -> str:
    """The query that Grafana sends for these choices."""
    variables = {
        "$__rate_interval": RATE_INTERVAL,
        "$application": application,
        "$instance": instance,
    }
    for name, value in variables.items():
        expression = expression.replace(name, value)
    return expression
