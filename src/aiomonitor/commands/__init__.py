"""The `cmd`-style interpreter that `Monitor` inherits: from a line of text to a `do_*` call.

It knows neither tasks nor sockets, and has no command of its own but `help`. One interpreter serves
many clients at once: see `PresentClient`.
"""

from __future__ import annotations

import inspect
import re
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from aiomonitor.access import audit
from aiomonitor.errors import CommandError, CommandInterrupted, HelpRequested, UsageError
from aiomonitor.escapes import printable
from aiomonitor.permissions import marked, needed, refusal
from aiomonitor.utils import Parameter, aliases_of, alt_names

from .present import PresentClient
from .registry import PREFIX, CommandRegistry, first_line, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiomonitor.permissions import Permission


@dataclass(slots=True)
class _Call:
    """What is known of a command line while it is being run, for `postcmd`."""

    name: str = ""
    args: Sequence[Any] = field(default_factory=list)
    result: Any = None
    exception: Exception | None = None


class CommandInterpreter(PresentClient, CommandRegistry):
    """Resolves, parses and runs command lines. Every method may run in any of our threads."""

    prompt = "monitor >>> "
    intro = "\nAsyncio Monitor: {tasknum} task{s} running\nType help for available commands\n\n"
    help_template = "{cmd_name} {arg_list}\n\n{doc}\n{options}"
    help_short_template = "  {cmd_name:<18} {aliases:<12} {doc_firstline}\n"

    permissions: Permission = "exec"

    _empty_result: Any = object()

    # --- running a line -----------------------------------------------------------------------

    def run_line(self, line: str) -> None:
        """Run one line as a client sent it. Raises nothing but `CommandInterrupted`."""
        if line.strip():
            self._command_dispatch(line)
        else:
            self.emptyline()

    def _command_dispatch(self, cmd: str) -> Any:
        """Run a non-empty command line: `precmd`, the command, `postcmd`; returns its result.

        Must be called in a worker thread (or any thread that runs no event loop): a coroutine
        command is awaited on the monitor's loop while the thread waits.
        """
        self.lastcmd = cmd
        call = _Call(result=self._empty_result)
        try:
            self._execute(cmd, call)
        except Exception as error:
            call.exception = error
            self._report(call.name, error)
        except CommandInterrupted:
            call.exception = CommandError(f"{call.name}: interrupted")
            raise
        except (KeyboardInterrupt, SystemExit) as stop:
            call.exception = CommandError(f"{call.name}: {_why_stopped(stop)}")
            self._report(call.name, call.exception)
        finally:
            self._finish(call)
        return call.result

    def _execute(self, line: str, call: _Call) -> None:
        call.name, *call.args = _split(line)
        method, call.args = self.precmd(call.name, call.args)
        if method is None:
            call.result = self._call(self.default, [call.name, call.args])
        else:
            call.result = self._call(method, call.args)

    def _call(self, method: Callable[..., Any], args: Sequence[Any]) -> Any:
        if self._permit(method) == "read":  # who looks is not logged
            return self._call_with(method, args)
        self._note()
        try:
            result = self._call_with(method, args)
        except BaseException as error:
            self._note(type(error).__name__)
            raise
        self._note("done" if not self._run.status else f"ended with status {self._run.status}")
        return result

    def _permit(self, method: Callable[..., Any]) -> Permission:
        """What it needs; raises `CommandError` if clients may not do that."""
        if method == self.default:
            needs, command = self._default_needs(), repr(self.lastcmd.strip())
        else:
            needs = needed(self, method)
            command = shown(getattr(method, "__name__", "this").removeprefix(PREFIX))
        why_not = refusal(self.permissions, needs, command)
        if why_not:
            self._note("refused")
            raise CommandError(why_not)
        return needs

    def _default_needs(self) -> Permission:
        """Ours only tells what would work; what the application's does, nobody knows."""
        is_ours = type(self).default is CommandInterpreter.default
        return "read" if is_ours else marked(self.default) or "act"

    def _call_with(self, method: Callable[..., Any], args: Sequence[Any]) -> Any:
        from .arguments import Keyword

        positional = [arg for arg in args if not isinstance(arg, Keyword)]
        keywords = {arg.name: arg.value for arg in args if isinstance(arg, Keyword)}
        return self._run.wait_for(method(*positional, **keywords))

    def _note(self, outcome: str = "") -> None:
        """In the audit log: who does what, and then what came of it."""
        audit.note(self._client.peer, self.lastcmd, outcome)

    def _finish(self, call: _Call) -> None:
        try:
            self.postcmd(call.name, call.args, call.result, call.exception)
        except Exception as error:
            self._report("postcmd", error)

    def _report(self, name: str, error: Exception) -> None:
        """One line, never a traceback: what went wrong, and where if it is the command's fault."""
        if isinstance(error, HelpRequested):
            self._write(f"{error}\n")
            return
        self._run.status = getattr(error, "exit_status", 1)
        text = str(error) if isinstance(error, CommandError) else _one_line(name, error)
        self._write(f"{printable(text)}\n")

    def _write(self, text: str) -> None:
        self._sout.write(text)
        self._sout.flush()

    # --- what subclasses override -------------------------------------------------------------

    def precmd(
        self, comm: str, args: Sequence[str]
    ) -> tuple[Callable[..., Any] | None, Sequence[Any]]:
        """Resolve a command's name to its method, and its words to arguments of the right types.

        `(None, args)` means that there is no such command: `default` runs.
        """
        cmd_method = self._getcmd(comm)
        if cmd_method is None:
            return None, args
        # Before its words are looked at: what converts them may be the application's.
        self._permit(cmd_method)
        return cmd_method, list(self._map_args(cmd_method, args))

    def postcmd(
        self, comm: str, args: Sequence[Any], result: Any, exception: Exception | None
    ) -> None:
        """Runs after every command, whether it succeeded or not; does nothing by default.

        `result` is `self._empty_result` if the command raised; `exception` is None if it did not.
        """

    def emptyline(self) -> Any:
        """Runs when an empty line is entered: by default the last command again."""
        if not self.lastcmd:
            return None
        return self._command_dispatch(self.lastcmd)

    def default(self, comm: str, args: Sequence[str]) -> Any:  # noqa: ARG002 - the seed's signature
        """Runs when `precmd` finds no command: one line that says what would work."""
        self._run.status = UsageError.exit_status
        self._write(printable(self._hint(comm)) + "\n")

    def _map_args(self, cmd_method: Callable[..., Any], args: Sequence[str]) -> Any:
        """The words converted to the types that the method's signature names.

        Options come last, as `Keyword` values. Raises `UsageError`.
        """
        from .arguments import map_arguments

        command = self._click_command(cmd_method)
        return map_arguments(
            command, cmd_method, args, obj=self, terminal_width=self._client.columns
        )

    # --- help ---------------------------------------------------------------------------------

    @alt_names("? h")
    def do_help(
        self,
        *commands: Annotated[
            str, Parameter(metavar="COMMAND", complete=lambda monitor, _: monitor._command_list())
        ],
    ) -> None:
        """Show all commands, or how to use some of them.

        TAB completes commands, options, tasks and signals. A command may be shortened as long as it
        stays unique; an empty line repeats the last one.
        """
        if not commands:
            self._write("Commands (help COMMAND tells more):\n")
        for name in commands or self._command_list():
            self._write(self._help_text(name, short=not commands))

    def _command_list(self) -> list[str]:
        return [shown(name) for name in sorted(set(self._command_names().values()))]

    def _help_text(self, name: str, *, short: bool) -> str:
        from .arguments import options_help, usage

        method = self._getcmd(name)
        if method is None:
            raise UsageError(self._hint(name))
        command = self._click_command(method)
        why_not = refusal(self.permissions, needed(self, method), shown(command.name or name))
        return (self.help_short_template if short else self.help_template).format(
            cmd_name=command.name,
            arg_list=usage(command),
            doc=inspect.getdoc(method) or "",
            doc_firstline=first_line(method),
            aliases=" ".join(aliases_of(method)),
            options="" if short else options_help(command, self._client.columns),
        ) + (f"\n{why_not}.\n" if why_not and not short else "")


def _split(line: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(line)
    except ValueError as error:
        message = str(error).lower()
        raise UsageError(f"{message}: close the quote, or write a backslash before it") from None
    if not words or not words[0]:
        raise UsageError("no command: 'help' lists what there is")
    return words


def _why_stopped(stop: BaseException) -> str:
    if not isinstance(stop, SystemExit):
        return "interrupted"
    return f"asked to exit ({stop}), which a command may not: the application goes on"


def _one_line(name: str, error: Exception) -> str:
    """An unexpected exception of a command: where it was raised, since there is no traceback."""
    text = re.sub(r"\s+", " ", _text_of(error)).strip()
    # Without a look into the source: there may be no file left to open it with.
    places = [(f.f_code.co_filename, line) for f, line in traceback.walk_tb(error.__traceback__)]
    where = f" ({places[-1][0]}:{places[-1][1]})" if places else ""
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{name}: {what}{where}"


def _text_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"(its text cannot be had: {type(broken).__name__})"
