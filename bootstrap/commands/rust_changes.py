"""`changes --rust-src DIR`: what changed in a rust tree's bootstrap since the id in a bootstrap.toml, limited to the keys that it sets."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

from bootstrap import news, rust_tree
from bootstrap.config import toml
from bootstrap.diagnostics import fail, program, shown
from change_tracker import migrate, rust_audit
from change_tracker.change import Key
from change_tracker.rust import RustChange

UNKNOWN_ID = "E0285"


def run(options: argparse.Namespace, form: str) -> int:
    """Print the entries to standard output. Raises `Failure`."""
    history = rust_tree.read(Path(options.rust_src)).tree.history
    file, data = _configuration(options.config)
    number = options.since if options.since is not None else migrate.known_id(data)
    changes = _since(history, number) if isinstance(number, int) else history
    keys = [_pattern(each) for each in news.leaves(data)] if file else []
    mine = rust_audit.concerning(changes, keys)
    first = changes if options.all or not file else mine
    if form == "json":
        said = [_as_json(each, concerns=each in mine) for each in changes]
        sys.stdout.write(json.dumps({"since": number, "changes": said}, ensure_ascii=False, indent=2) + "\n")
        return 0
    start = "-" if form == "markdown" else " "
    for each in first:
        sys.stdout.write(f"{start} {each.severity.lower():<7} {each.id:>6}  {each.summary}\n")
    rest = len(changes) - len(first)
    if rest:
        sys.stdout.write(f"{rest} more name no key that `{shown(file) if file else ''}` sets: `--all` shows them\n")
    if not changes:
        sys.stdout.write(f"no changes since {number}\n")
    return 0


def _configuration(name: str | None) -> tuple[Path | None, dict[str, Any]]:
    """The bootstrap.toml that `--config` names, and what it says. Raises `Failure`."""
    if name is None:
        return None, {}
    path = Path(name)
    file = (
        next((path / each for each in ("bootstrap.toml", "config.toml") if (path / each).is_file()), path / "bootstrap.toml")
        if path.is_dir()
        else path
    )
    return file, toml.read(file).data


def _since(history: tuple[RustChange, ...], number: int) -> tuple[RustChange, ...]:
    found = rust_audit.since(history, number)
    if found is None:
        close = difflib.get_close_matches(str(number), [str(each.id) for each in history], n=3)
        notes = [f"near it are {', '.join(close)}"] if close else []
        helps = [f"`{program()} changes --rust-src DIR` lists all {len(history)}"]
        raise fail(UNKNOWN_ID, f"{number} is no entry of this tree's history", notes=notes, help=helps)
    return found


def _pattern(path: Key) -> Key:
    return ("target", "*", *path[2:]) if path[0] == "target" else path


def _as_json(change: RustChange, *, concerns: bool) -> dict[str, Any]:
    return {"id": change.id, "severity": change.severity.lower(), "summary": change.summary, "concerns": concerns}
