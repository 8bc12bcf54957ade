"""One prompt: an application of prompt_toolkit's that reads lines of one kind, and its keys.

prompt_toolkit's own, `PromptSession`, brings toolbars, menus and keys for all that prompts could
be, which is 2 000 objects: with hundreds of terminals, each full collection of garbage stopped the
application for 0.1 s. What is alike in all prompts is shared instead: keys, style, processors.

Imports prompt_toolkit, so it is loaded late, with the editor.
"""

from __future__ import annotations

import copy
import functools
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import InMemoryClipboard
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.input import DummyInput
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.key_binding.emacs_state import EmacsState
from prompt_toolkit.key_binding.key_processor import KeyProcessor
from prompt_toolkit.key_binding.vi_state import ViState
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.renderer import Renderer
from prompt_toolkit.search import SearchDirection, start_search

from aiomonitor.dialogue import LineAbandoned

from .prompt_layout import AT_LINE, PromptLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyPressEvent
    from prompt_toolkit.key_binding.key_bindings import KeyBindingsBase
    from prompt_toolkit.lexers import Lexer
    from prompt_toolkit.output import Output

INDENT = "    "
"""What TAB inserts at the beginning of a line of Python."""


class Prompt(Application[str]):
    """Reads lines, one after the other, from these keys; each with the history of those before.

    `enter` is what Enter does where a line may be a block of several; elsewhere it ends the line.
    """

    def __init__(
        self,
        keys: Input,
        screen: Output,
        *,
        history: History | None = None,
        completer: Completer | None = None,
        lexer: Lexer | None = None,
        is_secret: bool = False,
        enter: Callable[[Buffer], None] | None = None,
    ) -> None:
        # Not by the usual __init__, which makes 600 bindings each time: 3 ms. A test tells if it
        # comes to do something else than to set attributes.
        vars(self).update(_attributes())
        self.input = keys
        self.output = screen
        self.renderer = Renderer(_model().renderer.style, screen)
        self.buffer = Buffer(
            name=DEFAULT_BUFFER,
            history=history or DummyHistory(),
            completer=completer,
            enable_history_search=True,
            accept_handler=_accept,
            on_completions_changed=self._prepare_menu,
        )
        self.layout = self.looks = PromptLayout(
            self.buffer, lexer=lexer, is_secret=is_secret, is_block=enter is not None
        )
        self.enter = enter or Buffer.validate_and_handle
        self.key_processor = KeyProcessor(_line_keys() if enter is None else _block_keys())
        self.clipboard = InMemoryClipboard()
        self.vi_state = ViState()
        self.emacs_state = EmacsState()
        self.reset()

    async def read(self, message: str, opened: Callable[[], None]) -> str:
        """The next line; `opened` is called once it can be typed.

        Raises `LineAbandoned` after Ctrl-C, `EOFError` after Ctrl-D or without more keys.
        """
        self.looks.begin(message)
        self.buffer.reset()
        self.pre_run_callables.append(opened)
        return await self.run_async(set_exception_handler=False, handle_sigint=False)

    def resized(self) -> None:
        """Draw what is typed anew: the screen has another size now."""
        if self.is_running and not self.is_done:
            self.renderer.erase(leave_alternate_screen=False)
            self.invalidate()

    @contextmanager
    def _enable_breakpointhook(self) -> Generator[None, None, None]:
        """The application's `breakpoint` is its own, also while a prompt is open."""
        yield

    def _prepare_menu(self, buffer: Buffer) -> None:
        if buffer.complete_state is not None:
            self.looks.add_menu()


def _accept(buffer: Buffer) -> bool:
    get_app().exit(result=buffer.text, style="class:accepted")
    return True  # the text stays on the screen


# --- what all share ------------------------------------------------------------------------------


@functools.cache
def _model() -> Application[str]:
    """An application as prompt_toolkit makes it, but that it is told of a new size: to ask for it
    twice a second would wake the monitor for each terminal."""
    return Application(
        terminal_size_polling_interval=None, input=DummyInput(), output=DummyOutput()
    )


def _attributes() -> dict[str, object]:
    """Those of an application that has not run yet; nothing that changes is anybody else's."""
    containers = (list, dict, set, deque)
    return {
        name: copy.copy(value) if isinstance(value, containers) else value
        for name, value in vars(_model()).items()
    }


@functools.cache
def _line_keys() -> KeyBindingsBase:
    own = KeyBindings()
    own.add("enter", filter=AT_LINE)(_enter)
    own.add("c-c", filter=AT_LINE)(_abandon)
    own.add("c-d", filter=AT_LINE & _is_empty)(_end)
    own.add("c-r", filter=AT_LINE)(_search_backward)
    own.add("c-s", filter=AT_LINE)(_search_forward)
    usual = _model()._default_bindings  # noqa: SLF001 - a test tells if it moves
    return merge_key_bindings([usual, own])


@functools.cache
def _block_keys() -> KeyBindingsBase:
    own = KeyBindings()
    own.add("tab", filter=AT_LINE & _is_in_indentation)(_indent)
    return merge_key_bindings([_line_keys(), own])


@Condition
def _is_empty() -> bool:
    return not get_app().current_buffer.text


@Condition
def _is_in_indentation() -> bool:
    return not get_app().current_buffer.document.current_line_before_cursor.strip()


def _enter(event: KeyPressEvent) -> None:
    if isinstance(event.app, Prompt):
        event.app.enter(event.current_buffer)


def _abandon(event: KeyPressEvent) -> None:
    event.app.exit(exception=LineAbandoned(), style="class:aborting")


def _end(event: KeyPressEvent) -> None:
    event.app.exit(exception=EOFError(), style="class:exiting")


def _search_backward(event: KeyPressEvent) -> None:
    _search(event, SearchDirection.BACKWARD)


def _search_forward(event: KeyPressEvent) -> None:
    _search(event, SearchDirection.FORWARD)


def _search(event: KeyPressEvent, direction: SearchDirection) -> None:
    if isinstance(event.app, Prompt):
        event.app.looks.add_search()
        start_search(direction=direction)


def _indent(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text(INDENT)
