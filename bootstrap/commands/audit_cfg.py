"""`audit cfg`: the lists of cfgs agree, here, in a rust-lang/rust tree, or in a rustc binary."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.cfg import levels
from bootstrap.console import console
from bootstrap.diagnostics import FORMATS, Diagnostic, Severity, fail, rendered

if TYPE_CHECKING:
    from bootstrap.cfg.facts import Facts

OWN = "own"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the source, what is printed, the baseline and the levels."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--own", action="store_true", help="audit our own table (the default)")
    source.add_argument("--rust-src", metavar="DIR", type=Path, help="audit a checkout or an unpacked source of rust-lang/rust")
    source.add_argument("--rustc", metavar="PATH", help="audit a compiler without its source")
    source.add_argument("--diff", nargs=2, metavar=("OLD", "NEW"), help="compare two sources: each a folder, a rustc or `own`")
    parser.add_argument(
        "--allow-bootstrap", action="store_true", help="let a stable rustc tell more: RUSTC_BOOTSTRAP=1, for its children alone"
    )
    parser.add_argument("--list", action="store_true", help="print the lists side by side instead of findings")
    parser.add_argument("--format", choices=FORMATS, help="how to print what is found (default: text, or json with --json)")
    parser.add_argument("--baseline", metavar="FILE", type=Path, help="findings that are accepted, with their reasons")
    parser.add_argument("--write-baseline", metavar="FILE", type=Path, help="accept what is found now")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for `--write-baseline`")


def run(options: argparse.Namespace) -> int:
    """Print the findings, the lists or the differences; the exit status is 1 when a finding is an error.

    Raises `Failure`: E0254 to E0257 for a source, a baseline or a level that cannot be used.
    """
    given = levels.given(options)
    if options.diff:
        return _compare(options, given)
    facts = _facts(options)
    if options.list:
        return _list(options, facts, given)
    from bootstrap.cfg import audit  # noqa: PLC0415 - the rules, which other commands do not need

    found = levels.apply(_without_accepted(options, audit.audit(facts)), given)
    skipped = [each.name for each in audit.unanswered(facts)]
    return _report(options, found, f"audited {facts.lists.source}" + (f"; not answered by it: {', '.join(skipped)}" if skipped else ""))


def _facts(options: argparse.Namespace) -> Facts:
    if options.rust_src is not None:
        return _source(str(options.rust_src), options, folder=True)
    return _source(options.rustc or OWN, options, folder=False)


def _source(name: str, options: argparse.Namespace, *, folder: bool | None = None) -> Facts:
    """The facts of a folder, a rustc or our table."""
    from bootstrap.cfg import audit  # noqa: PLC0415 - as above

    if name == OWN and not folder:
        return audit.own()
    if folder or (folder is None and Path(name).is_dir()):
        from bootstrap.cfg.rust import source  # noqa: PLC0415 - brings tree-sitter

        return source.read(Path(name))
    if folder is None and os.sep in name and not Path(name).exists():
        raise fail(
            "E0256", f"there is neither a folder nor a compiler `{name}`", help=["name a folder of rust-lang/rust, a rustc, or `own`"]
        )
    from bootstrap.cfg.rust import binary  # noqa: PLC0415 - only for a compiler

    return binary.read(name, allow_bootstrap=options.allow_bootstrap, jobs=options.jobs)


def _without_accepted(options: argparse.Namespace, found: list[Diagnostic]) -> list[Diagnostic]:
    """What is left after the baseline, which is written first where that is asked for."""
    if options.write_baseline is None and options.baseline is None:
        return found
    from bootstrap.cfg import baseline  # noqa: PLC0415 - seldom

    if options.write_baseline is not None:
        count = baseline.write(options.write_baseline, found, options.reason)
        console.status(f"{options.write_baseline} accepts {count} finding{'' if count == 1 else 's'}")
    path = options.write_baseline or options.baseline
    return baseline.accepting(found, baseline.read(path), path)


def _list(options: argparse.Namespace, facts: Facts, given: Sequence[levels.Level]) -> int:
    from bootstrap.cfg import lists  # noqa: PLC0415 - as above

    gaps = levels.apply(facts.gaps, given)
    _print(json.dumps(lists.as_json(facts.lists), indent=1) if options.json or options.format == "json" else lists.table(facts.lists))
    if gaps:
        print(rendered(gaps, "text", color=console.colored), file=sys.stderr)
    return _status(gaps)


def _compare(options: argparse.Namespace, given: Sequence[levels.Level]) -> int:
    """The differences of two sources, and what the rules about two versions find."""
    from bootstrap.cfg import audit  # noqa: PLC0415 - as above

    old, new = (_source(each, options) for each in options.diff)
    changed = audit.differences(old, new)
    found = levels.apply(_without_accepted(options, audit.compare(old, new)), given)
    if _form(options) == "json":
        findings = json.loads(rendered(found, "json"))
        _print(json.dumps({"differences": [dataclasses.asdict(each) for each in changed], "findings": findings}, indent=1))
        return _status(found)
    if _form(options) == "text":
        _print("\n".join(map(str, changed)) or "no difference")
    return _report(options, found, f"compared {old.lists.source} with {new.lists.source}")


def _report(options: argparse.Namespace, found: list[Diagnostic], what: str) -> int:
    form = _form(options)
    color = options.color == "always" or (options.color != "never" and sys.stdout.isatty())
    _print(rendered(found, form, color=color))
    if form == "text":
        counts = [(sum(each.severity is severity for each in found), severity) for severity in Severity]
        said = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for count, severity in counts if count) or "nothing found"
        _print(f"{what}: {said}")
    return _status(found)


def _form(options: argparse.Namespace) -> str:
    return options.format or ("json" if options.json else "text")


def _status(found: Sequence[Diagnostic]) -> int:
    return int(any(each.severity is Severity.ERROR for each in found))


def _print(words: str) -> None:
    if words:
        sys.stdout.write(words + "\n")
