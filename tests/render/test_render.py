"""Text for a terminal: what is shown never controls it, never wraps, and is always the same."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor import render
from aiomonitor.escapes import printable
from aiomonitor.model import (
    CancellationInfo,
    CancelOutcome,
    CancelResult,
    CreationStep,
    FrameInfo,
    TaskInfo,
    TaskPage,
    TaskStack,
    TerminatedPage,
    TerminatedStack,
    TerminatedTask,
    ThreadStack,
)
from aiomonitor.render import tables

ANYTHING = st.text(st.characters(categories=None), max_size=60)  # surrogates, too
FRAME = FrameInfo(filename="/srv/worker.py", lineno=42, function="fetch", source="await sleep(1)")
TASK = TaskInfo(
    number=12,
    object_id=1,
    name="worker-3",
    coroutine="serve",
    state="waiting",
    location=FRAME,
    awaits="sleep",
)


def with_name(name: str) -> TaskInfo:
    return TaskInfo(number=1, object_id=1, name=name, coroutine=name, state="running")


@given(ANYTHING)
def test_nothing_printable_controls_a_terminal(text: str) -> None:
    """Whatever the application calls its tasks, no control character gets through."""
    shown = printable(text)
    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(each) for each in shown} & {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    }
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("日本 é 🎉", "日本 é 🎉"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        ("\u202eevil", "\\u202eevil"),
        ("\u2028", "\\u2028"),
        ("\x7f\x00", "\\x7f\\x00"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    """Controls are written as Python's escapes; everything else is left alone."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("🎉", 2), ("é", 1), ("a\u200bb", 2)],
)
def test_widths(text: str, width: int) -> None:
    """Text is as wide as a terminal shows it: wide characters take two cells, combining none."""
    assert tables.width_of(text) == width


@given(ANYTHING.map(printable), st.integers(1, 80))
def test_clipped_text_fits(text: str, width: int) -> None:
    """Clipping keeps text that fits, and shortens the rest to the width, with an ellipsis."""
    clipped = tables.clip(text, width)
    assert tables.width_of(clipped) <= width
    if tables.width_of(text) <= width:
        assert clipped == text
    else:
        assert clipped.endswith("…")


ROWS = st.lists(
    st.tuples(*[ANYTHING.map(printable)] * len(render.TASK_COLUMNS)), min_size=1, max_size=5
)


@given(ROWS, ROWS, st.integers(4, 300))
def test_tables_never_wrap(
    first: list[tuple[str, ...]], later: list[tuple[str, ...]], width: int
) -> None:
    """No line of a table is wider than the client, also in rows that the layout did not see."""
    layout = tables.Layout.fit(render.TASK_COLUMNS, first, width)
    lines = [layout.header(color=False)]
    lines += [layout.line(row, color=False) for row in first + later]
    assert max(map(tables.width_of, lines)) <= width


def titles(width: int) -> list[str]:
    row = render.task_row(TASK)
    return tables.Layout.fit(render.TASK_COLUMNS, [row], width).header(color=False).split()


def test_columns_are_dropped_in_order() -> None:
    """A narrow client sees fewer columns, the least important gone first."""
    assert titles(120) == ["ID", "STATE", "NAME", "COROUTINE", "WHERE"]
    assert titles(50) == ["ID", "STATE", "NAME", "WHERE"]
    assert titles(38) == ["ID", "NAME", "WHERE"]
    assert titles(20) == ["ID", "NAME"]


def test_columns_line_up() -> None:
    """Cells begin below their titles, numbers end there, also where characters are wide."""
    rows = [render.task_row(task) for task in (TASK, with_name("日本"), with_name("e\u0301"))]
    layout = tables.Layout.fit(render.TASK_COLUMNS, rows, 120)
    assert [layout.header(color=False), *(layout.line(row, color=False) for row in rows)] == [
        "  ID  STATE     NAME        COROUTINE     WHERE",
        "  12  waiting   worker-3    serve         worker.py:42 fetch > sleep",
        "   1  running   日本        日本",
        "   1  running   e\u0301           e\u0301",
    ]


