"""The pages of web_pages.py: a process that holds event streams open, or polls as 0.7.1's pages do.

    python readers.py PORT PAGES [--poll]

Reads words from stdin: `open`, and `shut`. Answers with how many events or answers have come since:
one for each page when all are open.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading

from harness import HOST

_POLL = 2.0
"""Seconds between two questions of a page of 0.7.1, by default."""

_PATIENCE = 60.0
"""Seconds that a page waits for its first answer, which may load what answers."""


class Page:
    """One page in a thread of its own, from its making on."""

    def __init__(self, port: int) -> None:
        self.heard = 0
        self.has_heard = threading.Event()
        self._port = port
        self._leaving = threading.Event()
        self._socket = socket.create_connection((HOST, port), timeout=_PATIENCE)
        self._thread = threading.Thread(target=self._quietly, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Close the connection."""
        self._leaving.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _note(self, answers: int) -> None:
        self.heard += answers
        if self.heard:
            self.has_heard.set()

    def _quietly(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._listen()

    def _listen(self) -> None:
        request = f"GET /api/events?view=tasks HTTP/1.1\r\nHost: localhost:{self._port}\r\n\r\n"
        self._socket.sendall(request.encode())
        while data := self._socket.recv(1 << 16):
            self._note(data.count(b"event: status"))


class PollingPage(Page):
    """As a page of 0.7.1."""

    def _listen(self) -> None:
        connection = http.client.HTTPConnection(HOST, self._port)
        connection.sock = self._socket
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        while not self._leaving.is_set():
            connection.request("POST", "/api/live-tasks", "filter=&persistent=false", form)
            response = connection.getresponse()
            response.read()
            self._note(response.status == 200)
            self._leaving.wait(_POLL)


def main() -> None:
    """Do as stdin says."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    kind = PollingPage if "--poll" in sys.argv else Page
    pages: list[Page] = []
    for word in sys.stdin:
        if word == "open\n":
            pages = [kind(port) for _ in range(count)]
            print(sum(page.has_heard.wait(_PATIENCE) for page in pages), flush=True)
        else:
            for page in pages:
                page.leave()
            print(sum(page.heard for page in pages), flush=True)


if __name__ == "__main__":
    main()
