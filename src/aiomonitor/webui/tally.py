"""What the web service counts about itself, for `/metrics`."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Tally:
    """Counts up. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.looking = 0.0  # seconds of CPU time

    @contextmanager
    def look(self) -> Iterator[None]:
        """Count what is computed meanwhile in this thread."""
        began = time.thread_time()
        try:
            yield
        finally:
            with self._lock:
                self.looking += time.thread_time() - began