def test_wide_columns_share_the_loss() -> None:
    """Where two columns are too wide, neither is reduced to nothing."""
    row = render.task_row(with_name("x" * 60))
    line = tables.Layout.fit(render.TASK_COLUMNS, [row], 80).line(row, color=False)
    assert [len(word) > 12 for word in line.split()[2:]] == [True, True]


def test_colour_only_when_asked() -> None:
    """Styles appear for clients with colour and leave the text the same."""
    layout = tables.Layout.fit(render.TASK_COLUMNS, [render.task_row(TASK)], 120)
    assert "\x1b" not in layout.header(color=False) + layout.line(
        render.task_row(TASK), color=False
    )
    assert "\x1b[36m" in layout.line(render.task_row(TASK), color=True)
    assert "\x1b[1m" in layout.header(color=True)
    assert tables.styled("x", None, fg="red") == "x"


def test_cancelled_tasks_are_marked() -> None:
    """A task that was asked to cancel itself bears a mark beside its state."""
    task = TaskInfo(number=1, object_id=1, name="n", coroutine="c", state="waiting", cancelling=1)
    assert render.task_row(task)[1] == "waiting!"


@pytest.mark.parametrize("path", ["/srv/app/worker.py", "C:\\app\\worker.py", "worker.py"])
def test_locations_are_short(path: str) -> None:
    """A location names file, line, function and what is awaited, without the folders."""
    frame = FrameInfo(filename=path, lineno=42, function="fetch")
    assert render.location(_at(frame)) == "worker.py:42 fetch"
    assert render.location(TASK) == "worker.py:42 fetch > sleep"
    assert render.location(_at(None)) == ""


def _at(frame: FrameInfo | None) -> TaskInfo:
    return TaskInfo(number=1, object_id=1, name="n", coroutine="c", state="waiting", location=frame)


@pytest.mark.parametrize(
    ("total", "matched", "shown", "line"),
    [
        (0, 0, 0, "0 live tasks"),
        (1, 1, 1, "1 live task"),
        (5, 5, 5, "5 live tasks"),
        (5, 2, 2, "2 of 5 live tasks"),
        (5, 5, 3, "3 shown of 5 live tasks: --filter narrows, --limit 0 shows all"),
        (5, 4, 3, "3 shown of 4 of 5 live tasks: --filter narrows, --limit 0 shows all"),
    ],
)
def test_summaries(total: int, matched: int, shown: int, line: str) -> None:
    """The line below a listing tells what it left out, and how to see it."""
    page = TaskPage(total=total, matched=matched, tasks=iter(()))
    assert render.page_summary(page, shown) == line


def test_a_stack() -> None:
    """A stack is headed by its task, outermost frame first, and says how it ends."""
    stack = TaskStack(task=TASK, frames=(FRAME, FRAME), awaiting="Future", note="half of it")
    assert list(render.stack_lines(stack)) == [
        "task 12 (worker-3): waiting, coroutine serve",
        *['  File "/srv/worker.py", line 42, in fetch', "    await sleep(1)"] * 2,
        "  awaiting Future",
        "  (half of it)",
    ]


def test_a_stack_without_frames() -> None:
    """A task that has not started is explained, not left blank."""
    assert "no Python frames" in list(render.stack_lines(TaskStack(task=TASK, frames=())))[1]


def test_a_frame_without_source() -> None:
    """Where the file cannot be read, there is no line for its source."""
    frame = FrameInfo(filename="<string>", lineno=1, function="f")
    assert len(list(render.stack_lines(TaskStack(task=TASK, frames=(frame,))))) == 2


