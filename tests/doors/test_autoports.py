"""The port "auto": free ports side by side, whoever else starts at the same time."""

from __future__ import annotations

import errno
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

import aiomonitor
from aiomonitor import BindError, Monitor, UnsafeAddressError
from aiomonitor.doors import Doors, Place
from aiomonitor.doors import auto as autoports
from aiomonitor.doors.auto import DEFAULT_PORTS, STEP, agreed, listen_together
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor.model.addresses import Port, ServiceName

HOST = "127.0.0.1"
ALL: list[ServiceName] = ["terminal", "web", "console"]


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The terminal's default port in these tests, where somebody listens already."""
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(autoports, "TRIES", (65_535 - port) // STEP)  # no port is higher
        for number, service in enumerate(ALL):
            monkeypatch.setitem(DEFAULT_PORTS, service, port + number)
        yield port


def ports_of(found: dict[ServiceName, list[socket.socket]]) -> dict[ServiceName, int]:
    return {service: sockets[0].getsockname()[1] for service, sockets in found.items()}


def close(found: dict[ServiceName, list[socket.socket]]) -> None:
    for sockets in found.values():
        for each in sockets:
            each.close()


def test_the_defaults() -> None:
    """They are those of a monitor."""
    monitor = Monitor()
    assert (monitor.port, monitor.webui_port, monitor.console_port) == (
        aiomonitor.MONITOR_PORT,
        aiomonitor.MONITOR_WEBUI_PORT,
        aiomonitor.CONSOLE_PORT,
    )
    assert set(DEFAULT_PORTS) == set(ALL)


def test_side_by_side(taken: int) -> None:
    """Where one of the services cannot be, none of them is: they are together at the next place."""
    found = listen_together(ALL, HOST, safe=False)
    try:
        terminal, web, console = ports_of(found).values()
        assert (web, console) == (terminal + 1, terminal + 2)
        assert terminal > taken
        assert (terminal - taken) % STEP == 0
        for port in (terminal, web, console):
            socket.create_connection((HOST, port)).close()
    finally:
        close(found)


def test_some_services(taken: int) -> None:
    """Those that are not "auto" do not count."""
    found = listen_together(["web"], HOST, safe=False)
    try:
        assert (ports_of(found)["web"] - taken) % STEP == 1
    finally:
        close(found)


def test_none_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that is given up is free for others, all of it."""
    opened: list[socket.socket] = []

    def listen(service: str, *_: object, **__: object) -> list[socket.socket]:
        if len(opened) == 1:
            raise BindError(errno.EADDRINUSE, "taken")
        opened.append(socket.socket())
        return opened[-1:]

    monkeypatch.setattr(autoports, "listen", listen)
    monkeypatch.setattr(autoports, "TRIES", 1)
    with pytest.raises(BindError, match="taken"):
        listen_together(["terminal", "web"], HOST, safe=False)
    assert [each.fileno() for each in opened] == [-1]


def test_no_place_in_the_row(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then any free ports do: the run directory tells them."""
    monkeypatch.setattr(autoports, "TRIES", 1)
    found = listen_together(ALL, HOST, safe=False)
    try:
        assert taken not in ports_of(found).values()
        assert len(set(ports_of(found).values())) == 3
    finally:
        close(found)


def test_at_the_same_time() -> None:
    """Those who start at once each get their own."""
    barrier = Barrier(6)

    def start(_: int) -> dict[ServiceName, list[socket.socket]]:
        barrier.wait(PATIENCE)
        return listen_together(ALL, HOST, safe=False)

    with ThreadPoolExecutor(6) as executor, ExitStack() as undo:
        everything = list(executor.map(start, range(6)))
        for found in everything:
            undo.callback(close, found)
        ports = [port for found in everything for port in ports_of(found).values()]
        assert len(set(ports)) == 18


def test_other_faults() -> None:
    """What no other port would help against is raised at once."""
    with pytest.raises(UnsafeAddressError):
        listen_together(ALL, "0.0.0.0", safe=False)  # noqa: S104 - refused
    with pytest.raises(BindError) as caught:
        listen_together(ALL, "192.0.2.1", safe=True)
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(
    ("web", "console", "expected"),
    [
        ("default", "default", ("auto", "auto")),
        (None, 0, (None, 0)),
        (40_000, "auto", (40_000, "auto")),
    ],
)
def test_what_goes_along(taken: int, web: Any, console: Any, expected: tuple[Port, Port]) -> None:
    """With the terminal's port those that were left at their defaults are "auto", too."""
    default = {"web": taken + 1, "console": taken + 2}
    wanted = agreed(
        {
            "terminal": "auto",
            "web": default["web"] if web == "default" else web,
            "console": default["console"] if console == "default" else console,
        }
    )
    assert (wanted["web"], wanted["console"]) == expected


def test_the_web_alone() -> None:
    """Another service's "auto" is its own affair."""
    ports: dict[ServiceName, Port] = {"terminal": 20101, "web": "auto", "console": 20103}
    assert agreed(ports) == ports


@pytest.mark.parametrize("wrong", ["Auto", "20101", 1.5, True])
def test_no_port(wrong: Any) -> None:
    """What is neither is refused at once, by the name of the argument."""
    with pytest.raises(TypeError, match=f'^webui_port is {wrong!r}: give a number, "auto"'):
        Monitor(webui_port=wrong)


def test_doors(taken: int) -> None:
    """Before they are open the port is not known; then it is the real one. Others are as given."""
    place = Place(host=HOST, ports={"terminal": "auto", "web": 0, "console": None})
    assert place.port("terminal") is None
    doors = Doors(place, safe=False)
    try:
        terminal, web = doors.place.port("terminal"), doors.place.port("web")
        assert terminal
        assert (terminal - taken) % STEP == 0
        assert web not in (None, 0, terminal)
        assert doors.place.port("console") is None
    finally:
        doors.close()
