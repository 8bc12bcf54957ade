"""From Python types to JSON Schema, and from the model's values to JSON; pure.

It knows the types that the model and the answers are made of, and no others: a new kind of field
fails in the tests rather than being described wrongly.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import json
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from aiomonitor.model.fields import as_mapping, is_optional
from aiomonitor.pacing import breathing

Schema = dict[str, Any]

_ROWS = 50
"""Of a table, encoded at once: some 0.5 ms."""

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a parameter's value has to keep to, beyond its type; goes into an `Annotated`."""

    text: str = ""
    least: float | None = None
    most: float | None = None
    length: int | None = None

    def schema(self) -> Schema:
        """As JSON Schema."""
        named = {"minimum": self.least, "maximum": self.most, "maxLength": self.length}
        return {name: value for name, value in named.items() if value is not None}


class Schemas:
    """Makes schemas; those of dataclasses are kept in `components`, and referred to by name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type."""
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            limits = [each for each in arguments[1:] if isinstance(each, Limits)]
            return {**self.of(arguments[0]), **(limits[0].schema() if limits else {})}
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(each) for each in arguments]}
        if origin is tuple and arguments[-1] is not Ellipsis:
            return self._row(arguments)
        if origin in (tuple, list):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin in (dict, collections.abc.Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return self._named(kind)

    def _row(self, kinds: tuple[Any, ...]) -> Schema:
        """A fixed number of values; no `prefixItems`, which too few tools know yet."""
        length, parts = len(kinds), list[Schema]()
        for part in map(self.of, kinds):
            if part not in parts:
                parts.append(part)
        items = {"anyOf": parts}
        return {"type": "array", "items": items, "minItems": length, "maxItems": length}

    def _named(self, kind: Any) -> Schema:
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return {"enum": [member.value for member in kind]}
        if isinstance(kind, type) and issubclass(kind, tuple):  # a NamedTuple
            return self._row(tuple(get_type_hints(kind).values()))
        if not dataclasses.is_dataclass(kind):
            raise TypeError(f"no schema is known for {kind!r}")
        name = getattr(kind, "__name__", str(kind))
        if name not in self.components:
            self.components[name] = {}  # it may contain itself
            self.components[name] = self._object(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, kind: Any) -> Schema:
        hints = get_type_hints(kind, include_extras=True)
        fields = dataclasses.fields(kind)
        return {
            "type": "object",
            "description": " ".join((kind.__doc__ or "").split()),
            "properties": {field.name: self.of(_given(field, hints)) for field in fields},
            "required": [field.name for field in fields if not is_optional(field)],
        }


def _given(field: dataclasses.Field[Any], hints: dict[str, Any]) -> Any:
    """A field's type; one that may be absent is never null."""
    kind = hints[field.name]
    if not is_optional(field):
        return kind
    return Union[tuple(part for part in get_args(kind) if part is not type(None))]  # noqa: UP007


def as_json(value: object) -> bytes:
    """A value as JSON, in ASCII. The encoder keeps the GIL from its first byte to its last: rows
    are given to it a few at a time."""
    if not dataclasses.is_dataclass(value):
        return _dumped(value).encode()
    fields = (f"{_dumped(name)}: {_field(part)}" for name, part in as_mapping(value).items())
    return "{{{}}}".format(", ".join(fields)).encode()


def _field(value: Any) -> str:
    if not isinstance(value, (list, tuple)) or hasattr(value, "_fields"):
        return _dumped(value)
    return "[{}]".format(", ".join(breathing(map(_dumped, value), _ROWS)))


def _dumped(value: object) -> str:
    return json.dumps(value, default=plain, allow_nan=False)


def plain(value: Any) -> Any:
    """What `json.dumps` knows for what it does not."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    return as_mapping(value)
