"""What `build`, `verify` and `clean` share: the units that are meant, and the table of what came of them."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bootstrap.commands.reporting import report
from bootstrap.config import Resolved, load_for, require_unit
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, Severity, fail, program, shown
from plugin.build import Options, Report
from plugin.build import build as build_units
from plugin.engines import fallback
from plugin.plan import Plan
from plugin.verify import Verdict


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the units to work on."""
    meaning = "units of the configuration, or folders that hold a config.toml; all units when none is given"
    parser.add_argument("units", nargs="*", metavar="UNIT or DIR", help=meaning)


def chosen(options: argparse.Namespace) -> Iterator[tuple[Resolved, list[str]]]:
    """The configurations that are meant, each with the names of its units; raises `Failure` (E0234) for a name that is no unit."""
    folders = [name for name in options.units if os.sep in name or (Path(name) / "config.toml").exists()]
    names = [name for name in options.units if name not in folders]
    for folder in folders:
        resolved = options.resolved = load_for(argparse.Namespace(**{**vars(options), "config": folder}))
        yield resolved, list(resolved.config.unit)
    if names or not folders:
        resolved = load_for(options)
        unknown = [name for name in names if name not in resolved.config.unit]
        if unknown:
            raise Failure(*(_unknown(name, resolved) for name in unknown))
        yield resolved, names or list(resolved.config.unit)


def _unknown(name: str, resolved: Resolved) -> Diagnostic:
    known = list(resolved.config.unit)
    matches = difflib.get_close_matches(name, known)
    remedies = [f"did you mean {' or '.join(f'`{each}`' for each in matches)}?"] if matches else []
    message = f"there is no unit `{name}`, and no folder of that name with a config.toml"
    return Diagnostic(code="E0234", message=message, notes=(f"the units are: {', '.join(known) or 'none'}",), help=tuple(remedies))


def build(options: argparse.Namespace, *, verify_again: bool) -> int:
    """Build and check the units that are meant, print the table, raise `Failure` with everything that went wrong."""
    results: list[Report | Failure] = []
    for resolved, names in chosen(options):
        if not names:
            raise _nothing_to_build(resolved)
        plans = _plans(resolved, _left(resolved, names, options), options.cfgs)
        _report_warnings(resolved, plans, options)
        if options.dry_run:
            console.status("\n".join(f"would build {plan.name} in {plan.folder}" for plan in plans))
            continue
        jobs = resolved.config.build.jobs or os.cpu_count() or 1
        results += build_units(plans, Options(jobs=jobs, offline=options.offline, keep_ir=options.keep_ir, verify_again=verify_again))
    reports = [each for each in results if isinstance(each, Report)]
    print(json.dumps([_as_json(each) for each in reports], indent=1) if options.json else table(reports), end="\n" if reports else "")
    wrong = [each for failure in results if isinstance(failure, Failure) for each in failure.diagnostics]
    wrong += [_disagrees(report, verdict) for report in reports for verdict in report.verdicts if not verdict.passed]
    if wrong:
        raise Failure(*wrong)
    return 0


def _report_warnings(resolved: Resolved, plans: Sequence[Plan], options: argparse.Namespace) -> None:
    found = [*fallback.warnings(resolved, plans), *_guesses(resolved, plans)]
    if found:
        from bootstrap.cfg import levels  # noqa: PLC0415 - 20 ms for those who are told something

        report(levels.apply(found, levels.given(options)))


def _guesses(resolved: Resolved, plans: Sequence[Plan]) -> Iterator[Diagnostic]:
    """The warning that a derivative may be wrong because Enzyme may guess types, once for a configuration."""
    units = [plan.unit for plan in plans if not plan.missing_engine]
    if not (resolved.config.llvm.enzyme and resolved.config.enzyme.loose_types and units):
        return
    checked = {entry.target for unit in units for entry in unit.verify}
    unchecked = [f"`{entry.target}`" for unit in units for entry in unit.autodiff if entry.target not in checked]
    yield Diagnostic(
        code="E0248",
        severity=Severity.WARNING,
        message="types may be guessed, and a derivative may then be wrong without a word",
        notes=(f"no entry of `verify` checks {', '.join(unchecked)}",) if unchecked else (),
        help=("give each derivative an entry of `verify`, and leave `loose-types` out where the build works without",),
        span=resolved.span_of(("enzyme", "loose-types")),
    )


