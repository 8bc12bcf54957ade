"""The package as it is installed and imported: its names, its cost in imports, its metadata."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

import aiomonitor
import aiomonitor.utils

GUARD: Final = 60.0
"""Seconds after which something hangs; no test waits for it."""

PROJECT: Final = Path(__file__).parents[1]

HEAVY: Final = {
    *("quart", "hypercorn", "prompt_toolkit", "click", "trio", "anyio", "uvloop", "wcwidth"),
    *("flask", "werkzeug", "jinja2", "sniffio"),
}
"""What no application should have to load for a monitor that nobody visits."""

LIGHT: Final = {
    *("__future__", "bisect", "copy", "dataclasses", "gc", "importlib._abc", "importlib.util"),
    *("json", "json.decoder", "json.encoder", "json.scanner", "resource", "typing"),
}
"""Of the standard library, what a monitor loads besides asyncio: each costs every application.
Not so pathlib, urllib, ipaddress and the codec "idna", which took 1.3 MB together."""

LATER: Final = {
    *("cli", "console", "dialogue", "insight", "launch", "render", "terminal", "testing", "webui"),
    *("evidence.dumping", "inspection.diagnosis", "listings.paging", "rundir.reading"),
    *("model.ended", "model.findings", "model.health", "model.run", "model.scopes"),
    *("model.shared", "model.survey", "model.tasks", "model.totals"),
}
"""Of our own, what is for clients alone, and for the first look for findings."""

RUN: Final = """
import asyncio
async def main():
    with monitor():
        await asyncio.create_task(asyncio.sleep(0))
asyncio.run(main())
"""
"""An application, and what it defines as `monitor`."""

WITHOUT: Final = "from contextlib import nullcontext as monitor"
WITH: Final = """
import aiomonitor
def monitor():
    return aiomonitor.start_monitor(port=0, webui_port=0, console_port=0)
"""

PARAMETERS: Final = {
    "loop": inspect.Parameter.empty,
    "monitor": aiomonitor.Monitor,
    "host": None,
    "port": 20101,
    "webui_port": 20102,
    "console_port": 20103,
    "console_enabled": True,
    "locals": None,
}
"""The parameters of `start_monitor` with their defaults, as the reference has them."""


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has after running the code."""
    report = "import sys; names = sorted(sys.modules); import json; print(json.dumps(names))"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=GUARD,
    )
    assert run.stderr == ""
    return set(json.loads(run.stdout.splitlines()[-1]))


def loaded_by(code: str) -> set[str]:
    """The top-level modules of these."""
    return {name.partition(".")[0] for name in modules_after(code)}


# --- what it loads --------------------------------------------------------------------------------


def test_import_is_light() -> None:
    """`import aiomonitor` loads none of the libraries that serve clients, and no asyncio."""
    assert not loaded_by("import aiomonitor") & {*HEAVY, "asyncio"}


def test_an_unvisited_monitor_is_light() -> None:
    """Neither does a monitor that is started, watches an application and is closed."""
    code = """
import asyncio, aiomonitor
async def main():
    ports = {"port": 0, "webui_port": 0, "console_port": 0}
    with aiomonitor.start_monitor(asyncio.get_running_loop(), **ports) as monitor:
        await asyncio.sleep(0)
        assert monitor.tasks() and monitor.stack(1) and monitor.threads()
asyncio.run(main())
"""
    assert not loaded_by(code) & HEAVY


def test_what_an_unvisited_monitor_loads() -> None:
    """Little of the standard library, and nothing of ours that only a client needs."""
    added = modules_after(WITH + RUN) - modules_after(WITHOUT + RUN)
    ours = {name.removeprefix("aiomonitor.") for name in added if name.startswith("aiomonitor")}
    others = {name for name in added if not name.startswith("aiomonitor")}
    assert "rundir.registration" in ours
    assert not ours & LATER
    assert others - {f"_{name}" for name in LIGHT} <= LIGHT  # with their parts in C


def test_the_demo_is_not_loaded() -> None:
    """The demonstration is no part of what applications import."""
    code = "import aiomonitor, sys; assert 'aiomonitor.demo' not in sys.modules"
    assert "aiomonitor" in loaded_by(code)


# --- what it offers -------------------------------------------------------------------------------


def test_constants() -> None:
    """The constants of the reference."""
    assert aiomonitor.MONITOR_HOST == "127.0.0.1"
    assert aiomonitor.MONITOR_PORT == aiomonitor.MONITOR_TERMUI_PORT == 20101
    assert aiomonitor.MONITOR_WEBUI_PORT == 20102
    assert aiomonitor.CONSOLE_PORT == 20103


def test_public_names() -> None:
    """What `__all__` promises is there, sorted, and the exceptions are in it."""
    names = aiomonitor.__all__
    assert all(hasattr(aiomonitor, name) for name in names)
    assert {"Monitor", "start_monitor", "AiomonitorError", "BindError"} <= set(names)
    assert len(set(names)) == len(names)


def test_signature_of_start_monitor() -> None:
    """The parameters have the reference's names, order and defaults; more are keyword-only."""
    parameters = inspect.signature(aiomonitor.start_monitor).parameters
    assert list(parameters)[: len(PARAMETERS)] == list(PARAMETERS)
    for name, default in PARAMETERS.items():
        assert parameters[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        if name != "loop":  # may be left out, too
            assert parameters[name].default == default
    more = list(parameters.values())[len(PARAMETERS) :]
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in more)
    assert {"token", "monitor_cls", "termui_port"} <= {parameter.name for parameter in more}


def test_signature_of_monitor() -> None:
    """`Monitor` takes the same, except for the class."""
    ours = inspect.signature(aiomonitor.Monitor).parameters
    factory = inspect.signature(aiomonitor.start_monitor).parameters
    left_out = {"monitor", "monitor_cls", "termui_port"}
    assert {name: p.default for name, p in ours.items()} == {
        name: p.default for name, p in factory.items() if name not in left_out
    }
    assert list(ours) == [name for name in factory if name not in left_out]


def test_attributes_of_monitor() -> None:
    """What applications and subclasses use or override."""
    monitor = aiomonitor.Monitor()
    assert monitor.prompt == "monitor >>> "
    assert "{tasknum}" in monitor.intro
    assert "{s}" in monitor.intro
    assert all(f"{{{name}}}" in monitor.help_template for name in ("cmd_name", "arg_list", "doc"))
    assert "{doc_firstline}" in monitor.help_short_template
    assert monitor.closed is False
    assert monitor.lastcmd == ""
    hooks = ("precmd", "postcmd", "emptyline", "default", "_getcmd", "_map_args")
    methods = ("start", "close", "do_help", "_command_dispatch", *hooks)
    assert all(callable(getattr(monitor, name)) for name in methods)
    assert hasattr(monitor, "_empty_result")
    assert callable(aiomonitor.utils.alt_names)


# --- how it is packed -----------------------------------------------------------------------------


def test_version() -> None:
    """The version is in one place: what is installed is what the package says."""
    try:
        installed = importlib.metadata.version("aiomonitor")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs the package installed, not only on the path")
    assert installed == aiomonitor.__version__


def test_wheel(tmp_path: Path) -> None:
    """The wheel holds each module, the marker for type checkers and the licence, and no more."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("needs the package hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        timeout=GUARD,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(PROJECT / "src").as_posix() for path in source_files()}
    assert "aiomonitor/py.typed" in names
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert any(name.endswith("licenses/LICENSE") for name in names)


def source_files() -> list[Path]:
    """What is in the package's folder, without what Python leaves there."""
    found = (PROJECT / "src" / "aiomonitor").rglob("*")
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]
