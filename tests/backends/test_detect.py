"""Finding what is to be watched."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

from aiomonitor.backends import detect
from aiomonitor.errors import NoEventLoopError, UnsupportedLoopError

if TYPE_CHECKING:
    from collections.abc import Callable


def in_thread(function: Callable[[], Any]) -> Any:
    """The result of a call in a thread that has never seen a loop."""
    results: list[Any] = []

    def call() -> None:
        try:
            results.append(function())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return results[0]


def test_running_loop_is_found() -> None:
    """Inside of a coroutine, it is the loop that runs it."""

    async def main() -> bool:
        return detect(None)._loop is asyncio.get_running_loop()  # type: ignore[attr-defined]

    assert asyncio.run(main())


def test_current_loop_is_found() -> None:
    """Before the run, it is the loop that the thread will use."""

    def look() -> bool:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return detect(None)._loop is loop  # type: ignore[attr-defined]
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    assert in_thread(look) is True


def test_no_loop() -> None:
    """A thread without a loop is told to pass one, and none is created."""
    error = in_thread(lambda: detect(None))
    assert isinstance(error, NoEventLoopError)
    assert "pass one as `loop`" in str(error)
    assert "\n" not in str(error)
    assert isinstance(in_thread(lambda: detect(None)), NoEventLoopError)


def test_closed_current_loop() -> None:
    """A current loop that is closed is no loop."""

    def look() -> Any:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.close()
        try:
            return detect(None)
        finally:
            asyncio.set_event_loop(None)

    assert isinstance(in_thread(look), NoEventLoopError)


@pytest.mark.parametrize("thing", [object(), "loop", 0, asyncio.new_event_loop, asyncio])
def test_what_is_no_loop(thing: object) -> None:
    """Anything else than a loop is refused, by its type's name."""
    with pytest.raises(UnsupportedLoopError, match=type(thing).__name__):
        detect(thing)


def test_inside_of_trio() -> None:
    """A trio run is recognised, and its token is where the calling thread is another one."""

    async def main() -> None:
        assert detect(None).runtime == "trio"
        token = trio.lowlevel.current_trio_token()
        found = await trio.to_thread.run_sync(detect, token)
        assert found.runtime == "trio"

    trio.run(main)


@pytest.mark.parametrize("version", ["0.22.0", "0.30.1"])
def test_old_trio(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a trio that cannot be watched is refused, by its version, with the remedy."""

    async def main() -> None:
        monkeypatch.setattr(trio, "__version__", version)
        with pytest.raises(UnsupportedLoopError, match=version) as raised:
            detect(None)
        assert "pip install 'aiomonitor[trio]'" in str(raised.value)

    trio.run(main)


def test_trio_whose_parts_have_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one that is too new for us, and what it lacks is named."""

    async def main() -> None:
        with monkeypatch.context() as patched:
            patched.delattr("trio.Nursery._nested_child_finished")
            with pytest.raises(UnsupportedLoopError, match="_nested_child_finished"):
                detect(None)

    trio.run(main)


def test_asyncio_beside_a_trio_that_cannot_be_watched() -> None:
    """A program that has imported some trio, and runs asyncio, does not care which one."""
    check = (
        "import asyncio, trio; trio.__version__ = '0.22.0'; del trio.lowlevel.in_trio_task\n"
        "import sys, aiomonitor.backends as backends\n"
        "async def main(): return backends.detect(None).runtime\n"
        "print(asyncio.run(main()), 'aiomonitor.backends._trio.backend' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["asyncio", "False"]


@pytest.mark.parametrize(
    ("version", "old"),
    [("0.31.0", False), ("1.0", False), ("0.9", True), ("0.31.0+dev", False), ("dev", False)],
)
def test_versions(version: str, old: bool) -> None:
    """Versions are compared by number."""
    from aiomonitor.backends._trio.run import is_old

    assert is_old(version) is old


def test_importing_loads_no_runtime() -> None:
    """Neither the package of backends nor what it needs imports asyncio or trio."""
    check = (
        "import sys; import aiomonitor.model, aiomonitor.errors; before = set(sys.modules);"
        "import aiomonitor.backends, aiomonitor.backends.frames, aiomonitor.backends.fake;"
        "new = set(sys.modules) - before; print(sorted(new & {'asyncio', 'trio', 'uvloop'}))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_runtime_of_a_loop() -> None:
    """The stdlib's loop is called asyncio."""
    loop = asyncio.new_event_loop()
    assert detect(loop).runtime == "asyncio"
    loop.close()
