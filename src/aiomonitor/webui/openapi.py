"""The OpenAPI document, made from the registry that routes, parses and checks; pure."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiomonitor

from .problems import MEDIA_TYPE
from .schemas import Schemas

if TYPE_CHECKING:
    from .endpoints import Endpoint, Parameter, Registry

_PROBLEM = {
    "type": "object",
    "description": "An error, as RFC 9457 tells it.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_EVERYWHERE = (400, 401, 403, 405, 414, 500, 503)
_CSRF = {
    "name": "X-Aiomonitor",
    "in": "header",
    "required": True,
    "description": "A form of another site cannot send it.",
    "schema": {"type": "string", "enum": ["1"]},
}


def document(registry: Registry) -> dict[str, Any]:
    """The whole of it."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in registry.endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "aiomonitor",
            "version": aiomonitor.__version__,
            "description": "What the web page shows, for programs.",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    places = (*endpoint.at("path").values(), *endpoint.at("query").values())
    parameters = [_parameter(each, schemas) for each in places]
    if endpoint.method == "POST":
        parameters.append(_CSRF)
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": re.split(r"[.:;]", endpoint.text)[0],
        "description": " ".join(endpoint.text.split()),
        "parameters": parameters,
        "responses": _responses(endpoint, schemas),
    }
    if body := endpoint.at("body"):
        properties = {each.name: _schema(each, schemas) for each in body.values()}
        document = {"type": "object", "properties": properties, "additionalProperties": False}
        operation["requestBody"] = {"content": {"application/json": {"schema": document}}}
    return operation


def _parameter(parameter: Parameter, schemas: Schemas) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.limits.text,
        "schema": _schema(parameter, schemas),
    }


def _schema(parameter: Parameter, schemas: Schemas) -> dict[str, Any]:
    schema = {**schemas.of(parameter.kind), **parameter.limits.schema()}
    if parameter.place == "path":
        schema["minLength"] = 1
    if not parameter.required and parameter.default is not None:
        schema["default"] = parameter.default
    return schema


def _responses(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {
            "description": "The answer.",
            "content": {
                kind: {"schema": schemas.of(str if kind.startswith("text/") else endpoint.returns)}
                for kind in (endpoint.media_type, endpoint.also)
                if kind
            },
        }
    }
    for status in sorted({*_EVERYWHERE, *endpoint.errors}):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return responses
