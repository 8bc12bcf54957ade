"""The prompt that is made of prompt_toolkit's parts, beside prompt_toolkit's own."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.data_structures import Size
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Filter
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output import DummyOutput

from aiomonitor.dialogue import LineAbandoned, LineKind, LineTooLong
from aiomonitor.terminal.keys import ConnectionInput
from aiomonitor.terminal.prompt_app import Prompt
from aiomonitor.terminal.prompt_layout import PromptLayout
from aiomonitor.terminal.prompts import Prompts
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from prompt_toolkit.buffer import Buffer

    Pieces = Sequence[str | Callable[[], None]]

ALL_KINDS: tuple[LineKind, ...] = get_args(LineKind)
UP, DOWN, LEFT, PASTE, PASTED = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[200~", "\x1b[201~"
COLUMNS, ROWS = 80, 24
TICKS = 50
"""Turns of the loop after which completions have come and keys are handled."""
WORDS = ["help", "ps", "ps-terminated", *(f"many{number}" for number in range(30))]

LINES = {
    "editing": ["nonsense\x15ebra", "\x01z\x05 a b", LEFT + "_", "\x17\x19\x19", "\x1b3x", "\r"],
    "a completion": ["he\t", "x", "\r"],
    "a choice": ["ps\t", "\t", "\t", "\x1b[Z", "\r"],
    "more than the screen holds": ["many\t", *["\t"] * 20, UP, DOWN, "\r"],
    "a choice that is left": ["m\t", "\t", "\x07", "z", "\r"],
    "history": [UP, UP, DOWN, "!", "\r"],
    "history by its beginning": ["one", UP, UP, DOWN, "\r"],
    "search": ["\x12", "e", "d", "l", "\r", "\r"],
    "search again": ["\x12one", "\x12", "\x12", "\x13", "\x07", "x", "\r"],
    "search forward": ["\x13ne", "\r", "\r"],
    "search left by a key": ["\x12nee", LEFT, "x", "\r", "\r"],
    "search left by Ctrl-C": ["\x12nee", "\x03", "y", "\x03"],
    "Ctrl-C": ["a", "\x03"],
    "Ctrl-D": ["a", "\x04", "\x7f", "\x04"],
    "Ctrl-Z and Ctrl-Q": ["a\x1a", "\x11\x01", "\r"],
    "Ctrl-J": ["a\n"],
    "Ctrl-O": [UP, UP, "\x0f"],
    "a paste": [PASTE + "one\ntwo" + PASTED, UP, "\r"],
    "a line longer than the screen": ["word " * 40, "\x01", "\x0b", "\r"],
    "a count": ["\x1b2", "\x1b3", "y", "\r"],
    "a selection": ["one two\x00\x1bb", "\x17", "\x19", "\r"],
}
BLOCKS = {
    "a choice": ["ps\t", "\t", "\r"],
    "lines": ["if 1:\r", "x", UP, "y", DOWN, "z", "\r"],
    "a count": ["\x1b3", "x", "\r"],
    "search": ["\x12nee", "\x12", "\x07", "x", "\r"],
    "history": [UP, UP, DOWN, "\r"],
}


class Seat:
    """Types at one application, and looks at its screen."""

    def __init__(self, app: Application[str], keys: ConnectionInput) -> None:
        self.app = app
        self._keys = keys
        self._drawn = asyncio.Event()
        self.app.after_render = type(app.after_render)(app, lambda _: self._drawn.set())

    async def screen(self) -> list[object]:
        """What it shows once all is done, and where the cursor is."""
        for _ in range(TICKS):
            await asyncio.sleep(0)
        self._drawn.clear()
        self.app.invalidate()
        await self._drawn.wait()
        screen = self.app.renderer.last_rendered_screen
        assert screen is not None
        rows = [screen.data_buffer[y] for y in range(screen.height)]
        cells = [[row[x] for x in range(COLUMNS)] for row in rows]
        look = [(cell.char, set(cell.style.split())) for row in cells for cell in row]
        text = ["".join(cell.char for cell in row).rstrip() for row in cells]
        cursor = screen.get_cursor_position(self.app.layout.current_window)
        return [text, cursor, [(char, style) for char, style in look if char != " "]]

    async def type(self, line: Awaitable[str], pieces: Pieces) -> list[object]:
        """All that is seen, and what comes of it; a piece that is no text is called."""
        with create_app_session(input=self._keys, output=self.app.output):
            task = asyncio.ensure_future(line)
            for _ in range(TICKS):
                await asyncio.sleep(0)
        seen: list[object] = []
        for piece in pieces:
            seen.append(await self.screen())
            if isinstance(piece, str):
                self._keys.feed(piece)
            else:
                piece()
        return [*seen, *await asyncio.gather(task, return_exceptions=True)]


class Screen(DummyOutput):
    """Of the usual size, with the cursor nobody knows where, as with ours."""

    def get_size(self) -> Size:
        return Size(rows=ROWS, columns=COLUMNS)

    def get_rows_below_cursor_position(self) -> int:
        raise NotImplementedError


def history() -> InMemoryHistory:
    return InMemoryHistory(["zebra needle", "one two", "other one"])


def own(keys: ConnectionInput, message: str, *, block: bool = False) -> tuple[Seat, Any]:
    """Ours, and its line."""
    completer = WordCompleter(WORDS)
    enter: Callable[[Buffer], None] | None = split_or_end if block else None
    prompt = Prompt(keys, Screen(), history=history(), completer=completer, enter=enter)
    return Seat(prompt, keys), prompt.read(message, lambda: None)


def theirs(keys: ConnectionInput, message: str, *, block: bool = False) -> tuple[Seat, Any]:
    """prompt_toolkit's, as it was used before."""
    bindings = KeyBindings()
    if block:
        bindings.add("enter")(lambda event: split_or_end(event.current_buffer))
    session = PromptSession[str](
        input=keys,
        output=Screen(),
        history=history(),
        completer=WordCompleter(WORDS),
        key_bindings=bindings,
        multiline=block,
        prompt_continuation="... ",
        complete_while_typing=False,
        enable_history_search=True,
        interrupt_exception=LineAbandoned,
    )
    return Seat(session.app, keys), session.prompt_async(message)


