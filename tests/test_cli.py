"""The command-line client as its users run it: a process, real sockets, and a scripted server."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from aiomonitor.cli.connection import Address, _cause
from aiomonitor.terminal.telnet import (
    TTYPE_IS,
    TTYPE_SEND,
    Command,
    ControlCommand,
    Data,
    Disabled,
    Enabled,
    Event,
    Option,
    Subnegotiation,
    TelnetCodec,
    naws_payload,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GUARD: Final = 30.0
"""Seconds after which something hangs; no test waits for it."""

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="needs POSIX: pseudo-terminals and signals to a process"
)


class Peer:
    """The server's end of one connection, for scripts that run in a thread."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.codec = TelnetCodec()
        self.events: list[Event] = []
        self.raw = b""
        for option in (Option.ONE_SHOT, Option.NAWS, Option.TTYPE):
            self.codec.accept(option, "remote")

    def send(self, data: bytes = b"") -> None:
        self.sock.sendall(self.codec.bytes_to_send() + data)

    def receive(self) -> bool:
        """Take what comes, answer it; False at the client's end."""
        data = self.sock.recv(65_536)
        self.raw += data
        self.events += self.codec.receive(data)
        self.send()
        return bool(data)

    def until(self, *expected: Event) -> None:
        """Receive until each of these events has come."""
        while not all(event in self.events for event in expected):
            assert self.receive(), f"{expected} did not come, but {self.events}"

    def until_typed(self, keys: bytes) -> None:
        while keys not in self.typed():
            assert self.receive(), f"{keys!r} did not come, but {self.typed()!r}"

    def until_eof(self) -> None:
        """Receive until the client has left, politely or not."""
        with contextlib.suppress(ConnectionError):
            while self.receive():
                pass

    def typed(self) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, Data))

    def payloads(self) -> list[bytes]:
        return [event.payload for event in self.events if isinstance(event, Subnegotiation)]


