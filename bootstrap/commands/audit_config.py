"""`audit config`: does every difference of the model have its entry in the history, and is every entry right?

The model that is compared with comes from a git revision, or from a file or folder of another version. Without `--since` it is the last
release tag, else the first parent.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Iterable
from pathlib import Path

from bootstrap import git
from bootstrap.cfg import levels
from bootstrap.config import model, toml
from bootstrap.config.export import exported
from bootstrap.console import console
from bootstrap.diagnostics import FORMATS, Diagnostic, Failure, Severity, Span, fail, rendered
from change_tracker import history, schema_diff
from change_tracker.audit import Base, Finding, Rule, audit
from change_tracker.history import History
from change_tracker.numbers import CHANGES, NAME

BASE = "E0286"
CODES = {
    Rule.UNTOLD: "E0121",
    Rule.KEYS: "E0122",
    Rule.IDS: "E0123",
    Rule.SEVERITY: "E0124",
    Rule.UNREADABLE: "E0125",
    Rule.ALTERED: "E0126",
    Rule.MIGRATION: "E0127",
}
MODEL = "model.json"
FOLDER = CHANGES.parent.name
ROOT = CHANGES.parents[1]
TAGS = "v[0-9]*"


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--since`, and `--export` for the file that later versions are compared with."""
    parser.add_argument("--since", metavar="REV", help="a git revision, a model.json, or the folder of another holoenzyme")
    parser.add_argument("--format", choices=FORMATS, help="how to print what is found (default: text, or json with --json)")
    parser.add_argument("--export", action="store_true", help=f"print the model as JSON, as {FOLDER}/{MODEL} keeps it, and audit nothing")


def run(options: argparse.Namespace) -> int:
    """Print the findings to standard output; 1 when one of them is an error. Raises `Failure`."""
    if options.export:
        sys.stdout.write(schema_diff.written(exported()))
        return 0
    given = levels.given(options)
    found = levels.apply(findings(options), given)
    color = options.color == "always" or (options.color == "auto" and sys.stdout.isatty())
    words = rendered(found, options.format or ("json" if options.json else "text"), color=color)
    sys.stdout.write(words + "\n" if words else "")
    return 1 if any(each.severity is Severity.ERROR for each in found) else 0


def findings(options: argparse.Namespace) -> list[Diagnostic]:
    """What is wrong, as diagnostics. Raises `Failure` when the base that was asked for cannot be read."""
    base = base_named(options.since) if options.since is not None else usual_base()
    schema, past = exported(), history.read()
    console.status(f"{len(schema)} keys, changes up to {past.latest}" + (f", compared with {base.name}" if base else ""))
    found = audit(past, schema, base, version=_version())
    return [_diagnostic(each) for each in found]


def _version() -> str:
    try:
        return importlib.metadata.version("holoenzyme")
    except importlib.metadata.PackageNotFoundError:
        import holoenzyme  # noqa: PLC0415 - a checkout that is not installed

        return holoenzyme.__version__


def _diagnostic(finding: Finding) -> Diagnostic:
    return Diagnostic(
        code=CODES[finding.rule],
        message=finding.message,
        span=_span(finding.path, finding.key) if finding.path else _declaration(finding.key),
        help=(finding.remedy,) if finding.remedy else (),
    )


def _span(path: Path, key: tuple[str | int, ...]) -> Span:
    """The place of `key` in an entry's file, or the file's first line."""
    try:
        document = toml.read(path)
        found = document.value_span(key) if key else None
    except Failure as failure:
        found = failure.diagnostics[0].span
    return found or Span(path=path, line=1, column=1, end_column=2)


def _declaration(key: tuple[str | int, ...]) -> Span | None:
    """Where the model declares `key`, when that is clear by its name; else the model's first line, and nothing for what is no key."""
    if not key:
        return None
    lines = Path(model.__file__).read_text(encoding="utf-8").splitlines()
    start = f"    {str(key[-1]).replace('-', '_')}: "
    found = [number for number, line in enumerate(lines, start=1) if line.startswith(start) and " = key(" in line]
    line = found[0] if len(found) == 1 else 1
    column = 5 if len(found) == 1 else 1
    return Span(path=Path(model.__file__), line=line, column=column, end_column=column + len(start) - 6, source=lines[line - 1])


def usual_base() -> Base | None:
    """The last release tag that has a model, else the first parent; None, with a word about it, when there is neither."""
    tag = _git("describe", "--tags", "--abbrev=0", f"--match={TAGS}", "HEAD")
    for revision in [*((tag or "").split()[:1]), "HEAD^"]:
        if _git("cat-file", "-e", f"{revision}:{FOLDER}/{MODEL}") is not None:
            return base_named(revision)
    console.status("there is no release and no parent to compare with; the history is held against the model alone")
    return None


def base_named(name: str) -> Base:
    """What `--since NAME` means. Raises `Failure` (E0286)."""
    place = Path(name)
    if name and place.is_dir():
        inside = next((each for each in (place / FOLDER, place) if (each / MODEL).is_file()), place)
        return _of_files(name, inside / MODEL, inside / CHANGES.name)
    return _of_files(name, place, place.parent / CHANGES.name) if place.is_file() else _of_revision(name)


def _of_files(name: str, model: Path, changes: Path) -> Base:
    """The base in an exported model, and the entries beside it where they are."""
    try:
        text = model.read_text(encoding="utf-8")
        past = history.read(changes) if changes.is_dir() else History(changes=())
    except (OSError, UnicodeDecodeError) as error:
        raise fail(BASE, f"`{model}` cannot be read: {error}", help=[HELP]) from None
    return Base(name=name, schema=_schema(text, str(model)), history=past)


HELP = "name a git revision that has one, a file that `audit config --export` made, or the folder of an installed holoenzyme"


def _of_revision(revision: str) -> Base:
    commit = git.commit(ROOT, revision)
    text = _git("show", f"{commit}:{FOLDER}/{MODEL}") if commit else None
    names = _git("ls-tree", "-z", "--name-only", commit, f"{FOLDER}/{CHANGES.name}/") if commit else None
    if commit is None or text is None or names is None:
        raise fail(BASE, f"`{revision}` is no revision, file or folder with a model of the configuration", help=[HELP])
    paths = [Path(each) for each in names.split("\0") if each]
    return Base(name=revision, schema=_schema(text, revision), history=_past(commit, paths))


def _past(commit: str, paths: Iterable[Path]) -> History:
    """The entries of a commit."""
    entries = {each: (_git("show", f"{commit}:{each.as_posix()}") or "").encode() for each in paths}
    files: dict[int, tuple[Path, ...]] = {}
    for path in entries:
        match = NAME.fullmatch(path.name)
        if match:
            files[int(match[1])] = (*files.get(int(match[1]), ()), path)
    return history.gathered({path: entries[path] for each in files.values() for path in each}, files=files)


def _schema(text: str, name: str) -> schema_diff.Schema:
    try:
        return schema_diff.parsed(text)
    except schema_diff.NotASchema as error:
        raise fail(BASE, f"`{name}` holds no model of the configuration: {error}", help=[HELP]) from None


def _git(*words: str) -> str | None:
    """What git says about this checkout, or None when it cannot say it."""
    return git.ask(ROOT, *words)
