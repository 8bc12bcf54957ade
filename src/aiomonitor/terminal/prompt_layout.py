"""What a prompt looks like: the line, and what is shown about it once that is needed.

A layout is made for each terminal, and the garbage collector goes through all of it while the
application waits, so it holds no window that this terminal has never shown: the menu of completions
comes with the first completions, the search with the first Ctrl-R.

Imports prompt_toolkit, so it is loaded late, with the editor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.enums import DEFAULT_BUFFER, SEARCH_BUFFER
from prompt_toolkit.filters import has_focus, is_done, is_searching
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    SearchBufferControl,
    Window,
)
from prompt_toolkit.layout.processors import (
    HighlightIncrementalSearchProcessor,
    HighlightSelectionProcessor,
    PasswordProcessor,
    ReverseSearchProcessor,
)
from prompt_toolkit.widgets import ArgToolbar, SearchToolbar

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.layout.containers import Container
    from prompt_toolkit.layout.processors import Processor
    from prompt_toolkit.lexers import Lexer

AT_LINE = has_focus(DEFAULT_BUFFER)
"""Keys go to the line, not to the search. By its name: a filter of a buffer would be kept, and the
buffer by it, in whatever it is combined with."""
_CONTINUED = "... "
_MENU_SPACE = 8
"""Lines below the line that are for the menu, on a screen that has them."""
_MENU_HEIGHT = 16
_PLAIN: list[Processor] = [HighlightIncrementalSearchProcessor(), HighlightSelectionProcessor()]
_SECRET: list[Processor] = [*_PLAIN, PasswordProcessor()]
_NOT_DONE = ~is_done
_NOT_SEARCHING = ~is_searching


class _LineControl(BufferControl):
    """The line; there is nothing to search it with until `search` is set."""

    search: SearchBufferControl | None = None

    @property
    def search_buffer_control(self) -> SearchBufferControl | None:
        return self.search


class PromptLayout(Layout):
    """The layout of one prompt, with the focus on the line.

    A search is shown in the place of the line; below it where that may be a block of several.
    """

    def __init__(
        self, buffer: Buffer, *, lexer: Lexer | None, is_secret: bool, is_block: bool
    ) -> None:
        self._buffer = buffer
        self._is_block = is_block
        self._above = self._message = ""
        self._searches = 0
        self._line = _LineControl(
            buffer=buffer,
            input_processors=_SECRET if is_secret else _PLAIN,
            include_default_input_processors=False,
            lexer=lexer,
            preview_search=True,
        )
        self._window = Window(
            self._line, height=self._height, get_line_prefix=self._prefix, wrap_lines=True
        )
        self._search_window: Window | None = None
        self._floating = FloatContainer(self._window, [])
        super().__init__(self._floating, self._window)
        if is_block:
            self._add_toolbars()

    def begin(self, message: str) -> None:
        """Show the message, and the line alone."""
        above, _, self._message = message.rpartition("\n")
        if above != self._above:
            self._above = above
            self._arrange()
        for _ in range(2 * self._searches):  # whoever has the focus is put on top of who had it
            self.focus_last()
        self._searches = 0
        if self._line.search is not None:
            self._line.search.buffer.reset()

    def add_menu(self) -> None:
        """There are completions to be shown."""
        if not self._floating.floats:
            menu = CompletionsMenu(max_height=_MENU_HEIGHT, scroll_offset=1, extra_filter=AT_LINE)
            self._floating.floats.append(
                Float(xcursor=True, ycursor=True, transparent=True, content=menu)
            )

    def add_search(self) -> None:
        """There is something to be searched for: to be called each time."""
        self._searches += 1
        if self._line.search is None:
            self._line.search = SearchBufferControl(
                Buffer(name=SEARCH_BUFFER), input_processors=[ReverseSearchProcessor()]
            )
            self._search_window = Window(self._line.search)
            self._arrange()

    def update_parents_relations(self) -> None:
        """Nobody asks for them: the keys are the prompt's, and the focus does not wander. Done each
        time that something is drawn, it left garbage."""

    def _add_toolbars(self) -> None:
        search = SearchToolbar(Buffer(name=SEARCH_BUFFER))
        self._line.search = search.control
        shown_search = ConditionalContainer(search, _NOT_DONE)
        self.container = HSplit([self._floating, ArgToolbar(), shown_search])

    def _arrange(self) -> None:
        rows: list[Container] = []
        if self._above:
            text = FormattedTextControl([("class:prompt", self._above)])
            rows.append(Window(text, dont_extend_height=True))
        if self._search_window is None:
            rows.append(self._window)
        else:
            rows.append(ConditionalContainer(self._window, _NOT_SEARCHING))
            rows.append(ConditionalContainer(self._search_window, is_searching))
        self._floating.content = HSplit(rows) if len(rows) > 1 else rows[0]

    def _height(self) -> Dimension:
        has_menu = self._buffer.complete_state is not None and not get_app().is_done
        return Dimension(min=_MENU_SPACE) if has_menu else Dimension()

    def _prefix(self, line: int, wrapped: int) -> StyleAndTextTuples:
        if line or wrapped:
            return [("class:prompt-continuation", _CONTINUED)]
        count = get_app().key_processor.arg
        if count is None or self._is_block:
            return [("class:prompt", self._message)]
        return [
            ("class:prompt.arg", "(arg: "),
            ("class:prompt.arg.text", count),
            ("class:prompt.arg", ") "),
        ]
