"""A WebSocket client that sends just what a test says, well formed or not."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage

from aiomonitor.webui.messages import SUBPROTOCOL
from support import PATIENCE

if TYPE_CHECKING:
    from types import TracebackType


class RefusedError(Exception):
    """The server did not take the socket."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.detail = json.loads(body)["detail"] if body else ""


class PageSocket:
    """The socket of a console page."""

    def __init__(
        self,
        port: int,
        path: str = "/console/socket",
        protocol: str | None = SUBPROTOCOL,
        **headers: str | None,
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._heard: deque[dict[str, Any]] = deque()
        self._partial = ""
        self.close_code: int | None = None
        self.close_reason: str | None = None
        given = {
            "Host": f"localhost:{port}",
            "Origin": f"http://localhost:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Protocol": protocol,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
        self._socket.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
        head, rest = self._read_head()
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            raise RefusedError(status, self._read_body(rest))
        assert f"sec-websocket-protocol: {SUBPROTOCOL}".encode() in head.lower()
        self._connection = Connection(ConnectionType.CLIENT, trailing_data=rest)
        self._take()

    def _read_head(self) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self._socket.recv(65536)
            assert piece, data
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _read_body(self, body: bytes) -> bytes:
        while piece := self._socket.recv(65536):
            body += piece
        self._socket.close()
        return body

    def _take(self) -> None:
        for event in self._connection.events():
            if isinstance(event, TextMessage):
                self._partial += event.data
                if event.message_finished:
                    self._heard.append(json.loads(self._partial))
                    self._partial = ""
            elif isinstance(event, CloseConnection):
                self.close_code, self.close_reason = event.code, event.reason

    def say(self, kind: str, **values: object) -> None:
        """A message."""
        self.send(json.dumps({"type": kind, **values}))

    def send(self, data: str | bytes) -> None:
        """Any message."""
        event = TextMessage(data) if isinstance(data, str) else BytesMessage(data)
        self._socket.sendall(self._connection.send(event))

    def next(self) -> dict[str, Any]:
        """What comes next; an empty message at the end."""
        while not self._heard and self.close_code is None:
            data = self._socket.recv(65536)
            self._connection.receive_data(data or None)
            self._take()
        return self._heard.popleft() if self._heard else {}

    def until(self, kind: str) -> dict[str, Any]:
        """The next message of that kind, or an empty one at the end."""
        while (message := self.next()) and message["type"] != kind:
            pass
        return message

    def output_until(self, kind: str) -> str:
        """All output until there is a message of that kind."""
        text = ""
        while (message := self.next()) and message["type"] != kind:
            text += message["text"] if message["type"] == "output" else ""
        return text

    def output_with(self, wanted: str) -> str:
        """All output until it holds that."""
        text = ""
        while wanted not in text:
            message = self.next()
            assert message, text
            text += message["text"] if message["type"] == "output" else ""
        return text

    def run(self, text: str) -> str:
        """What comes out of an entry."""
        self.say("enter", text=text)
        assert self.until("accepted"), (self.close_code, self.close_reason)
        return self.output_until("prompt")

    def leave(self) -> None:
        """Go without a word."""
        self._socket.close()

    def __enter__(self) -> PageSocket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._socket.close()
