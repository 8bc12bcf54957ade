"""The registry of the API: one declaration makes routing, parsing, checks and `/openapi.json`.

An endpoint is a function of the site and of keyword parameters, whose annotations say what each of
them takes. The function runs in a worker thread, and returns a dataclass.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import types
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from .problems import Problem
from .schemas import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiomonitor.permissions import Permission

_INTEGER = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
Place = Literal["path", "query", "body"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of an endpoint."""

    name: str
    place: Place
    kind: Any
    default: Any
    limits: Limits

    @property
    def required(self) -> bool:
        """Whether it has to be there."""
        return self.default is inspect.Parameter.empty

    def from_text(self, text: str) -> Any:
        """Its value, from a query or a path; refused if it is none."""
        if self.kind is bool and text in ("true", "false"):
            return text == "true"
        if self.kind is int and _INTEGER.fullmatch(text):
            return self._checked(int(text))
        if self.kind is float and _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return self._checked(float(text))
        if self.kind is str:
            return self._checked(text)
        if get_origin(self.kind) is Literal and text in get_args(self.kind):
            return text
        raise self._refused(text)

    def from_json(self, value: Any) -> Any:
        """Its value, from a JSON document; refused if it is none."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if self.kind is float and number and math.isfinite(value):
            return self._checked(float(value))
        if self.kind is str and isinstance(value, str):
            return self._checked(value)
        raise self._refused(json.dumps(value))

    def _checked(self, value: Any) -> Any:
        limits = self.limits
        size = len(value) if isinstance(value, str) else value
        most = limits.length if isinstance(value, str) else limits.most
        least = None if isinstance(value, str) else limits.least
        if (least is not None and size < least) or (most is not None and size > most):
            raise self._refused(str(value))
        return value

    def _refused(self, given: str) -> Problem:
        shown = given if len(given) <= 40 else f"{given[:40]}…"
        return Problem(400, f"{self.name} is {shown!r}: give {self.wanted}")

    @property
    def wanted(self) -> str:
        """What it takes, in words."""
        if get_origin(self.kind) is Literal:
            return f"one of {', '.join(get_args(self.kind))}"
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return f"a text of at most {self.limits.length} characters"
        words = "a whole number" if self.kind is int else "a number"
        least, most = self.limits.least, self.limits.most
        return words if least is None else f"{words} from {least:g} to {most:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path; in that, `{name}` is a parameter."""

    method: Literal["GET", "POST"]
    path: str
    handle: Callable[..., Any]
    returns: Any
    errors: tuple[int, ...]
    media_type: str
    also: str = ""
    """Another media type, for those who ask for it; if it is of text, a `str` is sent as that."""
    needs: Permission = "read"
    parameters: tuple[Parameter, ...] = field(default=())

    @property
    def name(self) -> str:
        """The function's, which is the operation's id."""
        return self.handle.__name__

    @property
    def text(self) -> str:
        """What it is for."""
        return inspect.getdoc(self.handle) or ""

    def media_type_of(self, answer: bytes | str) -> str:
        """What an answer is sent as."""
        is_other = isinstance(answer, str) and self.also.startswith("text/")
        return self.also if is_other else self.media_type

    def at(self, place: Place) -> dict[str, Parameter]:
        """The parameters of a place, by name."""
        return {each.name: each for each in self.parameters if each.place == place}

    def arguments(
        self, path: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes, kind: str
    ) -> dict[str, Any]:
        """What to call the function with; raises `Problem` for what it does not take."""
        given = {name: self.at("path")[name].from_text(text) for name, text in path.items()}
        given.update(self._from_query(query))
        given.update(self._from_body(body, kind))
        for parameter in self.parameters:
            if parameter.name not in given:
                if parameter.required:
                    raise Problem(400, f"{parameter.name} is missing: give {parameter.wanted}")
                given[parameter.name] = parameter.default
        return given

    def _from_query(self, query: Iterable[tuple[str, str]]) -> dict[str, Any]:
        known, given = self.at("query"), dict[str, Any]()
        for name, text in query:
            if name not in known:
                raise _unknown(name, known)
            if name in given:
                raise Problem(400, f"{name} is given twice")
            given[name] = known[name].from_text(text)
        return given

    def _from_body(self, body: bytes, kind: str) -> dict[str, Any]:
        known = self.at("body")
        if not known or not body:
            return {}
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise Problem(415, "the body is to be JSON, with Content-Type: application/json")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise Problem(400, "the body is not JSON") from None
        if not isinstance(document, dict):
            raise Problem(400, "the body is to be a JSON object")
        for name in document:
            if name not in known:
                raise _unknown(name, known)
        return {name: known[name].from_json(value) for name, value in document.items()}


def _unknown(name: str, known: Mapping[str, Parameter]) -> Problem:
    told = f"known: {', '.join(known)}" if known else "none is taken here"
    return Problem(400, f"unknown parameter {name[:40]!r}; {told}")


class Registry:
    """The endpoints, in the order of their declaration."""

    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []

    def get(
        self,
        path: str,
        returns: Any,
        *,
        errors: tuple[int, ...] = (),
        media_type: str = "application/json",
        also: str = "",
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare what answers a GET."""
        return self._declared(
            "GET", path, returns=returns, errors=errors, media_type=media_type, also=also
        )

    def post(
        self,
        path: str,
        returns: Any,
        *,
        errors: tuple[int, ...] = (),
        needs: Permission = "read",
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare what answers a POST, and which of the monitor's permissions it needs."""
        kind = "application/json"
        return self._declared(
            "POST", path, returns=returns, errors=errors, media_type=kind, needs=needs
        )

    def _declared(
        self, method: Literal["GET", "POST"], path: str, **facts: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def declare(handle: Callable[..., Any]) -> Callable[..., Any]:
            parameters = tuple(_parameters(method, path, handle))
            self.endpoints.append(
                Endpoint(method=method, path=path, handle=handle, parameters=parameters, **facts)
            )
            return handle

        return declare


def _parameters(method: str, path: str, handle: Callable[..., Any]) -> Iterable[Parameter]:
    """Those of the path by their names; the others are the query's, or the body's of a POST."""
    hints = get_type_hints(handle, include_extras=True)
    for name, parameter in inspect.signature(handle).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        kind, limits = _unwrapped(hints[name])
        in_path = f"{{{name}}}" in path
        yield Parameter(
            name=name,
            place="path" if in_path else "body" if method == "POST" else "query",
            kind=kind,
            default=parameter.default,
            limits=limits,
        )


def _unwrapped(kind: Any) -> tuple[Any, Limits]:
    """A type without its notes, and without the None of what may be left out."""
    if get_origin(kind) in (Union, types.UnionType):
        [kind] = (each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is not Annotated:
        return kind, Limits()
    inner, *notes = get_args(kind)
    return inner, next((note for note in notes if isinstance(note, Limits)), Limits())
