"""The compiler as a child: with our standard streams, with the signals that we get, and with its end as ours.

`signal` is imported while the child works already: that costs nothing then.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as in settings.py
if TYPE_CHECKING:
    from collections.abc import Mapping

IGNORED_BY_PYTHON = (13, 25)
"""SIGPIPE and SIGXFSZ, which Python ignores and a compiler must not: it would go on writing to a pipe that nobody reads."""


def run(
    words: list[str],
    added: Mapping[str, str],
    *,
    stdin: str | None = None,
    stdout: str | None = None,
    stderr: str | None = None,
) -> int:
    """Run a command and wait for it; gives its exit status, minus the signal's number when a signal ended it.

    `added` is added to our environment. A stream that is given is a file: `stdin` is read, the others are written. A signal that ends
    programs goes on to the child. Raises `OSError` when it cannot be started.
    """
    streams = (
        (0, stdin, os.O_RDONLY),
        (1, stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    )
    actions = [(os.POSIX_SPAWN_OPEN, number, path, flags, 0o600) for number, path, flags in streams if path is not None]
    sys.stdout.flush()
    child = os.posix_spawnp(words[0], words, {**os.environ, **added}, file_actions=actions, setsigdef=IGNORED_BY_PYTHON)
    return os.waitstatus_to_exitcode(_wait(child))


def _wait(child: int) -> int:
    import signal  # noqa: PLC0415 - see above

    def forward(number: int, _frame: object) -> None:
        os.kill(child, number)

    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    # One that is ignored, as under nohup, stays so.
    before = {each: signal.signal(each, forward) for each in ending if signal.getsignal(each) is not signal.SIG_IGN}
    try:
        return os.waitpid(child, 0)[1]
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def replace(words: list[str], added: Mapping[str, str]) -> int:
    """Become the command: this process is it from now on. Raises `OSError` when it cannot be started; returns never."""
    import signal  # noqa: PLC0415

    sys.stdout.flush()
    for each in IGNORED_BY_PYTHON:
        signal.signal(each, signal.SIG_DFL)
    os.execvpe(words[0], words, {**os.environ, **added})  # noqa: S606 - starts no shell, as is right


def end_as(status: int) -> int:
    """End as a child did: gives its exit status, or ends this process by the signal that ended the child."""
    if status >= 0:
        return status
    import signal  # noqa: PLC0415

    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
    return 128 - status
