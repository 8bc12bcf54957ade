"""The run directory: whole files of one user's running monitors, wherever they have registered."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aiomonitor import rundir
from aiomonitor.rundir import VARIABLE, Entry, candidates, command_line
from aiomonitor.rundir.process import mark_of
from aiomonitor.rundir.reading import entries, readable

if TYPE_CHECKING:
    from collections.abc import Callable

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX: owners and modes of files")

OURS = Entry(
    pid=os.getpid(),
    process=mark_of(os.getpid()),
    name="shop",
    command=("python", "shop.py"),
    host="127.0.0.1",
    ports={"terminal": 20101},
    paths={},
    runtime="asyncio",
    python="3.12.1",
    version="1.0",
    started_at=1000.0,
    token=False,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chosen directory that is not there yet."""
    folder = tmp_path / "deep" / "run"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has chosen nothing, with a temporary directory and one for running programs."""
    for name in ("tmp", "xdg"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    return tmp_path


def write(entry: Entry, number: int) -> Path:
    """The file that was written."""
    return Path(rundir.write(entry, number))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- writing and reading --------------------------------------------------------------------------


def test_round_trip(folder: Path) -> None:
    """What was written is read, the oldest first; nothing but whole files is left."""
    younger = replace(OURS, started_at=2000.0, paths={"web": "/run/web.sock"}, token=True)
    write(younger, 0)
    write(OURS, 1)
    assert entries() == [OURS, younger]
    assert names_in(folder) == [f"{OURS.pid}-{number}.json" for number in (0, 1)]


@posix_only
def test_for_this_user_alone(folder: Path) -> None:
    """The directory and the files are nobody else's to read, whatever the umask is."""
    before = os.umask(0)
    try:
        path = write(OURS, 0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_there(folder: Path) -> None:
    """Before the first monitor there is no directory, and no entry."""
    assert entries() == []
    assert not folder.exists()


def test_leftovers(folder: Path) -> None:
    """What ended processes have left is removed; what nobody knows, or just writes, is not."""
    write(OURS, 0)
    lost = write(replace(OURS, pid=2**22 + 1), 0)
    recycled = write(replace(OURS, process={**OURS.process, "started": "1"}), 1)
    elsewhere = write(replace(OURS, process={"boot": "another", "node": "another"}), 2)
    new, old = folder / ".1-0.tmp", folder / ".2-0.tmp"
    for partial in (new, old):
        partial.touch()
    os.utime(old, (0, 0))
    assert entries() == [OURS]
    assert [path.exists() for path in (lost, recycled, old)] == [False] * 3
    assert [path.exists() for path in (elsewhere, new)] == [True] * 2


@pytest.mark.parametrize(
    "change",
    [
        "not JSON",
        "[]",
        "{}",
        "\xff",
        lambda document: document.pop("name"),
        lambda document: document.update(pid="1"),
        lambda document: document.update(pid=True),
        lambda document: document.update(token=1),
        lambda document: document.update(ports={"terminal": "20101"}),
        lambda document: document.update(ports=[20101]),
        lambda document: document.update(process={"boot": 1}),
        lambda document: document.update(name="x" * rundir.LARGEST),
    ],
)
def test_foreign_files(folder: Path, change: str | Callable[[dict[str, object]], object]) -> None:
    """What no monitor has written is passed over, and left where it is."""
    path = write(OURS, 0)
    if isinstance(change, str):
        path.write_text(change, "latin-1")
    else:
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
    write(OURS, 1)
    (folder / "notes.txt").write_text("mine")
    assert entries() == [OURS]
    assert path.exists()


def test_later_versions(folder: Path) -> None:
    """What they may write besides does no harm."""
    path = write(OURS, 0)
    path.write_text(json.dumps({**json.loads(path.read_text()), "color": "red"}))
    assert entries() == [OURS]


def test_disk_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be written whole is not there at all."""
    write(OURS, 0)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aiomonitor.rundir.os.replace", refuse)
    with pytest.raises(OSError, match="No space"):
        write(OURS, 1)
    assert names_in(folder) == [f"{OURS.pid}-0.json"]


def test_killed_in_the_middle(folder: Path) -> None:
    """What an earlier process of the same number left half-written is in nobody's way."""
    write(OURS, 0)
    (folder / f".{OURS.pid}-1.tmp").write_text("{")
    write(OURS, 1)
    assert len(entries()) == 2


@posix_only
def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    """A link in place of the file that is being written is replaced, not written through."""
    write(OURS, 0)
    target = tmp_path / "target"
    target.write_text("precious")
    (folder / f".{OURS.pid}-1.tmp").symlink_to(target)
    write(OURS, 1)
    assert target.read_text() == "precious"


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        (["python", "shop.py", "-v"], ["python", "shop.py", "-v"]),
        (
            ["python", "-c", "from multiprocessing.spawn import spawn_main; …", "--fork"],
            [sys.executable, "/bin/uvicorn", "--workers", "3"],
        ),
    ],
)
def test_command_line(
    monkeypatch: pytest.MonkeyPatch, original: list[str], expected: list[str]
) -> None:
    """As the program was started; a worker's is that of the program that has made it."""
    monkeypatch.setattr(sys, "orig_argv", original)
    monkeypatch.setattr(sys, "argv", ["/bin/uvicorn", "--workers", "3"])
    assert list(command_line()) == expected


