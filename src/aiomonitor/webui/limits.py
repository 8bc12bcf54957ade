"""How much the web service takes from anybody, with the reasons; a leaf without imports."""

from __future__ import annotations

from typing import Final

CONNECTIONS: Final = 300
"""At once; a browser has six per site and page streams one each. Each is a file of the process."""
STREAMS: Final = 200
"""Event streams at once: some pages for each of some people, and walls of screens. All share each
look, and each keeps one message at most."""
BODY: Final = 16 * 1024
"""Bytes of a request's body: the longest that means something is a token in a form."""
TARGET: Final = 4096
"""Bytes of a request's path and query: a filter of `TEXT` characters fits, however encoded."""
HEADERS: Final = 16 * 1024
"""Bytes of a request's line and headers."""
TEXT: Final = 200
"""Characters of a filter or of a task's name in a path."""
KEY: Final = 1000
"""Characters of a group's key: a path, a line, a function, and what that calls."""
ROWS: Final = 1000
"""Rows of a page: some 0.1 s of work."""
CONSOLES: Final = 20
"""Open consoles at once: each holds two threads."""
MESSAGE: Final = 256 * 1024
"""Bytes of a message to a console: an entry, however it is written as JSON."""
ENTRY: Final = 32 * 1024
"""Characters that are entered into a console at once."""
ENTRIES_AHEAD: Final = 100
"""Entries that wait until what runs has ended."""
UNREAD_MESSAGES: Final = 1000
"""Short answers that a page has not read; of output, there is one at a time."""
COMPLETIONS: Final = 200
"""Suggestions in one list: more than a person reads."""
CANCELS: Final = (30, 10.0)
"""Cancellations in so many seconds: enough for a hand, too few for a script that runs wild."""
CANCELS_AT_ONCE: Final = 8
"""Cancellations that wait for their tasks: each holds a worker thread."""
CANCEL_WAIT: Final = 30.0
"""Seconds that one may wait for a task to end."""
LOOK: Final = 25.0
"""Seconds that a profile or an account may take: each holds a worker thread for so long."""
TOPS_AT_ONCE: Final = 4
"""Accounts at a time: pages that have them on; more wait for one another."""
STACKS: Final = 3000
"""Stacks of a profile in an answer: more than a screen has columns of pixels."""
REFUSALS_NOTED: Final = (20, 60.0)
"""Refused requests in so many seconds that the audit log tells of: a page of another site must not
fill it."""
KEEP_ALIVE: Final = 15.0
"""Seconds for a connection's next request to arrive as a whole."""
BODY_WAIT: Final = 10
"""Seconds for a body to arrive."""
RESPONSE_WAIT: Final = 30
"""Seconds for an answer to be taken; streams have no limit, but keep one message at most."""
