"""The document describes what answers, and the answers are as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.webui.insight_api import registry
from aiomonitor.webui.schemas import Schemas

if TYPE_CHECKING:
    from .harness import Browser


def test_all_is_described(browser: Browser) -> None:
    """Every endpoint of the registry with its parameters; nothing refers to what is not there."""
    document = browser.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    for endpoint in registry.endpoints:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"]
        named = {each["name"] for each in operation["parameters"]} - {"X-Aiomonitor"}
        assert named == {each.name for each in endpoint.parameters if each.place != "body"}
        assert all(each["description"] for each in operation["parameters"])
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        found = [value["$ref"]] if "$ref" in value else []
        return found + [each for part in value.values() for each in references(part)]
    return [each for part in value for each in references(part)] if isinstance(value, list) else []


PATHS = {
    "/api/status": "/api/status",
    "/api/tasks": "/api/tasks",
    "/api/groups": "/api/groups",
    "/api/tree": "/api/tree",
    "/api/threads": "/api/threads",
    "/api/finished": "/api/finished",
    "/api/tasks/{ref}": "/api/tasks/alpha",
    "/api/findings": "/api/findings?fresh=true",
    "/api/deadlocks": "/api/deadlocks",
    "/api/locks": "/api/locks",
    "/api/queues": "/api/queues",
    "/api/health": "/api/health",
    "/api/stalls": "/api/stalls",
    "/api/top": "/api/top?seconds=0.1",
    "/api/dump": "/api/dump?json=true",
}


@pytest.mark.parametrize("path", PATHS)
def test_answers_fit(browser: Browser, path: str) -> None:
    """An answer has exactly the fields that its schema has, all the way down."""
    document = browser.get("/openapi.json").json
    content = document["paths"][path]["get"]["responses"]["200"]["content"]
    check(browser.get(PATHS[path]).json, content["application/json"]["schema"], document)


def check(value: Any, schema: dict[str, Any], document: Any) -> None:
    """The part of JSON Schema that ours are made of."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        assert any(fits(value, part, document) for part in schema["anyOf"])
        return
    if "enum" in schema:
        assert value in schema["enum"]
        return
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    assert isinstance(value, kinds[schema["type"]]), (value, schema)
    if "properties" in schema:
        assert {*schema["required"]} <= value.keys() <= schema["properties"].keys()
        for name, content in value.items():
            check(content, schema["properties"][name], document)
    for part in value if "items" in schema else ():
        check(part, schema["items"], document)
    if "minItems" in schema:
        assert schema["minItems"] <= len(value) <= schema["maxItems"]


def fits(value: Any, schema: dict[str, Any], document: Any) -> bool:
    """Whether `check` has nothing to say."""
    try:
        check(value, schema, document)
    except AssertionError:
        return False
    return True


def test_an_unknown_type() -> None:
    """A field of a kind that we cannot describe is found at once."""
    with pytest.raises(TypeError, match="no schema is known"):
        Schemas().of(bytes)
