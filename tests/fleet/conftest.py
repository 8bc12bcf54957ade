"""One fleet for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from clients.harness import eventually

from .harness import Worker, configure, find_targets, program, running, workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .harness import Prometheus

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
    registered = tmp_path_factory.mktemp("run")
    configuration = configure(tmp_path_factory.mktemp("prometheus"))
    with workers(registered) as found, running(configuration) as prometheus:
        fleet = Fleet(found, prometheus)
        assert len(fleet.instances) == len(found)  # once each of them listens
        eventually(lambda: len(list(registered.iterdir())) >= len(found))
        find_targets(registered, configuration.with_name("targets"))
        scraped = f"sum_over_time(up[1m]) >= {SCRAPES}"
        eventually(
            lambda: prometheus.instances(scraped) == fleet.instances,
            lambda: str(prometheus.api("targets")),
        )
        yield fleet
