"""Text for a terminal: what is shown never controls it, never wraps, and is always the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor import render, tables
from aiomonitor.model import (
    CancelOutcome,
    CancelResult,
    FrameInfo,
    TaskInfo,
    TaskPage,
    TaskStack,
    ThreadStack,
)

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
    shown = tables.printable(text)
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
    assert tables.printable(text) == shown


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("🎉", 2), ("é", 1), ("a\u200bb", 2)],
)
def test_widths(text: str, width: int) -> None:
    """Text is as wide as a terminal shows it: wide characters take two cells, combining none."""
    assert tables.width_of(text) == width


@given(ANYTHING.map(tables.printable), st.integers(1, 80))
def test_clipped_text_fits(text: str, width: int) -> None:
    """Clipping keeps text that fits, and shortens the rest to the width, with an ellipsis."""
    clipped = tables.clip(text, width)
    assert tables.width_of(clipped) <= width
    if tables.width_of(text) <= width:
        assert clipped == text
    else:
        assert clipped.endswith("…")


ROWS = st.lists(
    st.tuples(*[ANYTHING.map(tables.printable)] * len(render.TASK_COLUMNS)), min_size=1, max_size=5
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
        assert line == tables.printable(line)


def test_cancel_line() -> None:
    """The outcome of a cancellation is a sentence."""
    result = CancelResult(task=TASK, outcome=CancelOutcome.ALREADY_DONE, detail="it was too late")
    assert render.cancel_line(result) == "task 12 (worker-3): already done: it was too late"
