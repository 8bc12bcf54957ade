"""The part "faults": which runs there are, and what is counted."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .job import BY_HAND, ENDINGS, FAULTS, ON_TRIO, SIGNALLED, VISITORS, Job
from .runs import Outcome, run_all

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 4
"""Applications at a time: each waits for most of its time."""
FILES = ("descriptors_gone", "descriptors_run_out")
"""Under these, uvloop cannot run without a monitor, either: each of its runs opens files."""


def random_job(rng: random.Random, *, faults: tuple[str, ...], ending: str | None = None) -> Job:
    """A run with these faults, and all else by chance."""
    loop = rng.choices(["asyncio", "uvloop", "trio"], [7, 2, 1])[0]
    if (not set(faults) <= ON_TRIO and loop == "trio") or {*FILES} & set(faults):
        loop = "asyncio"
    endings = [
        each
        for each in ENDINGS
        if loop != "trio" or each not in ("sigterm_exits", "sigterm_in_loop")
    ]
    if "fork_and_exit" in faults:
        endings.remove("sigterm_in_loop")  # see there
    return Job(
        seed=rng.randrange(1 << 30),
        loop=loop,
        shape="manual" if BY_HAND & set(faults) or rng.random() < 0.3 else "run",
        ending=ending if ending in endings else rng.choice(endings),
        faults=faults,
        visitors=tuple(rng.sample(VISITORS, rng.choice([0, 1, 2, 4]))),
        delay=rng.choice([0.0, rng.random() * 0.4, rng.random() * 0.05]),
    )


def jobs(seed: int, runs: int, fresh: float) -> Iterator[tuple[Job, bool]]:
    """Each fault alone, each ending alone, then random pairs; so many in all."""
    rng = random.Random(seed)
    alone = [random_job(rng, faults=(fault,)) for fault in FAULTS]
    alone += [random_job(rng, faults=(), ending=ending) for ending in ENDINGS]
    pairs = (random_job(rng, faults=_pair(rng)) for _ in itertools.count())
    for job in itertools.islice(itertools.chain(alone, pairs), runs):
        yield job, rng.random() < fresh


def _pair(rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(FAULTS, rng.choice([0, 1, 2, 2])))


def run(python: str, seed: int, runs: int, fresh: float) -> list[Outcome]:
    """Run them."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run_all(jobs(seed, runs, fresh), python, WORKERS, Path(folder)))


def figures(outcomes: list[Outcome], fresh: int) -> dict[str, int]:
    """What is counted."""
    told = [" ".join(each.faults) for each in outcomes]

    def count(*words: str) -> int:
        return sum(any(word in text for word in words) for text in told)

    return {
        "runs": len(outcomes),
        "fresh": fresh,
        "signals": sum(each.job.ending in SIGNALLED for each in outcomes),
        "uvloop": sum(each.job.loop == "uvloop" for each in outcomes),
        "trio": sum(each.job.loop == "trio" for each in outcomes),
        "wrong_result": count("exit status", "output '"),
        "hangs": count("it hangs"),
        "left": count("a process is left", "closed, but"),
        "noise": count("stderr:"),
        "no_library": count("libgcc_s"),
        "lost_signals": count("signals were lost"),
    }


def main(arguments: list[str]) -> dict[str, int]:
    """SEED RUNS FRESH: so many runs, and which share of them in an interpreter of its own."""
    seed, runs, fresh = int(arguments[0]), int(arguments[1]), float(arguments[2])
    alone = sum(each for _, each in jobs(seed, runs, fresh))
    return figures(run(sys.executable, seed, runs, fresh), alone)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
