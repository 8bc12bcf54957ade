"""Listening Unix sockets in a directory that is one user's alone. Stdlib only, no event loop.

Bound in the caller's thread, as those of `listeners`. Nobody but this user (and root) gets at them:
the directory has mode 0700 before there is a socket in it, and the sockets have mode 0600.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from aiomonitor.errors import BindError, UnsafeAddressError

from .ports import BACKLOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUFFIX = ".sock"
PATH_LIMIT = 107 if sys.platform == "linux" else 103
"""Bytes of a socket's path: `sun_path` has one more, for the NUL."""

_LOCK_TRIES, _LOCK_PAUSE = 50, 0.02
"""How often, and how many seconds apart, we try to be alone in the directory. Another monitor that
starts there needs it for some milliseconds, unless it was suspended in just those."""
_PROBE = 1.0
"""Seconds in which a listener takes a connection, also with its queue full."""


class UnixListener(socket.socket):
    """Its file goes when it is closed, or the process ends without that.

    Not so the file that somebody else has put in its place, and not from a forked child.
    """

    _remove: Callable[[], object] | None = None

    def own(self, path: Path, found: os.stat_result) -> None:
        """This is its file."""
        arguments = (path, (found.st_dev, found.st_ino), os.getpid())
        self._remove = weakref.finalize(self, _remove_own, *arguments)

    def close(self) -> None:
        # First: as long as the socket is open, no other file gets this one's inode number.
        if self._remove is not None:
            self._remove()
        super().close()


def _remove_own(path: Path, identity: tuple[int, int], owner: int) -> None:
    if os.getpid() != owner:
        return
    with contextlib.suppress(OSError):
        found = path.lstat()
        if (found.st_dev, found.st_ino) == identity:
            path.unlink()


class SocketDirectory:
    """Where the sockets are: only ours, and during `with` nobody else's to change."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._fd = -1

    def __enter__(self) -> SocketDirectory:
        """Make the directory, if it is not there, and check it. Raises `BindError`, and
        `UnsafeAddressError` if others can get at it."""
        if sys.platform == "win32" or not hasattr(socket, "AF_UNIX"):
            raise BindError(
                errno.EAFNOSUPPORT,
                "unix_path needs a POSIX system, which this is not: give ports instead",
            )
        with contextlib.ExitStack() as undo, _explained(f"unix_path {str(self._path)!r}"):
            _make(self._path)
            _check(self._path, self._path.lstat())
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            self._fd = os.open(self._path, flags)
            undo.callback(os.close, self._fd)
            _check(self._path, os.fstat(self._fd))  # it may have been exchanged meanwhile
            self._lock()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        import fcntl

        # By hand: a child that was forked meanwhile has a copy, and would keep the lock.
        with contextlib.suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def _lock(self) -> None:
        """Two that start at the same time must not take each other's new socket for a dead one."""
        import fcntl

        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE)
            except OSError:
                return  # a file system without locks
            else:
                return
        raise BindError(
            errno.EAGAIN,
            f"another monitor has been starting in {self._path} for a second: give another "
            "unix_path, or end that process",
        )

    def listen(self, service: str) -> UnixListener:
        """The service's socket; raises `BindError` if there is somebody who listens already."""
        path = self._path / f"{service}{SUFFIX}"
        _check_length(path)
        with _explained(f"{service} cannot listen on {path}"):
            self.clear(service, busy=True)
            listener = UnixListener(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._bind(listener, path)
                listener.listen(BACKLOG)
                listener.setblocking(False)
            except BaseException:
                listener.close()
                raise
        return listener

    def _bind(self, listener: UnixListener, path: Path) -> None:
        with contextlib.suppress(OSError):
            os.fchmod(listener.fileno(), 0o600)  # on Linux the file is made with that mode
        listener.bind(str(path))
        # In the directory that was checked: it fails if another one is there now.
        found = os.stat(path.name, dir_fd=self._fd, follow_symlinks=False)
        listener.own(path, found)
        if stat.S_IMODE(found.st_mode) != 0o600:
            os.chmod(path.name, 0o600, dir_fd=self._fd)

    def clear(self, service: str, *, busy: bool) -> None:
        """Remove the socket that a process has left behind which was killed.

        Where somebody listens, or there is no socket but a file: leave it alone, and raise
        `BindError` if `busy`.
        """
        path = self._path / f"{service}{SUFFIX}"
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            fault = (errno.EEXIST, "there is a file that is no socket: remove it")
        elif _is_live(path):
            fault = (errno.EADDRINUSE, "another monitor listens there: close it")
        else:
            path.unlink(missing_ok=True)
            return
        if busy:
            why = f"{service} cannot listen on {path}: {fault[1]}, or give another unix_path"
            raise BindError(fault[0], why)


def _make(path: Path) -> None:
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            each.mkdir(0o700)


def _check(path: Path, found: os.stat_result) -> None:
    whose, user = found.st_uid, os.geteuid()
    if stat.S_ISLNK(found.st_mode):
        fault = "is a symbolic link, which may lead elsewhere tomorrow: give the directory itself"
    elif not stat.S_ISDIR(found.st_mode):
        raise BindError(
            errno.ENOTDIR, f"unix_path {str(path)!r} is no directory: give one, for the sockets"
        )
    elif whose != user:
        fault = f"belongs to uid {whose}, and this process is of uid {user}: give one of its own"
    elif found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        fault = (
            f"is open to other users (mode {mode:04o}), and whoever connects can control this "
            f"process: chmod 700 {path}, or give another one"
        )
    else:
        return
    raise UnsafeAddressError(f"unix_path {str(path)!r} {fault}")


def _check_length(path: Path) -> None:
    if (length := len(os.fsencode(path))) > PATH_LIMIT:
        raise BindError(
            errno.ENAMETOOLONG,
            f"the path {path} has {length} bytes, and a Unix socket's may have {PATH_LIMIT}: "
            "give a shorter unix_path",
        )


def _is_live(path: Path) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it cannot be told: its queue is full, say
            return True
    return True


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Errors of the file system in our words."""
    try:
        yield
    except BindError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise BindError(error.errno, f"{what}: {reason}; give another unix_path") from error
