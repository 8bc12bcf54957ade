"""What a prompt is made of, for each kind of line: completion, history, highlighting, keys.

Imports prompt_toolkit, so it is loaded late, with the editor.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import anyio.to_thread
from prompt_toolkit import PromptSession, filters
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.filters import Condition, Filter
from prompt_toolkit.history import DummyHistory, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.defaults import load_key_bindings
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import (
    BaseStyle,
    default_pygments_style,
    default_ui_style,
    merge_styles,
)
from pygments.lexers.python import PythonLexer

from aiomonitor.dialogue import LineAbandoned
from aiomonitor.escapes import printable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from prompt_toolkit.application import Application
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyPressEvent
    from prompt_toolkit.key_binding.key_bindings import KeyBindingsBase
    from prompt_toolkit.output import Output

    from aiomonitor.dialogue import LineKind, PythonReader, Suggestion

_HISTORY = 500
_CONTINUED = "... "
_INDENT = "    "
_LONG = 20
"""Lines of a block that only an empty line ends."""


def forget_ended() -> None:
    """Let prompt_toolkit's own filters forget the prompts that they were part of.

    Each remembers for ever what it was combined with: with the question whether something of a
    prompt has the focus, and by that all of the prompt, which was 7 kB a line.
    """
    for each in vars(filters).values():
        known: dict[Filter, Filter] = getattr(each, "_and_cache", {})  # a test tells if it moves
        for other in list(known):
            # One without a closure is of all prompts, and would only be made again.
            if isinstance(other, Condition) and getattr(other.func, "__closure__", None):
                known.pop(other, None)


@functools.cache
def _usual_keys() -> KeyBindingsBase:
    """What prompt_toolkit binds to keys in all prompts: 600 bindings, which hold no state."""
    return load_key_bindings()


@functools.cache
def _usual_style() -> BaseStyle:
    """What prompt_toolkit has all prompts look like."""
    return merge_styles([default_ui_style(), default_pygments_style()])


def _share_the_usual(app: Application[str]) -> None:
    """Let a prompt have what all share, not its own: with that each terminal would be 5 000 objects
    more, through which the garbage collector goes while the application waits."""
    app._default_bindings = _usual_keys()  # noqa: SLF001 - a test tells if it moves
    app.renderer.style = app._merged_style = _usual_style()  # noqa: SLF001 - this one, too


class Prompts:
    """Makes the prompts of one terminal, and remembers its lines.

    `python` tells what the running command knows of the Python that it reads; `typed_ahead` what
    was typed behind the key that is being handled, as when code is pasted.
    """

    def __init__(
        self,
        complete: Callable[[str], list[Suggestion]],
        python: Callable[[], PythonReader | None],
        typed_ahead: Callable[[], bytes],
        *,
        color: bool,
    ) -> None:
        self._histories = {"command": InMemoryHistory(), "python": InMemoryHistory()}
        self._python = python
        self._typed_ahead = typed_ahead
        self._completers = {
            "command": _Completer(complete, word=r"\S*$", after=" "),
            "python": _Completer(self._complete_python, word=r"[\w.]*$", after=""),
        }
        self._lexer = PygmentsLexer(PythonLexer) if color else None
        self._python_keys = self._bind_python_keys()
        self._kept: dict[LineKind, PromptSession[str]] = {}

    def make(self, kind: LineKind, keys: Input, screen: Output) -> PromptSession[str]:
        """One for each kind of line that has a history; answers and secrets, which have none, leave
        nothing to the next ones."""
        if self._trim_history(kind):
            self._kept.pop(kind, None)
        session = self._kept.get(kind)
        if session is None or session.app.is_running:  # that one has been given up
            session = self._make(kind, keys, screen)
            _share_the_usual(session.app)
        if kind in self._histories:
            self._kept[kind] = session
        return session

    def close(self) -> None:
        """Let go of the prompts: there will be no more."""
        self._kept.clear()

    def _make(self, kind: LineKind, keys: Input, screen: Output) -> PromptSession[str]:
        is_python = kind == "python"
        return PromptSession(
            input=keys,
            output=screen,
            history=self._histories.get(kind) or DummyHistory(),
            completer=self._completers.get(kind),
            lexer=self._lexer if is_python else None,
            key_bindings=self._python_keys if is_python else None,
            multiline=is_python,
            prompt_continuation=_CONTINUED,
            is_password=kind == "secret",
            complete_while_typing=False,
            enable_history_search=True,
            interrupt_exception=LineAbandoned,
        )

    def _trim_history(self, kind: LineKind) -> bool:
        """Whether there is a new history now, as the old one was too long."""
        history = self._histories.get(kind)
        lines = history.get_strings() if history is not None else []
        if len(lines) <= 2 * _HISTORY:
            return False
        self._histories[kind] = InMemoryHistory(lines[-_HISTORY:])
        return True

    # --- Python ---------------------------------------------------------------------------------

    def _complete_python(self, text: str) -> list[Suggestion]:
        reader = self._python()
        return reader.complete(text) if reader is not None else []

    def _bind_python_keys(self) -> KeyBindings:
        bindings = KeyBindings()
        bindings.add("enter")(self._enter)
        bindings.add("tab", filter=Condition(self._is_in_indentation))(_indent)
        return bindings

    def _enter(self, event: KeyPressEvent) -> None:
        """Run a complete block; else begin its next line, indented as it will have to be."""
        buffer = event.current_buffer
        ahead = self._typed_ahead()
        if buffer.document.is_cursor_at_the_end or "\n" not in buffer.text:
            text = _without_last_indentation(buffer.text)
            continued = ahead[:1] in (b" ", b"\t") and "\n" in text
            if not continued and self._is_complete(text):
                buffer.validate_and_handle()
                return
        buffer.insert_text("\n" if ahead else "\n" + _indentation(buffer.document))

    def _is_complete(self, text: str) -> bool:
        lines = text.split("\n")
        if len(lines) > _LONG and lines[-1]:
            return False  # looking at all of it again with each of its lines would take too long
        reader = self._python()
        return reader is None or reader.is_complete(text)

    @staticmethod
    def _is_in_indentation() -> bool:
        from prompt_toolkit.application import get_app

        return not get_app().current_buffer.document.current_line_before_cursor.strip()


def _indent(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text(_INDENT)


def _without_last_indentation(text: str) -> str:
    """An empty line ends a block, also where the editor has indented it."""
    before, newline, last = text.rpartition("\n")
    return text if last.strip() else before + newline


def _indentation(document: Document) -> str:
    """That of the line, one step more after a colon, one less after what ends a block."""
    line = document.current_line_before_cursor
    indentation = line[: len(line) - len(line.lstrip())]
    if line.rstrip().endswith(":"):
        return indentation + _INDENT
    if re.match(r"\s*(return|raise|pass|break|continue)\b", line):
        return indentation.removesuffix(_INDENT)
    return indentation


class _Completer(Completer):
    """Asks in a worker thread: the interpreter may have to look through all tasks."""

    def __init__(self, complete: Callable[[str], list[Suggestion]], word: str, after: str) -> None:
        self._complete = complete
        self._word = re.compile(word)
        self._after = after

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002 - prompt_toolkit's signature
    ) -> Iterator[Completion]:
        line = document.current_line_before_cursor
        word = self._word.search(line)
        start = -len(word[0]) if word else 0
        suggestions = self._complete(line)
        after = self._after if len(suggestions) == 1 else ""
        for suggestion in suggestions:
            text = printable(suggestion.text)
            yield Completion(text + after, start, display=text, display_meta=suggestion.help)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        found = await anyio.to_thread.run_sync(
            lambda: list(self.get_completions(document, complete_event)), abandon_on_cancel=True
        )
        for completion in found:
            yield completion
