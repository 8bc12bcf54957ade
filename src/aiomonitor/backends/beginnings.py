"""Notices when an event loop or a trio run begins, in a program that has not imported either yet.

Each way to run an asyncio loop, of C code or not, tells `asyncio.events` of it, since
`get_running_loop` has to work there; each trio run is set up by one function, which takes
instruments. These two are wrapped when their modules have been imported; no runtime is imported
here, and none before the program does. Both are private: see tests/backends/test_beginnings.py.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

EVENTS = "asyncio.events"
TRIO = "trio._core._run"


class Watcher(Protocol):
    """What is told, in the thread of the loop or run, and never raises."""

    def began(self, run: object) -> None:
        """An event loop runs (again), or the run with this token has begun."""
        ...

    def ended(self, run: object) -> None:
        """The run with this token has ended."""
        ...


def notice(watcher: Watcher) -> Callable[[], None]:
    """Tell the watcher of every beginning from now on, in this process and its forks, until what is
    returned is called."""
    undo: list[Callable[[], object]] = []
    wraps: dict[str, Callable[[Any], None]] = {
        EVENTS: functools.partial(_wrap_events, watcher=watcher, undo=undo),
        TRIO: functools.partial(_wrap_trio, watcher=watcher, undo=undo),
    }
    for name in list(wraps):
        if name in sys.modules:
            wraps.pop(name)(sys.modules[name])
    if wraps:
        finder = _Finder(wraps)
        sys.meta_path.insert(0, finder)
        undo.append(finder.take_off)

    def stop() -> None:
        while undo:
            undo.pop()()

    return stop


def when_closed(loop: Any, call: Callable[[], object]) -> None:
    """Make the call just before the loop is closed, if that can be arranged. In its thread."""
    close = loop.close

    @functools.wraps(close)
    def closing() -> None:
        vars(loop).pop("close", None)
        call()
        close()

    try:
        loop.close = closing
    except AttributeError:  # a loop with slots: it is noticed when the next one begins
        return


class _Finder:
    """Finds modules as the others do, and has them wrapped once they have been executed."""

    def __init__(self, wraps: dict[str, Callable[[Any], None]]) -> None:
        self._wraps = wraps

    def take_off(self) -> None:
        """Find nothing any more."""
        sys.meta_path[:] = [each for each in sys.meta_path if each is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As a finder on `sys.meta_path`; takes itself off when it has found all."""
        wrap = self._wraps.pop(name, None)
        if wrap is None:
            return None
        finders = [each for each in sys.meta_path if each is not self]
        if not self._wraps:
            self.take_off()
        found = (each.find_spec(name, path, target) for each in finders)
        spec = next((each for each in found if each is not None), None)
        if spec is not None and spec.loader is not None:
            _wrap_when_executed(spec.loader, wrap)
        return spec


def _wrap_when_executed(loader: Any, wrap: Callable[[Any], None]) -> None:
    """The loader of this one module stays what it is."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        execute(module)
        wrap(module)

    loader.exec_module = exec_module


def _wrap_events(events: Any, watcher: Watcher, undo: list[Callable[[], object]]) -> None:
    inner = events._set_running_loop  # noqa: SLF001

    @functools.wraps(inner)
    def _set_running_loop(loop: object, /) -> None:
        inner(loop)
        if loop is not None:
            watcher.began(loop)

    _replace(events, "_set_running_loop", _set_running_loop, undo)
    package = sys.modules.get("asyncio")
    if hasattr(package, "_set_running_loop"):  # it has taken it over already; uvloop asks there
        _replace(package, "_set_running_loop", _set_running_loop, undo)


def _replace(owner: Any, name: str, new: object, undo: list[Callable[[], object]]) -> None:
    old = getattr(owner, name)
    setattr(owner, name, new)
    undo.append(lambda: setattr(owner, name, old))


def _wrap_trio(run: Any, watcher: Watcher, undo: list[Callable[[], object]]) -> None:
    inner = run.setup_runner

    @functools.wraps(inner)
    def setup_runner(clock: Any, instruments: Sequence[Any], *args: Any, **options: Any) -> Any:
        both = [*instruments, _FirstStep(run, watcher), _End(run, watcher)]
        return inner(clock, both, *args, **options)

    _replace(run, "setup_runner", setup_runner, undo)


class _FirstStep:
    """An instrument: when its main task is to be stepped, a run is what it will be."""

    def __init__(self, run: Any, watcher: Watcher) -> None:
        self._run = run
        self._watcher = watcher

    def before_task_step(self, task: object) -> None:
        """Until then, of each task; trio's own ones come first."""
        runner = self._run.GLOBAL_RUN_CONTEXT.runner
        if task is not runner.main_task:
            return
        runner.instruments.remove_instrument(self)
        self._watcher.began(runner.current_trio_token())


class _End:
    """An instrument; it costs nothing until the run ends."""

    def __init__(self, run: Any, watcher: Watcher) -> None:
        self._run = run
        self._watcher = watcher

    def after_run(self) -> None:
        """In the run's thread."""
        self._watcher.ended(self._run.GLOBAL_RUN_CONTEXT.runner.current_trio_token())
