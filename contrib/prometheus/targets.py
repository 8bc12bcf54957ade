"""Tells Prometheus where the monitors of this machine are; needs nothing but the standard library.

Usage: aiomonitor ls --json | python targets.py FOLDER

Writes `open-local.json` and `token-local.json` into the folder: the monitors without a token and
those with one, each under its application's name. Monitors at Unix sockets, and those without a web
port, are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - is told, not listened at
"""Who listens at all addresses is asked at one of them."""


def groups(monitors: list[dict[str, Any]], *, guarded: bool) -> list[dict[str, Any]]:
    """Target groups for `file_sd_configs`, of the monitors that have a token or not."""
    return [
        {"targets": [address(each["web"])], "labels": {"application": each["name"]}}
        for each in monitors
        if "web" in each["ports"] and each["token"] == guarded
    ]


def address(told: str) -> str:
    """Where to ask."""
    host, _, port = told.rpartition(":")
    return f"{ANYWHERE.get(host, host)}:{port}"


def write(path: Path, found: list[dict[str, Any]]) -> None:
    """All at once, since Prometheus reads it whenever it changes."""
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    scratch.replace(path)


def main() -> None:
    """The command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: aiomonitor ls --json | python targets.py FOLDER")
    folder = Path(sys.argv[1])
    monitors = json.load(sys.stdin)
    write(folder / "open-local.json", groups(monitors, guarded=False))
    write(folder / "token-local.json", groups(monitors, guarded=True))


if __name__ == "__main__":
    main()