@contextlib.contextmanager
def serving(script: Callable[[Peer], None]) -> Iterator[int]:
    """Run a script for one connection; its failure is the test's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ThreadPoolExecutor(1) as executor,
    ):
        listener.settimeout(GUARD)

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(GUARD)
                script(Peer(sock))

        served: Future[None] = executor.submit(serve)
        yield listener.getsockname()[1]
        served.result(GUARD)


def told(letter: bytes, text: bytes) -> Subnegotiation:
    return Subnegotiation(option=Option.ONE_SHOT, payload=letter + text, truncated=False)


def end_command(peer: Peer, status: bytes) -> None:
    peer.codec.subnegotiate(Option.ONE_SHOT, b"S" + status)
    peer.send()


def monitor(command: bytes, output: bytes, status: bytes = b"0") -> Callable[[Peer], None]:
    """The script of a monitor that runs one command."""

    def script(peer: Peer) -> None:
        peer.codec.request(Option.TTYPE, "remote")
        peer.send()
        peer.until(told(b"C", command))
        peer.send(output)
        end_command(peer, status)

    return script


def argv(port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "aiomonitor.cli", "--port", str(port), *arguments]


def environment(**variables: str) -> dict[str, str]:
    ours = ("AIOMONITOR_TOKEN", "NO_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "TERM": "xterm-test", **variables}


def client(
    port: int, *arguments: str, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        argv(port, *arguments),
        input=stdin,
        capture_output=True,
        timeout=GUARD,
        env=environment(**variables),
        check=False,
    )


def failure(result: subprocess.CompletedProcess[bytes]) -> str:
    """The one line of an unsuccessful client."""
    assert result.stdout == b""
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("aiomonitor: ")
    return line


# One command.


@pytest.mark.parametrize("status", [0, 1, 2, 130])
def test_command_output_and_status(status: int) -> None:
    """The output is the server's bytes, IAC and all, and the status is the command's."""
    output = b"\xff \xc3\xa9\r\n" * 1000
    script = monitor(b"ps --json", output.replace(b"\xff", b"\xff\xff"), b"%d" % status)
    with serving(script) as port:
        result = client(port, "-c", "ps --json")
    assert (result.stdout, result.stderr, result.returncode) == (output, b"", status)


def test_command_in_utf8() -> None:
    """A command goes out in UTF-8."""
    with serving(monitor("ps --filter é".encode(), b"x")) as port:
        assert client(port, "-c", "ps --filter é", PYTHONUTF8="1").returncode == 0


def test_one_shot_is_offered_first() -> None:
    """The first bytes of the client tell a server that no person is coming."""
    peers: list[Peer] = []

    def script(peer: Peer) -> None:
        peers.append(peer)
        monitor(b"ps", b"")(peer)

    with serving(script) as port:
        client(port, "-c", "ps")
    (peer,) = peers
    assert peer.raw.startswith(bytes((Command.IAC, Command.WILL, Option.ONE_SHOT)))
    assert Disabled(option=Option.TTYPE, side="remote") in peer.events  # stdout is no terminal


@pytest.mark.parametrize("by_variable", [False, True])
def test_token_comes_before_the_command(by_variable: bool) -> None:
    """A token, by argument or variable, is sent before the command."""
    peers: list[Peer] = []

    def script(peer: Peer) -> None:
        peers.append(peer)
        monitor(b"ps", b"")(peer)

    with serving(script) as port:
        arguments = () if by_variable else ("--token", "héllo")
        token = "héllo" if by_variable else ""  # an empty variable is none
        client(port, "-c", "ps", *arguments, AIOMONITOR_TOKEN=token, PYTHONUTF8="1")
    assert peers[0].payloads() == [b"T" + "héllo".encode(), b"Cps"]


def test_longest_command() -> None:
    """A command of the limit arrives whole; one byte more is refused before any connection."""
    with serving(monitor(b"x" * 4000, b"")) as port:
        assert client(port, "-c", "x" * 4000).returncode == 0
    result = client(1, "-c", "x" * 4001)
    assert "4001 bytes" in failure(result)
    assert result.returncode == 2


def greets(greeting: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.send(greeting)
        peer.until_eof()

    return script


def hangs_up(peer: Peer) -> None:
    peer.sock.recv(65_536)


def ignores(peer: Peer) -> None:
    while peer.sock.recv(65_536):
        pass


def refuses(peer: Peer) -> None:
    peer.send(b"\xff\xfd\x18login: \xff\xfe\xc8")
    peer.sock.recv(1)
    peer.until_eof()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (greets(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "'HTTP/1.1 400 Bad Request'"),
        (greets(b"SSH-2.0-x\x1b[2J\r\n"), r"'SSH-2.0-x\x1b[2J'"),
        (lambda peer: None, "closed the connection"),
        (hangs_up, "closed the connection"),
        (refuses, "takes no single commands"),
    ],
)
def test_not_a_monitor(script: Callable[[Peer], None], reason: str) -> None:
    """A server that is no monitor is called so, in one line, and is not told the token."""
    peers: list[Peer] = []

    def recorded(peer: Peer) -> None:
        peers.append(peer)
        script(peer)

    with serving(recorded) as port:
        result = client(port, "-c", "ps", "--token", "secret")
    line = failure(result)
    assert f"127.0.0.1:{port} is no aiomonitor terminal" in line
    assert reason in line
    assert result.returncode == 3
    assert b"secret" not in peers[0].raw


def test_server_that_never_answers() -> None:
    """Silence ends after the time that the user gave it."""
    with serving(ignores) as port:
        result = client(port, "-c", "ps", "--timeout", "0.1")
    assert "is no aiomonitor terminal: no answer" in failure(result)
    assert result.returncode == 3


def test_end_without_a_status() -> None:
    """A server that dies in the middle of a command leaves its output and status 3."""

    def script(peer: Peer) -> None:
        peer.until(told(b"C", b"ps"))
        peer.send(b"half")

    with serving(script) as port:
        result = client(port, "-c", "ps")
    assert result.stdout == b"half"
    assert b"before the command had ended" in result.stderr
    assert result.returncode == 3


@pytest.mark.parametrize("status", [b"", b"x", b"-1"])
def test_malformed_status_is_none(status: bytes) -> None:
    """A status that is no number does not count."""
    with serving(monitor(b"ps", b"", status)) as port:
        assert client(port, "-c", "ps").returncode == 3


def test_nobody_listens() -> None:
    """A refused connection is one line with the address and what to look at."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        port = bound.getsockname()[1]
        result = client(port, "-c", "ps")
    assert f"cannot reach 127.0.0.1:{port}: " in failure(result)
    assert result.returncode == 3


