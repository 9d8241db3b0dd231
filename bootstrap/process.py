"""The one way in which a child process is started: logged for `-v`, limited in time, its death by a signal told apart."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.console import console

TIME_LIMIT = 600.0
"""Seconds after which a child is ended, unless the caller says otherwise."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a child left behind. `status` is its exit status, negative when a signal ended it (minus the signal's number)."""

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    @property
    def signal_name(self) -> str | None:
        """The signal that ended the child, such as `SIGABRT`, or None when it exited by itself."""
        return signal.Signals(-self.status).name if self.status < 0 else None


class TimedOut(Exception):
    """A child ran longer than it was allowed to."""

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        super().__init__(f"{command[0]} did not end within {seconds:g} s")


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    seconds: float = TIME_LIMIT,
) -> Completed:
    """Run `command` and wait for it; its output is captured as UTF-8, undecodable bytes replaced.

    `env` is added to our own environment. Raises `OSError` when the program cannot be started and `TimedOut` when it takes too
    long; an exit status other than 0 is the caller's to judge.
    """
    words = tuple(os.fspath(word) for word in command)
    console.command(words)
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(words, seconds) from None
    return Completed(command=words, status=done.returncode, stdout=done.stdout, stderr=done.stderr)
