"""From the parameters of a `do_*` method to click's: one per parameter, of the annotated type.

Imports click and `utils`; loaded when the first command runs.
"""

from __future__ import annotations

import enum
import inspect
import types
import typing
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from aiomonitor.utils import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # click's own classes can be subscripted only in its newest versions, and then need not be.
    _Choice = click.Choice[str]
    _ParamType = click.ParamType[Any]
else:
    _Choice = click.Choice
    _ParamType = click.ParamType

_SEQUENCES = (list, tuple, set, frozenset)
_TEXT = (str, object, Any, inspect.Parameter.empty)  # Any is a class since 3.11


def click_parameters(method: Callable[..., Any]) -> Iterator[click.Parameter]:
    """An argument per positional parameter, an option per keyword-only one."""
    hints = _type_hints(method)
    short = {"-h"}
    for parameter in inspect.signature(method).parameters.values():
        hint = _Hint.of(hints.get(parameter.name, str))
        if parameter.kind is parameter.KEYWORD_ONLY:
            yield _option(parameter, hint, short)
        elif parameter.kind is not parameter.VAR_KEYWORD:
            yield _argument(parameter, hint)


def _type_hints(method: Callable[..., Any]) -> dict[str, Any]:
    """The annotations that can be resolved: one bad name must not break the other parameters."""
    annotations = getattr(method, "__annotations__", {})
    names = getattr(inspect.unwrap(method), "__globals__", {})
    hints: dict[str, Any] = {}
    for name, annotation in annotations.items():
        alone = type("alone", (), {"__annotations__": {name: annotation}})
        with suppress(NameError, TypeError, AttributeError, SyntaxError):
            hints.update(typing.get_type_hints(alone, names, include_extras=True))
    return hints


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hint:
    """An annotation, taken apart."""

    type: Any
    many: bool
    about: Parameter

    @classmethod
    def of(cls, annotation: Any) -> _Hint:
        about = Parameter()
        explicit = None
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            about = next((x for x in extras if isinstance(x, Parameter)), about)
            explicit = next((x for x in extras if isinstance(x, click.ParamType)), None)
        annotation = _without_none(annotation)
        many = get_origin(annotation) in _SEQUENCES
        if many:
            annotation = get_args(annotation)[0]
        return cls(type=explicit or click_type(annotation), many=many, about=about)


def _argument(parameter: inspect.Parameter, hint: _Hint) -> click.Argument:
    rest = parameter.kind is parameter.VAR_POSITIONAL or hint.many
    required = parameter.default is parameter.empty and not rest
    return click.Argument(
        [parameter.name],
        type=hint.type,
        nargs=-1 if rest else 1,
        required=required,
        metavar=_metavar(hint.about.metavar, required=required, rest=rest),
        shell_complete=_completer(hint),
    )


def _metavar(name: str | None, *, required: bool, rest: bool) -> str | None:
    """click brackets only the names that it makes up itself."""
    if name is None:
        return None
    name = name if required else f"[{name}]"
    return f"{name}..." if rest else name


def _option(parameter: inspect.Parameter, hint: _Hint, short: set[str]) -> click.Option:
    flag = "--" + parameter.name.replace("_", "-")
    settings: dict[str, Any] = {}
    if hint.type is click.BOOL:
        settings["is_flag"] = True
        flag = f"{flag}/--no{flag[1:]}" if parameter.default is True else flag
    else:
        settings.update(type=hint.type, multiple=hint.many, metavar=hint.about.metavar)
    if parameter.default is parameter.empty:
        settings["required"] = True
    declarations = [flag, parameter.name]
    letter = "-" + parameter.name[0]
    if letter not in short and "/" not in flag:
        short.add(letter)
        declarations.insert(1, letter)
    return click.Option(
        declarations, help=hint.about.help, shell_complete=_completer(hint), **settings
    )


def _completer(hint: _Hint) -> Any:
    complete = hint.about.complete
    if complete is None:
        return None

    def offer(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = complete(context.obj, incomplete)
        pairs = ((item, None) if isinstance(item, str) else item for item in found)
        return [CompletionItem(text, help=about) for text, about in pairs]

    return offer


def _without_none(annotation: Any) -> Any:
    """`X | None` as X; other unions are left as they are."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    members = [member for member in get_args(annotation) if member is not type(None)]
    return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007 - dynamic


def click_type(annotation: Any) -> _ParamType:
    """The click type that converts words to the annotated type; text where there is no better."""
    if get_origin(annotation) in (Union, types.UnionType):
        return _FirstThatFits([click_type(member) for member in get_args(annotation)])
    if get_origin(annotation) is Literal:
        return _Named({str(value): value for value in get_args(annotation)})
    if not isinstance(annotation, type) or annotation in _TEXT:
        return click.STRING
    if issubclass(annotation, enum.Enum):
        return _Named({member.name.lower(): member for member in annotation})
    if issubclass(annotation, Path):
        return click.Path(path_type=annotation)
    if annotation is bytes:
        return click.types.FuncParamType(str.encode)
    known = click.types.convert_type(annotation)  # bool, int, float, UUID
    return _Made(annotation) if isinstance(known, click.types.FuncParamType) else known


class _Named(_Choice):
    """One of some names, without regard to case, converted to the value that bears it."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(list(values), case_sensitive=False)
        self._values = values

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        return self._values[super().convert(value, param, ctx)]


class _Made(_ParamType):
    """Any other class: made from the word by calling it; what it raises is a refusal."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.name = kind.__name__.lower()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return value if isinstance(value, self._kind) else self._kind(value)
        except Exception as error:
            self.fail(f"{value!r} is no {self.name}: {error}", param, ctx)


class _FirstThatFits(_ParamType):
    """A union: the first of its types that takes the word."""

    def __init__(self, members: list[_ParamType]) -> None:
        # Text takes everything, so it is asked last: `str | int` means a number where it can.
        self._members = sorted(members, key=lambda member: member is click.STRING)
        self.name = "|".join(member.name for member in members)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        for member in self._members[:-1]:
            try:
                return member.convert(value, param, ctx)
            except click.BadParameter:
                continue
        return self._members[-1].convert(value, param, ctx)
