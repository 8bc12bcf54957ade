"""The user's terminal: what we tell a server about it, and its raw mode."""

from __future__ import annotations

import os
import sys
from typing import Final

from aiomonitor.cli.streams import write_stdout
from aiomonitor.terminal.telnet import (
    TTYPE_IS,
    TTYPE_SEND,
    Disabled,
    Enabled,
    Event,
    Option,
    Subnegotiation,
    TelnetCodec,
    naws_payload,
)

# What a server that dies in the middle of line editing leaves behind: colours, bracketed paste,
# application cursor keys, a hidden cursor.
_RESET: Final = b"\x1b[0m\x1b[?2004l\x1b[?1l\x1b[?25h"


def terminal_type() -> str | None:
    """The name to give to a server; None, a refusal of TTYPE, asks for text without colour."""
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return os.environ.get("TERM") if wanted else None


def offer_terminal(codec: TelnetCodec) -> set[Option]:
    """Offer what the user's terminal has; returns the options that the server is to settle."""
    offers = {Option.NAWS} if sys.stdout.isatty() else set()
    if terminal_type():
        offers.add(Option.TTYPE)
    for option in sorted(offers):
        codec.request(option, "local")
    return offers


def settle_terminal(codec: TelnetCodec, event: Event) -> int | None:
    """Answer what a server asks about the terminal; returns the option that this settles."""
    match event:
        case Enabled(option=Option.NAWS, side="local"):
            send_size(codec)
            return Option.NAWS
        case Subnegotiation(option=Option.TTYPE, payload=payload) if payload == TTYPE_SEND:
            name = terminal_type() or ""
            codec.subnegotiate(Option.TTYPE, TTYPE_IS + name.encode("ascii", "replace"))
            return Option.TTYPE
        case Disabled(option=option, side="local"):
            return option
    return None


def send_size(codec: TelnetCodec) -> None:
    """Tell the size as it is now, if the server wants to know."""
    if codec.enabled(Option.NAWS, "local"):
        size = os.get_terminal_size(sys.stdout.fileno())
        codec.subnegotiate(Option.NAWS, naws_payload(size.columns, size.lines))


def can_be_raw() -> bool:
    """Whether a person sits at both ends, and the system has termios."""
    return sys.platform != "win32" and sys.stdin.isatty() and sys.stdout.isatty()


class RawMode:
    """The terminal's input mode: as it was found, or every key at once and unechoed.

    Never TCSADRAIN, which waits for ever on a terminal whose output is stopped.
    """

    def __init__(self) -> None:
        import termios  # not on Windows

        self._stdin = sys.stdin.fileno()
        self._found = termios.tcgetattr(self._stdin)
        self._raw = False

    def set(self) -> None:
        """Hand over every key; output stays processed, for servers that send a bare newline."""
        import termios
        import tty

        self._raw = True
        tty.setraw(self._stdin, termios.TCSANOW)
        mode = termios.tcgetattr(self._stdin)
        mode[1] = self._found[1]
        termios.tcsetattr(self._stdin, termios.TCSANOW, mode)

    def restore(self) -> None:
        """Put everything back, as often as one likes."""
        import termios

        if self._raw:
            self._raw = False
            termios.tcsetattr(self._stdin, termios.TCSANOW, self._found)
            write_stdout(_RESET)