def test_unknown_host() -> None:
    """A name that does not resolve is one line with the name and what to look at."""
    result = client(20_101, "-c", "ps", "--host", "no such host")
    assert "cannot reach no such host:20101: " in failure(result)
    assert "--host" in failure(result)
    assert result.returncode == 3


def test_reason_of_several_addresses() -> None:
    """A host whose addresses all refuse is a refusal, however many they are."""

    class SeveralError(Exception):  # the real one is not in Python 3.10
        exceptions = (ConnectionRefusedError(111, "refused"), TimeoutError())

    error = OSError("All connection attempts failed")
    error.__cause__ = SeveralError()
    address = Address(host="localhost", port=20_101)
    assert "connection refused" in _cause(error, address)
    assert "Network is down" in _cause(OSError(100, "Network is down"), address)


def test_address_of_ipv6() -> None:
    """An IPv6 address is told from its port."""
    assert str(Address(host="::1", port=20_101)) == "[::1]:20101"


def test_help_and_version() -> None:
    """Help has examples, and neither help nor version needs a server."""
    assert b"aiomonitor -c 'ps --json'" in client(1, "--help").stdout
    assert client(1, "--version").stdout.startswith(b"aiomonitor ")


@posix_only
def test_broken_pipe_is_quiet() -> None:
    """When the reader of our output has left, we leave too, without a word."""
    reader, writer = os.pipe()
    os.close(reader)

    def script(peer: Peer) -> None:
        monitor(b"ps", b"x" * 100)(peer)
        peer.until_eof()

    with serving(script) as port:
        result = subprocess.run(
            argv(port, "-c", "ps"),
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=GUARD,
            env=environment(),
            check=False,
        )
    os.close(writer)
    assert (result.stderr, result.returncode) == (b"", 141)


@posix_only
@pytest.mark.parametrize("answered", [True, False])
def test_interrupt(answered: bool) -> None:
    """The first Ctrl-C is the server's to answer; the second one ends the client with 130."""
    processes: list[subprocess.Popen[bytes]] = []

    def script(peer: Peer) -> None:
        peer.until(told(b"C", b"sleep"))
        processes[0].send_signal(signal.SIGINT)
        peer.until(ControlCommand(Command.IP))
        if answered:
            end_command(peer, b"7")
        else:
            processes[0].send_signal(signal.SIGINT)
            peer.until_eof()

    with serving(script) as port:
        process = subprocess.Popen(
            argv(port, "-c", "sleep"), stderr=subprocess.PIPE, env=environment()
        )
        processes.append(process)
        _, errors = process.communicate(timeout=GUARD)
    assert (errors, process.returncode) == (b"", 7 if answered else 130)


# Lines from a pipe.


def test_lines_from_a_pipe() -> None:
    """Lines go out without a word of telnet, then the end; all output is printed."""
    peers: list[Peer] = []

    def script(peer: Peer) -> None:
        peers.append(peer)
        peer.codec.request(Option.TTYPE, "remote")
        peer.send(b"welcome\n")
        peer.until_eof()
        peer.send(b"bye\n")

    with serving(script) as port:
        result = client(port, stdin=b"ps\nwhere 1\n")
    assert peers[0].raw == b"ps\nwhere 1\n"
    assert (result.stdout, result.stderr, result.returncode) == (b"welcome\nbye\n", b"", 0)


