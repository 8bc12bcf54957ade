"""What importing and starting a monitor costs, each sample in a fresh interpreter.

`import asyncio, aiomonitor` against `import asyncio` alone: wall time of the whole process, time
inside it, modules; resident memory of both and of a started monitor that nobody visits, against a
process that did `import anyio`; milliseconds for start and close.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from harness import HERE, Results, compiled, finish, median, parser

if TYPE_CHECKING:
    from collections.abc import Callable

_PRELUDE = """
import sys, time
before = time.perf_counter()
import asyncio
asyncio_s = time.perf_counter() - before
before, modules = time.perf_counter(), len(sys.modules)
{imports}
more_s, modules = time.perf_counter() - before, len(sys.modules) - modules
"""
_REPORT = """
import json
sys.path.insert(0, {here!r})
from harness import resident_mb
print(json.dumps(dict(asyncio_ms=asyncio_s * 1e3, more_ms=more_s * 1e3, modules=modules,
    heavy=len({heavy!r} & set(sys.modules)), mb=resident_mb())))
"""
# The loop runs a moment in every sample that `started` is compared with: that takes memory, too.
_IDLE = """
asyncio.run(asyncio.sleep(0.2))
"""
_STARTED = """
import json, threading
sys.path.insert(0, {here!r})
from harness import resident_mb, start_monitor
async def main():
    loop, threads = asyncio.get_running_loop(), threading.active_count()
    before = time.perf_counter()
    with start_monitor(loop, hook={hook}):
        start_s = time.perf_counter() - before
        await asyncio.sleep(0.2)
        result = dict(mb=resident_mb(), threads=threading.active_count() - threads)
        before = time.perf_counter()
    close_s = time.perf_counter() - before
    print(json.dumps(dict(result, start_ms=start_s * 1e3, close_ms=close_s * 1e3)))
asyncio.run(main())
"""
HEAVY = {"quart", "hypercorn", "prompt_toolkit", "click", "trio"}
"""What an application should not pay for before somebody looks at it."""

_PROGRAMS = {
    "none": _PRELUDE + _REPORT,
    "monitor": _PRELUDE + _REPORT,
    "idle": _PRELUDE + _IDLE + _REPORT,
    "anyio": _PRELUDE + _IDLE + _REPORT,
    "started": _PRELUDE + _STARTED,
    "tracking": _PRELUDE + _STARTED,
}
_IMPORTS = {"monitor": "import aiomonitor", "anyio": "import anyio"}
_IMPORTS |= {"started": "import aiomonitor", "tracking": "import aiomonitor"}


def sample(kind: str) -> Results:
    """One process of that kind: what it told, and its wall time."""
    values = {"imports": _IMPORTS.get(kind, ""), "here": HERE, "heavy": HEAVY}
    text = _PROGRAMS[kind].format(**values, hook=kind == "tracking")
    before = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    wall_ms = (time.perf_counter() - before) * 1e3
    if done.returncode:
        raise SystemExit(done.stderr)
    told: Results = json.loads(done.stdout.splitlines()[-1])
    return {**told, "wall_ms": wall_ms}


def measure(rounds: int, kinds: list[str]) -> Results:
    """Interleaved samples; each figure is the median of what the samples of one round give."""
    for kind in kinds:
        sample(kind)  # compiles the modules, and warms the disk cache
    taken = [{kind: sample(kind) for kind in kinds} for _ in range(rounds)]

    def of(figure: Callable[[dict[str, Results]], float]) -> float:
        return median(map(figure, taken))

    results = {
        "import_wall_ratio": of(lambda s: s["monitor"]["wall_ms"] / s["none"]["wall_ms"]),
        "import_ratio": of(lambda s: 1 + s["monitor"]["more_ms"] / s["monitor"]["asyncio_ms"]),
        "asyncio_import_ms": of(lambda s: s["none"]["asyncio_ms"]),
        "import_ms": of(lambda s: s["monitor"]["more_ms"]),
        "modules": of(lambda s: s["monitor"]["modules"]),
        "heavy_modules": of(lambda s: s["monitor"]["heavy"]),
        "import_mb": of(lambda s: s["monitor"]["mb"] - s["none"]["mb"]),
        "started_mb": of(lambda s: s["started"]["mb"] - s["idle"]["mb"]),
        "start_ms": of(lambda s: s["started"]["start_ms"]),
        "close_ms": of(lambda s: s["started"]["close_ms"]),
        "threads": of(lambda s: s["started"]["threads"]),
    }
    if "anyio" in kinds:
        results["started_beyond_anyio_mb"] = of(lambda s: s["started"]["mb"] - s["anyio"]["mb"])
        results["tracking_beyond_anyio_mb"] = of(lambda s: s["tracking"]["mb"] - s["anyio"]["mb"])
    return results


def kinds_here() -> list[str]:
    """All kinds; without anyio where there is none, as beside aiomonitor 0.7.1."""
    from importlib.util import find_spec

    return [kind for kind in _PROGRAMS if kind != "anyio" or find_spec("anyio")]


if __name__ == "__main__":
    arguments = parser(__doc__).parse_args()
    with compiled():
        figures = measure(arguments.rounds, kinds_here())
    finish(figures, arguments.json)
