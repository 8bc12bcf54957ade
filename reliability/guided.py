"""Hostile input that a coverage-guided fuzzer (atheris, which is libFuzzer's) makes up.

    python -m reliability.guided RUNS [SEED [TARGET …]]

It starts from what our own generators make, and keeps each input that reaches code, or repeats it
in a way, that none before did: the figures tell how much was reached at the start and at the end.
Each of `targets.TARGETS` has a process of its own, and a share of the runs by what one of its runs
costs.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from .parts import CONTROL
from .targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARES = {
    "keys": 0.03, "sessions": 0.3, "streams": 2.0, "commands": 2.0, "blocks": 2.0, "openings": 6.0,
    "planted": 20.0,
}  # fmt: skip
"""Runs of each by what one of its runs costs; what takes longest comes first."""
LENGTHS = {"keys": 48, "sessions": 1024, "openings": 1024}
"""Bytes of an input at most, where it is not `LENGTH`: each key costs a millisecond."""
LENGTH = 256
"""The fewer, the more runs: long ones are what our own generators make."""
SEEDS = 32
"""Inputs to start from."""
FEWEST = 2 * SEEDS
"""Runs of a target at least: so many more than those."""
PATIENCE = 60
"""Seconds after which an input hangs: the dearest takes a tenth of one."""
MEMORY_MB = 1024
"""More is a fault: a process needs some 75 MB."""
_LINE = re.compile(
    r"^#(?P<runs>\d+)\s+(?P<when>INITED|DONE)\s+cov: (?P<edges>\d+) ft: (?P<features>\d+) "
    r"corp: (?P<kept>\d+)/.* rss: (?P<memory>\d+)Mb$",
    re.MULTILINE,
)
"""What libFuzzer tells when it has run what it was given, and at the end."""


def corpus(name: str, seed: int, folder: Path) -> Path:
    """A folder with what the target starts from."""
    folder.mkdir()
    target = TARGETS[name]
    for number in range(SEEDS):
        made = target.seed(random.Random(f"{seed}-{name}-{number}"))[: LENGTHS.get(name, LENGTH)]
        (folder / str(number)).write_bytes(made)
    return folder


def fuzz(name: str, runs: int, seed: int) -> dict[str, float]:
    """One target in its process; what came of it."""
    with tempfile.TemporaryDirectory() as place:
        breaches = Path(place, "breaches")
        command = [
            *(sys.executable, "-m", "reliability.guided_child", name, str(breaches)),
            *(f"-runs={max(runs, FEWEST)}", f"-seed={seed}", f"-timeout={PATIENCE}"),
            *(f"-max_len={LENGTHS.get(name, LENGTH)}", f"-rss_limit_mb={MEMORY_MB}"),
            f"-artifact_prefix={place}/",
            str(corpus(name, seed, Path(place, "corpus"))),
        ]
        ended = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        told = breaches.read_text("utf-8").split("\0")[:-1] if breaches.exists() else []
    if ended.returncode or (told and name != CONTROL):
        print(*told[:3], ended.stderr[-3000:], sep="\n", file=sys.stderr)
    failed = float(ended.returncode != 0)
    return {"breaches": len(told), "failed": failed, **reached(ended.stderr)}


def reached(told: str) -> dict[str, float]:
    """From libFuzzer's lines: what was reached at the start and at the end, of how many runs."""
    lines = {line["when"]: line for line in _LINE.finditer(told)}
    if len(lines) < 2:
        return {}
    first, last = lines["INITED"], lines["DONE"]
    return {
        "runs": int(last["runs"]),
        **{f"{key}_first": int(first[key]) for key in ("edges", "features")},
        **{key: int(last[key]) for key in ("edges", "features", "kept")},
        "growth_mb": int(last["memory"]) - int(first["memory"]),
    }


def summary(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The figures of each target under its name, and of all of them."""
    found = dict(found)
    control = found.pop(CONTROL, {})
    each = {f"guided_{name}_{key}": told[key] for name, told in found.items() for key in told}

    def total(key: str) -> float:
        return sum(told.get(key, 0) for told in found.values())

    return {
        **each,
        "guided_runs": total("runs"),
        "guided_breaches": total("breaches"),
        "guided_failed": total("failed") + control.get("failed", 0),
        "guided_planted": int(control.get("breaches", 0) > 0),
        "guided_grew": sum(
            told.get("features", 0) > told.get("features_first", 0) for told in found.values()
        ),
        "guided_growth_mb": max([told.get("growth_mb", 0) for told in found.values()], default=0),
    }


def main(arguments: list[str]) -> dict[str, float]:
    """All targets, or those named, one on each core at a time."""
    if importlib.util.find_spec("atheris") is None:
        sys.exit("the guided part needs atheris, a fuzzer: install the dependency group `fuzz`")
    runs, seed = [*map(int, arguments[:2]), 1][:2]
    names = arguments[2:] or SHARES
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = {
            name: pool.submit(fuzz, name, round(runs * SHARES[name]), seed) for name in names
        }
    return summary({name: each.result() for name, each in waiting.items()})


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
