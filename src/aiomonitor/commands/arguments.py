"""From the signature of a `do_*` method to a click command, and from words to its arguments.

Only click's public API is used and nothing of click's is patched, since the application may use
click as well. click is imported when the first command runs, so the package imports this module
late; of the package it imports only `errors` and `parameters`.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import ShellComplete

from aiomonitor.dialogue import Suggestion
from aiomonitor.errors import HelpRequested, UsageError

from .parameters import click_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Keyword:
    """An argument to be passed by name: what an option of the command line becomes."""

    name: str
    value: object


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
        command = click.Command(name, params=list(click_parameters(method)), add_help_option=False)
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


def usage(command: click.Command) -> str:
    """The arguments as one line, in click's notation: `[OPTIONS] TASK`."""
    with click.Context(command) as context:
        return " ".join(command.collect_usage_pieces(context))


def options_help(command: click.Command, columns: int) -> str:
    """The table of options below an empty line, `columns` wide at most; empty if there is none but
    `--help`."""
    context = click.Context(command, terminal_width=columns)
    records = [
        record
        for parameter in command.params[:-1]
        if isinstance(parameter, click.Option)  # newer versions of click list arguments, too
        and (record := parameter.get_help_record(context)) is not None
    ]
    if not records:
        return ""
    formatter = context.make_formatter()
    with formatter.section("Options"):
        formatter.write_dl(records)
    return f"\n{formatter.getvalue()}"


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
