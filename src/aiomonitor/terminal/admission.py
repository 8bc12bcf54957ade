"""Who may use a session: whoever gives the token, if there is one."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from aiomonitor.dialogue.output import ClientOutput

    from .conversation import Conversation

TOKEN_TRIES = 3
TOKEN_WAIT = 60.0
"""Seconds in which the token has to be given: strangers must not hold connections open."""


class Admission:
    """Knows the token."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def is_token(self, text: str) -> bool:
        """Whether the text opens the door; any does where there is no token."""
        if self._token is None:
            return True
        expected = self._token.encode()
        return hmac.compare_digest(text.strip().encode("utf-8", "surrogatepass"), expected)

    async def ask(self, conversation: Conversation, output: ClientOutput) -> bool:
        """Ask for the token, if there is one, and say whether it was given."""
        if self.is_token(""):
            return True
        with anyio.move_on_after(TOKEN_WAIT):
            for _ in range(TOKEN_TRIES):
                if self.is_token(await conversation.next_line("token: ", "secret")):
                    return True
                output.write("that is not the token\n")
        return False
