"""The tables of docs/performance.md: what each row tells, and its aim."""

from __future__ import annotations

import functools

from page import Measure, Section


def inspection(title: str, text: str, prefix: str, *, aims: bool = False) -> Section:
    """The table of one series of inspect_latency, whose figures begin with the prefix."""

    def measure(label: str, key: str, aim: float | None = None) -> Measure:
        return Measure(label, f"{prefix}.{key}_ms", "ms", aim if aims else None)

    measures = [
        measure("nobody asks: longest heartbeat gap", "idle.stall"),
        measure("`ps`: first screen", "ps.first", 200),
        measure("`ps`: whole answer", "ps.whole"),
        measure("`ps`: longest heartbeat gap", "ps.stall", 10),
        measure("`ps`: longest of all rounds", "ps.worst"),
        measure("`ps`: longest garbage collection", "ps.gc"),
        measure("`where TASK`: answer", "where.whole"),
        measure("`where TASK`: longest heartbeat gap", "where.stall"),
        measure("`ps --filter TEXT` (one row): answer", "ps_filter.whole"),
        measure("`ps --filter TEXT`: longest heartbeat gap", "ps_filter.stall"),
        measure("`ps --limit 0` (all rows): first screen", "ps_all.first"),
        measure("`ps --limit 0`: whole answer", "ps_all.whole"),
        measure("`ps --limit 0`: longest heartbeat gap", "ps_all.stall"),
        measure("first client of all: until its prompt", "visit.whole"),
        measure("first client of all: longest heartbeat gap", "visit.stall"),
    ]
    return Section(title, text, measures)


IMPORT = Section(
    "Import and start",
    "Each sample is a fresh interpreter with compiled modules; kinds interleaved. Memory is "
    "resident memory, in units of 2^20 bytes.",
    [
        Measure("wall time of a process, against `import asyncio`", "import.wall_ratio", "×", 1.6),
        Measure("import time, against `import asyncio`", "import.ratio", "×"),
        Measure("`import aiomonitor` after `import asyncio`", "import.ms", "ms"),
        Measure("modules it adds", "import.modules"),
        Measure("of these quart, hypercorn, prompt_toolkit, click and trio", "import.heavy", aim=0),
        Measure("memory it adds", "import.mb", "MB"),
        Measure("`start()`", "start.ms", "ms", 50),
        Measure("`close()`", "close.ms", "ms"),
        Measure("threads while nobody visits", "threads"),
        Measure("memory imported and started, beyond `import asyncio`", "started.mb", "MB"),
        Measure(
            "memory imported and started, beyond `import anyio`", "started.beyond_anyio_mb", "MB", 3
        ),
        Measure("the same, with tracking", "started.tracking_beyond_anyio_mb", "MB"),
    ],
)


def idle(title: str, prefix: str) -> Section:
    """The table of one series of idle_cost."""
    return Section(
        title,
        "CPU time of the loop's thread for spawning and awaiting a trivial task, paired with no "
        "monitor in the same loop. Under 1.05 is taken for no cost; the row below it is what no "
        "monitor costs against no monitor.",
        [
            Measure("per task, against no monitor", f"{prefix}.per_task_ratio", "×", 1.05),
            Measure("no monitor, against itself", f"{prefix}.noise_ratio", "×"),
            Measure("CPU of an idle second", f"{prefix}.cpu_ms", "ms"),
        ],
    )


def _ratio(prefix: str, label: str, load: str, aim: float | None = None) -> Measure:
    """A load with tracking, against the same without a monitor."""
    return Measure(label, f"{prefix}.{load}_ratio", "×", aim)


def tracking(title: str, prefix: str, spawn: float) -> Section:
    """The table of one series of tracking_cost."""

    ratio = functools.partial(_ratio, prefix)

    return Section(
        title,
        "`hook_task_factory=True` against no monitor, in one process and loop, interleaved: wall "
        "time as the application sees it.",
        [
            ratio("spawn and await a trivial task", "spawn", spawn),
            ratio("the same under 30 frames", "deep", 1.5),
            ratio("`TaskGroup` spawn", "group", 1.5),
            ratio("cancel a task that waits, and await its end", "cancel", 1.5),
            ratio("end by an exception", "fail", 1.5),
            ratio("a request: timeout, three children, ten steps", "request", 1.1),
            ratio("steps of tasks that live long", "steps", 1.02),
        ],
    )


