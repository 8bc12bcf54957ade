"""Fields that a value has only where its runtime knows about them."""

from __future__ import annotations

import dataclasses
from typing import Any

_ABSENT = {"absent": True}


def absent() -> Any:
    """A field that is None, and in no JSON, where the runtime does not know about it."""
    return dataclasses.field(default=None, metadata=_ABSENT)


def is_optional(field: dataclasses.Field[Any]) -> bool:
    """Whether JSON may lack the field."""
    return "absent" in field.metadata


def as_mapping(value: Any) -> dict[str, Any]:
    """The fields of a value by name, without those that are absent."""
    given = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
    return {
        field.name: content
        for field, content in given
        if content is not None or not is_optional(field)
    }
