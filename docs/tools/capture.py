"""Writes the captured sessions of the manual anew: `python docs/tools/capture.py [PAGE ...]`.

A block after `<!-- capture: SCENE -->` holds commands, behind `$` or a monitor's prompt. The
scene's program is started, each command is given to it by the client that the block names, and
what comes back takes the place of what stood there. An answer that differs in nothing but numbers
is left as it was, so that a second run changes nothing.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blocks import PROJECT, Block, blocks, pages
from on_free_ports import PORTS
from scenes import SCENES, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 60.0
"""Seconds after which a program is taken for broken."""
PAUSE = 0.05
"""Seconds between two looks at a program that is not ready."""
TYPING = 0.2
"""Seconds that a person takes for a line: what a command has brought about is seen by the next."""

_LIBRARIES = [sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")]
_PROMPT = re.compile(r"(?:^|\n)(?:[\w-]+ )?>>> \Z")
NEGOTIATION = re.compile(rb"\xff[\xfb-\xfe].")
"""The question whether we speak telnet, which a terminal does not show."""
_TYPED = re.compile(r"(?P<prompt>\$|(?:[\w-]+ )?>>>|\.\.\.)(?: (?P<line>.*))?")
_CONNECTS = re.compile(r"(?:nc|telnet) localhost (?P<port>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running program: where its monitor listens, and what it has printed."""

    scene: Scene
    directory: Path
    ports: tuple[int | None, ...]

    def real(self, text: str) -> str:
        """A command with the ports that are meant by those that are printed."""
        for shown, port in zip(PORTS, self.ports, strict=True):
            text = re.sub(rf"\b{shown}\b", str(port), text)
        return text

    def tidy(self, text: str) -> str:
        """An answer with the ports and paths that are printed."""
        for shown, port in zip(PORTS, self.ports, strict=True):
            if port is not None:
                text = re.sub(rf"\b{port}\b", str(shown), text)
        text = text.replace(f"{self.directory}/", "").replace(f"{PROJECT}/src/", "…/")
        text = text.replace(f"{PROJECT}/examples/", "").replace(sys.executable, "python")
        for library in _LIBRARIES:
            text = text.replace(f"{library}/", "…/")
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())

    def output(self) -> str:
        """What it has printed itself."""
        return (self.directory / "output.txt").read_text("utf-8")


@contextmanager
def running(scene: Scene) -> Iterator[Program]:
    """The scene's program, once it is ready."""
    with tempfile.TemporaryDirectory(prefix="manual-") as name:
        directory = Path(name).resolve()
        if scene.file:
            (directory / scene.file).write_text(scene.source, "utf-8")
        ours, theirs = os.pipe()
        runner = str(Path(__file__).with_name("on_free_ports.py"))
        with (directory / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-u", runner, str(theirs), *scene.command],
                cwd=directory,
                stdout=output,
                stderr=output,
                pass_fds=[theirs],
                env=environment(directory),
            )
        os.close(theirs)
        try:
            with os.fdopen(ours) as told:
                line = told.readline()
                ports = tuple(json.loads(line or "[]"))
                program = Program(scene=scene, directory=directory, ports=ports)
                if not ports:
                    raise RuntimeError(f"the program has ended: {program.output()}")
                wait_until_ready(program)
                yield program
        finally:
            process.kill()
            process.wait()


def environment(directory: Path) -> dict[str, str]:
    """That of everything here: the other monitored processes of this machine are not to be seen."""
    return {**os.environ, "NO_COLOR": "1", "AIOMONITOR_RUN_DIR": str(directory / "run")}


def wait_until_ready(program: Program) -> None:
    """Ask until the answer is the one that the scene wants."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with Plain(program.ports[0] or 0) as client:
            answer = client.ask(program.scene.ask)
        if all(text in answer for text in program.scene.until):
            return
        time.sleep(PAUSE)
    raise RuntimeError(f"not ready: {program.scene.command}: {program.output()}")


class Plain:
    """A person with nc, who waits for each prompt before they type."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            ["nc", "127.0.0.1", str(port)],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        # What never prompts again ends here, and is an end of the output then.
        self._guard = threading.Timer(PATIENCE, self._process.kill)
        self._guard.daemon = True
        self._guard.start()
        self.greeting = self._read()

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        self._guard.cancel()
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        """All up to the next prompt, without it."""
        assert self._process.stdout is not None  # noqa: S101
        seen = b""
        while not (prompt := _PROMPT.search(text := NEGOTIATION.sub(b"", seen).decode())):
            data = os.read(self._process.stdout.fileno(), 65_536)
            if not data:
                return text
            seen += data
        return text[: prompt.start()]

    def ask(self, line: str) -> str:
        """What a command answers."""
        assert self._process.stdin is not None  # noqa: S101
        time.sleep(TYPING)
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        return self._read()


