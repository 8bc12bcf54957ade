"""What TAB offers: what is there, without running anybody's code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiomonitor.console.completion import OFFERED, complete


class Slotted:
    __slots__ = ("inner",)

    def __init__(self) -> None:
        self.inner = [1]


class Trap:
    """Everything that might run code says so."""

    def __init__(self) -> None:
        self.own = Slotted()
        self._hidden = 1

    @property
    def sprung(self) -> Any:
        pytest.fail("a property was called")

    def __getattr__(self, name: str) -> Any:
        pytest.fail(f"__getattr__({name!r}) was called")

    def __dir__(self) -> Any:
        pytest.fail("__dir__ was called")

    @classmethod
    def make(cls) -> None: ...


def offered(text: str, **names: Any) -> list[str]:
    return [suggestion.text for suggestion in complete(text, names)]


def test_names() -> None:
    """Names of the console, builtins and keywords, by what was typed of them."""
    assert offered("print(orde", orders=1, other=2) == ["orders"]
    assert offered("awa") == ["await"]
    assert offered("isin") == ["isinstance"]
    assert offered("") == []
    assert offered("1 + ") == []


def test_attributes() -> None:
    """Attributes of the object and its class, also below slots and class attributes."""
    trap = Trap()
    assert offered("x = trap.", trap=trap) == ["trap.make", "trap.own", "trap.sprung"]
    assert offered("trap._hi", trap=trap) == ["trap._hidden"]
    assert offered("trap.own.", trap=trap) == ["trap.own.inner"]
    assert offered("trap.own.inner.app", trap=trap) == ["trap.own.inner.append"]
    assert offered("Trap.ma", Trap=Trap) == ["Trap.make"]
    assert offered("trap.make.__na", trap=trap) == ["trap.make.__name__"]


@pytest.mark.parametrize("text", ["trap.sprung.", "trap.nothing.", "nobody.", "(1).", "f().x."])
def test_what_only_running_would_tell(text: str) -> None:
    """Nothing is offered."""
    assert offered(text, trap=Trap()) == []


def test_modules() -> None:
    """A module's names are offered, also those of a package."""
    assert offered("json.dum", json=json) == ["json.dump", "json.dumps"]
    assert offered("json.JSONDecoder.raw", json=json) == ["json.JSONDecoder.raw_decode"]


def test_many() -> None:
    """The number of names is limited."""
    assert len(offered("name", **{f"name{number}": 0 for number in range(1000)})) == OFFERED