def trio(title: str, prefix: str) -> Section:
    """The table of trio_cost."""

    ratio = functools.partial(_ratio, prefix)

    def hook(label: str, key: str) -> Measure:
        return Measure(label, f"{prefix}.{key}_us", "µs")

    return Section(
        title,
        "`hook_task_factory=True` against no monitor, in runs of their own, interleaved: wall time "
        "as the application sees it. Hooks are called as trio does it, from 10 frames down; an "
        "instrument that does nothing costs what trio's dispatch takes. No other hook is used.",
        [
            ratio("spawn and await a trivial task", "spawn", 1.5),
            ratio("the same under 30 frames", "deep"),
            ratio("a nursery of a hundred trivial tasks", "many"),
            ratio("anyio's task group with one", "group"),
            ratio("cancel tasks that wait, and see them end", "cancel"),
            ratio("end by an exception", "fail"),
            ratio("a request: connect, send, echo from a task, close", "echo", 1.1),
            ratio("steps of tasks that live long", "steps"),
            hook("`task_spawned`", "hook.task_spawned"),
            hook("`task_spawned` of an instrument that does nothing", "nothing.task_spawned"),
            hook("`task_exited`", "hook.task_exited"),
            hook("`task_exited` of an instrument that does nothing", "nothing.task_exited"),
        ],
    )


MEMORY = Section(
    "What tracking keeps",
    "By `tracemalloc`, and resident memory for the million. Of each ten short tasks one is "
    "cancelled and one fails; names repeat.",
    [
        Measure("per live task, beyond the task", "memory.live_bytes", "bytes", 400),
        Measure("per task in the history", "memory.history_bytes", "bytes", 1024),
        Measure("a million short tasks, beyond ten thousand", "memory.growth_mb", "MB", 10),
    ],
)

FLOOD = Section(
    "A minute of short tasks, as fast as they come",
    "The queue keeps the latest of what the monitor's thread does not come to, and counts others.",
    [
        Measure("tasks a second without a monitor", "flood.plain_rate"),
        Measure("tasks a second with tracking", "flood.rate"),
        Measure("dropped, of all", "flood.dropped_ratio", "×"),
        Measure(
            "longest wait for the GIL while a full queue is drained", "flood.drain_ms", "ms", 5
        ),
    ],
)

CONSOLE = Section(
    "A console that nobody types in",
    "Requests that do nothing, 10 000 a second at fixed moments, with a console open and without, "
    "in turns: their latency from their moment on, at the 99th percentile. Under load a monitor "
    "without tracking runs in all of them; the last row is what no console costs against no "
    "console.",
    [
        Measure("99th percentile without a console", "console.none_p99_us", "µs"),
        Measure("with one, against that", "console.console_p99_ratio", "×", 1.1),
        Measure("without one, against itself", "console.again_p99_ratio", "×"),
    ],
)


def web(title: str, prefix: str, *counts: tuple[int, str]) -> Section:
    """The table of web_latency, whose figures begin with the prefix and a number of tasks: the last
    of these numbers, and for scrapes each."""
    tasks = counts[-1][0]

    def measure(label: str, key: str, aim: float | None = None) -> Measure:
        return Measure(label, f"{prefix}.{tasks}.{key}_ms", "ms", aim)

    return Section(
        title,
        "Over one connection, beside the heartbeat. 0.7.1 has one list, of all tasks. First visits "
        "are those of fresh monitors: what serves the page is imported then. So are first scrapes, "
        "which count the tasks, too; the later ones tell the last count.",
        [
            Measure("first page of all, idle application", f"{prefix}.visit.idle_ms", "ms", 2000),
            Measure(
                "the same while it computes all the time", f"{prefix}.visit.busy_ms", "ms", 5000
            ),
            measure("first page of all, with many tasks", "visit.whole"),
            measure("the same: longest heartbeat gap", "visit.stall"),
            measure("nobody asks: longest heartbeat gap", "idle.stall"),
            measure("`/api/tasks`: 100 rows, for 0.7.1 all", "tasks.whole", 100),
            measure("`/api/tasks`: longest heartbeat gap", "tasks.stall", 10),
            measure("`/api/tasks`: longest of all rounds", "tasks.worst"),
            measure("filtered (one row): answer", "filter.whole"),
            measure("filtered: longest heartbeat gap", "filter.stall"),
            measure("from the middle on: answer", "deep.whole"),
            measure("from the middle on: longest heartbeat gap", "deep.stall"),
            measure("sorted by name: answer", "name.whole"),
            measure("sorted by name: longest heartbeat gap", "name.stall"),
            measure("`/api/groups`: answer", "groups.whole"),
            measure("`/api/groups`: longest heartbeat gap", "groups.stall"),
            measure("`/api/tree`: answer", "tree.whole"),
            measure("`/api/tree`: longest heartbeat gap", "tree.stall"),
            *(each for count, told in counts for each in _scrapes(f"{prefix}.{count}", told)),
        ],
    )