def test_a_long_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is cut, and its file stays within the limit that readers have."""
    monkeypatch.setattr(sys, "orig_argv", ["a" * 3000, "b" * 3000, "c"])
    assert list(map(len, command_line())) == [3000, 1096]
    monkeypatch.setattr(sys, "orig_argv", ["\U0001f40d" * 9000])
    assert len(json.dumps(command_line())) < rundir.LARGEST - 2000


# --- where ----------------------------------------------------------------------------------------


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable takes it out."""
    monkeypatch.setenv(VARIABLE, "")
    assert (candidates(), readable(), entries()) == ([], [], [])


@posix_only
def test_the_usual_places(home: Path) -> None:
    """The user's directory for running programs; where there is none, a temporary one."""
    assert write(OURS, 0).parent == home / "xdg" / "aiomonitor"
    (home / "xdg" / "aiomonitor").chmod(0o500)
    if os.getuid() == 0:  # whom no mode refuses anything
        (home / "xdg" / "aiomonitor").chmod(0o777)
    assert (
        write(replace(OURS, started_at=2.0), 0).parent == home / "tmp" / f"aiomonitor-{os.getuid()}"
    )


@posix_only
def test_read_in_all_places(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service without XDG_RUNTIME_DIR is found from a shell that has one, too."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    write(OURS, 0)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "xdg"))
    younger = replace(OURS, started_at=2000.0)
    write(younger, 1)
    assert entries() == [OURS, younger]


@posix_only
def test_places_that_are_not_safe(folder: Path) -> None:
    """Where others can write, or have put something, nothing is written and nothing is believed."""
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(NotADirectoryError, match="no directory"):
        write(OURS, 0)
    folder.unlink()
    write(OURS, 0)
    folder.chmod(0o770)
    with pytest.raises(PermissionError, match="chmod 700"):
        write(OURS, 1)
    assert entries() == []


@posix_only
def test_another_users_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who made the directory first could read along, and make up entries."""
    write(OURS, 0)
    other = os.getuid() + 1
    monkeypatch.setattr("aiomonitor.rundir.os.getuid", lambda: other)
    with pytest.raises(PermissionError, match=f"belongs to user {other - 1}"):
        write(OURS, 1)
    assert entries() == []


@posix_only
def test_a_link_in_the_temporary_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may make one there, so it is not followed; a chosen directory may be one."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    (home / "elsewhere").mkdir(mode=0o700)
    link = home / "tmp" / f"aiomonitor-{os.getuid()}"
    link.symlink_to(home / "elsewhere")
    with pytest.raises(NotADirectoryError, match="a link"):
        write(OURS, 0)
    monkeypatch.setenv(VARIABLE, str(link))
    assert write(OURS, 0).exists()


@posix_only
def test_after_su(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_RUNTIME_DIR may still be that of the user before: nothing is put there."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/1" if os.getuid() else str(home / "xdg"))
    if os.getuid() == 0:
        os.chown(home / "xdg", 12345, -1)
    assert write(OURS, 0).parent.parent == home / "tmp"
    assert not (home / "xdg" / "aiomonitor").exists()


@posix_only
def test_readable_of_a_logged_in_user(home: Path) -> None:
    """Where systemd keeps it is looked at without the variable, too."""
    assert f"/run/user/{os.getuid()}/aiomonitor" in readable()
    assert len(readable()) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX: /tmp")
def test_without_any_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is /tmp."""
    for name in (VARIABLE, "XDG_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    assert candidates() == [f"/tmp/aiomonitor-{os.getuid()}"]  # noqa: S108


def test_a_directory_that_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at, and not made again: each system call beside a busy loop costs that."""
    write(OURS, 0)
    made: list[object] = []
    monkeypatch.setattr(os, "mkdir", lambda *arguments: made.append(arguments))
    assert write(OURS, 1).parent == folder
    assert made == []


def test_what_a_killed_process_left(folder: Path) -> None:
    """Half a file of the same name is in nobody's way."""
    left = folder / f".{OURS.pid}-2.tmp"
    write(OURS, 0)
    left.write_text("{")
    assert json.loads(write(OURS, 2).read_text())["name"] == "shop"
    assert not left.exists()
