"""The command line as its users type it: the client and the subcommands are one program."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from importlib import import_module
from typing import Final

import click
import pytest

from aiomonitor.__main__ import SUBCOMMANDS, main

GUARD: Final = 30.0
"""Seconds after which something hangs; no test waits for it."""

HEAVY: Final = {"anyio", "asyncio", "prompt_toolkit", "quart", "hypercorn", "trio", "uvloop"}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m aiomonitor` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "aiomonitor", *arguments],
        capture_output=True,
        text=True,
        timeout=GUARD,
        env={**os.environ, **variables},
        check=False,
    )


def test_help() -> None:
    """It tells of the client's options and of every subcommand, in a line each."""
    ended = run("--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "--command" in ended.stdout
    lines = [line.split(maxsplit=1) for line in ended.stdout.splitlines() if line.strip()]
    for name, (_, _, text) in SUBCOMMANDS.items():
        assert [name, text] in lines


@pytest.mark.parametrize(
    "variables",
    [{}, {"_AIOMONITOR_COMPLETE": "bash_complete", "COMP_WORDS": "aiomonitor ", "COMP_CWORD": "1"}],
    ids=["help", "completion"],
)
def test_help_and_completion_are_quick(variables: dict[str, str]) -> None:
    """They load no library but click, and none of the subcommands."""
    script = """if True:
        import sys
        from aiomonitor.__main__ import main
        try:
            main(["--help"], prog_name="aiomonitor")
        except SystemExit:
            print("loaded:", *sys.modules)
    """
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=GUARD,
        env={**os.environ, **variables},
        check=True,
    )
    text, _, loaded = ended.stdout.partition("loaded: ")
    assert "demo" in text
    names = set(loaded.split())
    assert not names & {*HEAVY, *(module for module, _, _ in SUBCOMMANDS.values())}


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_subcommands(name: str) -> None:
    """Each is where the table says, and takes `--help`."""
    module, attribute, _ = SUBCOMMANDS[name]
    assert isinstance(getattr(import_module(module), attribute), click.Command)
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])


def test_without_a_subcommand_it_is_the_client() -> None:
    """With the client's options, and its exit status."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        port = bound.getsockname()[1]
        ended = run("-p", str(port), "-c", "ps")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith(f"aiomonitor: cannot reach 127.0.0.1:{port}: ")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["dmo"], "no such command 'dmo': did you mean 'demo'?"),
        (["zzz"], f"no such command 'zzz': there are {', '.join(SUBCOMMANDS)}"),
        (["-p", "20111", "demo"], "--port is for the client and has no effect on 'demo'"),
    ],
)
def test_usage(arguments: list[str], fault: str) -> None:
    """What cannot be meant is told in a line, with what would work, and status 2."""
    ended = run(*arguments, AIOMONITOR_TOKEN="t")  # noqa: S106 - of the environment, so that it is not refused
    assert (ended.returncode, ended.stdout) == (2, "")
    assert fault in ended.stderr.splitlines()[-1]
