"""Tells news once, after a command: on a terminal, never in CI, to `--quiet`, to `--json` or in a dry run.

What was told is remembered for each configuration file in a small file of the user's state directory. Whatever is wrong with that file,
or with the history, costs the user nothing: at worst something is told twice. Who knows every change pays for one look into a folder, so
what tells them is imported only for who is behind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.console import console
from bootstrap.diagnostics import shown
from bootstrap.files import write_atomically
from change_tracker import numbers

if TYPE_CHECKING:
    from bootstrap.config import Resolved

MAX_STATE_BYTES = 4096


def tell(resolved: Resolved, options: argparse.Namespace) -> None:
    """Tell the news for `resolved` on standard error, if a person watches and was not told before; to be called when the work is done.

    An `OSError` goes no further: who was not told is told next time.
    """
    if resolved.file is None or options.json or options.dry_run or not console.interactive or in_ci(resolved.environment):
        return
    with contextlib.suppress(OSError, ValueError):  # told anew next time
        _tell_once(resolved, resolved.file, options.command)


def in_ci(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a run of a continuous integration, by the variable that all of them set."""
    return environment.get("CI", "").lower() not in ("", "0", "false")


def _tell_once(resolved: Resolved, file: Path, command: str | None) -> None:
    change_id, latest = resolved.config.change_id, numbers.latest()
    if change_id in (latest, "ignore"):
        return
    from change_tracker import told  # noqa: PLC0415 - see above

    number = change_id if isinstance(change_id, int) else None
    config = os.path.realpath(file)
    record = records() / told.name(config)
    known = _remembered(record, config, number)
    if known >= latest:
        return
    from bootstrap import news  # noqa: PLC0415 - see above

    found = news.news_of(change_id, resolved.data, command=command, after=known)
    for line in news.lines(found, shown(file)) if found.says else ():
        console.status(line)
    record.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(record, told.written(config, number, latest), mode=0o600)


def records() -> Path:
    """The folder of the records, where platformdirs has it; to import that would take as long as all the rest."""
    named = os.environ.get("XDG_STATE_HOME", "")
    usual = Path.home() / ("Library/Application Support" if sys.platform == "darwin" else ".local/state")
    return (Path(named) if Path(named).is_absolute() else usual) / "holoenzyme" / "told"


def _remembered(record: Path, config: str, change_id: int | None) -> int:
    """The id up to which `config` was told; 0 when there is no record, or one that is no file or no text."""
    from change_tracker import told  # noqa: PLC0415 - see above

    try:
        with record.open("rb") as file:
            return told.read(file.read(MAX_STATE_BYTES).decode("utf-8"), config, change_id)
    except (OSError, ValueError):
        return 0
