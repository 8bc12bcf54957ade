"""Runs applications under faults, one after another in each of some workers, and judges each.

A run is right if its exit status, its output and its stderr are what they are without a monitor, if
it ends in time, if nothing listens after `close`, and if no process is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import visitors, work
from .job import ENDINGS, SIGNALLED, Job

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

ROOT = Path(__file__).parents[1]

_NO_LIBRARY = "libgcc_s.so.1 must be installed"
"""What the C library says as it aborts a process at its end that has no file left to load what the
end of a daemon thread needs: up to Python 3.13, wherever a daemon thread is; counted by itself."""

DEADLINE = 60.0
"""Seconds after which an application hangs: it computes for a quarter of one, if it is alone."""
PATIENCE = 20.0
"""Seconds for a signal to end it; then it's sent again, and noted as lost."""

FAREWELL = 5.0
"""Seconds for a child to end after its parent was ended by a signal."""


@dataclass
class Outcome:
    """What came of one run."""

    job: Job
    status: int | None = None
    output: str = ""
    errors: str = ""
    log: str = ""
    seconds: float = 0.0
    lost_signals: int = 0
    left_behind: bool = False
    stacks: str = ""

    @property
    def faults(self) -> list[str]:
        """What is wrong with it, in words; empty if all is well."""
        wrong = []
        if _NO_LIBRARY in self.errors:
            return [_NO_LIBRARY]
        if self.status is None:
            wrong.append("it hangs")
        elif self.status != ENDINGS[self.job.ending]:
            wrong.append(f"exit status {self.status} instead of {ENDINGS[self.job.ending]}")
        if self.output not in expected_outputs(self.job):
            wrong.append(f"output {self.output[-200:]!r}")
        if rest := unexpected(self.errors, self.job):
            wrong.append(f"stderr: {rest[-6000:]}")
        if self.left_behind:
            wrong.append("a process is left")
        if self.lost_signals > self.errors.count("WeakSet.__init__.<locals>._remove"):
            wrong.append(f"{self.lost_signals} signals were lost")
        return wrong


def expected_outputs(job: Job) -> set[str]:
    """What it may print."""
    total = work.expected(1) + work.expected(2)
    if job.ending == "sigint_caught":
        return {"the result is 5\n"}
    if job.ending in SIGNALLED and job.ending != "sigterm_in_loop":
        return {""}
    return {f"the result is {total}\n"}


_TRACEBACK = re.compile(
    r"^(?:[ +|]*)(?:Traceback \(most|Exception Group Traceback)"
    r".*?^(?: *[|] )?(\w[\w.]*)(?::[^\n]*)?\n",
    re.MULTILINE | re.DOTALL,
)
_BETWEEN = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_BY_SIGNAL = re.compile(
    r"^.*RuntimeWarning: coroutine '(?:_\w+|\w+\.<locals>\.\w+|stage)' was never awaited\n"
    r"(?: .*\n)?"
    r"|^Exception ignored .*BaseEventLoop.__del__.*\n(?:Traceback.*\n(?:(?: .*)?\n)+?\w.*\n)?"
    r"|^Exception ignored in: <function WeakSet\S+ at .*\n(?:Traceback.*\n(?:(?: .*)?\n)+?\w.*\n)?"
    r"|^(?:RuntimeWarning: )?Enable tracemalloc.*\n",
    re.MULTILINE,
)
"""What asyncio and Python say, without a monitor, too, if a signal comes while a coroutine or a
loop is being made, or while a weak set forgets a task: what the handler raises is lost there."""
_TOLD = {"raises": "ValueError", "sigint": "KeyboardInterrupt"}


def unexpected(errors: str, job: Job) -> str:
    """What is on stderr beyond the traceback that the ending has without us, too."""
    told = _TOLD.get(job.ending)
    if told is not None:
        found = [match[1] for match in _TRACEBACK.finditer(errors)]
        if found and found[-1].endswith(told):
            errors = _TRACEBACK.sub("", errors)
            for line in _BETWEEN:
                errors = errors.replace(line, "")
    if job.ending in SIGNALLED:
        errors = _BY_SIGNAL.sub("", errors)
    return errors.strip()


def _new(path: str) -> TextIO:
    """An empty file: what is done at once need not be awaited."""
    return Path(path).open("w")


