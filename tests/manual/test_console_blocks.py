"""What the manual and the README tell people to type is there, and is understood.

Captured blocks are replayed as a whole (`test_captured`). The others are read: each line behind a
prompt has to be a command that exists, with options that it has.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tempfile
from itertools import groupby
from typing import TYPE_CHECKING

import capture
import click
import pytest
from blocks import PROJECT, blocks, pages
from on_free_ports import PORTS

import aiomonitor
from aiomonitor.__main__ import main as program
from aiomonitor.demo import ShopMonitor
from aiomonitor.webui.insight_api import registry  # with all endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from blocks import Block

pytestmark = pytest.mark.manual

CONSOLE = [
    block
    for page in pages()
    for block in blocks(page)
    if block.language == "console" and block.verb != "capture"
]
PATHS = [re.sub(r"\{\w+\}", r"[^/]+", endpoint.path) for endpoint in registry.endpoints]
ANY_SERVER = ["gunicorn", "hypercorn", "uvicorn"]


def entered(block: Block) -> list[tuple[str, str]]:
    """The prompts of a block and what is typed, with lines that are continued."""
    return capture.commands(re.sub(r"\\\n\s*", "", block.text))


@pytest.mark.parametrize("block", CONSOLE, ids=lambda block: block.place)
def test_is_understood(block: Block) -> None:
    """Each line behind a prompt would work."""
    typed = entered(block)
    assert typed, f"{block.place}: nothing is typed: is it ```text?"
    for prompt, line in typed:
        if prompt == "$":
            for words in commands_of(line):
                check_shell(words, block)
        elif prompt in (">>>", "..."):
            compile(line, block.place, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        else:
            check_command(line, block)


def commands_of(line: str) -> list[list[str]]:
    """The simple commands of a shell's line, without redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    parts = groupby(lexer, lambda word: bool(re.fullmatch(r"[|&;]+", word)))
    found = [list(words) for separates, words in parts if not separates]
    return [words[: words.index(">")] if ">" in words else words for words in found]


def check_shell(words: list[str], block: Block) -> None:
    """One program with its arguments."""
    while "=" in words[0]:  # a variable of the environment
        words = words[1:]
    if words[:2] == ["python", "-m"]:
        words = words[2:]
    assert words[0] in CHECKS, f"{block.place}: no check for the program {words[0]!r}"
    CHECKS[words[0]](words, block)


def check_command(line: str, block: Block) -> None:
    """One line at a monitor's prompt."""
    monitor = ShopMonitor() if "shop >>>" in block.text else aiomonitor.Monitor()
    name, *words = shlex.split(line)
    method = monitor._getcmd(name)
    assert method is not None, f"{block.place}: no command {name!r}"
    monitor._click_command(method).make_context(name, words)


def check_ours(words: list[str], block: Block) -> None:
    """Our own program: the client's options, or a subcommand's."""
    words = [word for word in words[1:] if word != "<"]
    names = program.list_commands(click.Context(program))
    own = next((at for at, word in enumerate(words) if word in names), len(words))
    parsed = program.make_context("aiomonitor", words[:own] or ["-p", "1"])
    if parsed.params["port"] == PORTS[2]:
        compile(parsed.params["command"], block.place, "eval")
    elif parsed.params.get("command"):
        check_command(parsed.params["command"], block)
    if own < len(words):
        command = program.get_command(parsed, words[own])
        assert command is not None
        command.make_context(words[own], words[own + 1 :], parent=parsed)


def check_inner(words: list[str], block: Block) -> None:
    """Something else runs a program of ours."""
    inner = next(at for at, word in enumerate(words) if word in ("aiomonitor", "python"))
    check_shell(words[inner:], block)


def check_container(words: list[str], block: Block) -> None:
    """Docker or Kubernetes: our ports, or our program in a container."""
    if words[1] == "exec":
        check_inner(words, block)
        return
    ports = {int(port) for word in words for port in re.findall(r"\b20\d\d\d\b", word)}
    assert ports <= set(PORTS), block.place


def check_port(words: list[str], block: Block) -> None:
    """A text client: one of our ports, or sockets."""
    if "-U" in words:
        assert words[-1].endswith(("/terminal.sock", "/console.sock")), block.place
        return
    assert int(words[-1]) in (PORTS[0], PORTS[2]), block.place