def test_a_thread() -> None:
    """A thread is headed by its name, and by the loop's state if it is the loop's."""
    stack = ThreadStack(thread_id=7, name="Main", frames=(FRAME,), loop_state="running")
    assert next(render.thread_lines(stack)) == "thread Main [7], the monitored loop's (running)"
    other = ThreadStack(thread_id=7, name="Main", frames=())
    assert list(render.thread_lines(other)) == ["thread Main [7]"]


@given(ANYTHING)
def test_stacks_are_neutralised(text: str) -> None:
    """Names, files, functions, sources and notes cannot reach the terminal as controls."""
    frame = FrameInfo(filename=text, lineno=1, function=text, source=text)
    stack = TaskStack(task=with_name(text), frames=(frame,), awaiting=text, note=text)
    thread = ThreadStack(thread_id=1, name=text, frames=(frame,))
    cancelled = CancelResult(task=with_name(text), outcome=CancelOutcome.ENDED, detail=text)
    shown = [*render.stack_lines(stack), *render.thread_lines(thread)]
    for line in [*shown, render.cancel_line(cancelled), *render.task_row(with_name(text))]:
        assert line == printable(line)


def test_cancel_line() -> None:
    """The outcome of a cancellation is a sentence."""
    result = CancelResult(task=TASK, outcome=CancelOutcome.ALREADY_DONE, detail="it was too late")
    assert render.cancel_line(result) == "task 12 (worker-3): already done: it was too late"


def overdue(number: int, seconds: float) -> TaskInfo:
    return TaskInfo(
        number=number,
        object_id=number,
        name="rebel",
        coroutine="c",
        state="waiting",
        cancel_age=seconds,
        cancelled_by="task 3",
    )


def test_a_pending_cancellation() -> None:
    """A task that goes on after a cancellation is told with when and by whom; also of a timer."""
    assert not render.is_overdue(TASK)
    assert not render.is_overdue(overdue(1, 0.5))
    assert render.is_overdue(overdue(1, 12.0))
    assert list(render.overdue_lines([overdue(1, 12.0)])) == [
        "task 1 (rebel): cancel requested 12.0s ago by task 3, still waiting"
    ]
    assert render.task_row(overdue(1, 12.0))[1] == "waiting!"


