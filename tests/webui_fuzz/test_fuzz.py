"""The API against its own OpenAPI document, by schemathesis; only `nox -s tests_web_fuzz` runs it.

Each operation is asked what the document allows and what it does not, and has to answer as the
document says: no 5xx, no undocumented status, no body that does not fit its schema. Its pytest
plugin is not used: it knows private parts of pytest (4.32 fails with pytest 9.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from aiomonitor.webui import limits
from aiomonitor.webui.api import registry
from webui.harness import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

reason = "needs schemathesis: nox -s tests_web_fuzz"
schemathesis: Any = pytest.importorskip("schemathesis", reason=reason)

PATHS = [endpoint.path for endpoint in registry.endpoints if endpoint.name != "events"]
EXAMPLES = 50


@pytest.fixture(scope="module")
def api() -> Iterator[Any]:
    """The document of a running monitor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CANCELS", (1_000_000, 1.0))
        with watched() as (application, monitor):
            for name in ("alpha", "beta"):
                application.add(name)
            url = f"http://127.0.0.1:{monitor.webui_port}/openapi.json"
            yield schemathesis.openapi.from_url(url)


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
@pytest.mark.parametrize("path", PATHS)
def test_api(api: Any, path: str, mode: str) -> None:
    """It answers as its document says, to what it allows and to what it does not."""
    method = next(endpoint.method for endpoint in registry.endpoints if endpoint.path == path)
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
        case.call_and_validate()

    ask()
