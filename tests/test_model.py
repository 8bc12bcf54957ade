"""The model is loaded when somebody asks for a value, name by name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from aiomonitor import model


def test_every_name_is_found() -> None:
    """What `__all__` promises is there, as the object that its module has, and sorted."""
    assert all(getattr(model, name) is vars(model)[name] for name in model.__all__)
    assert sorted(model.__all__, key=lambda name: (not name.isupper(), name)) == model.__all__


def test_type_checkers_see_the_same() -> None:
    """What is imported for type checkers alone is `__all__`, no more and no less."""
    tree = ast.parse(Path(model.__file__).read_text("utf-8"))
    [block] = (node for node in tree.body if isinstance(node, ast.If))
    imported = [
        alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(imported) == sorted(model.__all__)


def test_an_unknown_name() -> None:
    """It is refused as any module would refuse it."""
    with pytest.raises(AttributeError, match="has no attribute 'TaskInfos'"):
        _ = model.TaskInfos  # type: ignore[attr-defined]
