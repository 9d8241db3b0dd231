"""C25 to C27 and C31: the build system, the crates and the targets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from bootstrap.cfg.expression import shown
from bootstrap.cfg.facts import Facts
from bootstrap.cfg.rules.rule import Finding, beside, rule
from bootstrap.diagnostics import Severity


@rule("E0175", "an extra cfg is asked for, and is not well known anyway", Severity.WARNING, "well_known", "extra")
def extra_is_extra(facts: Facts) -> Iterator[Finding]:
    """No name of EXTRA_CHECK_CFGS is in W, none stands there twice for the same crates, and some source asks for each."""
    known = facts.lists.forms("well_known")
    seen: dict[tuple[str, str], object] = {}
    for each in facts.extra or ():
        if each.name in known:
            places = beside((facts.lists.first("well_known", each.name).span, "it is well known here"))
            yield Finding(
                name=each.name,
                message=f"`{each.name}` is expected by {each.where}, and rustc expects it anyway",
                span=each.span,
                related=places,
            )
        if each.name in facts.unasked:
            message = f"`{each.name}` is expected by {each.where}, and no source asks for it"
            yield Finding(name=f"{each.name} unasked", message=message, span=each.span)
        if seen.setdefault((each.name, each.where), each) is not each:
            yield Finding(name=each.name, message=f"`{each.name}` is given twice by {each.where}", span=each.span)


@rule("E0176", "a cfg that the build system passes is declared", Severity.ERROR, "passed", "extra", "declared")
def passed_is_declared(facts: Facts) -> Iterator[Finding]:
    """A name that bootstrap passes with `--cfg` is declared by it, or by the lints of a crate."""
    declared = {each.name for each in (*(facts.extra or ()), *(facts.declared or ()))}
    for each in facts.passed or ():
        if each.name not in declared:
            notes = () if facts.has_vendored else ("a crate that is not in this tree may declare it: there is no folder `vendor`",)
            severity = None if facts.has_vendored else Severity.WARNING
            yield Finding(
                name=each.name,
                message=f"bootstrap passes `--cfg {each.name}`, and nothing declares it",
                span=each.span,
                notes=notes,
                severity=severity,
            )


@rule("E0177", "the values that are expected of target cfgs are those of the targets", Severity.ERROR, "values", "targets")
def target_values_agree(facts: Facts) -> Iterator[Finding]:
    """The values of built-in targets, in their table or as they are set, are those that are printed as expected."""
    for name, table in (facts.targets or {}).items():
        if facts.values is None or name not in facts.values:
            continue
        printed, span = facts.values[name]
        for value in sorted(each for each in printed if each is not None and each not in table):
            yield Finding(
                name=shown((name, value)),
                message=f"`{shown((name, value))}` is expected, and no built-in target has it",
                span=span,
            )
        for value in sorted(table - printed):
            yield Finding(
                name=shown((name, value)),
                message=f"`{shown((name, value))}` is what a built-in target has, and is not expected",
                span=span,
            )


@rule("E0181", "lists of platforms about the same fact agree", Severity.WARNING, "platforms")
def platforms_agree(facts: Facts) -> Iterator[Finding]:
    """What has an LLVM from the CI and what has a rustc from it are the same platforms."""
    lists = list(facts.platforms or ())
    for one, other in itertools.pairwise(lists):
        for here, there in ((one, other), (other, one)):
            for triple in sorted(here.triples.keys() - there.triples.keys()):
                places = beside((there.span, "it is missing here"))
                yield Finding(name=triple, message=f"`{triple}` is in {here.name} alone", span=here.triples[triple], related=places)


RULES = (extra_is_extra, passed_is_declared, target_values_agree, platforms_agree)
