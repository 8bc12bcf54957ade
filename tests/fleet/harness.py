"""A fleet for the tests: workers that are watched, and a Prometheus server that scrapes them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from clients.harness import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRIB: Final = Path(__file__).parents[2] / "contrib"
RULES: Final = "aiomonitor.rules.yml"
WORKER: Final = Path(__file__).with_name("worker.py")
TOKEN_FILE: Final = "token"  # noqa: S105 - its name
TOKEN: Final = "AIOMONITOR_TOKEN"  # noqa: S105 - the variable's name
SECRET: Final = "a secret of the fleet"  # noqa: S105 - of the test alone
KINDS: Final = {
    "asyncio": "shop",
    "uvloop": "shop",
    "trio": "till",
    "stalling": "shop",
    "leaking": "till",
}
"""The workers, and the applications that they are of."""
GUARDED: Final = ("uvloop", "trio")
"""Those that ask for a token."""
PATIENCE: Final = 30.0
RUN_DIR: Final = "AIOMONITOR_RUN_DIR"


def program(name: str) -> str:
    """Where it is; a test that needs it is skipped without it, or fails where it has to be."""
    found = shutil.which(name)
    if found is None:
        reason = f"needs the program {name}: apt-get install prometheus"
        if os.environ.get("AIOMONITOR_REQUIRE_CLIENTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class Worker:
    """A process of the fleet."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.application = KINDS[kind]
        variables = {**os.environ, RUN_DIR: str(folder)}
        variables.pop(TOKEN, None)
        if kind in GUARDED:
            variables[TOKEN] = SECRET
        self.process = subprocess.Popen(
            [sys.executable, WORKER, self.application, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            text=True,
        )

    @property
    def instance(self) -> str:
        """What Prometheus calls it. The first time, this waits until it is watched."""
        if not hasattr(self, "_port"):
            assert self.process.stdout is not None
            told = self.process.stdout.readline()
            assert told, f"the worker {self.kind} has ended: its own words are above"
            self._port = int(told)
        return f"127.0.0.1:{self._port}"

    @property
    def identity(self) -> tuple[str, str, str]:
        """Application, pid and runtime."""
        runtime = self.kind if self.kind in ("trio", "uvloop") else "asyncio"
        return self.application, str(self.process.pid), runtime

    def end(self) -> None:
        """It ends in order, or at once."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@contextlib.contextmanager
def workers(folder: Path) -> Iterator[dict[str, Worker]]:
    """One of each kind, registered in the folder."""
    with contextlib.ExitStack() as stack:
        found = {}
        for kind in KINDS:
            found[kind] = Worker(kind, folder)
            stack.callback(found[kind].end)
        yield found


def configure(folder: Path) -> Path:
    """The example's files, for a server that is in a hurry."""
    for path in (CONTRIB / "prometheus").glob("*.yml"):
        text = path.read_text("utf-8")
        text = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", text)
        text = re.sub(r"\[\d+m\]", "[10s]", re.sub(r"for: \d+m", "for: 1s", text))
        text = text.replace("offset 30m", "offset 4s")
        (folder / path.name).write_text(text, "utf-8")
    (folder / TOKEN_FILE).write_text(SECRET, "utf-8")
    (folder / "targets").mkdir()
    return folder / "prometheus.yml"


def find_targets(registered: Path, targets: Path) -> None:
    """As people do it: from the list of this machine's monitors."""
    variables = {**os.environ, RUN_DIR: str(registered), TOKEN: SECRET}
    listed = subprocess.run(
        [sys.executable, "-m", "aiomonitor", "ls", "--json"],
        env=variables,
        stdout=subprocess.PIPE,
        check=True,
    )
    script = CONTRIB / "prometheus" / "targets.py"
    subprocess.run([sys.executable, script, targets], input=listed.stdout, check=True)


class Prometheus:
    """A server of our own: its folder and its port are nobody else's."""

    def __init__(self, configuration: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{probe.getsockname()[1]}"
        self._log = configuration.with_name("log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={configuration}",
                    f"--storage.tsdb.path={configuration.with_name('data')}",
                    f"--web.listen-address={self._address}",
                    "--log.level=warn",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Until it answers."""
        eventually(self._is_ready, self._log.read_text)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text("utf-8")
        try:
            self._get("/-/ready")
        except OSError:
            return False
        return True

    def _get(self, path: str, **arguments: str) -> bytes:
        query = urllib.parse.urlencode(arguments)
        try:
            with urllib.request.urlopen(f"http://{self._address}{path}?{query}") as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 503:
                    raise
                pytest.fail(f"{path} {arguments}: {error.code}, {error.read().decode()}")

    def api(self, path: str, **arguments: str) -> Any:
        """The data that an endpoint of its API answers."""
        answer = json.loads(self._get(f"/api/v1/{path}", **arguments))
        assert answer["status"] == "success", answer
        assert not answer.get("warnings"), answer
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression has now: each has its `metric` and `value`."""
        found: list[dict[str, Any]] = self.api("query", query=expression)["result"]
        return found

    def instances(self, expression: str) -> set[str]:
        """Where the samples come from."""
        return {sample["metric"]["instance"] for sample in self.query(expression)}

    def firing(self) -> dict[tuple[str, str], dict[str, str]]:
        """The labels of the alerts that fire, by name and instance."""
        alerts = self.api("alerts")["alerts"]
        return {
            (each["labels"]["alertname"], each["labels"]["instance"]): each["labels"]
            for each in alerts
            if each["state"] == "firing"
        }

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def running(configuration: Path) -> Iterator[Prometheus]:
    """A server that answers, and is ended whatever happens."""
    server = Prometheus(configuration)
    try:
        server.wait()
        yield server
    finally:
        server.end()