def split_or_end(buffer: Buffer) -> None:
    """What Enter does in blocks."""
    if buffer.text.endswith(":"):
        buffer.insert_text("\n    ")
    else:
        buffer.validate_and_handle()


async def seen(
    make: Callable[..., tuple[Seat, Any]], message: str, pieces: Pieces, *, block: bool = False
) -> list[object]:
    """What a prompt shows while these are typed, and what comes of it."""
    keys = ConnectionInput()
    seat, line = make(keys, message, block=block)
    everything = await asyncio.wait_for(seat.type(line, pieces), PATIENCE)
    return [repr(each) if isinstance(each, BaseException) else each for each in everything]


@pytest.mark.parametrize("pieces", LINES.values(), ids=list(LINES))
@pytest.mark.parametrize("message", [">>> ", "above\n> "])
def test_lines_look_as_those_of_prompt_toolkit(message: str, pieces: Pieces) -> None:
    ours = asyncio.run(seen(own, message, pieces))
    assert ours == asyncio.run(seen(theirs, message, pieces))
    assert len(ours) == len(pieces) + 1


@pytest.mark.parametrize("pieces", BLOCKS.values(), ids=list(BLOCKS))
def test_blocks_look_as_those_of_prompt_toolkit(pieces: Pieces) -> None:
    ours = asyncio.run(seen(own, ">>> ", pieces, block=True))
    assert ours == asyncio.run(seen(theirs, ">>> ", pieces, block=True))
    assert len(ours) == len(pieces) + 1


async def type_at(prompts: Prompts, kind: LineKind, pieces: Pieces) -> object:
    """What comes of it."""
    keys = ConnectionInput()
    prompt = prompts.make(kind, keys, Screen())
    prompt.input = keys
    seat = Seat(prompt, keys)
    line = seat.type(prompt.read("> ", lambda: None), pieces)
    return (await asyncio.wait_for(line, PATIENCE))[-1]


def some_prompts() -> Prompts:
    return Prompts(lambda _: [], lambda: None, bytes, color=False)


def make(prompts: Prompts, kind: LineKind) -> Prompt:
    return prompts.make(kind, ConnectionInput(), Screen())


def test_enter_ends_a_search_in_blocks_too() -> None:
    """It went to the search as if that were code."""
    pieces = ["needle\r"], ["\x12nee", "\r", "!", "\r"]
    prompts = some_prompts()
    lines = [asyncio.run(type_at(prompts, "python", each)) for each in pieces]
    assert lines == ["needle", "!needle"]


def test_a_line_that_ends_in_a_search_leaves_none() -> None:
    """As when too much is typed there: the next keys are for the line."""
    prompts = some_prompts()

    keys = ConnectionInput()
    prompt = prompts.make("command", keys, Screen())
    cut_off = partial(prompt.exit, result=LineTooLong(1))
    line = Seat(prompt, keys).type(prompt.read("> ", lambda: None), ["\x12abc", cut_off])
    assert isinstance(asyncio.run(line)[-1], LineTooLong)
    assert asyncio.run(type_at(prompts, "command", ["zebra", "\r"])) == "zebra"