def test_many_pending_cancellations() -> None:
    """Of very many only some are told, and how many more there are."""
    lines = list(render.overdue_lines([overdue(n, 2.0) for n in range(render.PENDING_TOLD + 5)]))
    assert len(lines) == render.PENDING_TOLD + 1
    assert lines[-1].startswith("5 more were asked to cancel")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0003, "0.3ms"),
        (0.9999, "999.9ms"),
        (12.5, "12.5s"),
        (59.96, "60.0s"),
        (200, "3m20s"),
        (5 * 3600 + 7 * 60, "5h07m"),
        (47.9 * 3600, "47h54m"),
        (12 * 86400 + 3 * 3600, "12d03h"),
        (1_000 * 86400 - 1, "999d23h"),
        (1e300, ">999d"),
        (math.inf, ">999d"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """Durations take at most seven cells and keep what matters."""
    assert render.duration(seconds) == text
    assert len(text) <= 7


def created(**changes: Any) -> TaskInfo:
    return dataclasses.replace(
        TASK,
        **{
            "created_at": 0.0,
            "age": 12.5,
            "created_by": "task 1",
            "created_in": FrameInfo(filename="/a/main.py", lineno=7, function="main"),
            **changes,
        },
    )


def test_creation_columns() -> None:
    """A wide client sees when, how long ago and where tasks were created; a narrow one does not."""
    rows = [render.task_row(created())]
    fit = tables.Layout.fit
    wide = fit(render.TASK_COLUMNS, rows, 160).header(color=False)
    assert "CREATED      AGE  WHERE" in wide
    assert wide.endswith("CREATED IN")
    assert "12.5s" in rows[0]
    assert "main.py:7 main" in rows[0]
    assert "CREATED" not in fit(render.TASK_COLUMNS, rows, 80).header(color=False)


def test_creations_that_nobody_saw() -> None:
    """Such a row says so, where others have a line; without a hook there is no such column."""
    unseen = created(created_at=None, age=None, created_in=None, created_by="not seen")
    assert render.task_row(unseen)[4:6] == ("-", "-")
    assert render.task_row(unseen)[-1] == render.UNSEEN
    assert titles(200) == ["ID", "STATE", "NAME", "COROUTINE", "WHERE"]


LINE = FrameInfo(filename="/a/main.py", lineno=7, function="main", source="spawn()")


def test_a_stack_with_its_ancestry() -> None:
    """First who created whom, then the task, then who asked it to cancel itself."""
    step = CreationStep(
        creator="task 1 (main)", number=1, created="task 12 (worker-3)", frames=(LINE,)
    )
    request = CancellationInfo(at=0.0, by="task 1 (main)", frames=(LINE,))
    stack = TaskStack(
        task=created(),
        frames=(LINE,),
        ancestry=(step,),
        beginning="task 1 (main) was not seen being created",
        cancellations=(request,),
    )
    lines = list(render.stack_lines(stack))
    heads = [line for line in lines if not line.startswith("  ")]
    assert heads[:3] == [
        "(task 1 (main) was not seen being created)",
        "task 1 (main) created task 12 (worker-3):",
        "task 12 (worker-3): waiting, coroutine serve",
    ]
    assert heads[3].endswith(" by task 1 (main):")
    assert lines.count("    spawn()") == 3


def test_a_stack_without_ancestry() -> None:
    """Why there is none is told of the task itself."""
    stack = TaskStack(task=TASK, frames=(), beginning="not seen")
    assert list(render.stack_lines(stack))[1] == "  (not seen)"


def ended(**changes: Any) -> TerminatedTask:
    values = {"number": 1, "name": "n", "coroutine": "c", "outcome": "returned", "ended_at": 1.0}
    return TerminatedTask(**{**values, **changes})


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (ended(), "returned"),
        (ended(outcome="failed", error="KeyError: 1"), "failed: KeyError: 1"),
        (ended(outcome="cancelled", cancelled_by="task 2"), "cancelled by task 2"),
        (ended(outcome="cancelled"), "cancelled"),
        (ended(cancelled_by="task 2"), "returned"),
        (
            ended(cancelled_by="task 2", swallowed=True),
            "returned, swallowed a cancellation by task 2",
        ),
    ],
)
def test_endings(task: TerminatedTask, words: str) -> None:
    """How a task ended is a phrase."""
    assert render.ending(task) == words


def test_how_a_task_ended() -> None:
    """The answer has the exception's stack and causes, and is safe for a terminal."""
    stack = TerminatedStack(
        task=ended(
            name="\x1b[31m", outcome="failed", error="E: \x1b", created_at=0.0, duration=1.0
        ),
        frames=(LINE,),
        causes=("KeyError: \x1b",),
        note="the latest of 2",
    )
    text = "\n".join(render.ended_lines(stack))
    assert "\x1b" not in text
    assert "(the latest of 2)" in text
    assert ", after 1.0s" in text
    assert text.index("spawn()") < text.index("from KeyError")


def summary(**changes: Any) -> list[str]:
    values = {"ended": 1, "remembered": 1, "matched": 1, "dropped": 0, "tasks": (ended(),)}
    return list(render.ended_summary(TerminatedPage(**{**values, **changes})))


def test_the_summary_of_a_history() -> None:
    """It says what is remembered, what was left out, what was dropped, and why nothing is there."""
    assert summary() == ["1 ended task remembered"]
    assert summary(ended=9) == ["1 ended task remembered, of 9 that ended"]
    assert summary(remembered=5, ended=5) == ["1 of 5 ended tasks remembered"]
    assert summary(remembered=5, matched=5, ended=5)[0].startswith("1 shown of 5 ended tasks")
    assert summary(dropped=7)[1].startswith("7 more were dropped: ")
    assert summary(note="it is off")[1] == "nothing is being recorded: it is off"
