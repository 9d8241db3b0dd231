"""How a wheel is brought to this machine.

A *transfer* puts one wheel, verified, into a folder. pip does it, in a child process, so that the index, mirror, proxy, certificates
and credentials are those that the user has set for pip; no host is named anywhere in this program.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bootstrap import process
from bootstrap.artifact import Artifact, Wheel
from bootstrap.diagnostics import Failure, fail
from bootstrap.files import FULL
from bootstrap.progress import Progress
from bootstrap.unpack import differs

TIME_LIMIT = 6 * 3600.0
"""Seconds for one wheel: it is pip that gives up on a line that is dead, this is for a pip that hangs."""

PIP = Path(__file__).with_name("pip_child.py")
"""pip, as a program that ends when this process does."""

OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",
    "--require-hashes",
    "--no-cache-dir",  # a second copy of a hundred megabytes, of which no other project would ever make use
    "--no-input",
    "--progress-bar=off",
    "--disable-pip-version-check",
)
NOT_OURS = ("ABI", "CONSTRAINT", "IMPLEMENTATION", "NO_BINARY", "PLATFORM", "PYTHON", "PYTHON_VERSION", "QUIET", "REQUIREMENT")
"""Settings of pip that say what is done rather than where from; a user made them for other work, and pip takes an empty one for none."""

REASONS = (
    (r"[Cc]onnection|Max retries|[Nn]ame resolution|timed out|ProxyError|SSLError|HTTP error", "the package index can't be reached"),
    (r"No matching distribution", "no index that pip is set to use offers the pinned wheel"),
)
"""What a failed transfer was about, the first that fits; pip's own words are shown with it."""

WATCH_EVERY = 0.1
"""Seconds between two looks at how much has arrived."""


class Transfer(Protocol):
    """Brings a wheel. Tests put their own in its place."""

    def __call__(self, artifact: Artifact, folder: Path, shown: Progress) -> Path:
        """Put the artifact's wheel into `folder`, an empty private one, and give its path.

        All that is written on the way is in `folder` too, and the wheel's digest has been checked when this returns. Raises
        `Failure` E0301, E0302 or E0308, and `OSError`.
        """


def by_pip(artifact: Artifact, folder: Path, shown: Progress) -> Path:
    """The `Transfer` that the store uses."""
    requirements, scratch, arrived = folder / "requirements.txt", folder / "tmp", folder / "wheel"
    scratch.mkdir(mode=0o700)
    wheel = artifact.wheel
    assert isinstance(wheel, Wheel)  # noqa: S101 - what has an address is brought by `bootstrap.download`
    requirements.write_text(f"{wheel.distribution}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    settings = {"TMPDIR": str(scratch), "HOLOENZYME_STARTED_BY": str(os.getpid())} | {f"PIP_{name}": "" for name in NOT_OURS}
    shown.begin("downloading", wheel.size)
    try:
        with _watched(folder, wheel.size, shown):
            done = process.run(_command(wheel, requirements, arrived), env=settings, seconds=TIME_LIMIT)
    except (OSError, process.TimedOut) as error:
        raise _failed(artifact, "pip could not be run", [str(error)]) from None
    if done.status != 0:
        raise _explained(artifact, done)
    # pip has digested the very file that it put into our private folder, against the pinned sha256; the store digests again what it takes
    # out of it. To hash the wheel a second time would find nothing that these two do not.
    if not (arrived / wheel.file).is_file():
        raise _failed(artifact, "pip brought another file than the pinned one", [f"pinned: {wheel.file}"])
    return arrived / wheel.file


def _command(wheel: Wheel, requirements: Path, arrived: Path) -> list[str]:
    tags = ("--platform", wheel.platform, "--python-version", wheel.python, "--implementation", wheel.implementation, "--abi", wheel.abi)
    # -P: only what is installed is importable, not what happens to be beside pip_child.py
    return [sys.executable, "-P", str(PIP), "download", *OPTIONS, *tags, "--requirement", str(requirements), "--dest", str(arrived)]


@contextlib.contextmanager
def _watched(folder: Path, total: int, shown: Progress) -> Iterator[None]:
    """While the block runs, show how much has arrived in `folder`: every pip writes a file that grows."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(WATCH_EVERY):
            shown.reach(min(_largest(folder), total))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _largest(folder: Path) -> int:
    sizes = [0]
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # pip moves and removes as it likes
                sizes.append((Path(parent) / name).stat().st_size)
    return max(sizes)


def _explained(artifact: Artifact, done: process.Completed) -> Failure | OSError:
    """What pip's last words mean."""
    words = done.stderr + done.stdout
    if found := re.search(r"Got\s+([0-9a-f]{64})", words):
        return differs(artifact, f"the download of {artifact.wheel.file}", artifact.wheel.sha256, found[1])
    if full := FULL.union({errno.EFBIG}).intersection(map(int, re.findall(r"\[Errno (\d+)\]", words))):
        return OSError(number := min(full), os.strerror(number))
    if re.search(r"No module named '?pip\b", words):
        help_ = f"`{sys.executable} -m ensurepip`, or install pip as Python was installed"
        return fail("E0308", "this Python has no pip, which brings artifacts", notes=(f"Python: {sys.executable}",), help=(help_,))
    ended = f"pip was ended by {done.signal_name}" if done.signal_name else f"pip ended with status {done.status}"
    return _failed(artifact, next((why for pattern, why in REASONS if re.search(pattern, words)), ended), _last_words(words))


def _last_words(words: str) -> list[str]:
    """The end of what pip said, in its own words, each line once."""
    lines = dict.fromkeys(line.strip() for line in words.splitlines() if line.strip() and "notice" not in line)
    return [f"pip: {line}" for line in list(lines)[-4:]]


def _failed(artifact: Artifact, why: str, notes: list[str]) -> Failure:
    return fail(
        "E0301",
        f"`{artifact.name}` could not be downloaded: {why}",
        notes=notes,
        help=(
            "check the network and what pip is set to use (`pip config list`): its index, mirror, proxy and certificates are used here too",
            "where there is no network: `pip download` the wheel elsewhere and name its folder in PIP_FIND_LINKS",
        ),
    )