def test_searches_leave_nothing_behind() -> None:
    """prompt_toolkit remembers all that ever had the focus."""
    prompts = some_prompts()
    for _ in range(5):
        pieces = ["\x12a", "\x07", "\x13b", "\r", "c", "\x12", "\x07", "\r"]
        assert asyncio.run(type_at(prompts, "command", pieces)) == "c"
    layout = make(prompts, "command").layout
    assert isinstance(layout, PromptLayout)
    layout.begin("")
    assert layout._stack == [layout.current_window]


def test_what_was_cut_is_not_pasted_elsewhere() -> None:
    """Secrets, above all."""
    prompts = some_prompts()
    assert asyncio.run(type_at(prompts, "secret", ["secret\x15", "x\r"])) == "x"
    assert asyncio.run(type_at(prompts, "secret", ["\x19", "y\r"])) == "y"
    assert asyncio.run(type_at(prompts, "command", ["\x19", "z\r"])) == "z"


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_breakpoints_stay_the_applications(kind: LineKind) -> None:
    """prompt_toolkit's applications have a debugger of their own while they run."""
    hooks: list[object] = []
    keys = ConnectionInput()

    def opened() -> None:
        hooks.append(sys.breakpointhook)
        keys.close()

    before = sys.breakpointhook
    with pytest.raises(EOFError):
        asyncio.run(some_prompts().make(kind, keys, Screen()).read("> ", opened))
    assert hooks == [before]


def test_a_prompt_is_light() -> None:
    """It shows one window, and is made of little that the garbage collector goes through."""
    make(some_prompts(), "command")  # what all share
    gc.collect()
    before = len(gc.get_objects())
    made = [make(some_prompts(), "command") for _ in range(20)]
    gc.collect()
    each = (len(gc.get_objects()) - before) / len(made)
    assert len(list(made[0].layout.find_all_windows())) == 1
    assert each < 250, "prompt_toolkit's has 2 000"


def test_prompts_share_what_holds_no_state() -> None:
    """A prompt has all that prompt_toolkit's own __init__ gives an application, and of its own
    whatever changes: here is where it shows if that moves."""
    usual: Application[str] = Application(input=ConnectionInput(), output=Screen())
    first, second = (vars(make(some_prompts(), "command")) for _ in range(2))
    assert vars(usual).keys() == first.keys() - {"buffer", "looks", "enter"}
    assert len(usual._default_bindings.bindings) > 300
    plain = (bool, int, float, str, type(None), EditingMode, Filter)
    shared = {name for name in first if first[name] is second[name]}
    assert {name for name in shared if not isinstance(first[name], plain)} == {
        *("style_transformation", "cursor"),
        *("_default_bindings", "_page_navigation_bindings", "_merged_style"),
        *("on_invalidate", "on_reset", "before_render", "after_render"),
        "enter",
    }
    changes = {name for name in first if isinstance(first[name], (list, dict, set, deque))}
    assert not changes & shared
    look = "class:search fg:ansired"
    assert first["renderer"].style.get_attrs_for_style_str(look) == (
        usual.renderer.style.get_attrs_for_style_str(look)
    )


def test_prompts_are_forgotten() -> None:
    """Nothing of prompt_toolkit's keeps what a prompt consists of, once it is over: its filters
    remember for ever what they were combined with."""
    for kind in ALL_KINDS:
        prompts = some_prompts()
        pieces = ["x\t", "\x12y", "\x07", "\x1b2", "\x13z", "\x07", "a\r"]
        assert asyncio.run(type_at(prompts, kind, pieces))
        kept = weakref.ref(make(prompts, kind).buffer)
        assert kind not in prompts._histories or kept() is not None
        del prompts
        gc.collect()
        assert kept() is None


def test_lines_with_a_history_have_one_prompt() -> None:
    prompts = some_prompts()
    first = {kind: make(prompts, kind) for kind in ALL_KINDS}
    again = {kind for kind in ALL_KINDS if make(prompts, kind) is first[kind]}
    assert again == {"command", "python"}


def test_a_prompt_that_was_left_open_is_not_used_again() -> None:
    """As when what asks has been given up."""
    asyncio.run(leave_a_prompt_open())


async def leave_a_prompt_open() -> None:
    keys, opened = ConnectionInput(), asyncio.Event()
    prompts = some_prompts()
    with create_app_session(input=keys, output=Screen()):
        prompt = prompts.make("command", keys, Screen())
        line = asyncio.ensure_future(prompt.read("", opened.set))
        await opened.wait()
        assert make(prompts, "command") is not prompt
        keys.feed("zebra\r")
        assert await line == "zebra"
