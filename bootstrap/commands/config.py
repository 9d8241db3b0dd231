"""`config`: shows, explains, compares and changes the configuration."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap.diagnostics import Failure, fail, program, rendered, shown

if TYPE_CHECKING:
    from bootstrap.config.view import Entry

ACTIONS = {
    "list": "every key and its value, as TOML",
    "get": "the value of one key",
    "set": "change one key in the configuration file, and nothing else in it",
    "explain": "what a key means, the value in force, and every layer that sets it",
    "diff": "the keys in which two configurations differ",
    "minimal": "a configuration that says only what differs from the defaults",
    "migrate": "the file carried over to what the configuration is now, as a diff; --write writes it",
    "schema": "the JSON Schema of the configuration, for editors",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The actions, each with its own arguments."""
    shared = argparse.ArgumentParser(add_help=False, parents=[parser])  # the options of every command, and --help
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = {
        name: actions.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", parents=[shared], add_help=False, allow_abbrev=False
        )
        for name, summary in ACTIONS.items()
    }
    made["list"].add_argument("table", nargs="?", metavar="TABLE", help="only the keys of this table")
    made["list"].add_argument("--changed", action="store_true", help="only what differs from the defaults")
    for name in ("list", "get", "diff"):
        made[name].add_argument("--origin", action="store_true", help="where each value comes from: layer, file, line and column")
    for name in ("get", "set", "explain"):
        made[name].add_argument("key", metavar="KEY", help="such as llvm.enzyme")
    made["set"].add_argument("value", metavar="VALUE", nargs="?", help="as in TOML; a word needs no quotes")
    made["diff"].add_argument("old", metavar="OLD", help="a file, or a folder with a config.toml")
    made["diff"].add_argument("new", metavar="NEW", nargs="?", help="the same; without it, the configuration in force")
    made["migrate"].add_argument("--write", action="store_true", help="write the file, and a backup beside it")
    made["migrate"].add_argument(
        "--accept-defaults", action="store_true", help="take defaults as they are now, and do not write the old ones"
    )
    made["schema"].add_argument("--refresh", action="store_true", help="write the generated files of a checkout anew")


def run(options: argparse.Namespace) -> int:
    """Do what was asked for. Raises `Failure`."""
    actions = {
        "list": _list,
        "get": _get,
        "set": _set,
        "explain": _explain,
        "diff": _diff,
        "minimal": _minimal,
        "migrate": _migrate,
        "schema": _schema,
    }
    return actions[options.action](options)


def _say(words: str) -> None:
    sys.stdout.write(words if words.endswith("\n") or not words else words + "\n")


def _json(value: Any) -> None:
    _say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _list(options: argparse.Namespace) -> int:
    from bootstrap.config import view  # noqa: PLC0415 - the model is for those who need it

    resolved = view.read_for(options)
    found = view.entries(resolved)
    if options.table is not None:
        path = resolved.path(options.table)
        found = [each for each in found if each.path[: len(path)] == path]
        if not found:
            raise view.unknown(resolved, path)
    if options.changed:
        found = [each for each in found if each.is_changed]
    if options.json:
        _json([each.as_json() for each in found])
    else:
        _say("".join(f"{_line(each, origin=options.origin)}\n" for each in found))
    return 0


def _line(entry: Entry, *, origin: bool) -> str:
    words = entry.line
    return f"{words}  # {entry.place}" if origin else words


def _get(options: argparse.Namespace) -> int:
    from bootstrap.config import view  # noqa: PLC0415

    resolved = view.read_for(options)
    entry = view.entry(resolved, resolved.path(options.key))
    if options.json:
        _json(entry.as_json())
    elif entry.value is None:
        raise fail("E0217", f"`{entry.name}` is not set, and has no default", help=[f"set it with `config set {entry.name} VALUE`"])
    else:
        words = entry.value if isinstance(entry.value, str) else entry.literal
        _say(f"{words}  # {entry.place}" if options.origin else words)
    return 0


def _set(options: argparse.Namespace) -> int:
    from bootstrap.config import edit, files  # noqa: PLC0415

    if options.value is None:
        name, _, value = options.key.partition("=")
        raise fail("E0200", f"`config set {options.key}` has no value", help=[f"write `{program()} config set {name} {value or 'VALUE'}`"])
    named = Path(options.config) if options.config is not None else None
    file = files.to_write(named)
    change = edit.plan(file, options.key, options.value)
    if options.dry_run:
        before, after = (each.splitlines(keepends=True) for each in (change.before, change.after))
        _say("".join(difflib.unified_diff(before, after, str(file), str(file))))
        return 0
    edit.write(change)
    name, new, old = edit.words(change)
    if options.json:
        _json({"file": str(file), "key": name, "old": change.old, "new": change.new})
    else:
        _say(f"{shown(file)}: {name} = {new}" + (f" (was {old})" if old is not None else ""))
    _tell_faults(options, file)
    return 0


def _tell_faults(options: argparse.Namespace, file: Path) -> None:
    """After a change: what the configuration now lacks, on standard error; the change stands."""
    from bootstrap.config import load  # noqa: PLC0415

    try:
        load(file)
    except Failure as failure:
        sys.stderr.write(rendered(failure.diagnostics, "text", color=options.color == "always") + "\n")


def _explain(options: argparse.Namespace) -> int:
    from bootstrap.config import view  # noqa: PLC0415

    resolved = view.read_for(options)
    entry = view.described(resolved, resolved.path(options.key))
    if options.json:
        _json({**entry.as_json(), "layers": view.layers_json(resolved, entry)})
    else:
        _say(view.explanation(resolved, entry))
    return 0


def _diff(options: argparse.Namespace) -> int:
    from bootstrap.config import read, view  # noqa: PLC0415

    old = view.entries(read(Path(options.old), environment={}))
    new = view.entries(read(Path(options.new), environment={}) if options.new else view.read_for(options))
    differences = view.differences(old, new)
    if options.json:
        _json([{"key": name, "old": before and before.as_json(), "new": after and after.as_json()} for name, before, after in differences])
        return 0
    for _, before, after in differences:
        for sign, each in (("-", before), ("+", after)):
            _say(f"{sign} {_line(each, origin=options.origin)}" if each else "")
    return 0


def _minimal(options: argparse.Namespace) -> int:
    from bootstrap.config import view  # noqa: PLC0415

    resolved = view.read_for(options)
    if options.json:
        _json(view.minimal_values(resolved))
    else:
        _say(view.minimal(resolved))
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from bootstrap.commands import migrate  # noqa: PLC0415 - it needs tomlkit

    return migrate.run(options)


def _schema(options: argparse.Namespace) -> int:
    from bootstrap.config import documents  # noqa: PLC0415
    from bootstrap.files import write_atomically  # noqa: PLC0415

    if not options.refresh:
        _say(documents.schema())
        return 0
    if not (documents.CHECKOUT / "x.py").is_file():
        raise fail("E0200", "`--refresh` is for a checkout of holoenzyme, and this is an installed one")
    for path, words in documents.generated().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != words:
            write_atomically(path, words)
            _say(f"wrote {shown(path)}")
    return 0
