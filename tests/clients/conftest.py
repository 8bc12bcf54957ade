"""Applications and terminals for the tests, ended whatever happens."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from support import LOOP_KINDS

from .harness import Application, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class MakeApplication(Protocol):
    """Starts an application, see `application.py` for the options."""

    def __call__(self, *options: str, **variables: str) -> Application: ...


class MakeTerminal(Protocol):
    """Starts a command in a terminal."""

    def __call__(
        self, *command: str, columns: int = 100, rows: int = 30, **variables: str
    ) -> Terminal: ...


if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]  # all of it needs pseudo-terminals and inherited sockets


def _maker(stack: contextlib.ExitStack, directories: Path) -> MakeApplication:
    def make(*options: str, **variables: str) -> Application:
        directory = directories / str(len(list(directories.iterdir())))
        directory.mkdir()
        application = Application(directory, *options, **variables)
        stack.callback(application.end)
        return application

    return make


@pytest.fixture
def start(tmp_path: Path) -> Iterator[MakeApplication]:
    """Starts applications that the test ends itself."""
    with contextlib.ExitStack() as stack:
        yield _maker(stack, tmp_path)


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    with contextlib.ExitStack() as stack:
        application = _maker(stack, tmp_path_factory.mktemp("applications"))()
        yield application
        application.stop()


@pytest.fixture
def application(_shared: Application) -> Iterator[Application]:
    """A healthy application, which must be as healthy after the test: the next one gets it, too."""
    yield _shared
    _shared.check_health()


@pytest.fixture
def own_application(start: MakeApplication) -> Iterator[Application]:
    """As `application`, but nobody else's, and it must end in good order after the test."""
    application = start()
    yield application
    application.check_health()
    application.stop()


@pytest.fixture(params=LOOP_KINDS)
def kind_of_loop(request: pytest.FixtureRequest) -> str:
    """The event loops that applications run on."""
    kind: str = request.param
    return kind


@pytest.fixture
def open_terminal() -> Iterator[MakeTerminal]:
    """Starts terminals."""
    with contextlib.ExitStack() as stack:

        def make(*command: str, columns: int = 100, rows: int = 30, **variables: str) -> Terminal:
            terminal = Terminal(*command, columns=columns, rows=rows, **variables)
            stack.callback(terminal.end)
            return terminal

        yield make