def test_server_closes_before_stdin_ends() -> None:
    """A client whose stdin stays open ends when the server does."""
    reader, writer = os.pipe()
    with serving(lambda peer: peer.send(b"bye\n")) as port:
        result = subprocess.run(
            argv(port), stdin=reader, capture_output=True, timeout=GUARD, check=False
        )
    os.close(reader)
    os.close(writer)
    assert (result.stdout, result.returncode) == (b"bye\n", 0)


# A terminal.


class Terminal:
    """A pseudo-terminal and the client that runs in it."""

    def __init__(self, port: int, *arguments: str, size: tuple[int, int], **env: str) -> None:
        self.master, self.slave = os.openpty()
        self.resize(*size, tell=False)
        self.found = self.mode()
        self.shown = b""
        self.process = subprocess.Popen(
            argv(port, *arguments),
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment(**env),
        )

    def mode(self) -> list[object]:
        import termios

        return list(termios.tcgetattr(self.slave))

    def is_raw(self) -> bool:
        import termios

        flags = self.mode()[3]
        assert isinstance(flags, int)
        return not flags & (termios.ICANON | termios.ECHO | termios.ISIG)

    def resize(self, columns: int, rows: int, *, tell: bool = True) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:  # it is not the controlling terminal, so the kernel does not
            self.process.send_signal(signal.SIGWINCH)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def until_shown(self, text: bytes) -> None:
        while text not in self.shown:
            assert select.select([self.master], [], [], GUARD)[0], f"only {self.shown!r}"
            self.shown += os.read(self.master, 65_536)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(GUARD)
        os.close(self.slave)
        os.close(self.master)


@contextlib.contextmanager
def terminal(port: int, *arguments: str, **env: str) -> Iterator[Terminal]:
    with contextlib.closing(Terminal(port, *arguments, size=(100, 30), **env)) as opened:
        yield opened


def echoing(then: Callable[[Peer], None]) -> Callable[[Peer], None]:
    """The script of a monitor that edits lines itself, which takes the keys one by one."""

    def script(peer: Peer) -> None:
        peer.codec.request(Option.ECHO, "local")
        peer.codec.request(Option.TTYPE, "remote")
        peer.send()
        peer.until(
            Enabled(option=Option.ECHO, side="local"),
            Enabled(option=Option.TTYPE, side="remote"),
            size_of(100, 30),
        )
        peer.codec.subnegotiate(Option.TTYPE, TTYPE_SEND)
        peer.send()
        name = TTYPE_IS + b"xterm-test"
        peer.until(Subnegotiation(option=Option.TTYPE, payload=name, truncated=False))
        then(peer)

    return script


def size_of(columns: int, rows: int) -> Subnegotiation:
    payload = naws_payload(columns, rows)
    return Subnegotiation(option=Option.NAWS, payload=payload, truncated=False)


@posix_only
def test_terminal_is_raw_and_restored() -> None:
    """A server that echoes gets every key, and when it closes the terminal is as it was."""

    def then(peer: Peer) -> None:
        peer.send(b"ready> ")
        peer.until_typed(b"\x03\x04\x1a\r\xc3\xa9")

    with serving(echoing(then)) as port, terminal(port) as screen:
        screen.until_shown(b"ready> ")
        assert b"Ctrl-] leaves" in screen.shown
        assert screen.is_raw()
        screen.type(b"\x03\x04\x1a\r\xc3\xa9")
        screen.until_shown(b"closed the connection.\r\n")
        assert screen.process.wait(GUARD) == 0
        assert screen.mode() == screen.found


@posix_only
def test_terminal_enter_key_is_cr_nul() -> None:
    """The Enter key goes over the wire as RFC 854 wants it."""
    peers: list[Peer] = []

    def then(peer: Peer) -> None:
        peers.append(peer)
        peer.send(b"ready> ")
        peer.until_typed(b"x")

    with serving(echoing(then)) as port, terminal(port) as screen:
        screen.until_shown(b"ready> ")
        screen.type(b"\rx")
        screen.until_shown(b"closed")
        screen.process.wait(GUARD)
    assert peers[0].raw.endswith(b"\r\0x")


