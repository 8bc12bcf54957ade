"""The API against its own OpenAPI document, by schemathesis; only `nox -s tests_web` runs it.

Each operation is asked what the document allows and what it does not, and has to answer as the
document says: no 5xx, no undocumented status, no body that does not fit its schema. Its pytest
plugin is not used: it knows private parts of pytest (4.32 fails with pytest 9.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from aiomonitor.webui import limits
from aiomonitor.webui.insight_api import registry
from webui.harness import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

reason = "needs schemathesis: nox -s tests_web"
schemathesis: Any = pytest.importorskip("schemathesis", reason=reason)

pytestmark = pytest.mark.fuzz

SLOW = ("events", "top", "profile")
"""What answers after some time, or never ends."""
ENDPOINTS = [endpoint for endpoint in registry.endpoints if endpoint.name not in SLOW]
ASKED = [(endpoint.method, endpoint.path, "POSITIVE") for endpoint in ENDPOINTS]
ASKED += [
    (endpoint.method, endpoint.path, "NEGATIVE") for endpoint in ENDPOINTS if endpoint.parameters
]
EXAMPLES = 50


@pytest.fixture(scope="module")
def api() -> Iterator[Any]:
    """The document of a running monitor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CANCELS", (1_000_000, 1.0))
        patch.setattr(limits, "CONNECTIONS", 100_000)  # its connections are left open
        with watched() as (application, monitor):
            for name in ("alpha", "beta"):
                application.add(name)
            url = f"http://127.0.0.1:{monitor.webui_port}/openapi.json"
            yield schemathesis.openapi.from_url(url)


@pytest.mark.parametrize(("method", "path", "mode"), ASKED)
def test_api(api: Any, method: str, path: str, mode: str) -> None:
    """It answers as its document says, to what it allows and to what it does not."""
    operation = api[path][method]
    wanted = schemathesis.GenerationMode[mode]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=wanted))
    def ask(case: Any) -> None:
        response = case.call()
        if response.status_code != 414:  # a refusal like others, but unknown to its checks
            case.validate_response(response)

    ask()
