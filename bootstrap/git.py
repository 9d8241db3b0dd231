"""Questions to git, about a checkout that may be none."""

from __future__ import annotations

from pathlib import Path

from bootstrap.process import TimedOut, run

SECONDS = 120.0


def ask(root: Path, *words: str) -> str | None:
    """What `git WORDS...` prints in `root`, or None when it fails, takes too long or is not there. Nothing is written."""
    try:
        done = run(["git", "-C", root, *words], env={"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}, seconds=SECONDS)
    except (OSError, ValueError, TimedOut):
        return None
    return done.stdout if done.status == 0 else None


def commit(root: Path, revision: str) -> str | None:
    """The full name of the commit that `revision` means, or None when it means none; it is never taken for an option."""
    found = ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return found.strip() if found else None
