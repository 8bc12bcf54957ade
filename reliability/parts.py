"""Which parts there are, at which scale, and what each is to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PARTS = {
    "faults": "under_faults",
    "text": "hostile_text",
    "guided": "guided",
    "web": "hostile_web",
    "load": "load",
    "cuts": "cuts",
    "soak": "soak",
}
"""By name: the module that runs it, with the figures as JSON in its last line."""

QUICK: Mapping[str, Sequence[str]] = {
    "faults": ("7", "40", "0.1"),
    "text": ("10000", "300"),
    "guided": ("200",),
    "web": ("1000", "200", "100", "100"),
    "load": ("100", "20", "10", "1", "2"),
    "cuts": ("7",),
    "soak": ("15", "0.5"),
}
FULL: Mapping[str, Sequence[str]] = {
    "faults": ("7", "1000", "0.1"),
    "text": ("1000000", "10000"),
    "guided": ("20000",),
    "web": ("100000", "4000", "2000", "2000"),
    "load": ("1000", "200", "100", "1", "5"),
    "cuts": ("1",),
    "soak": ("600", "1"),
}


@dataclass(frozen=True)
class Aim:
    """A row of the report. `most` is what the figure may be at most, `least` at least.

    A `timing` depends on the machine and on what else it does: it is told, and fails nothing."""

    key: str
    label: str
    most: float | None = None
    least: float | None = None
    timing: bool = False

    def reached(self, figure: float) -> bool | None:
        """None where there is no aim."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or figure <= self.most) and (
            self.least is None or figure >= self.least
        )

    @property
    def shown(self) -> str:
        """The aim in words."""
        told = [f"at most {self.most:g}"] if self.most is not None else []
        told += [f"at least {self.least:g}"] if self.least is not None else []
        return ", ".join(told)


GUIDED = {
    "streams": "codec, protocol and lines",
    "openings": "the first bytes",
    "commands": "a command's words",
    "blocks": "Python at the console",
    "keys": "keys at the editor",
    "sessions": "whole sessions",
}

CONTROL = "planted"
"""The fuzzer's target whose fault is to be found."""


def _guided() -> Iterator[Aim]:
    """How far the fuzzer came in each of its places."""
    for name, label in GUIDED.items():
        key = f"guided_{name}"
        yield Aim(f"{key}_runs", f"{label}: runs")
        yield Aim(
            f"{key}_features_first",
            "features that were reached at the start (an edge, and how often it was taken)",
        )
        yield Aim(f"{key}_features", "features at the end")
        yield Aim(f"{key}_edges_first", "edges of the code that were reached at the start")
        yield Aim(f"{key}_edges", "edges at the end")


