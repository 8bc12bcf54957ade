"""The console in running loops of each kind: what is typed, and what comes back."""

from __future__ import annotations

import gc
import io
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends import stepping
from aiomonitor.console import display, execution, output
from support import PATIENCE

from .typist import CTRL_C, Seat, seat

if TYPE_CHECKING:
    from aiomonitor.backends._asyncio import AsyncioBackend
    from running import Application

TRANSCRIPT = [
    ("1 + 1", "2\n"),
    ("_ * 10", "20\n"),
    ("None", ""),
    ("_", "20\n"),
    ("x = 3; x", "3\n"),
    ("await asyncio.sleep(0, 'slept')", "'slept'\n"),
    ("asyncio.get_running_loop() is loop", "True\n"),
    ("asyncio.current_task().get_name()", "'aiomonitor console'\n"),
    ("for number in range(2):\n    number\n", "0\n1\n"),
    ("def f(a):\n    return a * 2\n", ""),
    ("f(21)", "42\n"),
    ("async def g():\n    yield 1\n    yield 2\n", ""),
    ("[n async for n in g()]", "[1, 2]\n"),
    ("async for n in g():\n    print('n', n)\n", "n 1\nn 2\n"),
    (
        "import contextlib\n@contextlib.asynccontextmanager\nasync def m():\n    yield 'in'\n\n",
        "",
    ),
    (
        "async with m() as word:\n    word\n",
        "'in'\n",
    ),
    # Pasted, with an empty line in the class and none behind it.
    (
        "class A:\n    def one(self):\n        return 1\n\n    def two(self): return 2\nA().two()",
        "2\n",
    ),
    ("if x == 3:\n    'three'\nelse:\n    'other'\n", "'three'\n"),
    ("'''long\n\nstring'''", "'long\\n\\nstring'\n"),
    ("(1,\n 2)", "(1, 2)\n"),
    ("# a comment", ""),
    ("from __future__ import annotations", ""),
    ("def h(a: nowhere): pass\n\nh.__annotations__", "{'a': 'nowhere'}\n"),
    ("import contextvars; v = contextvars.ContextVar('v'); token = v.set(1)", ""),
    ("v.get()", "1\n"),
    ("async def change(): v.set(2)\n\nawait change(); v.get()", "2\n"),
    ("import sys; print('to stderr', file=sys.stderr)", "to stderr\n"),
    ("exit", "exit(), or Ctrl-D, leaves the console; the application goes on\n"),
    ("try:\n    exit()\nexcept SystemExit:\n    'stayed'\n", "'stayed'\n"),
    ("__name__", "'__console__'\n"),
]
"""What is typed, and the reply. One console runs all of them, in order."""


def test_transcript(here: Seat) -> None:
    """Each entry has the reply that CPython's prompt would give."""
    replies = [(typed, here.typist.enter(typed)) for typed, _ in TRANSCRIPT]
    assert replies == TRANSCRIPT


def test_a_traceback_is_the_users(here: Seat) -> None:
    """Frames and source lines of what was typed are shown, and none of the monitor's."""
    here.typist.enter("def inner():\n    return 1 / 0\n")
    told = here.typist.enter("await asyncio.sleep(0); inner()")
    assert told.startswith("Traceback (most recent call last):\n")
    assert "    await asyncio.sleep(0); inner()\n" in told
    assert "    return 1 / 0\n" in told
    assert told.endswith("ZeroDivisionError: division by zero\n")
    assert "aiomonitor" not in told