def _nothing_to_build(resolved: Resolved) -> Failure:
    if resolved.file is None:
        remedy = f"name a folder that has one, as in `{program()} build DIR`"
        return fail("E0235", "there is no `config.toml` here, so there is no unit to build", help=[remedy])
    return fail("E0235", f"`{shown(resolved.file)}` has no unit to build", help=["add a table `[unit.NAME]` with `sources`"])


def _left(resolved: Resolved, names: Sequence[str], options: argparse.Namespace) -> list[str]:
    """The units whose `when` is true, or that have none. Raises `Failure` when something is wrong with the cfgs."""
    conditional = [name for name in names if resolved.config.unit[name].when is not None]
    if not (conditional or options.cfgs or resolved.config.cfg.set or resolved.config.cfg.check):
        return list(names)
    from bootstrap import cfg  # noqa: PLC0415 - 20 ms for those who have cfgs
    from bootstrap.cfg import levels  # noqa: PLC0415

    report(cfg.check(resolved, cfgs=options.cfgs, given=levels.given(options)))
    if not conditional:
        return list(names)
    active = cfg.active(resolved, engine_usable=fallback.missing_engine(resolved) is None, cfgs=options.cfgs)
    left = []
    for name in names:
        when = cfg.when_of(resolved, name)
        if when is not None and not cfg.holds(when, active):
            console.status(f"{name} is left out: its `when` is false here")
            continue
        if when is not None:
            require_unit(resolved, name)
        left.append(name)
    return left


def _plans(resolved: Resolved, names: Sequence[str], cfgs: Sequence[str]) -> list[Plan]:
    plans: list[Plan] = []
    faults: list[Diagnostic] = []
    for name in names:
        try:
            plans.append(Plan.of(resolved, name, cfgs))
        except Failure as failure:
            faults += failure.diagnostics
    if faults:
        raise Failure(*faults)
    return plans


def _disagrees(report: Report, verdict: Verdict) -> Diagnostic:
    difference = f"by {verdict.error:.1e}, relative; {verdict.tolerance:g} is allowed"
    return report.plan.placed(
        Diagnostic(
            code="E0101",
            message=f"`{verdict.target}` differs from central differences {difference}",
            notes=(f"{verdict.where} is {verdict.found:.12g}, central differences give {verdict.expected:.12g}",),
            help=("see that the function is smooth at `args`, and that every pointer it differentiates is Duplicated or Dual",),
            key=verdict.key,
        )
    )


# What is printed


def table(reports: Sequence[Report]) -> str:
    """The units with their derivatives, the largest relative difference of each, where the output is, and how long each stage took."""
    if not reports:
        return ""
    rows = [("unit", "derivative", "difference", "output"), *(row for report in reports for row in _rows(report))]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}".rstrip() for row in rows]
    return "\n".join([*lines, *(_stages(report) for report in reports)])


def _rows(report: Report) -> Iterator[tuple[str, str, str, str]]:
    worst: dict[str, float] = {}
    for verdict in report.verdicts:
        worst[verdict.target] = max(verdict.error, worst.get(verdict.target, 0.0))
    targets = [each.item.target for each in report.derivatives] or ["-"]
    for index, target in enumerate(targets):
        difference = f"{worst[target]:.1e}" if target in worst else "not checked" if target != "-" else "-"
        yield (report.plan.name if index == 0 else "", target, difference, _shown(report.plan.output) if index == 0 else "")


def _stages(report: Report) -> str:
    if not report.seconds:
        return f"{report.plan.name} is up to date"
    return f"{report.plan.name}: " + ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in report.seconds.items())


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "unit": report.plan.name,
        "output": str(report.plan.output),
        "derivatives": [each.as_json() for each in report.derivatives],
        "checks": [dataclasses.asdict(each) for each in report.verdicts],
        "seconds": dict(report.seconds),
    }
