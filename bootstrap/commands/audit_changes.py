"""`audit changes --rust-src DIR`: does a rust tree's change history keep its rules, and do its example, profiles and structs agree?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bootstrap import rust_tree
from bootstrap.cfg import levels
from bootstrap.console import console
from bootstrap.diagnostics import FORMATS, Diagnostic, Related, Severity, fail, program, rendered
from change_tracker import rust_audit
from change_tracker.rust_audit import Finding, Rule

CODES = {
    Rule.DUPLICATE: "E0131",
    Rule.ORDER: "E0132",
    Rule.SEVERITY: "E0133",
    Rule.NAMED: "E0134",
    Rule.UNDOCUMENTED: "E0135",
    Rule.PHANTOM: "E0136",
    Rule.DEFAULT: "E0137",
    Rule.UNPARSED: "E0138",
    Rule.UNTOLD: "E0139",
    Rule.TWICE: "E0140",
    Rule.IGNORED: "E0141",
}
HINTS = frozenset({Rule.SEVERITY, Rule.NAMED})
"""What is judged by the words of a summary, and told as a warning; `-D E0133` makes it fail."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--rust-src` and `--since`."""
    parser.add_argument("--rust-src", metavar="DIR", help="the folder of a rust-lang/rust tree")
    parser.add_argument("--format", choices=FORMATS, help="how to print what is found (default: text, or json with --json)")
    parser.add_argument(
        "--since", metavar="REV", help="a revision of that tree, or the folder of another: report what differs and has no entry"
    )


def run(options: argparse.Namespace) -> int:
    """Print the findings to standard output; 1 when one of them is an error. Raises `Failure`."""
    given = levels.given(options)
    found = levels.apply(findings(options), given)
    color = options.color == "always" or (options.color == "auto" and sys.stdout.isatty())
    words = rendered(found, options.format or ("json" if options.json else "text"), color=color)
    sys.stdout.write(words + "\n" if words else "")
    return 1 if any(each.severity is Severity.ERROR for each in found) else 0


def findings(options: argparse.Namespace) -> list[Diagnostic]:
    """What is wrong in the tree, as diagnostics. Raises `Failure` when it cannot be read."""
    if options.rust_src is None:
        helps = [f"`{program()} audit config` audits the changes of holoenzyme itself"]
        raise fail("E0200", "`audit changes` needs the tree to audit: `--rust-src DIR`", help=helps)
    root = Path(options.rust_src)
    new = rust_tree.read(root)
    entries = new.tree.history
    warnings = sum(each.severity == "Warning" for each in entries)
    console.status(f"{root}: {len(entries)} entries, {len(entries) - warnings} info, {warnings} warning")
    landed = rust_tree.landed(root)
    if not landed:
        console.status("the tree is no complete git checkout; the order of the entries is not held against its log")
    found = rust_audit.audit(new.tree, landed=landed)
    if options.since is not None:
        place = Path(options.since)
        old = rust_tree.read(place) if place.is_dir() else rust_tree.read_revision(root, options.since)
        found += rust_audit.compare(old.tree, new.tree)
    return [_diagnostic(each, new) for each in found]


def _diagnostic(finding: Finding, checkout: rust_tree.Checkout) -> Diagnostic:
    related = ((checkout.span(place), words) for place, words in finding.related)
    return Diagnostic(
        code=CODES[finding.rule],
        severity=Severity.WARNING if finding.rule in HINTS else Severity.ERROR,
        message=finding.message,
        span=checkout.span(finding.place),
        label=finding.label,
        related=tuple(Related(span=span, message=words) for span, words in related if span),
        help=(finding.remedy,) if finding.remedy else (),
    )
