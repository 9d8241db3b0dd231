"""`changes`: what changed in the configuration since the change that a file knows, what concerns the file first."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap import news
from bootstrap.diagnostics import Failure, fail, program, shown
from change_tracker import history, migrate, numbers, page, tracker
from change_tracker.tracker import News, Standing

UNKNOWN_ID = "E0285"


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--since` and `--all`, and a rust tree in the place of our own history."""
    parser.add_argument("--since", metavar="ID", type=int, help="tell what came after this change, whatever the configuration knows")
    parser.add_argument("--all", action="store_true", help="show what does not concern the configuration too")
    parser.add_argument("--rust-src", metavar="DIR", help="tell the changes of a rust-lang/rust tree; --config is a bootstrap.toml then")
    parser.add_argument("--format", choices=["text", "json", "markdown"], help="how to print them; markdown is the page of the manual")


def run(options: argparse.Namespace) -> int:
    """Print the changes to standard output. Raises `Failure`."""
    form = options.format or ("json" if options.json else "text")
    if options.rust_src is not None:
        from bootstrap.commands.rust_changes import run as run_for_rust  # noqa: PLC0415 - it reads the whole tree

        return run_for_rust(options, form)
    if form == "markdown":
        _say(page.markdown(history.read()))
        return 0
    found, name = _found(options)
    if form == "json":
        _say(json.dumps(news.news_as_json(found), ensure_ascii=False, indent=2))
    else:
        _say("\n".join(news.lines(found, name, everything=options.all or name is None)))
    return 0


def _found(options: argparse.Namespace) -> tuple[News, str | None]:
    """The news that is asked for, and the name of the configuration whose `change-id` they start from, if it is one."""
    file, data, change_id = _configuration(options)
    if options.since is not None:
        _require_known(options.since)
        return news.news_of(options.since, data), None
    if file is None:
        return news.news_of(0, data), None
    return news.news_of(0 if options.all and not isinstance(change_id, int) else change_id, data), shown(file)


def _require_known(number: int) -> None:
    ids = numbers.listed()
    if number < 0 or tracker.standing(number, ids) in (Standing.UNKNOWN, Standing.NEWER):
        raise fail(
            UNKNOWN_ID,
            f"there is no change {number}; the ids go from 1 to {max(ids, default=0)}",
            help=[f"`{program()} changes --since 0` shows all"],
        )


def _configuration(options: argparse.Namespace) -> tuple[Path | None, Mapping[str, Any], int | str | None]:
    """The configuration file, what it sets and the change that it knows, even where it is not valid.

    Raises `Failure` when it cannot be read as TOML.
    """
    from bootstrap.config import files, resolve, toml  # noqa: PLC0415 - the model takes 80 ms

    try:
        resolved = resolve.read(**resolve.arguments_of(options))
    except Failure:
        file = files.locate(Path(options.config) if options.config is not None else None, os.environ)
        if file is None:
            raise
        data = toml.read(file).data
        return file, data, migrate.known_id(data)
    return resolved.file, resolved.data, resolved.config.change_id


def _say(words: str) -> None:
    sys.stdout.write(words if words.endswith("\n") else words + "\n")
