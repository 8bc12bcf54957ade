"""`dump`: writes down what goes on in this process, for who comes too late to connect.

Loads nothing of what it writes with until it is called.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

from aiomonitor.threads import Latch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from .dumping import Look

    File = str | os.PathLike[str] | TextIO | None
    """Where to: a path, what is open for text, or None for stderr."""


THREAD = "aiomonitor-dump"
PATIENCE = 60.0
"""Seconds that a caller waits; a million tasks take about half of that."""

log = logging.getLogger("aiomonitor")


class Watched(Protocol):
    """A monitor, as far as a dump needs one."""

    @property
    def closed(self) -> bool:
        """Whether it watches no longer."""
        ...

    def look(self) -> Look:
        """The run that it watches."""
        ...

    def excusing(self, since: float) -> contextlib.AbstractContextManager[None]:
        """While its loop waits for us, which is no stall."""
        ...


_monitors: dict[Watched, Callable[[], object] | None] = {}
"""Those that were started and not closed, each with what ends its signal, if it has one. One call
of the mapping's own adds, removes and copies."""


def join(monitor: Watched, dump_signal: int | None) -> None:
    """From now on, dumps tell of its run; with a signal, each makes one. Any thread."""
    release = None
    if dump_signal is not None:
        from . import signals

        release = signals.hear(dump_signal)
    _monitors[monitor] = release


def leave(monitor: Watched) -> None:
    """Not any more, once a dump that its signal has asked for is made. Idempotent; any thread, but
    one at a time."""
    release = _monitors.get(monitor)
    if release is not None:
        _monitors[monitor] = None
        with monitor.excusing(time.monotonic()):  # it may be the loop's thread that waits
            release()
    _monitors.pop(monitor, None)


def dump(file: File = None, *, json: bool = False) -> None:
    """Write down what goes on in this process: findings, deadlocks, stalls, who waits for whom, the
    stacks of all tasks, and the threads.

    Tells of the run of each monitor; without any, of the runs that go on now, as they can be seen
    in passing. `file` is a path to write to, what is open for text, or None for stderr. With
    `json`, it is the model as one line of JSON.

    Any thread may call it, also while the loop is blocked; a hundred thousand tasks take some
    seconds. What cannot be told is noted in the dump. Raises `TypeError` for a file that is none of
    these, and what opening it or writing to it raises; nothing for a stderr that is closed.
    """
    write(looks, file, json=json)


def taken() -> str:
    """What `dump` writes, as text."""
    return _text(looks, json=False)


def looks() -> list[Look]:
    """The monitored runs of the process; without any, all that go on."""
    return [each.look() for each in list(_monitors) if not each.closed] or _passing()


def _passing() -> list[Look]:
    from aiomonitor.backends import present

    from .dumping import Passing

    return [Passing(backend).look() for backend in present()]


def write(looks: Callable[[], Sequence[Look]], file: File, *, json: bool) -> None:
    """What `dump` does, with these runs."""
    _check(file)
    text = _text(looks, json=json)
    if file is None:
        with contextlib.suppress(OSError, ValueError):  # what is closed or full has no reader
            _write_to(sys.stderr, text)
    elif isinstance(file, (str, os.PathLike)):
        from pathlib import Path  # slow to import

        Path(file).write_text(text, "utf-8")
    else:
        _write_to(file, text)


def _check(file: object) -> None:
    if file is not None and not isinstance(file, (str, os.PathLike)) and not hasattr(file, "write"):
        raise TypeError(f"file is {file!r}: give a path, a file that is open for text, or None")


def _text(looks: Callable[[], Sequence[Look]], *, json: bool) -> str:
    """Made in a thread of its own: the calling one may be in a signal's handler, and have been
    interrupted where it holds a lock that is needed."""
    made: list[str] = []
    begun, done = Latch(), Latch()
    caller, since = threading.get_ident(), time.monotonic()

    def make() -> None:
        begun.wait(PATIENCE)  # else the caller might be seen to start a thread, not to call us
        made.append(_made(lambda: _dumped_for(caller, since, looks(), json=json)))
        done.open()

    try:
        threading.Thread(target=make, name=THREAD, daemon=True).start()
        begun.open()
    except RuntimeError:  # the interpreter is about to end
        begun.open()
        make()
    if done.wait(PATIENCE):
        return made[0]
    return f"aiomonitor: no dump could be made within {PATIENCE:.0f} s\n"


def _dumped_for(caller: int, since: float, looks: Sequence[Look], *, json: bool) -> str:
    """For that thread, which has waited since then: a loop of its own is not blocked but by us."""
    with contextlib.ExitStack() as excused:
        for look in looks:
            if look.backend.loop_thread_id() == caller:
                excused.enter_context(look.queries.excusing(since))
        return dumped(looks, json=json)


def _made(dumped: Callable[[], str]) -> str:
    try:
        return dumped()
    except Exception as error:
        # Whatever it is, it is ours, and no reason for the application to fail where it did not.
        log.exception("no dump could be made")
        return f"aiomonitor: no dump could be made: {type(error).__name__}: {error}\n"


def dumped(looks: Sequence[Look], *, json: bool) -> str:
    """A dump of the process with these runs, as text or as a line of JSON."""
    from aiomonitor.commands import listing
    from aiomonitor.render import dump as render

    from . import dumping

    found = dumping.dump_of(looks)
    if json:
        return f"{listing.as_json(found)}\n"
    return "".join(f"{line}\n" for line in render.dump_lines(found))


def _write_to(file: TextIO | None, text: str) -> None:
    """What the file's encoding does not have is escaped."""
    if file is None:
        return
    encoding = getattr(file, "encoding", None) or "utf-8"
    file.write(text.encode(encoding, "backslashreplace").decode(encoding))
    file.flush()