def check_socat(words: list[str], block: Block) -> None:
    """One of our sockets."""
    assert words[-1].startswith("UNIX-CONNECT:"), block.place
    assert words[-1].endswith(("/terminal.sock", "/console.sock")), block.place


def check_url(words: list[str], block: Block) -> None:
    """A path of the web port."""
    socket = "--unix-socket" in words
    place = r"http://localhost" if socket else r"(?:http://)?[\w.]+:20102"
    [path] = [match[1] for word in words if (match := re.match(rf"{place}(/[^?]*)", word))]
    known = path in ("/metrics", "/openapi.json", "/api/events") or any(
        re.fullmatch(each, path) for each in PATHS
    )
    assert known, f"{block.place}: no such path: {path}"


def check_session(words: list[str], block: Block) -> None:
    """A session of nox."""
    text = (PROJECT / "noxfile.py").read_text("utf-8")
    ours = words[: words.index("--")] if "--" in words else words
    for name in ours[ours.index("-s") + 1 :]:
        assert f"def {name}(" in text, block.place


def check_server(words: list[str], block: Block) -> None:
    """A server is given an application that the page shows."""
    [(module, name)] = [word.split(":") for word in words if re.fullmatch(r"[\w.]+:\w+", word)]
    file = f"{module.rpartition('.')[2]}.py"
    shown = [each.text for each in blocks(block.page) if each.options.get("file") == file]
    assert shown, f"{block.place}: no block of the page is {file}"
    assert re.search(rf"^(async def )?{name}\b", shown[0], re.MULTILINE), block.place


def check_prometheus(words: list[str], block: Block) -> None:
    """Prometheus and its tool are given files that we have."""
    files = [name for word in words for name in re.findall(r"[\w./-]+\.yml", word)]
    assert files, block.place
    for name in files:
        assert (PROJECT / "contrib" / "prometheus" / name).exists(), f"{block.place}: no {name}"


def check_nothing(words: list[str], block: Block) -> None:
    """Programs that are everywhere, and know nothing of us."""


def check_script(words: list[str], block: Block) -> None:
    """A program of the page, or of the examples."""
    shown = [each.options.get("file") for each in blocks(block.page)]
    folders = (PROJECT, PROJECT / "contrib" / "prometheus")
    there = words[1] in shown or any((folder / words[1]).exists() for folder in folders)
    assert there, f"{block.place}: no program {words[1]!r} is shown"


def check_pytest(words: list[str], block: Block) -> None:
    """pytest with our plugin, which knows the options: 5 means that there was no test."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", *words, "--collect-only"]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 5, f"{block.place}: {ended.stderr}"


CHECKS: dict[str, Callable[[list[str], Block], None]] = {
    **dict.fromkeys(["aiomonitor", "aiomonitor.cli"], check_ours),
    **dict.fromkeys(["docker", "kubectl"], check_container),
    **dict.fromkeys(["nc", "telnet"], check_port),
    **dict.fromkeys(ANY_SERVER, check_server),
    **dict.fromkeys(["prometheus", "promtool"], check_prometheus),
    **dict.fromkeys(["cat", "cp", "echo", "grep", "install", "mkdir", "export"], check_nothing),
    **dict.fromkeys(["git", "cd", "eval", "pip", "printf", "jq", "apt-get", "ssh"], check_nothing),
    "pytest": check_pytest,
    "reliability": check_nothing,  # a report's own line, written with it
    "python": check_script,
    "nox": check_session,
    "curl": check_url,
    "socat": check_socat,
}


@pytest.mark.parametrize(
    "line",
    [
        "aiomonitor -c whatever",
        "aiomonitor --no-such-option",
        "curl localhost:20102/api/nothing",
        "nc localhost 1234",
        "python -m nox -s nothing",
        "pytest -p aiomonitor --aiomonitor-nothing",
        "unheard-of --help",
    ],
)
def test_what_is_wrong_is_seen(line: str) -> None:
    """The checks can fail."""
    with pytest.raises((AssertionError, click.ClickException, ValueError)):
        check_shell(commands_of(line)[0], CONSOLE[0])
