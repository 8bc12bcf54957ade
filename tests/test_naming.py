"""What an application is called that does not say so, and which names are refused."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from aiomonitor import Monitor
from aiomonitor.naming import LONGEST_NAME, program_name

if TYPE_CHECKING:
    from pathlib import Path

TELL = "import aiomonitor; print(aiomonitor.Monitor().name)\n"


def told(folder: Path, *arguments: str) -> str:
    """The name that a program tells, started in a folder in a process of its own."""
    command = [sys.executable, *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def test_of_programs(tmp_path: Path) -> None:
    """A script, a module, a package, a package within another one, and code without a name."""
    for name in ("shop.py", "till/__init__.py", "till/__main__.py", "till/drawer/__main__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("" if "init" in name else TELL)
    assert told(tmp_path, "shop.py", "argument") == "shop"
    assert told(tmp_path, "-m", "shop") == "shop"
    assert told(tmp_path, "-m", "till") == "till"
    assert told(tmp_path, "-m", "till.drawer") == "till.drawer"
    assert told(tmp_path, "-c", TELL) == "python"


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("", "python"),
        ("/usr/bin/uvicorn", "uvicorn"),
        ("/srv/shop/__main__.py", "shop"),
        ("a\nb.py", "ab"),
        ("x" * 300, "x" * LONGEST_NAME),
    ],
)
def test_of_arguments(monkeypatch: pytest.MonkeyPatch, script: str, name: str) -> None:
    """By what was started; where that is a package's `__main__`, by the package."""
    monkeypatch.setattr(sys, "argv", [script])
    monkeypatch.delattr(sys.modules["__main__"], "__spec__", raising=False)
    assert program_name() == name


def test_without_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python is embedded there may be none."""
    monkeypatch.setattr(sys, "argv", [])
    assert program_name() == "python"
    monkeypatch.delattr(sys, "argv")
    assert program_name() == "python"


def test_given() -> None:
    """The application's own word counts."""
    assert Monitor(name="till 2").name == "till 2"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m", "x" * (LONGEST_NAME + 1)])
def test_refused(name: str) -> None:
    """What no listing could show is refused at once."""
    with pytest.raises(ValueError, match="printable characters"):
        Monitor(name=name)


def test_no_string() -> None:
    """A number is no name."""
    with pytest.raises(TypeError, match="give a string"):
        Monitor(name=3)  # type: ignore[arg-type]