@posix_only
def test_terminal_tells_its_new_size() -> None:
    """A resized window is told to the server."""

    def then(peer: Peer) -> None:
        peer.send(b"ready> ")
        peer.until(size_of(255, 40))

    with serving(echoing(then)) as port, terminal(port) as screen:
        screen.until_shown(b"ready> ")
        screen.resize(255, 40)
        screen.until_shown(b"closed")
        assert screen.process.wait(GUARD) == 0


@posix_only
def test_terminal_escape_key() -> None:
    """Ctrl-] ends the client at once; keys before it are sent, it and those after it aren't."""
    peers: list[Peer] = []

    def then(peer: Peer) -> None:
        peers.append(peer)
        peer.send(b"ready> ")
        peer.until_eof()

    with serving(echoing(then)) as port, terminal(port) as screen:
        screen.until_shown(b"ready> ")
        screen.type(b"ab\x1dcd")
        assert screen.process.wait(GUARD) == 0
        assert screen.mode() == screen.found
    assert peers[0].typed() == b"ab"


@posix_only
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_terminal_is_restored_by_signals(name: str) -> None:
    """A signal that ends the client restores the terminal first, and is its status."""
    number = signal.Signals[name]

    def then(peer: Peer) -> None:
        peer.send(b"ready> ")
        peer.until_eof()

    with serving(echoing(then)) as port, terminal(port) as screen:
        screen.until_shown(b"ready> ")
        screen.process.send_signal(number)
        assert screen.process.wait(GUARD) == 128 + number
        assert screen.mode() == screen.found


@posix_only
def test_terminal_is_restored_when_the_server_dies() -> None:
    """A reset connection is one line and status 3, with the terminal as it was."""

    def then(peer: Peer) -> None:
        peer.send(b"ready> ")
        peer.until_typed(b"x")
        linger = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # close with a reset

    with serving(echoing(then)) as port, terminal(port) as screen:
        screen.until_shown(b"ready> ")
        screen.type(b"x")
        screen.until_shown(b"was lost\r\n")
        assert screen.process.wait(GUARD) == 3
        assert screen.mode() == screen.found


@posix_only
def test_terminal_of_a_server_that_does_not_echo() -> None:
    """Without the server's echo the terminal edits and echoes lines itself."""

    def script(peer: Peer) -> None:
        peer.send(b"plain> ")
        peer.until_typed(b"ps\n")

    with serving(script) as port, terminal(port) as screen:
        screen.until_shown(b"plain> ")
        assert screen.mode() == screen.found
        screen.type(b"px\x7fs\n")
        screen.until_shown(b"closed")
        assert screen.process.wait(GUARD) == 0


@posix_only
def test_terminal_without_a_server() -> None:
    """A terminal that cannot connect shows the one line, and stays as it was."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with terminal(bound.getsockname()[1]) as screen:
            screen.until_shown(b"cannot reach")
            assert screen.process.wait(GUARD) == 3
            assert screen.mode() == screen.found


@posix_only
@pytest.mark.parametrize("no_color", ["", "1"])
def test_command_in_a_terminal(no_color: str) -> None:
    """In a terminal one command is preceded by the size, and by the type unless NO_COLOR is set."""
    peers: list[Peer] = []

    def script(peer: Peer) -> None:
        peers.append(peer)
        peer.codec.request(Option.TTYPE, "remote")
        peer.codec.subnegotiate(Option.TTYPE, TTYPE_SEND)  # on the heels of the question
        monitor(b"ps", b"output\r\n")(peer)

    with serving(script) as port, terminal(port, "-c", "ps", NO_COLOR=no_color) as screen:
        screen.until_shown(b"output")
        assert screen.process.wait(GUARD) == 0
    (peer,) = peers
    payloads = peer.payloads()
    assert payloads[-1] == b"Cps"
    assert naws_payload(100, 30) in payloads
    assert (TTYPE_IS + b"xterm-test" in payloads) is (not no_color)
