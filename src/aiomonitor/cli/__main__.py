"""`python -m aiomonitor.cli`: the client alone, as the script `aiomonitor` without a subcommand."""

from __future__ import annotations

from typing import Any

import click

from aiomonitor.cli.options import EPILOG, client_options, run_client

HELP = {"help_option_names": ["-h", "--help"]}


@click.command(epilog=EPILOG, context_settings=HELP)
@client_options
def main(**options: Any) -> None:
    """Look into a running application that has an aiomonitor in it."""
    run_client(**options)


if __name__ == "__main__":
    main()
