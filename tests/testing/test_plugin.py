"""`pytest -p aiomonitor`, as its users run it: what hung, or was left behind, is in the report."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from support import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.plugin

BLANK: Final = "import asyncio, time, unittest, anyio, pytest\n"
NO_CACHE: Final = ("-p", "no:cacheprovider", "-p", "no:rerunfailures", "-p", "no:randomly")


def run(tmp_path: Path, text: str, *options: str, plugin: bool = True) -> tuple[int, str]:
    """The exit status and what is printed."""
    (tmp_path / "test_it.py").write_text(BLANK + text, "utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n", "utf-8"
    )
    chosen = ["-p", "aiomonitor"] if plugin else []
    command = [sys.executable, "-m", "pytest", *NO_CACHE, *chosen, *options]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )
    return done.returncode, done.stdout + done.stderr


HANG = """
async def test_hang():
    waiting = asyncio.create_task(asyncio.Event().wait(), name="waiting for godot")
    await waiting
"""
WAYS: Final = {
    "own": ("--aiomonitor-timeout=0.5",),
    "signal": ("--timeout=0.5", "--timeout-method=signal"),
    "thread": ("--timeout=0.5", "--timeout-method=thread"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_test_that_hangs(tmp_path: Path, way: str) -> None:
    """The dump shows what it waits for, whoever ends it, and also where that is the end of all."""
    status, printed = run(tmp_path, HANG, *WAYS[way])
    assert status == 1
    assert "waiting for godot  waiting  " in printed
    assert "await waiting" in printed
    if way != "thread":
        assert "- aiomonitor: what went on -" in printed


BLOCK = """
def test_block():
    async def main():
        time.sleep(60)
    asyncio.run(main())
"""


def test_a_test_that_blocks(tmp_path: Path) -> None:
    """What is shown begins with the test, and ends where it stands: neither pytest's frames nor
    ours are there, and not another time what was left behind."""
    status, printed = run(tmp_path, BLOCK, "--aiomonitor-timeout=0.5", "--aiomonitor-leaks")
    assert status == 1
    [dump] = printed.split("- aiomonitor: what went on -")[1:]
    [thread] = dump.partition("=== end")[0].split("thread MainThread")[1:]
    _, first, *_, last = thread.strip().split("  File ")
    assert "in test_block" in first
    assert "time.sleep(60)" in last
    assert "running  test_it.py:5 test_block.<locals>.main" in dump
    assert "plugin.py" not in printed


EXPIRED = """
async def wait_for():
    await asyncio.wait_for(asyncio.create_task(asyncio.Event().wait(), name="a godot"), 0.05)

async def test_wait_for():
    await wait_for()

async def test_anyio():
    with anyio.fail_after(0.05):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever, name="b godot")

async def test_expected():
    with pytest.raises(TimeoutError):
        await wait_for()
    assert False, "another reason"

def test_trio():
    import trio
    async def main():
        with trio.fail_after(0.05):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever, name="c godot")
    trio.run(main)
"""


def test_timeouts_in_tests(tmp_path: Path) -> None:
    """One that fails a test has a dump of what went on when it expired; others have none."""
    status, printed = run(tmp_path, EXPIRED)
    assert status == 1
    assert "4 failed" in printed
    assert printed.count("aiomonitor: what went on") == 3
    assert all(f"{each} godot" in printed for each in "abc")


LEAKS = """
async def leak(name="leak"):
    asyncio.create_task(asyncio.sleep(60), name=name)
    await asyncio.sleep(0)

async def test_asyncio():
    await leak("l1")

def test_run():
    asyncio.run(leak("l2"))

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
class TestAnyio:
    async def test_anyio(self, anyio_backend):
        await leak("l3")

class Case(unittest.IsolatedAsyncioTestCase):
    async def test_case(self):
        await leak("l4")
"""
TIDY = """
@pytest.fixture
async def server():
    task = asyncio.create_task(asyncio.sleep(60), name="server")
    await asyncio.sleep(0)
    yield
    task.cancel()

async def leak(name="leak"):
    asyncio.create_task(asyncio.sleep(60), name=name)
    await asyncio.sleep(0)

async def test_cancelled():
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel()

async def test_with_a_fixture(server):
    await asyncio.create_task(asyncio.sleep(0))

class Case(unittest.IsolatedAsyncioTestCase):
    async def test_case(self):
        await asyncio.sleep(0)

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
class TestAnyio:
    async def test_anyio(self, anyio_backend):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 0)

@pytest.mark.aiomonitor(allow=["keeper*"])
async def test_allowed():
    await leak("keeper-1")

@pytest.mark.aiomonitor(leaks=True)
async def test_may_leak():
    await leak()
"""


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_leaks_fail(tmp_path: Path, options: tuple[str, ...]) -> None:
    """If asked for, a test that leaves tasks behind fails, and names them; in workers, too."""
    status, printed = run(tmp_path, LEAKS, "--aiomonitor-leaks", *options)
    assert status == 1
    assert "4 failed" in printed
    for number in (1, 2, 3, 4):
        assert f"1 task left behind: l{number} (sleep)" in printed
    assert printed.count("aiomonitor: what went on") == 4


def test_what_may_stay(tmp_path: Path) -> None:
    """Tasks of fixtures and of test runners are none of the test's; others may be allowed."""
    status, printed = run(tmp_path, TIDY, "--aiomonitor-leaks")
    assert (status, "7 passed" in printed) == (0, True), printed


def test_leaks_are_told(tmp_path: Path) -> None:
    """Else the test passes, and has its dump."""
    status, printed = run(tmp_path, LEAKS, "-rP")
    assert (status, "4 passed" in printed) == (0, True), printed
    assert printed.count("aiomonitor: what went on") == 4


def test_without_the_plugin(tmp_path: Path) -> None:
    """Who does not ask for it has nothing of it: neither the option nor the import."""
    text = "def test_it():\n    import sys\n    assert 'aiomonitor' not in sys.modules\n"
    assert run(tmp_path, text, plugin=False)[0] == 0
    assert run(tmp_path, text, "--aiomonitor-leaks", plugin=False)[0] == 4
