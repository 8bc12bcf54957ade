"""One fleet for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from clients.harness import eventually

from .harness import Prometheus, Worker, configure, program, workers

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRAPES = 5
"""Of each worker, before the first question: rates need two."""


@dataclass(frozen=True)
class Fleet:
    """The workers by their kinds, and the server that scrapes them."""

    workers: dict[str, Worker]
    prometheus: Prometheus

    @property
    def instances(self) -> set[str]:
        """All workers, as the server calls them."""
        return {each.instance for each in self.workers.values()}


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Five workers, scraped for some seconds already."""
    program("prometheus")
    with workers() as found:
        prometheus = Prometheus(configure(tmp_path_factory.mktemp("prometheus"), found))
        fleet = Fleet(found, prometheus)
        try:
            scraped = f"sum_over_time(up[1m]) >= {SCRAPES}"
            eventually(
                lambda: prometheus.instances(scraped) == fleet.instances,
                lambda: str(prometheus.api("targets")),
            )
            yield fleet
        finally:
            prometheus.end()
