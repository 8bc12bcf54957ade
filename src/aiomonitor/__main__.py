"""The command line, as `aiomonitor` and as `python -m aiomonitor`: the client, and subcommands.

Each subcommand is imported when it is called: help and completion shall be quick, and nobody needs
what the other ones need.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from .cli.options import EPILOG, client_options, run_client

SUBCOMMANDS: Final = {
    "attach": (
        "aiomonitor.launch.attach_command",
        "attach",
        "Start a monitor in a running program.",
    ),
    "run": ("aiomonitor.launch.run_command", "run", "Run a program with a monitor in it."),
    "ls": ("aiomonitor.cli.ls", "ls", "List your monitored processes, and how they do."),
    "connect": ("aiomonitor.cli.connect", "connect", "Look into one of them, by PID or name."),
    "demo": ("aiomonitor.demo_command", "demo", "Run a small service to look into."),
}
"""By name: the module, the click command in it, and what it does in a line."""


class LazyGroup(click.Group):
    """Knows the names of its subcommands, and imports one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(SUBCOMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in SUBCOMMANDS:
            return None
        module, name, _ = SUBCOMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with a guess at what was meant."""
        if args[0] not in SUBCOMMANDS and not ctx.resilient_parsing:
            near = get_close_matches(args[0], SUBCOMMANDS, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SUBCOMMANDS)}"
            ctx.fail(f"no such command {args[0]!r}: {meant}")
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        formatter: click.HelpFormatter,
    ) -> None:
        """As click does it, but from the table: the modules stay unread."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in SUBCOMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table, too."""
        found = [
            CompletionItem(name, help=text)
            for name, (_, _, text) in SUBCOMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@client_options
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Look into a running application that has an aiomonitor in it.

    Without a command this is the client: a terminal, or with -c one command.
    """
    if context.invoked_subcommand is None:
        run_client(**options)
    refuse_clients_own(context)


def refuse_clients_own(context: click.Context) -> None:
    """Options before a subcommand, rather than leave them without an effect."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            given, subcommand = parameter.opts[-1], context.invoked_subcommand
            raise click.UsageError(
                f"{given} is for the client and has no effect on {subcommand!r}: "
                f"leave it out, or give it after {subcommand!r} if that takes it"
            )


if __name__ == "__main__":
    main(prog_name="python -m aiomonitor")