def _scrapes(prefix: str, told: str) -> list[Measure]:
    """The rows of `/metrics` in web_latency, with `told` tasks."""

    def measure(label: str, key: str, aim: float | None = None) -> Measure:
        name = f"`/metrics`, {told} tasks, {label}"
        return Measure(name, f"{prefix}.scrape.{key}_ms", "ms", aim)

    return [
        measure("first scrape of a fresh monitor: answer", "first.whole"),
        measure("first scrape: longest heartbeat gap", "first.stall", 10),
        measure("later ones: answer", "later.whole"),
        measure("later ones: longest heartbeat gap", "later.stall", 10),
    ]


def pages(prefix: str, *counts: tuple[int, str]) -> Section:
    """The table of web_pages, for these numbers of tasks."""
    return Section(
        "Ten open pages",
        "Throughput of a loop that is never idle, without pages against with ten that show the "
        "list of tasks; for 0.7.1, ten that ask for it every two seconds, as its own do.",
        [
            Measure(f"{told} tasks wait; {label}", f"{prefix}.{tasks}.{key}_ratio", "×", 1.02)
            for tasks, told in counts
            for key, label in (("steps", "turns of the loop"), ("tasks", "short tasks"))
        ],
    )


_LOADS = (("steps", "many short steps"), ("compute", "pieces of 5 ms"))
_LOOKS = (
    ("watchdog", "the watchdog", 1.01),
    ("top", "`top`, while somebody looks", None),
    ("profile", "`profile`, while it runs", None),
    ("noise", "nothing, against itself", None),
)


def looking(title: str, prefix: str) -> Section:
    """The table of one series of insight_cost."""
    return Section(
        title,
        "CPU time of the thread of a loop that is never idle, against a monitor that looks at "
        "nothing; with tracking, in one process and loop, interleaved. Then a loop that rests.",
        [
            *(
                Measure(f"{what}: {told}", f"{prefix}.{load}.{kind}.cpu_ratio", "×", aim)
                for kind, what, aim in _LOOKS
                for load, told in _LOADS
            ),
            Measure("the watchdog: CPU of an idle second", f"{prefix}.idle_cpu_ms", "ms"),
            Measure("the watchdog: wake-ups in an idle second", f"{prefix}.idle_switches"),
        ],
    )


def explaining(title: str, heartbeat: str, prefix: str) -> Section:
    """The table of insight_latency."""
    aims = {"groups": 2000, "deadlocks": 3000}
    kinds = {
        **{name: f"`{name}`" for name in ("groups", "deadlocks", "findings", "locks", "queues")},
        "tree": "`tree`",
        "why": "`why TASK`",
        "mark": "`mark`",
        "diff": "`diff`",
    }

    def measures(name: str, told: str) -> list[Measure]:
        key = f"{prefix}.{name}"
        return [
            Measure(f"{told}: whole answer", f"{key}.whole_ms", "ms", aims.get(name)),
            Measure(f"{told}: longest heartbeat gap", f"{key}.stall_ms", "ms", 10),
            Measure(f"{told}: longest of all rounds", f"{key}.worst_ms", "ms"),
        ]

    return Section(
        title,
        f"{heartbeat} Half of the tasks wait for locks, each of which one of them has, and the "
        "others for an event.",
        [
            Measure("nobody asks: longest heartbeat gap", f"{prefix}.idle.stall_ms", "ms"),
            *(each for name, told in kinds.items() for each in measures(name, told)),
        ],
    )


def sections(small: int, large: int) -> list[Section]:
    """All tables, for these numbers of tasks."""
    many, few = (f"{tasks:,}".replace(",", " ") for tasks in (large, small))
    heartbeat = (
        "A heartbeat of 1 ms runs in the monitored loop; its longest gap is the stall. A screen is "
        "24 lines. A plain client asks, for 0.7.1 one that speaks telnet."
    )
    return [
        IMPORT,
        idle("A started monitor that nobody visits", "idle"),
        idle("A started monitor that nobody visits, on uvloop", "idle_uvloop"),
        tracking("Tracking", "tracking", 1.4),
        tracking("Tracking, on uvloop", "tracking_uvloop", 1.7),
        trio("Tracking, on trio", "trio"),
        looking("Watching the loop", "looking"),
        looking("Watching the loop, on uvloop", "looking_uvloop"),
        MEMORY,
        FLOOD,
        CONSOLE,
        web(f"The web service, {many} tasks", "web", (small, few), (large, many)),
        pages("pages", (small, few), (large, many)),
        inspection(f"{many} tasks", heartbeat, f"inspect.{large}", aims=True),
        explaining(f"{many} tasks, explained", heartbeat, f"insight.{large}"),
        inspection(f"{few} tasks", heartbeat, f"inspect.{small}"),
        inspection(f"{many} tasks on uvloop", heartbeat, f"inspect_uvloop.{large}"),
        inspection(
            f"{many} tasks, asked through telnet",
            "As above, with a client that speaks telnet for both, so with a line editor.",
            f"inspect_telnet.{large}",
        ),
    ]
