"""From the signature of a `do_*` method to a click command, and from words to its arguments.

Only click's public API is used and nothing of click's is patched, since the application may use
click as well. click is imported when the first command runs, so the package imports this module
late; it must not import anything of the package but `errors` and `utils`.
"""

from __future__ import annotations

import enum
import functools
import inspect
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import click
from click.core import ParameterSource
from click.shell_completion import ShellComplete

from .errors import UsageError
from .utils import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # not subscriptable before click 8.2

_SEQUENCES = (list, tuple, set, frozenset)


class HelpRequested(Exception):  # noqa: N818 - a request, not an error
    """`--help` stood among the words; carries the text to show."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """An argument to be passed by name: what an option of the command line becomes."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that TAB may offer in place of the word under the cursor."""

    text: str
    help: str = ""


def map_arguments(
    command: click.Command, method: Callable[..., Any], words: Sequence[str], **context: Any
) -> Iterator[Any]:
    """The words as arguments of the method: positional ones in order, then a `Keyword` per option.

    What was not given is left out, so that the method's own defaults apply. `context` goes to
    click's `Context`. Raises `UsageError` with click's message, or `HelpRequested`.
    """
    try:
        parsed = command.make_context(command.name, list(words), **context)
    except click.ClickException as error:
        raise UsageError(_one_line(error)) from None
    signature = inspect.signature(method)
    given = {
        name: value
        for name, value in parsed.params.items()
        if parsed.get_parameter_source(name) is not ParameterSource.DEFAULT
        or not _has_default(signature, name)
    }
    return _in_call_order(signature, given)


def _has_default(signature: inspect.Signature, name: str) -> bool:
    """False for what only a click decorator gives a default: the method needs to be told."""
    parameter = signature.parameters.get(name)
    if parameter is None:
        return False
    return parameter.kind is parameter.VAR_POSITIONAL or parameter.default is not parameter.empty


def _in_call_order(signature: inspect.Signature, given: dict[str, Any]) -> Iterator[Any]:
    positional = True
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield from given.pop(parameter.name, ())
        elif parameter.name not in given:
            # A gap: whatever follows it can only be passed by name.
            positional = False
        elif positional and parameter.kind is not parameter.KEYWORD_ONLY:
            yield given.pop(parameter.name)
    for name, value in given.items():
        yield Keyword(name, value)


def _one_line(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    command = getattr(getattr(error, "ctx", None), "command", None)
    return f"{command.name}: {message}" if command is not None else message


def build_command(name: str, method: Callable[..., Any]) -> click.Command:
    """The click command for a `do_*` method; honours `@click.option` and `@click.argument`."""
    if hasattr(method, "__click_params__"):
        # click.command() takes the list off the function it decorates: give it a copy.
        @functools.wraps(method)
        def decorated() -> None: ...

        command = click.command(name=name, add_help_option=False)(decorated)
    else:
        command = click.Command(name, params=list(_click_parameters(method)), add_help_option=False)
    command.help = inspect.getdoc(method) or ""
    command.params.append(_help_option(command.params))
    return command


def _help_option(others: Sequence[click.Parameter]) -> click.Option:
    """click's own would print to the application's stdout."""

    def show(context: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not context.resilient_parsing:
            raise HelpRequested(context.get_help())

    taken = {flag for other in others for flag in other.opts}
    flags = [flag for flag in ("--help", "-h") if flag not in taken] or ["--help-command"]
    return click.Option(
        flags, is_flag=True, is_eager=True, expose_value=False, callback=show, help="Show this."
    )


def _click_parameters(method: Callable[..., Any]) -> Iterator[click.Parameter]:
    hints = _type_hints(method)
    short = {"-h"}
    for parameter in inspect.signature(method).parameters.values():
        hint = _Hint.of(hints.get(parameter.name, str))
        if parameter.kind is parameter.KEYWORD_ONLY:
            yield _option(parameter, hint, short)
        elif parameter.kind is not parameter.VAR_KEYWORD:
            yield _argument(parameter, hint)


def _type_hints(method: Callable[..., Any]) -> dict[str, Any]:
    """Annotations, as objects where they can be resolved; one bad name must not break a command."""
    try:
        return typing.get_type_hints(method, include_extras=True)
    except (NameError, TypeError, AttributeError):
        signature = inspect.signature(method)
        return {
            parameter.name: parameter.annotation
            for parameter in signature.parameters.values()
            if isinstance(parameter.annotation, type)
            and parameter.annotation is not parameter.empty
        }


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

    def offer(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        return list(complete(context.obj, incomplete))

    return offer


def _without_none(annotation: Any) -> Any:
    """`X | None` as X; other unions are left as they are."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    members = [member for member in get_args(annotation) if member is not type(None)]
    return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007 - dynamic


def click_type(annotation: Any) -> click.ParamType:
    """The click type that converts words to the annotated type; text where there is no better."""
    if get_origin(annotation) in (Union, types.UnionType):
        return _FirstThatFits([click_type(member) for member in get_args(annotation)])
    if get_origin(annotation) is Literal:
        return _Named({str(value): value for value in get_args(annotation)})
    if not isinstance(annotation, type) or annotation in (object, str, inspect.Parameter.empty):
        return click.STRING
    if issubclass(annotation, enum.Enum):
        return _Named({member.name.lower(): member for member in annotation})
    if issubclass(annotation, Path):
        return click.Path(path_type=annotation)
    if annotation is bytes:
        return click.types.FuncParamType(str.encode)
    # bool, int, float, UUID and whatever else is made from text by calling it.
    return click.types.convert_type(annotation)


class _Named(_Choice):
    """One of some names, without regard to case, converted to the value that bears it."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(list(values), case_sensitive=False)
        self._values = values

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        return self._values[super().convert(value, param, ctx)]


class _FirstThatFits(click.ParamType):
    """A union: the first of its types that takes the word."""

    def __init__(self, members: list[click.ParamType]) -> None:
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


def usage(command: click.Command) -> str:
    """The arguments as one line, in click's notation: `[OPTIONS] TASK`."""
    with click.Context(command) as context:
        return " ".join(command.collect_usage_pieces(context))


def options_help(command: click.Command, columns: int) -> str:
    """The table of options, `columns` wide at most; empty if there is none but `--help`."""
    context = click.Context(command, terminal_width=columns)
    records = [
        record
        for parameter in command.params[:-1]
        if (record := parameter.get_help_record(context)) is not None
    ]
    if not records:
        return ""
    formatter = context.make_formatter()
    with formatter.section("Options"):
        formatter.write_dl(records)
    return formatter.getvalue()


def suggest(
    command: click.Command, monitor: object, words: list[str], incomplete: str
) -> list[Suggestion]:
    """What may stand in place of the incomplete word: options, choices, task numbers and names."""
    complete = ShellComplete(command, {"obj": monitor}, command.name or "", "_AIOMONITOR")
    return [
        Suggestion(item.value, item.help or "")
        for item in complete.get_completions(words, incomplete)
        if item.type == "plain"
    ]