@pytest.mark.parametrize(
    ("typed", "end"),
    [
        ("a b", "SyntaxError: invalid syntax\n"),
        ("next(iter([]))", "StopIteration\n"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt\n"),
        ("raise asyncio.CancelledError", "CancelledError\n"),
        ("asyncio.current_task().cancel(); await asyncio.sleep(1)", "CancelledError\n"),
        ("raise BaseException('base')", "BaseException: base\n"),
        ("raise GeneratorExit", "GeneratorExit\n"),
        ("def f(): f()\n\nf()", "maximum recursion depth exceeded\n"),
        (
            "class E(Exception):\n    def __str__(self): 1/0\n\nraise E",
            "<exception str() failed>\n",
        ),
        ("input('?')", "it would read the application's standard input\n"),
        ("breakpoint()", "it would read the application's standard input\n"),
        ("'\0'", "null bytes\n"),
    ],
)
def test_errors(here: Seat, typed: str, end: str) -> None:
    """Whatever is raised is told, and the console goes on."""
    reply = here.typist.enter(typed)
    assert reply.replace("asyncio.exceptions.", "").endswith(end)
    assert here.typist.enter("'still here'") == "'still here'\n"


def test_a_repr_that_fails(here: Seat) -> None:
    """A repr that raises or recurses is an error like any other, and `_` is not set."""
    here.typist.enter("class R:\n    def __repr__(self): return self.text()\n")
    assert here.typist.enter("R()").endswith("AttributeError: 'R' object has no attribute 'text'\n")
    here.typist.enter("R.text = lambda self: repr(self)")
    assert "RecursionError" in here.typist.enter("R()")
    assert here.typist.enter("_") == ""


def test_a_repr_of_a_hundred_megabytes(here: Seat) -> None:
    """A long text is cut, and its length is told."""
    reply = here.typist.enter("'x' * 100_000_000")
    assert len(reply) < display.REPR_LIMIT + 200
    assert "[cut: 100000002 characters; the first 100000 are shown]" in reply


def test_prompts(here: Seat) -> None:
    """A block has continuation prompts."""
    del here.typist.prompts[:]
    here.typist.enter("if 1:\n  pass\n")
    assert here.typist.prompts == ["... ", "... ", ">>> "]


def test_output_of_threads_and_tasks(here: Seat, capsys: pytest.CaptureFixture[str]) -> None:
    """What threads and tasks print that a line started goes to its client, also later."""
    here.typist.enter("import threading, functools")
    here.typist.enter("later = threading.Event()")
    here.typist.enter(
        "def work(name):\n    later.wait(60)\n    print(name)\n\n"
        "threading.Thread(target=work, args=['thread']).start()\n"
        "future = asyncio.ensure_future(asyncio.to_thread(work, 'task'))"
    )
    here.typist.enter("later.set()")
    here.typist.until("thread\n")
    here.typist.until("task\n")
    assert capsys.readouterr() == ("", "")


def test_the_applications_output_is_untouched(
    here: Seat, application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a console is open, others print where they always did; afterwards, so does all."""
    stdout = sys.stdout
    assert here.typist.enter("1") == "1\n"
    assert sys.stdout is not stdout
    assert isinstance(sys.stdout, type(stdout))
    printed = threading.Event()

    def work() -> None:
        print("the application's")
        printed.set()

    application.loop.call_soon_threadsafe(work)
    assert printed.wait(PATIENCE)
    print("the test's")
    assert here.typist.enter("'quiet'") == "'quiet'\n"
    here.end()
    assert capsys.readouterr().out == "the application's\nthe test's\n"
    assert type(sys.stdout).__name__ != "Router"


def test_a_stream_that_was_replaced(backend: AsyncioBackend) -> None:
    """If the application replaces `sys.stdout`, the next console is routed all the same."""
    before = sys.stdout
    with seat(backend) as one:
        assert one.typist.enter("print(1)") == "1\n"
        sys.stdout = theirs = io.StringIO()
        try:
            with seat(backend) as two:
                assert two.typist.enter("print(2)") == "2\n"
            assert one.typist.enter("print(3)") == "3\n"
            one.end()
            assert sys.stdout is theirs
            assert theirs.getvalue() == ""
        finally:
            sys.stdout = before


def test_help_is_for_the_client(here: Seat, capsys: pytest.CaptureFixture[str]) -> None:
    """`help` tells about objects and topics, without a pager and without asking."""
    assert "Return the number of items" in here.typist.enter("help(len)")
    assert "boolean" in here.typist.enter("help('not')").lower()
    assert "No Python documentation found" in here.typist.enter("help('nothing of the kind')")
    assert here.typist.enter("help()").startswith("help(object)")
    assert "ValueError" in here.typist.enter("help(ValueError)")
    assert capsys.readouterr() == ("", "")


def test_names(backend: AsyncioBackend) -> None:
    """Objects are shared with the application, names are each client's own."""
    shared: dict[str, object] = {"orders": [], "limit": 1}
    with seat(backend, shared) as one, seat(backend, shared) as two:
        one.typist.enter("orders.append('x'); mine = 1; limit = 99")
        assert shared["orders"] == ["x"]
        assert "NameError" in two.typist.enter("mine")
        assert two.typist.enter("limit") == "1\n"
        shared.update(limit=2, new="new")
        assert two.typist.enter("limit, new") == "(2, 'new')\n"
        assert one.typist.enter("limit, new") == "(99, 'new')\n"
        assert shared == {"orders": ["x"], "limit": 2, "new": "new"}


# --- interrupts -----------------------------------------------------------------------------------


# It may strike between a call and its `await`, or a callback of the garbage collector's.
@pytest.mark.filterwarnings("ignore:coroutine '(sleep|f)' was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:.*gc_callback:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "typed",
    [
        "print('running'); await asyncio.sleep(3600)",
        "print('running'); await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(3600))",
        "if print('running') is None:\n    while True: pass\n",
        "async def f():\n    while True: await asyncio.sleep(0)\n\nprint('running'); await f()",
        "class R:\n  def __repr__(self):\n    print('running')\n    while True: pass\n\nR()",
    ],
)
def test_ctrl_c(here: Seat, typed: str) -> None:
    """An await, a loop and a repr without an end are interrupted, and nothing else is."""
    here.typist.enter("other = asyncio.ensure_future(asyncio.sleep(3600))")
    here.typist.type(*typed.split("\n"))
    here.typist.until("running\n")
    assert here.run.on_interrupt is not None
    here.run.on_interrupt()
    assert here.typist.reply().endswith("KeyboardInterrupt\n")
    assert here.typist.enter("other.done()") == "False\n"
    here.typist.enter("other.cancel()")


@pytest.mark.parametrize("then", ["await asyncio.sleep(3600)", "pass"])
def test_ctrl_c_that_is_lost(here: Seat, then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that Python swallows, as in a callback of its garbage collector, ends the next await."""
    monkeypatch.setattr(stepping, "raise_in_thread", lambda *_: None)
    here.typist.type(f"import time; print('running'); time.sleep(0.2); {then}")
    here.typist.until("running\n")
    here.console.interrupt()
    assert here.typist.reply().endswith("KeyboardInterrupt\n" if then != "pass" else "running\n")
    assert here.typist.enter("'well'") == "'well'\n"


def test_ctrl_c_in_the_midst_of_printing(here: Seat) -> None:
    """Wherever in a `print` it strikes, the console and the loop's next `print` go on."""
    for _ in range(5):
        here.typist.type("for _ in iter(int, 1): print('running')", "")
        here.typist.until("running\n")
        here.console.interrupt()
        assert here.typist.reply().endswith("KeyboardInterrupt\n")
    assert here.typist.enter("print('well')") == "well\n"


def test_ctrl_c_is_for_all_of_an_entry(here: Seat) -> None:
    """What follows the interrupted block in the same entry does not run."""
    here.typist.type("print('running'); await asyncio.sleep(3600)\nshared.append(1)\nshared")
    here.typist.until("running\n")
    here.console.interrupt()
    assert here.typist.reply().endswith("KeyboardInterrupt\n")
    assert here.typist.enter("shared") == "[]\n"


def test_ctrl_c_at_the_prompt(here: Seat) -> None:
    """It abandons the block that was begun."""
    here.typist.type("if 1:", CTRL_C)
    assert here.typist.reply() == "KeyboardInterrupt\n"
    assert here.typist.enter("1") == "1\n"


def test_what_does_not_end_is_left_behind(here: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that swallows its cancellation is told of, and the second Ctrl-C leaves it."""
    monkeypatch.setattr(execution, "PATIENCE", 0)
    monkeypatch.setattr(execution, "POLL", 0.001)
    here.typist.enter(
        "stop = asyncio.Event()\nasync def stubborn():\n    print('running')\n"
        "    while not stop.is_set():\n        try: await stop.wait()\n"
        "        except asyncio.CancelledError: pass\n    print('stopped')\n"
    )
    here.typist.type("await stubborn()")
    here.typist.until("running\n")
    here.console.interrupt()
    here.typist.until("Ctrl-C leaves it behind")
    here.console.interrupt()
    assert "it is left behind in the loop" in here.typist.reply()
    here.typist.enter("stop.set()")
    here.typist.until("stopped\n")


def test_a_client_that_leaves_takes_its_await_with_it(here: Seat) -> None:
    """The task ends with the session, by cancellation."""
    here.typist.enter("import sys")
    here.typist.type(
        "try:",
        "    print('running'); await asyncio.sleep(3600)",
        "finally:",
        "    shared.append(sys.exc_info()[0].__name__)",
        "",
    )
    here.typist.until("running\n")
    here.run.interrupted = True
    here.thread.join(PATIENCE)
    assert not here.thread.is_alive()
    while not (shared := here.console._namespace.names["shared"]):
        time.sleep(0.001)
    assert shared == ["CancelledError"]


def test_a_loop_that_ends_during_an_await(
    here: Seat, application: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """The block ends with its loop, and nobody complains on the application's terminal."""
    here.typist.type(
        "try:", "    print('running'); await loop.create_future()", "finally:", "    pass", ""
    )
    here.typist.until("running\n")
    application.close()
    here.typist.reply()
    here.end()
    gc.collect()
    assert capsys.readouterr() == ("", "")


def test_the_last_line_has_some_time(here: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no more input comes, what runs may end; what does not is interrupted."""
    monkeypatch.setattr(execution, "LAST_LINE", 0.01)
    monkeypatch.setattr(execution, "POLL", 0.001)
    here.typist.over = True
    here.typist.type("await asyncio.sleep(3600)")
    reply = here.typist.reply()
    assert reply.startswith("no more input, and no end within")
    assert reply.endswith("KeyboardInterrupt\n")


# --- loops that do not run ------------------------------------------------------------------------


def test_a_blocked_loop(
    here: Seat, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told, and its line runs as soon as the loop is free."""
    monkeypatch.setattr(execution, "PATIENCE", 0)
    monkeypatch.setattr(execution, "POLL", 0.001)
    application.block()
    here.typist.type("'at last'")
    here.typist.until("Ctrl-C abandons it")
    application.released.set()
    reply = here.typist.reply()
    assert reply.startswith("the monitored loop is blocked ")
    assert reply.endswith("the line runs when the loop is free; Ctrl-C abandons it\n'at last'\n")


def test_a_line_for_a_blocked_loop_can_be_abandoned(here: Seat, application: Application) -> None:
    """After Ctrl-C it never runs."""
    application.block()
    here.typist.type("shared.append(1)")
    while here.console._execution is None:
        time.sleep(0.001)
    here.console.interrupt()
    assert here.typist.reply() == "KeyboardInterrupt\n"
    application.released.set()
    assert here.typist.enter("shared") == "[]\n"


def test_a_stopped_and_a_closed_loop(
    here: Seat, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told what the loop is."""
    monkeypatch.setattr(execution, "PATIENCE", 0)
    application.stop()
    here.typist.type("1")
    here.typist.until("stopped")
    here.console.interrupt()
    assert here.typist.reply().startswith("the monitored loop is stopped: nothing runs in it\n")
    application.loop.close()
    assert here.typist.enter("1") == "the monitored loop is closed: nothing runs in it\n"
    here.typist.type("exit()")
    here.thread.join(PATIENCE)
    assert not here.thread.is_alive()


def test_a_loop_that_is_closed_during_an_await(
    here: Seat, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets its prompt back."""
    monkeypatch.setattr(execution, "PATIENCE", 0)
    here.typist.type("print('running'); await asyncio.sleep(3600)")
    here.typist.until("running\n")
    application.close()
    assert "the monitored loop is closed" in here.typist.reply()


def test_all_tasks_are_cancelled(here: Seat) -> None:
    """An application that cancels all tasks cancels a console's block, and its client hears it."""
    reply = here.typist.enter(
        "[task.cancel() for task in asyncio.all_tasks()]; await asyncio.sleep(3600)"
    )
    assert "CancelledError" in reply


# --- leaving --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["exit()", "quit()", "raise SystemExit", "import sys; sys.exit(3)"]
)
def test_leaving(here: Seat, typed: str) -> None:
    """exit() and SystemExit leave the console, and not the application."""
    here.typist.type(typed, "shared.append(1)")
    here.thread.join(PATIENCE)
    assert not here.thread.is_alive()


def test_exit_in_a_task(here: Seat) -> None:
    """There SystemExit would end the application's loop, so exit() refuses."""
    told = here.typist.enter("async def leave(): exit()\n\nawait asyncio.create_task(leave())")
    assert "RuntimeError: exit() leaves the console only where it is typed" in told
    assert here.typist.enter("1") == "1\n"


def test_the_end_of_input_ends_a_block(here: Seat) -> None:
    """What was typed runs, as from a file, and then the console is left."""
    here.typist.type("for n in range(2):", "    shared.append(n)", None)
    here.thread.join(PATIENCE)
    assert here.console._namespace.names["shared"] == [0, 1]


@pytest.mark.parametrize(("typed", "status"), [("1", 0), ("1/0", 1), ("a b", 1), ("1/0\n1", 0)])
def test_the_status_of_a_script(backend: AsyncioBackend, typed: str, status: int) -> None:
    """A scripted console has no banner, and tells whether the last entry failed."""
    with seat(backend, scripted=True) as one:
        one.typist.type(*typed.split("\n"), None)
        one.thread.join(PATIENCE)
        assert one.run.status == status


def test_audit(here: Seat, caplog: pytest.LogCaptureFixture) -> None:
    """Each line is logged with the client's address and its outcome, and can forge no line."""
    with caplog.at_level(logging.INFO, logger="aiomonitor.audit"):
        here.typist.enter("1 # \x1b[31m")
        here.typist.enter("nobody")
    assert caplog.messages == [
        "the test: console: 1 # \\x1b[31m",
        "the test: console: done",
        "the test: console: nobody",
        "the test: console: NameError",
    ]


def test_output_is_bounded(here: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed faster than it can be sent is counted, and the loop does not wait."""
    monkeypatch.setattr(output, "UNREAD_LIMIT", 10)
    here.typist.enter("import sys")
    reply = here.typist.enter("sys.stdout.write('x' * 25) and None")
    assert reply == "x" * 10 + "\n[15 characters are missing: printed faster than sent]\n"
