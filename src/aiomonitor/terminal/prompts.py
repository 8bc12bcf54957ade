"""What a prompt is made of, for each kind of line: completion, history, highlighting, keys.

Imports prompt_toolkit, so it is loaded late, with the editor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import anyio.to_thread
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.python import PythonLexer

from aiomonitor.escapes import printable

from .prompt_app import INDENT, Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from aiomonitor.dialogue import LineKind, PythonReader, Suggestion

_HISTORY = 500
_LONG = 20
"""Lines of a block that only an empty line ends."""


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
        self._kept: dict[LineKind, Prompt] = {}

    def make(self, kind: LineKind, keys: Input, screen: Output) -> Prompt:
        """One for each kind of line that has a history; answers and secrets, which have none, leave
        nothing to the next ones."""
        if self._trim_history(kind):
            self._kept.pop(kind, None)
        prompt = self._kept.get(kind)
        if prompt is None or prompt.is_running:  # that one has been given up
            prompt = self._make(kind, keys, screen)
        if kind in self._histories:
            self._kept[kind] = prompt
        return prompt

    def close(self) -> None:
        """Let go of the prompts: there will be no more."""
        self._kept.clear()

    def _make(self, kind: LineKind, keys: Input, screen: Output) -> Prompt:
        return Prompt(
            keys,
            screen,
            history=self._histories.get(kind),
            completer=self._completers.get(kind),
            lexer=self._lexer if kind == "python" else None,
            is_secret=kind == "secret",
            enter=self._enter if kind == "python" else None,
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

    def _enter(self, buffer: Buffer) -> None:
        """Run a complete block; else begin its next line, indented as it will have to be."""
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


def _without_last_indentation(text: str) -> str:
    """An empty line ends a block, also where the editor has indented it."""
    before, newline, last = text.rpartition("\n")
    return text if last.strip() else before + newline


def _indentation(document: Document) -> str:
    """That of the line, one step more after a colon, one less after what ends a block."""
    line = document.current_line_before_cursor
    indentation = line[: len(line) - len(line.lstrip())]
    if line.rstrip().endswith(":"):
        return indentation + INDENT
    if re.match(r"\s*(return|raise|pass|break|continue)\b", line):
        return indentation.removesuffix(INDENT)
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