class Worker:
    """One zygote, and the control socket of its present child."""

    def __init__(self, python: str, folder: Path, number: int) -> None:
        self._python = python
        self._log = folder / f"worker-{number}"
        self._zygote: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Worker:
        self._connected: asyncio.Queue[tuple[Any, Any]] = asyncio.Queue()

        async def connected(reader: Any, writer: Any) -> None:
            self._connected.put_nowait((reader, writer))

        self._server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self._control = self._server.sockets[0].getsockname()[1]
        self._zygote = await self._start([], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert await self._line() == "ready"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._zygote is not None
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()
        await self._zygote.wait()
        self._server.close()

    async def _start(self, arguments: list[str], **streams: Any) -> asyncio.subprocess.Process:
        path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        command = [self._python, "-m", "reliability.zygote", *arguments]
        environment = {**os.environ, "PYTHONPATH": path.strip(os.pathsep)}
        return await asyncio.create_subprocess_exec(*command, env=environment, **streams)

    async def _line(self) -> str:
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        return (await self._zygote.stdout.readline()).decode().strip()

    async def run(self, job: Job, *, fresh: bool = False) -> Outcome:
        """Run it, visit and disturb it, and see what comes out."""
        job = dataclasses.replace(job, control=self._control, log=str(self._log))
        for end in ("", ".out", ".err", ".stacks"):
            _new(f"{self._log}{end}").close()
        outcome = Outcome(job)
        began = time.monotonic()
        ended, pid = await self._begin(job, fresh=fresh)
        attending = asyncio.ensure_future(self._attend(job, pid, outcome))
        try:
            done, _ = await asyncio.wait([ended], timeout=DEADLINE)
            if not done:
                await self._kill(pid)
                await ended
            else:
                outcome.status = ended.result()
        finally:
            attending.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await attending
        outcome.seconds = time.monotonic() - began
        outcome.left_behind = await self._left_behind(pid)
        self._read(outcome)
        return outcome

    async def _begin(self, job: Job, *, fresh: bool) -> tuple[asyncio.Future[int], int]:
        if fresh:
            with _new(f"{self._log}.out") as out, _new(f"{self._log}.err") as errors:
                process = await self._start(
                    ["--fresh", job.line()],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                    start_new_session=True,
                )
            return asyncio.ensure_future(process.wait()), process.pid
        assert self._zygote is not None
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(job.line().encode())
        pid = int(await self._line())

        async def status() -> int:
            return int(await self._line())

        return asyncio.ensure_future(status()), pid

    async def _kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)  # its stacks
            await asyncio.sleep(1)
            os.kill(pid, signal.SIGKILL)

    async def _left_behind(self, group: int) -> bool:
        """Whether a process of it goes on; a child may end a little after what has forked it."""
        deadline = time.monotonic() + FAREWELL
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(group, 0)
                await asyncio.sleep(0.05)
            os.killpg(group, signal.SIGKILL)
            return True
        return False

    def _read(self, outcome: Outcome) -> None:
        outcome.output = Path(f"{self._log}.out").read_text("utf-8", "replace")
        outcome.errors = Path(f"{self._log}.err").read_text("utf-8", "replace")
        outcome.stacks = Path(f"{self._log}.stacks").read_text("utf-8", "replace")
        outcome.log = self._log.read_text("utf-8", "replace")

    async def _attend(self, job: Job, pid: int, outcome: Outcome) -> None:
        """Visit it, and send what ends it."""
        reader, writer = await self._connected.get()
        tasks = []
        early = job.seed % 2 == 0 and job.ending != "sigterm_in_loop" and job.loop != "trio"
        try:
            while line := await reader.readline():
                news = json.loads(line)
                if "port" in news:
                    tasks += [
                        asyncio.ensure_future(visitors.visit(each, news)) for each in job.visitors
                    ]
                elif job.ending in SIGNALLED and ("armed" if early else "waiting") in news:
                    tasks.append(asyncio.ensure_future(self._signal(job, pid, outcome)))
            await asyncio.sleep(3600)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.transport.abort()

    async def _signal(self, job: Job, pid: int, outcome: Outcome) -> None:
        which = signal.SIGINT if job.ending.startswith("sigint") else signal.SIGTERM
        await asyncio.sleep(job.delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, which)
            while True:
                await asyncio.sleep(PATIENCE)
                outcome.lost_signals += 1
                os.kill(pid, which)


async def run_all(
    jobs: Iterable[tuple[Job, bool]], python: str, workers: int, folder: Path
) -> list[Outcome]:
    """All of them, the second of a pair telling whether in an interpreter of its own."""
    waiting = iter(jobs)
    outcomes: list[Outcome] = []

    async def work_off(number: int) -> None:
        async with Worker(python, folder, number) as worker:
            for job, fresh in waiting:
                outcome = await worker.run(job, fresh=fresh)
                outcomes.append(outcome)
                for wrong in outcome.faults:
                    print(
                        f"WRONG {job.kind}, seed {job.seed}, fresh {fresh}: {wrong}",
                        file=sys.stderr,
                    )
                    if outcome.stacks:
                        print(outcome.stacks, file=sys.stderr)

    await asyncio.gather(*map(work_off, range(workers)))
    return outcomes
