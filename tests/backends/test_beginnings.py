"""What `beginnings` and `programs` rely on, which is private: these fail when it moves."""

from __future__ import annotations

import asyncio
import asyncio.events
import inspect
import runpy
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from aiomonitor.backends import beginnings


class Witness:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def began(self, run: object) -> None:
        self.told.append(("began", run))

    def ended(self, run: object) -> None:
        self.told.append(("ended", run))


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Witness:
    """Told of what begins while the test goes on."""
    found = Witness()
    for module, name in ((asyncio, "_set_running_loop"), (asyncio.events, "_set_running_loop")):
        monkeypatch.setattr(module, name, getattr(module, name))
    if find_spec("trio") is not None:
        import trio

        run: Any = trio._core._run
        monkeypatch.setattr(run, "setup_runner", run.setup_runner)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    beginnings.notice(found)
    return found


def test_a_loop_tells(witness: Witness) -> None:
    """Each loop of the stdlib's does, whenever it begins to run."""
    loop = asyncio.new_event_loop()
    for _ in range(2):
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert witness.told == [("began", loop)] * 2


def test_a_trio_run_tells(witness: Witness) -> None:
    """Once its main task is to begin, and when it has ended; instruments are kept."""
    trio = pytest.importorskip("trio", reason="needs trio")
    steps: list[object] = []

    class Instrument(trio.abc.Instrument):  # type: ignore[misc, name-defined]
        def before_task_step(self, task: object) -> None:
            steps.append(task)

    async def main() -> object:
        assert witness.told == [("began", trio.lowlevel.current_trio_token())]
        assert trio.lowlevel.current_root_task() is not None
        return trio.lowlevel.current_trio_token()

    token = trio.run(main, instruments=[Instrument()])
    assert witness.told == [("began", token), ("ended", token)]
    assert steps


def test_the_function_that_sets_up_a_trio_run() -> None:
    """It takes the clock and the instruments first."""
    trio = pytest.importorskip("trio", reason="needs trio")
    parameters = list(inspect.signature(trio._core._run.setup_runner).parameters)
    assert parameters[:2] == ["clock", "instruments"]


def test_what_python_runs_modules_by() -> None:
    """`python -m` calls it with these."""
    function: Any = runpy
    assert list(inspect.signature(function._run_module_as_main).parameters) == [
        "mod_name",
        "alter_argv",
    ]


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_the_end_of_a_loop(kind: str) -> None:
    """A call is made just before a loop is closed, once, and then it is as it was."""
    made: list[bool] = []
    if kind == "uvloop":
        uvloop = pytest.importorskip("uvloop", reason="needs uvloop")
        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    beginnings.when_closed(loop, lambda: made.append(loop.is_closed()))
    loop.close()
    loop.close()
    assert made == [False]
    assert "close" not in vars(loop)


def test_modules_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is wrapped is found and loaded as ever; the finder takes itself off."""
    wrapped: list[object] = []
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    finder = beginnings._Finder({"wave": wrapped.append})
    sys.meta_path.insert(0, finder)
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    import wave

    assert wrapped == [wave]
    assert finder not in sys.meta_path
    assert wave.__spec__ is not None
    assert "exec_module" not in vars(wave.__spec__.loader)