class Session:
    """One program, and the connection that the last block has opened."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._client: Plain | None = None

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.__exit__()
            self._client = None

    def replay(self, block: Block) -> str:
        """The block as it is today."""
        told = []
        for prompt, line in commands(block.text):
            time.sleep(float(block.options.get("pause", 0)))
            answer = self._shell(line) if prompt == "$" else self._typed(line)
            shown = self._program.tidy(answer).splitlines() if answer.strip() else []
            told += [f"{prompt} {line}".rstrip(), *shortened(shown, block)]
        return "".join(f"{line}\n" for line in told)

    def _typed(self, line: str) -> str:
        if self._client is None:
            self._client = Plain(self._program.ports[0] or 0)
        return self._client.ask(line)

    def _shell(self, line: str) -> str:
        if connects := _CONNECTS.fullmatch(line):
            self.close()
            port = self._program.ports[PORTS.index(int(connects["port"]))]
            self._client = Plain(port or 0)
            return f"{self._client.greeting}\n"
        if line == f"python {self._program.scene.file}":
            return self._program.output()
        return self._run(line)

    def _run(self, line: str) -> str:
        words = line.split()
        ours = f"{sys.executable} -m aiomonitor"
        if "--all" not in words and not {"ls", "connect"} & set(words):
            ours += f" -p {self._program.ports[0]}"
        line = re.sub(r"\bpython\b", sys.executable, line)
        line = re.sub(r"^aiomonitor\b", ours, line)
        ended = subprocess.run(  # noqa: S602 - the manual's own lines
            self._program.real(line),
            shell=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment(self._program.directory),
            cwd=self._program.directory,
            check=False,
        )
        return ended.stdout + ended.stderr


def commands(text: str) -> list[tuple[str, str]]:
    """The prompts of a block, and what is typed behind each."""
    typed = [_TYPED.fullmatch(line) for line in text.splitlines()]
    return [(each["prompt"], each["line"] or "") for each in typed if each]


def shortened(lines: list[str], block: Block) -> list[str]:
    """At most as many lines as the block's directive wants."""
    most = int(block.options.get("lines", len(lines)))
    return lines if len(lines) <= most else [*lines[:most], "…"]


# --- comparing ------------------------------------------------------------------------------------


_BAR = "< a bar of a histogram"


_OF_BUSY_MACHINES = re.compile(r"^warning: (?:blocked loop|task never yields).*\n(?:  .*\n)*", re.M)
"""Findings that are right, where a loop is held up since the machine does other things."""


def shape(text: str, *, busy: bool = False) -> list[str]:
    """What of a block has to stay the same: its lines without numbers, bars and padding."""
    text = _OF_BUSY_MACHINES.sub("", text)
    lines = [_shape_of_line(line) for line in text.splitlines()]
    if not busy:
        return [
            line for at, line in enumerate(lines) if line != _BAR or lines[at - 1 : at] != [_BAR]
        ]
    typed = [_TYPED.fullmatch(line) is not None for line in text.splitlines()]
    firsts = [(line, at > 0 and typed[at - 1]) for at, line in enumerate(lines)]
    answers = [" ".join(line.split()[:2]) if first else line for line, first in firsts]
    kept = [is_typed or first for is_typed, (_, first) in zip(typed, firsts, strict=True)]
    return list(itertools.compress(answers, kept))


def _shape_of_line(line: str) -> str:
    if re.match(r" *< \d", line):
        return _BAR
    line = re.sub(r"\S*…\S*", "…", line)
    line = re.sub(r"\b\d+(?:[.:-]\d+)*(?:[µm]?s|m(?:\d+s)?|h)?\b", "0", line)
    line = re.sub(r"\bwarnings?, by", "warnings, by", line)
    line = re.sub(r"^blocked: .*", "blocked: now and then", line.replace(" so far ", " "))
    line = re.sub(r"[#█▉▊▋▌▍▎▏-]+", "-", line)
    return re.sub(r"\s+", " ", line).strip()


def replayed(page: Path, scene_name: str) -> list[tuple[Block, str]]:
    """Each block of a page that is captured from the scene, and what it is today."""
    wanted = [each for each in blocks(page) if each.verb == "capture" and each.name == scene_name]
    with running(SCENES[scene_name]) as program:
        session = Session(program)
        try:
            return [(block, session.replay(block)) for block in wanted]
        finally:
            session.close()


def captured() -> list[tuple[Path, str]]:
    """All pages with captured blocks, and the scenes of each."""
    return [
        (page, scene)
        for page in pages()
        for scene in dict.fromkeys(b.name for b in blocks(page) if b.verb == "capture")
    ]


def main(names: list[str]) -> None:
    """Write the blocks of these pages, or of all."""
    for page, scene in captured():
        if names and page.name not in names:
            continue
        text = page.read_text("utf-8")
        for block, today in replayed(page, scene):
            busy = SCENES[scene].busy
            if shape(block.text, busy=busy) != shape(today, busy=busy):
                print(f"{block.place}: changed")
                text = text.replace(f"console\n{block.text}```", f"console\n{today}```")
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