AIMS: Mapping[str, Sequence[Aim]] = {
    "faults": (
        Aim("runs", "runs, each with no, one or two faults, 0 to 4 clients, and one of 9 endings"),
        Aim("fresh", "of these in an interpreter of its own, with nothing loaded"),
        Aim("signals", "of these ended by SIGINT or SIGTERM at a random moment"),
        Aim("uvloop", "of these on uvloop"),
        Aim("trio", "of these on trio"),
        Aim("wrong_result", "results or exit statuses that differ from those without a monitor", 0),
        Aim("hangs", "runs that did not end", 0),
        Aim("left", "processes left behind, or ports that answer after `close()`", 0),
        Aim("noise", "runs with output of ours on stderr", 0),
        Aim(
            "no_library",
            "runs that the C library aborted at their end, as no file was left to load what the "
            "end of a daemon thread needs (`libgcc_s`; up to Python 3.13); ours end before that",
            0,
        ),
        Aim("lost_signals", "signals that only the application without us would have got", 0),
    ),
    "text": (
        Aim("streams", "streams through the telnet codec, the protocol and the lines"),
        Aim("stream_failures", "exceptions, limits passed, or results that depend on packets", 0),
        Aim("stream_growth_mb", "memory that grew meanwhile, MB", 2),
        Aim("sessions", "streams through whole sessions"),
        Aim("session_errors", "sessions that failed", 0),
        Aim("session_hangs", "sessions that did not end in 60 s", 0),
        Aim("session_breaches", "commands run without the token, or for a browser's request", 0),
        Aim("session_free_lines", "commands run where they may be: the watch sees", least=1),
        Aim("session_descriptors", "descriptors more than before", 0),
        Aim("session_growth_mb", "memory that grew after the first 120, or tenth, MB", 10),
    ),
    "guided": (
        Aim("guided_runs", "runs"),
        Aim(
            "guided_breaches",
            "exceptions, limits passed, results that depend on packets, commands run without the "
            "token, or requests of a browser that were not refused",
            0,
        ),
        Aim("guided_failed", "targets that crashed, hung or needed more than 1 GB", 0),
        Aim(
            "guided_planted",
            "the fault planted behind a word of eleven bytes was found (1: yes): it is guided",
            least=1,
        ),
        Aim("guided_growth_mb", "memory that the one which grew most grew by, MB", 64),
        Aim("guided_grew", "targets of six whose coverage grew", least=6),
        *_guided(),
    ),
    "web": (
        Aim(
            "asgi", "requests to the ASGI application, a tenth of them allowed to change something"
        ),
        Aim("asgi_failures", "exceptions or hangs", 0),
        Aim("asgi_breaches", "changes by requests that lacked something", 0),
        Aim("asgi_seen", "changes by those that lacked nothing: the watch sees"),
        Aim("asgi_unseen", "of these, not seen", 0),
        Aim("raw", "hostile connections to the server"),
        Aim("raw_token", "of these kinds to one with a token"),
        Aim("sockets", "hostile WebSockets"),
        Aim("console", "connections with nonsense to the console"),
        Aim("raw_hangs", "hangs of the first", 0),
        Aim("raw_token_hangs", "hangs with a token", 0),
        Aim("sockets_hangs", "hangs of WebSockets", 0),
        Aim("console_hangs", "hangs of the console", 0),
        Aim("web_breaches", "changes by any of these", 0),
        Aim("web_errors", "errors in the monitor's log", 0),
        Aim("application_lives", "the application's tasks go on (1: yes)", least=1),
        Aim("web_descriptors", "descriptors more than before, after at most 20 s", 0),
    ),
    "load": (
        Aim("terminals", "terminal clients, half of them with an editor, all at once in a round"),
        Aim("terminals_answered", "of these answered rightly, three times"),
        Aim("terminals_refused", "of these refused in words"),
        Aim("terminals_unanswered", "of these neither", 0),
        Aim("streams", "event streams, held open meanwhile"),
        Aim("streams_told", "of these told what happens"),
        Aim("streams_refused", "of these refused in words"),
        Aim("streams_silent", "of these neither", 0),
        Aim("slow", "readers of nothing or a byte a second, of long listings"),
        Aim("memory_before_mb", "memory of the application before, MB"),
        Aim("memory_peak_mb", "at most, MB", 1000),
        Aim("memory_kept_mb", "kept after the first round, MB", 300),
        Aim("descriptors", "descriptors more than before, once all have left", 0),
        Aim("load_errors", "errors in the monitor's log", 0),
        Aim("requests", "requests to the application under the load, 100 a second"),
        Aim("load_seconds", "seconds until each terminal client had its answers"),
        Aim("p99_none_ms", "99 % of requests are answered within, without a monitor, ms"),
        Aim("p99_idle_ms", "with one that nobody visits, ms"),
        Aim("p99_load_ms", "under the load, ms"),
        Aim("p50_ratio", "half of them under the load, against no monitor"),
        Aim("p99_noise", "99 % with a monitor that nobody visits, against none: the noise"),
        Aim("p99_ratio", "99 % under the load, against no monitor", 1.1, timing=True),
        Aim("most_ms", "the longest under the load, ms"),
    ),
    "cuts": (
        Aim(
            "cuts",
            "connections that were cut, each at a byte of one of ten conversations of real clients",
        ),
        Aim("cuts_unix", "of these at Unix sockets"),
        Aim(
            "cut_whole", "commands and changes of whole lines or requests: the watch sees", least=1
        ),
        Aim("cut_kinds", "of the eight conversations that do something, seen to do it", least=8),
        Aim(
            "cut_unfinished",
            "last lines without an end that ran, as a script's does when its connection is closed "
            "in order",
        ),
        Aim("cut_breaches", "others: of what was not said whole", 0),
        Aim("cut_hangs", "half-closed connections that were still open after 20 s", 0),
        Aim("cut_silent", "conversations after which a monitor did not answer", 0),
        Aim("cut_errors", "errors in the monitor's log", 0),
        Aim("cut_lives", "the application's tasks go on (1: yes)", least=1),
        Aim("cut_descriptors", "descriptors more than before, after at most 20 s", 0),
        Aim("cut_threads", "threads more than before, without the pools' idle ones", 0),
    ),
    "soak": (
        Aim("seconds", "seconds"),
        Aim("clients", "clients that came and went, of eleven kinds"),
        Aim("client_failures", "clients without the answer that they should get"),
        Aim("errors", "errors in the monitor's log", 0),
        Aim("rss_mb", "resident memory, last third, MB"),
        Aim("rss_growth_mb", "its median in the last third less that in the first, MB"),
        Aim("rss_mb_per_minute", "its slope after the warm-up, MB a minute", 1),
        Aim(
            "rest_mb_per_minute",
            "memory without clients, at the end less after the warm-up, MB a minute between",
            1,
        ),
        Aim(
            "objects_growth",
            "objects that Python's collector knows without clients, more than after the warm-up",
            5000,
        ),
        Aim("blocks_growth", "blocks of Python's allocator, the same"),
        Aim("rest_descriptors", "descriptors without clients, more than after the warm-up", 2),
        Aim("rest_threads", "threads without clients, more than after the warm-up (pools: 80)", 80),
        Aim("probe_ms", "a connection and its command, median, ms"),
        Aim("probe_p99_ms", "the same, 99 of 100, ms"),
        Aim("probe_ratio", "the same, last third by first", 1.25, timing=True),
        Aim("lag_ms", "the application's timers are late by, median, ms"),
        Aim("lag_ratio", "the same, last third by first", 1.25, timing=True),
    ),
}


def missed(part: str, figures: Mapping[str, float]) -> list[str]:
    """What did not reach its aim, in words."""
    return [
        f"{aim.label}: {figures[aim.key]:g}, not {aim.shown}"
        for aim in AIMS[part]
        if aim.key in figures and not aim.timing and aim.reached(figures[aim.key]) is False
    ]
