"""Who may use a session: whoever gives the token, if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from aiomonitor.access import audit

if TYPE_CHECKING:
    from aiomonitor.access.gate import Gate
    from aiomonitor.access.peers import Peer
    from aiomonitor.dialogue.output import ClientOutput

    from .conversation import Conversation

TOKEN_TRIES = 3
TOKEN_WAIT = 60.0
"""Seconds in which the token has to be given: strangers must not hold connections open."""


class Admission:
    """That of one client."""

    def __init__(self, gate: Gate, peer: Peer) -> None:
        self._gate = gate
        self._peer = peer

    @property
    def is_free(self) -> bool:
        """Whether no token is asked for."""
        return self._gate.is_open

    def is_token(self, text: str) -> bool:
        """Whether the text opens the door; any does where there is no token."""
        return self._gate.admits(self._peer, text)

    @property
    def patience(self) -> str:
        """That the client has to wait, if it has: a line to be shown."""
        seconds = self._gate.wait(self._peer)
        return f"too many wrong tokens: try again in {seconds} s\n" if seconds else ""

    async def ask(self, conversation: Conversation, output: ClientOutput) -> bool:
        """Ask for the token, if there is one, and say whether it was given."""
        if self.is_free:
            return True
        with anyio.move_on_after(TOKEN_WAIT):
            for _ in range(TOKEN_TRIES):
                if patience := self.patience:
                    output.write(patience)
                    break
                if self.is_token(await conversation.next_line("token: ", "secret")):
                    audit.note(self._peer.name, "logged in by the token")
                    return True
                output.write("that is not the token\n")
        return False
