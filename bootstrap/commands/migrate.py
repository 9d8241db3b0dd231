"""`config migrate`: carry the configuration file over to what the configuration is now, shown as a diff, written with `--write`."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from bootstrap import news
from bootstrap.config import faults, files, keys, resolve, toml
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, Related, fail, program, shown
from bootstrap.files import write_atomically
from change_tracker import history, migrate
from change_tracker.numbers import CHANGE_ID
from change_tracker.rewrite import Rewritten, Unwritable, rewrite

CODE = "E0289"


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--write` and `--accept-defaults`."""
    parser.add_argument("--write", action="store_true", help="write the file, and a backup beside it")
    parser.add_argument("--accept-defaults", action="store_true", help="take defaults as they are now instead of writing down the old ones")


def run(options: argparse.Namespace) -> int:
    """Print the diff to standard output; with `--write` change the file. Raises `Failure`."""
    file = files.locate(Path(options.config) if options.config is not None else None, os.environ)
    if file is None:
        raise fail("E0201", "there is no configuration file to carry over", help=[f"`{program()} setup` writes one"])
    document = toml.read(files.to_write(file))
    done = _carried(document, pins=not options.accept_defaults)
    backup = _write(document, done.text) if done.applied and options.write and not options.dry_run else None
    if options.json:
        _say(json.dumps(_as_json(file, document.text, done, backup), ensure_ascii=False, indent=2) + "\n")
        return 0
    _say(_diff(file, document.text, done.text))
    for words in dict.fromkeys(f"{each.words}{f' (change {each.change})' if each.change else ''}" for each in done.applied):
        console.status(words)
    console.status(_summary(file, done, backup))
    return 0


def _carried(document: toml.Document, *, pins: bool) -> Rewritten:
    """The file carried over, in memory. Raises `Failure` when it cannot be."""
    changes = history.read()
    known = migrate.known_id(document.data)
    if isinstance(known, int) and known > changes.latest:
        message = f"the file knows change {known}, and this version of holoenzyme only {changes.latest}"
        raise fail(CODE, message, span=document.value_span((CHANGE_ID,)), help=["take a holoenzyme that is not older than the file"])
    try:
        return rewrite(document.text, changes, accepts=_accepts, elsewhere=_elsewhere(document.path), pins=pins)
    except migrate.Conflict as conflict:
        raise _conflict(document, conflict) from None
    except Unwritable as error:
        helps = ["write it in tables, `[table]` and `key = value`, and run again; the file is unchanged"]
        raise fail(CODE, f"`{document.path}` is written in a way that cannot be changed automatically: {error}", help=helps) from None


def _accepts(path: tuple[str, ...], value: Any) -> bool:
    return keys.find(path) is not None and faults.misfit(path, value) == 0


def _elsewhere(file: Path) -> frozenset[tuple[str, ...]]:
    """What the layers below the file set: what it includes, and the profiles."""
    gatherer = resolve.gather(file, overrides=(), environment={}, flags={})
    own = os.path.realpath(file)
    below = [each for each in gatherer.layers if each.document and os.path.realpath(each.document.path) != own]
    return frozenset(leaf for each in below for leaf in news.leaves(each.data))


def _conflict(document: toml.Document, conflict: migrate.Conflict) -> Failure:
    new = document.key_span(conflict.new)
    return Failure(
        Diagnostic(
            code=CODE,
            message=str(conflict),
            span=document.key_span(conflict.old),
            label="remove this one, or the other",
            related=(Related(span=new, message="the key that it became"),) if new else (),
        )
    )


def _diff(file: Path, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), shown(file), f"{shown(file)} (carried over)")
    return "".join(each if each.endswith("\n") else f"{each}\n\\ No newline at end of file\n" for each in lines)


def _write(document: toml.Document, text: str) -> Path:
    """Write `text` to the file behind `document`, what it was to a backup beside it; gives the backup. Raises `OSError`."""
    real = Path(os.path.realpath(document.path))
    mode = stat.S_IMODE(real.stat().st_mode)
    backup = next(each for each in _backups(real) if not os.path.lexists(each))
    write_atomically(backup, document.mark + document.text, mode=mode)
    write_atomically(real, document.mark + text, mode=mode)
    return backup


def _backups(file: Path) -> list[Path]:
    return [file.with_name(f"{file.name}.orig{f'.{number}' if number else ''}") for number in range(1000)]


def _summary(file: Path, done: Rewritten, backup: Path | None) -> str:
    if not done.applied:
        return f"nothing to do: {shown(file)} is as the configuration is now"
    if backup is None:
        return f"nothing is written; `{program()} config migrate --write` does it"
    return f"{shown(file)} is written, what it was is in {shown(backup)}; `{program()} check` says whether anything is left"


def _as_json(file: Path, old: str, done: Rewritten, backup: Path | None) -> dict[str, Any]:
    return {
        "file": str(file),
        "applied": [{"change": each.change, "what": each.words} for each in done.applied],
        "diff": _diff(file, old, done.text),
        "written": backup is not None,
        "backup": str(backup) if backup else None,
    }


def _say(words: str) -> None:
    sys.stdout.write(words)
