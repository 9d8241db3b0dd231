"""C18 to C24 and C28: the tests, their snapshots and the book agree with the lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from bootstrap.cfg.expression import shown
from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import Entry
from bootstrap.cfg.rules.rule import PREDICATES, TEST_RUNNER, Finding, beside, rule
from bootstrap.cfg.rust.suites import Refusals
from bootstrap.cfg.rust.syntax import place
from bootstrap.diagnostics import Severity, Span

LINT = "explicit_builtin_cfgs_in_flags"
TESTED_ELSEWHERE = frozenset({"target_feature"})
EXPECTATION = "//~"
EDITION = "edition"


@rule("E0168", "each disallowed cfg has a revision and a snapshot, and there are no others", Severity.ERROR, "disallowed", "refusals")
def each_is_tested(facts: Facts) -> Iterator[Finding]:
    """Names in X, those that revisions of disallowed-cli-cfgs test, and its snapshots are the same."""
    test = _refusals(facts)
    revisions = {each.name: each.span for each in test.revisions}
    tested = {each: test.flags[each][0][0] if each in test.flags else each.removesuffix("_") for each in revisions}
    names = facts.lists.forms("disallowed")
    for name in names:
        if name not in tested.values():
            yield Finding(
                name=name, message=f"`{name}` is disallowed, and no revision tests it", span=facts.lists.first("disallowed", name).span
            )
    for revision, span in revisions.items():
        if tested[revision] not in names:
            yield Finding(name=revision, message=f"the revision `{revision}` tests a cfg that is not disallowed", span=span)
        if revision not in test.snapshots:
            yield Finding(name=revision, message=f"the revision `{revision}` has no snapshot", span=span)
    for revision, (path, lines) in test.snapshots.items():
        if revision not in revisions:
            message = f"the snapshot `{Path(path).name}` belongs to no revision"
            yield Finding(name=f"snapshot {revision}", message=message, span=_top(facts, path, lines), label="an orphan; remove it")


@rule("E0169", "each revision sets the cfg that it is named after", Severity.ERROR, "refusals")
def revision_sets_its_cfg(facts: Facts) -> Iterator[Finding]:
    """A revision has a line of compile-flags with the cfg that is its name without the last `_`."""
    test = _refusals(facts)
    for each in test.revisions:
        cfg = test.flags.get(each.name)
        if cfg is None:
            yield Finding(name=each.name, message=f"the revision `{each.name}` has no compile-flags with a `--cfg`", span=each.span)
        elif cfg[0][0] != each.name.removesuffix("_"):
            yield Finding(name=each.name, message=f"the revision `{each.name}` sets `{shown(cfg[0])}`", span=cfg[1])


@rule("E0170", "each snapshot says what the lint says now", Severity.ERROR, "disallowed", "refusals")
def snapshot_is_current(facts: Facts) -> Iterator[Finding]:
    """A snapshot of disallowed-cli-cfgs names the lint, the cfg and the flag as the list has them."""
    test = _refusals(facts)
    flags = {each.name: each for each in facts.lists.entries("disallowed")}
    for revision, (path, lines) in test.snapshots.items():
        for wanted, what in _sentences(test, flags, revision):
            if not any(wanted in line for line in lines):
                wrong = next((number for number, line in enumerate(lines, 1) if what in line), 1)
                span = _line(facts, path, lines, wrong)
                yield Finding(
                    name=f"{revision} {what}",
                    message=f"the snapshot `{Path(path).name}` does not say `{wanted}`",
                    span=span,
                    label="what it says instead",
                )


def _sentences(test: Refusals, flags: dict[str, Entry], revision: str) -> Iterator[tuple[str, str]]:
    """What a snapshot must hold, and a word of the line that does."""
    yield f"#[deny({LINT})]", "on by default"
    cfg = test.flags.get(revision)
    if cfg is not None:
        yield f"unexpected `--cfg {shown(cfg[0])}` flag", "unexpected `--cfg"
    entry = flags.get(cfg[0][0] if cfg is not None else revision.removesuffix("_"))
    if entry is not None:
        yield f"config `{entry.name}` is only supposed to be controlled by `{entry.controlled_by}`", "controlled by"


@rule("E0171", "the test of well-known values has every well-known name", Severity.ERROR, "well_known", "tested")
def values_are_tested(facts: Facts) -> Iterator[Finding]:
    """The names in well-known-values.rs are those of W, but for those tested elsewhere, and each has its expectation."""
    names, start = facts.tested or ((), None)
    tested = {each.name: each for each in names}
    known = facts.lists.forms("well_known")
    for name in known:
        if name not in tested and name not in TESTED_ELSEWHERE:
            places = beside((facts.lists.first("well_known", name).span, "it is well known here"))
            yield Finding(
                name=name, message=f"`{name}` is well known, and the test of well-known values lacks it", span=start, related=places
            )
    for name, each in tested.items():
        if name not in known:
            yield Finding(name=name, message=f"the test of well-known values has `{name}`, which is not well known", span=each.span)
        elif not each.note.startswith(EXPECTATION) and name not in TESTED_ELSEWHERE:
            yield Finding(name=name, message=f"the line of `{name}` is not followed by its expectation", span=each.span)


@rule("E0172", "every snapshot that lists the expected names has the well-known ones", Severity.ERROR, "well_known", "listings")
def snapshots_list_all(facts: Facts) -> Iterator[Finding]:
    """A list of expected names in a snapshot is W and what its test declares; one that leaves W out counts it."""
    known = facts.lists.forms("well_known")
    for each in facts.listings or ():
        file = each.span.path.name
        left_out = len(known.keys() - set(each.names))
        if each.more not in {None, left_out}:
            message = f"the expected names in `{file}` are {each.more} more than it shows, and {left_out} are well known"
            yield Finding(name=f"{file} more", message=message, span=each.span)
        for name in known if each.more is None else ():
            if name not in each.names:
                yield Finding(name=f"{file} {name}", message=f"the expected names in `{file}` lack `{name}`", span=each.span)
        for name in each.names:
            if name not in known and name not in each.declared and not (name.startswith(EDITION) or name in TEST_RUNNER):
                yield Finding(
                    name=f"{file} {name}", message=f"the expected names in `{file}` have `{name}`, which is not well known", span=each.span
                )


@rule("E0173", "the book lists the well-known names", Severity.ERROR, "well_known", "book")
def book_lists_all(facts: Facts) -> Iterator[Finding]:
    """The page about check-cfg has W, names the file that holds it, and its date can be believed."""
    if facts.book is None:
        return
    book, known = facts.book, facts.lists.forms("well_known")
    listed = {each.name: each for each in book.names}
    for name in known:
        if name not in listed:
            places = beside((facts.lists.first("well_known", name).span, "it is well known here"))
            yield Finding(name=name, message=f"the page about check-cfg lacks `{name}`", span=book.start, related=places)
    for name, each in listed.items():
        if name not in known:
            yield Finding(name=name, message=f"the page about check-cfg lists `{name}`, which is not well known", span=each.span)
    if book.path is not None and not facts.book_source_exists:
        message = f"the page about check-cfg names `{book.path.name}`, which does not hold the list"
        yield Finding(name="path", message=message, span=book.path.span, label="a stale path", severity=Severity.WARNING)
    if book.date is not None:
        yield from _date(facts)


def _date(facts: Facts) -> Iterator[Finding]:
    """The date of the page: older than the last change of the list where that is known, kept by hand anyway."""
    date = facts.book.date if facts.book else None
    if date is None:
        return
    said, changed = date.name[:10], facts.well_known_changed
    if changed and _is_date(said) and said < changed:
        yield Finding(name="date", message=f"the page about check-cfg is of {said}, and the list changed on {changed}", span=date.span)
    elif not changed:
        yield Finding(
            name="date",
            message=f"the date {said} of the page about check-cfg is kept by hand",
            span=date.span,
            label="no history tells whether it is current",
            severity=Severity.NOTE,
        )


def _is_date(word: str) -> bool:
    try:
        return bool(dt.date.fromisoformat(word))
    except ValueError:
        return False


@rule("E0174", "each gate has a test", Severity.ERROR, "gated", "gate_messages")
def gates_are_tested(facts: Facts) -> Iterator[Finding]:
    """A snapshot of a feature-gate test says of each name in G, and of no other cfg, that it is experimental."""
    for entry in facts.lists.entries("gated"):
        if entry.name not in (facts.gate_messages or ()) and entry.name not in PREDICATES:
            message = f"no feature-gate test shows that `{entry.name}` is experimental"
            yield Finding(name=entry.name, message=message, span=entry.span, label="it is gated here")
    gates = facts.lists.forms("gated")
    for name in sorted((facts.gate_messages or frozenset()) & {*facts.lists.forms("default"), *facts.lists.forms("well_known")}):
        if name not in gates:
            first = next(iter(facts.lists.entries("gated")), None)
            message = f"a feature-gate test says that `{name}` is experimental, and no row gates it"
            yield Finding(name=name, message=message, span=first.span if first else None, label="the gates begin here")


@rule("E0178", "no revision of a test is called like a built-in cfg", Severity.ERROR, "collisions")
def revisions_do_not_collide(facts: Facts) -> Iterator[Finding]:
    """The test runner turns revisions into cfgs, so a revision `unix` would be refused or change the test."""
    for each in facts.collisions or ():
        file = each.span.path.name
        yield Finding(
            name=f"{file} {each.name}", message=f"the revision `{each.name}` of `{file}` is called like a built-in cfg", span=each.span
        )


def _refusals(facts: Facts) -> Refusals:
    if facts.refusals is None:
        raise ValueError("the rule was asked without its facts")
    return facts.refusals


def _top(facts: Facts, path: str, lines: tuple[str, ...]) -> Span:
    return _line(facts, path, lines, 1)


def _line(facts: Facts, path: str, lines: tuple[str, ...], number: int) -> Span:
    return place((facts.root or Path()) / path, number, lines[number - 1] if lines else "")


RULES = (
    *(each_is_tested, revision_sets_its_cfg, snapshot_is_current, values_are_tested, snapshots_list_all, book_lists_all),
    *(gates_are_tested, revisions_do_not_collide),
)
