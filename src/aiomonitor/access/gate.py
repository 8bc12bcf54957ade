"""The token: what may be one, and whether a client has it; whoever guesses has to wait."""

from __future__ import annotations

import math
import os
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from . import audit
from .rates import RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .peers import Peer

VARIABLE: Final = "AIOMONITOR_TOKEN"
LONGEST_TOKEN: Final = 1000
"""Characters; it has to pass as a line, as a header and as a message of our client."""
GUESSES: Final = (10, 60.0)
"""Wrong tokens in so many seconds, from one host or one user: enough for typing errors, and of no
use against a token of more than a few letters."""
HOSTS: Final = 1000
"""Of which that is remembered; those that have been quiet for longest are forgotten."""


def checked_token(token: object) -> str | None:
    """The token that was given, or for None the environment's; None if there is none at all.

    Raises for one that nobody could give, or that was left empty by mistake.
    """
    source = "token"
    if token is None:
        source, token = VARIABLE, os.environ.get(VARIABLE)
    if token is None:
        return None
    if not isinstance(token, str):
        raise TypeError(f"token is of type {type(token).__name__}: give a string, or None")
    if fault := _fault(token):
        raise ValueError(f"{source} {fault}")  # never the token itself: this may be logged
    return token


def _fault(token: str) -> str:
    if not token:
        return "is empty, which would let everybody in: give a secret, or leave it out"
    if token != token.strip() or not token.isprintable():
        return "has blanks around it or characters that cannot be typed: give it without those"
    if len(token) > LONGEST_TOKEN:
        return f"has {len(token)} characters: give at most {LONGEST_TOKEN}"
    return ""


class Gate:
    """Knows the token, and who has guessed. In the monitor's loop."""

    def __init__(
        self, token: str | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._token = None if token is None else token.encode()
        self._clock = clock
        self._guesses: OrderedDict[str, RateLimit] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self._token is None

    def wait(self, peer: Peer) -> int:
        """The seconds until that client may try again: also with the right token, as else it would
        learn by that which one it is."""
        guesses = self._guesses.get(peer.origin)
        return math.ceil(guesses.wait()) if guesses is not None else 0

    def admits(self, peer: Peer, given: str, *more: bytes) -> bool:
        """Whether the client has the token; in constant time. A wrong one counts, and is noted.

        `more` is the same in other encodings.
        """
        if self._token is None:
            return True
        if self.wait(peer) or not given.strip():
            return False
        from hmac import compare_digest  # loads OpenSSL: 2 MB that few need

        forms = [given.encode("utf-8", "surrogatepass"), *more]
        right = any(compare_digest(each.strip(), self._token) for each in forms)
        if not right:
            self._note_guess(peer)
        return right

    def _note_guess(self, peer: Peer) -> None:
        guesses = self._guesses.setdefault(peer.origin, RateLimit(*GUESSES, self._clock))
        guesses.note()
        self._guesses.move_to_end(peer.origin)
        while len(self._guesses) > HOSTS:
            self._guesses.popitem(last=False)
        audit.note(peer.name, "gave a wrong token")
