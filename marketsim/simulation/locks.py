"""Locks between processes.

A lock is free as soon as its process ends, even if that is killed. Where the file system has no
locks, work continues without them, and a warning says what then must not be done.
"""

import contextlib
import errno
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from marketsim.errors import one_line

# what file systems without locks answer: NFS without lockd, Lustre without flock, FUSE, 9P
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


def lock_file(path: Path) -> Path:
    """Return the empty file beside `path` that is locked in its place."""
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock of a file or folder; wait until other processes have released it.

    The lock file stays on disk: if it were removed, a third process could lock a new one.

    Raises
    ------
    OSError
        If the lock file cannot be written.
    """
    from filelock import FileLock

    lock = FileLock(lock_file(path), fallback_to_soft=False)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock)
        except OSError as fault:
            if fault.errno not in UNSUPPORTED:
                raise
            _warn(path.parent)
        yield


@cache
def _warn(folder: Path) -> None:
    """Warn of a folder without locks, once."""
    warning = f"no file locks in {folder}: run one marketsim process at a time there"
    print(one_line(f"marketsim: warning: {warning}"), file=sys.stderr, flush=True)


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of `path`; true if that cannot be determined."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock_file(path), timeout=0, fallback_to_soft=False):
            return False
    except (OSError, Timeout):
        return True
