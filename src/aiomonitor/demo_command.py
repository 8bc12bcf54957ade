"""The subcommand `demo`: runs a small service to look into.

The services are imported when they are asked for: nothing else in the package knows them.
"""

from __future__ import annotations

from importlib.util import find_spec

import click


@click.command()
@click.option("-H", "--host", default=None, help="Where the monitor listens.  [127.0.0.1]")
@click.option(
    "-p",
    "--port",
    default=20101,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The monitor's port; 0 takes a free one.",
)
@click.option(
    "--webui-port",
    default=20102,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The web page's port; 0 takes a free one.",
)
@click.option(
    "--console-port",
    default=20103,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The console's port; 0 takes a free one.",
)
@click.option(
    "--backend",
    type=click.Choice(["asyncio", "trio"]),
    default="asyncio",
    show_default=True,
    help="What the service runs on; trio: pip install 'aiomonitor[trio]'.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show what the service and the monitor log.")
def demo(
    host: str | None,
    port: int,
    webui_port: int,
    console_port: int,
    backend: str,
    verbose: bool,
) -> None:
    """Run a small service with the monitor on, to look into."""
    if backend == "trio" and find_spec("trio") is None:
        raise click.ClickException("trio is not installed: pip install 'aiomonitor[trio]'")
    if backend == "trio":
        from . import demo_anyio as application
    else:
        from . import demo as application  # type: ignore[no-redef]

    raise SystemExit(application.run(host, port, webui_port, console_port, verbose=verbose))
