"""A monitor at Unix sockets: only its own user gets at them, and nothing is left of them."""

from __future__ import annotations

import contextlib
import errno
import http.client
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from aiomonitor import AiomonitorError, BindError, Monitor, UnsafeAddressError, start_monitor
from aiomonitor.__main__ import main as cli
from aiomonitor.access.peers import Peer
from aiomonitor.doors.unix import PATH_LIMIT, SocketDirectory
from aiomonitor.model import Address
from clients.harness import require
from running import Application, Client
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")

SERVICES = ("terminal", "web", "console")


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.close()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Shorter than pytest's: a socket's path has its limit."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory).resolve()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where sockets may be made: not there yet."""
    return tmp_path / "run" / "shop"


def sockets(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def complaint(
    application: Application, place: Path | str, kind: type[AiomonitorError] = BindError
) -> Any:
    """Why no monitor starts there."""
    with pytest.raises(kind) as caught:
        start_monitor(application.loop, unix_path=place)
    assert "\n" not in str(caught.value)
    return caught.value


def left_behind(path: Path) -> None:
    """Make the socket of a process that was killed."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()


# --- where it listens -----------------------------------------------------------------------------


def test_where_it_listens(application: Application, place: Path) -> None:
    """Sockets stand in the place of ports, and every property says so."""
    with start_monitor(application.loop, unix_path=place) as monitor:
        assert sockets(place) == {"terminal.sock", "web.sock", "console.sock"}
        assert (monitor.port, monitor.webui_port, monitor.console_port) == (None, None, None)
        assert monitor.unix_path == str(place)
        assert monitor.addresses == tuple(
            Address(service=service, path=str(place / f"{service}.sock"))  # type: ignore[arg-type]
            for service in SERVICES
        )
        assert f"terminal at {place}/terminal.sock, web at " in repr(monitor)
        assert monitor.web_link() is None
    assert sockets(place) == set()


def test_where_ports_are(application: Application) -> None:
    """The same property tells of ports."""
    with start_monitor(application.loop, port=0, webui_port=None, console_port=None) as monitor:
        assert monitor.unix_path is None
        [address] = monitor.addresses
        assert address == Address(service="terminal", host="127.0.0.1", port=monitor.port)
        assert str(address) == f"127.0.0.1:{monitor.port}"


def test_left_out(application: Application, place: Path) -> None:
    """What is left out or not permitted has no socket; a dead one of it goes, too."""
    place.mkdir(parents=True, mode=0o700)
    left_behind(place / "console.sock")
    options: Any = {"unix_path": str(place), "webui_port": None, "permissions": "act"}
    with start_monitor(application.loop, **options) as monitor:
        assert sockets(place) == {"terminal.sock"}
        assert [address.service for address in monitor.addresses] == ["terminal"]


def test_a_relative_path(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application may change its directory: the sockets are found, and removed."""
    monkeypatch.chdir(tmp_path)
    with start_monitor(application.loop, unix_path="here/") as monitor:
        monkeypatch.chdir("/")
        assert monitor.unix_path == str(tmp_path / "here")
        with Client(monitor) as client:
            client.until("running")
    assert sockets(tmp_path / "here") == set()


@pytest.mark.parametrize("wrong", ["", "a\0b"])
def test_no_path(wrong: str) -> None:
    """What is no path is refused at once, and so is what cannot be had together."""
    with pytest.raises(ValueError, match=r"unix_path is .*: give a directory"):
        Monitor(unix_path=wrong)
    with pytest.raises(ValueError, match="exclude each other"):
        Monitor(host="127.0.0.1", unix_path="/run/x")
    given: Any = b"/run"
    with pytest.raises(TypeError, match="give a str"):
        Monitor(unix_path=given)


def test_no_unix_sockets(
    application: Application, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that has none says so, and what to do."""
    monkeypatch.delattr(socket, "AF_UNIX")
    assert "needs a POSIX system" in str(complaint(application, place))
    assert not place.exists()


# --- who gets at it -------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes(application: Application, place: Path, umask: int) -> None:
    """All that is made is the user's alone, whatever the umask, which stays what it was."""
    before = os.umask(umask)
    try:
        with start_monitor(application.loop, unix_path=place):
            assert [mode(path) for path in (place.parent, place)] == [0o700, 0o700]
            assert {mode(place / f"{service}.sock") for service in SERVICES} == {0o600}
    finally:
        assert os.umask(before) == umask


@pytest.mark.parametrize("wrong", [0o755, 0o710, 0o701, 0o770, 0o1777])
def test_an_open_directory(application: Application, place: Path, wrong: int) -> None:
    """A directory that others can enter is refused, with the command that mends it."""
    place.mkdir(parents=True)
    place.chmod(wrong)
    told = str(complaint(application, place, UnsafeAddressError))
    assert f"is open to other users (mode {wrong:04o})" in told
    assert f"chmod 700 {place}" in told
    assert sockets(place) == set()


def test_the_directory_of_another_user(
    application: Application, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of somebody else is refused, also if the process is root."""
    place.mkdir(parents=True, mode=0o700)
    ours, theirs = os.geteuid(), os.geteuid() + 4711
    if ours == 0:
        os.chown(place, theirs, -1)
    else:  # only root may give a file away: so it is the process that is somebody else
        monkeypatch.setattr(os, "geteuid", lambda: theirs)
        ours, theirs = theirs, ours
    told = str(complaint(application, place, UnsafeAddressError))
    assert f"belongs to uid {theirs}, and this process is of uid {ours}" in told


def test_symbolic_links(application: Application, place: Path, tmp_path: Path) -> None:
    """A link to a directory is refused, with or without a slash; one on the way is not."""
    place.mkdir(parents=True, mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(place)
    for path in (str(link), f"{link}/"):
        assert "symbolic link" in str(complaint(application, path, UnsafeAddressError))
    (tmp_path / "way").symlink_to(place.parent)
    with start_monitor(application.loop, unix_path=tmp_path / "way" / "shop"):
        assert "terminal.sock" in sockets(place)


def test_a_directory_that_is_exchanged(
    application: Application, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever puts another directory there after the check gets no socket that listens."""
    made = SocketDirectory.clear

    def exchange(self: SocketDirectory, service: str, *, busy: bool) -> None:
        made(self, service, busy=busy)
        place.rename(tmp_path / "checked")
        place.mkdir(mode=0o777)

    monkeypatch.setattr(SocketDirectory, "clear", exchange)
    assert complaint(application, place).errno == errno.ENOENT
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(place / "terminal.sock"))


def test_strangers(
    application: Application,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Should another user come in all the same, the kernel tells, and no service is given."""
    with (
        caplog.at_level(logging.INFO, "aiomonitor.audit"),
        start_monitor(application.loop, unix_path=place) as monitor,
    ):
        monkeypatch.setattr("aiomonitor.access.peers._ROOT", -1)
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        with Client(monitor) as client:
            client.until("belongs to another user")
            assert client.hung_up()
        assert get(place, "/api/status")[0] == 403
    us = rf"unix, uid {os.getuid()}, pid {os.getpid()}"
    assert re.fullmatch(f"{us}: refused: of another user", caplog.messages[0])
    assert re.fullmatch(rf"{us}: refused \(web\): of another user", caplog.messages[1])


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not tell, the directory alone keeps others out."""
    monkeypatch.delattr(socket, "SO_PEERCRED", raising=False)
    near, far = socket.socketpair()
    with near, far:
        peer = Peer.of(near, "")
        assert (peer.name, peer.uid, peer.is_stranger) == ("unix", None, False)


# --- clients --------------------------------------------------------------------------------------


def get(place: Path, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """A request over the web's socket."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    with contextlib.closing(connection):
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(str(place / "web.sock"))
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, headers=named)
        response = connection.getresponse()
        return response.status, response.read()


def run(*command: str, stdin: str = "") -> str:
    """What a client prints."""
    result = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (result.stderr, result.returncode) == ("", 0)
    return result.stdout


def our_client(path: Path, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["--unix", str(path), *arguments])
    assert result.exit_code == 0
    return result.output


def test_clients(application: Application, place: Path) -> None:
    """Those that people have."""
    require("nc", "socat", "curl")
    terminal, web = place / "terminal.sock", place / "web.sock"
    with start_monitor(application.loop, unix_path=place) as monitor:
        assert "0 live tasks" in run("nc", "-N", "-U", str(terminal), stdin="ps\n")
        assert "0 live tasks" in run("socat", "-", f"UNIX-CONNECT:{terminal}", stdin="ps\n")
        curl = ("curl", "-sSi", "--unix-socket", str(web))
        assert "HTTP/1.1 200" in run(*curl, "http://localhost/api/status")
        assert "HTTP/1.1 403" in run(*curl, "http://evil.example/api/status")
        ours = (sys.executable, "-m", "aiomonitor.cli", "--unix", str(place))
        assert "0 live tasks" in run(*ours, stdin="ps\n")
        assert our_client(place, "-c", "ps --json").startswith("{")
        assert our_client(terminal, "-c", "help ps").startswith("ps")
        console = place / "console.sock"
        assert our_client(console, "-c", "1 + await asyncio.sleep(0, 2)") == "3\n"
        assert str(web) in our_client(place, "-c", "web")
        assert not monitor.closed


def test_where_no_monitor_is(tmp_path: Path) -> None:
    """Our client says in a line what is wrong."""
    left_behind(tmp_path / "dead.sock")
    for path, reason in {
        "dead.sock": "nobody listens there any more",
        "none": "no such socket",
        "x" * 200: "too long",
    }.items():
        result = CliRunner().invoke(cli, ["--unix", str(tmp_path / path), "-cps"])
        [line] = result.output.splitlines()
        assert line.startswith(f"aiomonitor: cannot reach {tmp_path / path}: ")
        assert reason in line
        assert result.exit_code == 3


def test_one_address_only() -> None:
    """Of a port and a socket, one can be meant."""
    for option in ("--host=x", "-p1"):
        result = CliRunner().invoke(cli, ["--unix", "x", option])
        assert "exclude each other" in result.output
        assert result.exit_code == 2


def test_a_token(application: Application, place: Path) -> None:
    """It is asked for at sockets, too."""
    with start_monitor(application.loop, unix_path=place, token="s3cret") as monitor:  # noqa: S106
        with Client(monitor) as client:
            client.send("ps")
            client.until("token: that is not the token")
        assert get(place, "/api/status")[0] == 401
        assert get(place, "/api/status", Authorization="Bearer s3cret")[0] == 200
        told = our_client(place, "--token", "s3cret", "-c", "web")
        way_in = re.search(r"http://localhost:20102(/login\?ticket=\S+)\n", told)
        assert way_in
        assert get(place, way_in[1], Host="localhost:20102")[0] == 200


def test_audit(application: Application, place: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log names user and process, of each connection its own."""
    with (
        caplog.at_level(logging.INFO, "aiomonitor.audit"),
        start_monitor(application.loop, unix_path=place) as monitor,
    ):
        with Client(monitor) as client:
            client.send("cancel 99")
            client.until("no task has the number 99")
        assert get(place, "/api/tasks/99/cancel", "POST", X_Aiomonitor="1")[0] == 404
        require("curl")
        url = "http://localhost/api/tasks/99/cancel"
        curl = ("curl", "-sS", "--unix-socket", str(place / "web.sock"), "-HX-Aiomonitor: 1")
        run(*curl, "-XPOST", url)
    us = f"unix, uid {os.getuid()}, pid "
    assert f"{us}{os.getpid()}: cancel 99" in caplog.messages
    assert f"{us}{os.getpid()}: cancel 99 (web)" in caplog.messages
    pids = {found[0] for each in caplog.messages if (found := re.findall(r"pid (\d+)", each))}
    assert len(pids) == 2


# --- what is there already ------------------------------------------------------------------------


def test_dead_sockets(application: Application, place: Path) -> None:
    """Those that a killed process has left are replaced."""
    place.mkdir(parents=True, mode=0o700)
    for service in SERVICES:
        left_behind(place / f"{service}.sock")
    with start_monitor(application.loop, unix_path=place) as monitor, Client(monitor) as client:
        client.until("running")
    assert sockets(place) == set()


def test_two_monitors(application: Application, place: Path, tmp_path: Path) -> None:
    """The second in a directory is refused, and the first is not disturbed."""
    with start_monitor(application.loop, unix_path=place) as monitor:
        error = complaint(application, place)
        assert error.errno == errno.EADDRINUSE
        assert f"terminal cannot listen on {place}/terminal.sock" in str(error)
        assert "give another unix_path" in str(error)
        with start_monitor(application.loop, unix_path=tmp_path / "other") as other:
            for each in (monitor, other):
                with Client(each) as client:
                    client.until("running")
        assert sockets(place) == {f"{service}.sock" for service in SERVICES}
    with start_monitor(application.loop, unix_path=place, port=None) as one:
        with start_monitor(
            application.loop, unix_path=place, webui_port=None, console_port=None
        ) as two:
            assert len(sockets(place)) == 3
        assert (one.closed, two.closed) == (False, True)
        assert sockets(place) == {"web.sock", "console.sock"}


def test_many_at_once(application: Application, place: Path) -> None:
    """Of those that start in a directory at the same time, with dead sockets in it, one does."""
    place.mkdir(parents=True, mode=0o700)
    left_behind(place / "terminal.sock")
    together = threading.Barrier(6)
    started: list[Monitor] = []
    refused: list[BindError] = []

    def start() -> None:
        monitor = Monitor(application.loop, unix_path=place, hook_task_factory=False)
        together.wait(PATIENCE)
        try:
            monitor.start()
        except BindError as error:
            refused.append(error)
        else:
            started.append(monitor)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [monitor] = started
    assert len(refused) == 5
    with monitor, Client(monitor) as client:
        client.until("running")


def test_a_file_in_the_way(application: Application, place: Path) -> None:
    """What is no socket is nobody's to remove, and neither is a directory that is none."""
    place.mkdir(parents=True, mode=0o700)
    (place / "web.sock").write_text("precious")
    error = complaint(application, place)
    assert error.errno == errno.EEXIST
    assert "web.sock: there is a file that is no socket" in str(error)
    assert sockets(place) == {"web.sock"}
    assert complaint(application, place / "web.sock").errno == errno.ENOTDIR


def test_a_long_path(application: Application, tmp_path: Path) -> None:
    """The system's limit is told before anything is bound."""
    room = PATH_LIMIT - len(f"{tmp_path}//terminal.sock")
    longest = tmp_path / ("x" * room)
    with start_monitor(application.loop, unix_path=longest) as monitor, Client(monitor) as client:
        client.until("running")
    error = complaint(application, f"{longest}x")
    assert error.errno == errno.ENAMETOOLONG
    assert f"has {PATH_LIMIT + 1} bytes, and a Unix socket's may have {PATH_LIMIT}" in str(error)


def test_a_directory_that_cannot_be_made(application: Application, tmp_path: Path) -> None:
    """What the file system says is told with the path."""
    (tmp_path / "file").write_text("")
    told = str(complaint(application, tmp_path / "file" / "below"))
    assert "Not a directory; give another unix_path" in told


def test_a_start_that_fails(
    application: Application, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had been made until then is removed, and the next start works."""

    def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", fail)
        with pytest.raises(OSError, match="Too many open files") as caught:
            start_monitor(application.loop, unix_path=place)
    assert caught.value.errno == errno.EMFILE  # it refers to what was made
    assert sockets(place) == set()
    start_monitor(application.loop, unix_path=place).close()


def test_a_start_that_hangs(
    application: Application, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was suspended while it started there does not hold up this one."""
    monkeypatch.setattr("aiomonitor.doors.unix._LOCK_PAUSE", 0.0)
    with SocketDirectory(str(place)):
        assert "another monitor has been starting" in str(complaint(application, place))
    start_monitor(application.loop, unix_path=place).close()


# --- the end --------------------------------------------------------------------------------------


def test_the_socket_of_somebody_else(application: Application, place: Path) -> None:
    """What was put in the place of a socket stays when the monitor closes."""
    with start_monitor(application.loop, unix_path=place):
        (place / "web.sock").unlink()
        left_behind(place / "web.sock")
    assert sockets(place) == {"web.sock"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork(application: Application, place: Path) -> None:
    """A forked child that closes, or ends, leaves the parent's sockets alone."""
    monitor = start_monitor(application.loop, unix_path=place)
    child = os.fork()
    if child == 0:
        try:
            monitor.close()
            monitor._crew.abandon()  # type: ignore[union-attr]
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with monitor, Client(monitor) as client:
        client.until("running")
    assert sockets(place) == set()


ENDS = """
import asyncio, os, signal, sys
import aiomonitor
monitor = aiomonitor.start_monitor(asyncio.new_event_loop(), unix_path=sys.argv[1])
if sys.argv[2] == "forks" and os.fork():
    os.wait()  # the child ends as Python programs do
    assert len(os.listdir(sys.argv[1])) == 3
    print("waited")
elif sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("how", "left"), [("exits", 0), ("forks", 0), ("killed", 3)])
def test_an_end_without_close(application: Application, place: Path, how: str, left: int) -> None:
    """A process that forgets to close leaves nothing; of one that was killed, the next one
    removes what is left."""
    command = [sys.executable, "-W", "ignore", "-c", ENDS, str(place), how]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.returncode == (-signal.SIGKILL if how == "killed" else 0)
    assert result.stdout == ("waited\n" if how == "forks" else "")
    assert len(sockets(place)) == left
    with start_monitor(application.loop, unix_path=place) as monitor, Client(monitor) as client:
        client.until("running")
