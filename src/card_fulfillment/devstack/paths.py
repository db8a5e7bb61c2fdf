"""Where downloads live between runs, and who owns the directory of one run."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_RUN_PREFIX: Final = "card-fulfillment-"
_OWNER: Final = "owner.lock"


class DevstackError(RuntimeError):
    """A server of the embedded stack could not be had; the message says why and where to look."""


def cache_directory() -> Path:
    """Return this user's cache directory for the embedded stack, created if it is missing."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(root) / "card-fulfillment"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an advisory lock on `path` against other processes and threads; waits for it."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock on `path`, or None while another holds it.

    The lock lasts until every copy of the descriptor is closed, those of child processes included.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class RunDirectory:
    """The directory of one stack, locked for as long as the stack or one of its servers lives."""

    def __init__(self, path: Path, *, temporary: bool, lock: int) -> None:
        self.path = path
        self.temporary = temporary
        self.lock = lock

    def release(self, *, remove: bool) -> None:
        """Give the directory up; a temporary one is deleted when `remove` is set."""
        if remove and self.temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def claim(directory: Path | None) -> RunDirectory:
    """Own `directory`, or a fresh temporary one; clears away those that dead runs have left.

    Raises DevstackError while another process has the directory in use, and for a path with a
    comma, which separates paths in the settings of both servers.
    """
    if "," in str(directory):
        raise DevstackError(
            f"the directory of a stack cannot have a comma in its path: {directory}"
        )
    with exclusive(cache_directory() / "claim.lock"):
        _sweep()
        temporary = directory is None
        path = _fresh() if directory is None else directory.resolve()
        path.mkdir(parents=True, exist_ok=True)
        lock = try_lock(path / _OWNER)
    if lock is None:
        raise DevstackError(f"{path} is in use by another embedded stack")
    return RunDirectory(path, temporary=temporary, lock=lock)


def in_use(directory: Path) -> bool:
    """Whether a stack, or a server of one, still lives in `directory`."""
    if not (directory / _OWNER).exists():
        return False
    lock = try_lock(directory / _OWNER)
    if lock is not None:
        os.close(lock)
    return lock is None


def _fresh() -> Path:
    path = Path(tempfile.mkdtemp(prefix=_RUN_PREFIX)).resolve()
    path.chmod(0o711)  # Postgres may run as another user; its own directory is closed to others
    return path


def _sweep() -> None:
    for owner in Path(tempfile.gettempdir()).glob(f"{_RUN_PREFIX}*/{_OWNER}"):
        with suppress(OSError):  # another user's run, or one that is being removed right now
            if not in_use(owner.parent):
                shutil.rmtree(owner.parent, ignore_errors=True)
