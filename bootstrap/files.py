"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from bootstrap.diagnostics import Diagnostic

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says when there is no room for a file."""
_IN_ZIG = {errno.ENOSPC: "NoSpaceLeft", errno.EDQUOT: "DiskQuota"}
"""The same in the words of Zig, which does not speak the system's."""


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write a file in one step, as others see it; raises `OSError`, and then the file is as it was."""
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")  # a name of our own: importing tempfile takes 3 ms
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def raise_if_full(said: str) -> None:
    """Raise `OSError` when a child process that failed has said that the disk is full."""
    for number, word in _IN_ZIG.items():
        if os.strerror(number) in said or word in said:
            raise OSError(number, os.strerror(number))


def of_os_error(error: OSError, folder: Path | None = None) -> Diagnostic:
    """What to tell of a file that could not be read or written: E0238 when the disk is full, else E0237.

    `folder` is where the work was done, for an error that does not name its file: one in the middle of writing does not.
    """
    place = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename or folder
    where = f" (`{place}`)" if place else ""
    if error.errno in FULL:
        remedies = ("make room, or set `[build] build-dir` to a folder on another disk; what was there before is unchanged",)
        return Diagnostic(code="E0238", message=f"the disk is full{where}", help=remedies)
    message = f"a file cannot be used: {error.strerror or error}{where}"
    return Diagnostic(code="E0237", message=message, help=("see that it is there, and that you may read and write it",))
