"""Every exception that aiomonitor raises on purpose; imports the stdlib only.

A message names the thing, the cause and the remedy, on one line, because the terminal prints it as
it is.
"""

from __future__ import annotations


class AiomonitorError(Exception):
    """The root of the tree: catch it to catch whatever aiomonitor itself has to say."""


class NoEventLoopError(AiomonitorError, RuntimeError):
    """`start_monitor()` was given no loop and the calling thread has none."""


class UnsupportedLoopError(AiomonitorError, TypeError):
    """What was passed as `loop` is of no runtime that aiomonitor can watch."""


class BindError(AiomonitorError, OSError):
    """A service could not listen at its address; carries the `errno` of the cause."""


class UnsafeAddressError(AiomonitorError, ValueError):
    """An address beyond loopback without a token, or Unix sockets that other users could reach."""


class TaskNotFoundError(AiomonitorError, LookupError):
    """No live task answers to that number, `id()` or name."""


class ScopeNotFoundError(AiomonitorError, LookupError):
    """There is no such cancel scope, or the runtime has none."""


class NotMarkedError(AiomonitorError, LookupError):
    """There is no mark of that name to compare with."""


class CommandError(AiomonitorError):
    """A command could not do its job: its message is shown as one line, its status is 1.

    Raise it in a `do_*` method of your own to say what went wrong without a traceback.
    """

    exit_status = 1


class UsageError(CommandError):
    """A command line that cannot be understood; its status is 2, as in a shell."""

    exit_status = 2


class HelpRequested(Exception):  # noqa: N818 - a request, not an error
    """`--help` stood among a command's words; carries the text to show."""


class CommandInterrupted(BaseException):
    """Ctrl-C was pressed, or the client left, while the command ran.

    Raised inside of the command, at its next write or await. It passes through `except Exception`.
    No `KeyboardInterrupt`, since an event loop takes that for its own end.
    """
