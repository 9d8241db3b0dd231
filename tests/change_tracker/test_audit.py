"""The history against the model: what is not told, what is told wrongly, and the file that is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from change_tracker.audit import Base, Finding, Rule, audit
from change_tracker.change import Change, Fault, Kind, Pin, Remove, Rename, Severity, Step, key, parse
from change_tracker.history import History
from change_tracker.schema_diff import Entry, Schema

JOBS = Entry(type="integer", default=0, doc="how many at once")
START: Schema = {key("build.jobs"): JOBS, key("build.cache"): Entry(type="string", default="c")}


def change(number: int, kind: Kind, *keys: str, severity: Severity = Severity.WARNING, **more: Any) -> Change:
    path = Path(f"changes/{number:04}-x.toml")
    return Change(
        id=number, severity=severity, kind=kind, summary=f"s{number}", since="0.1.0", keys=tuple(map(key, keys)), path=path, **more
    )


FIRST = change(1, Kind.ADDED, "build.jobs", "build.cache", severity=Severity.INFO)


def history(*changes: Change, files: Mapping[int, tuple[Path, ...]] | None = None, faults: tuple[Fault, ...] = ()) -> History:
    files = files or {each.id: (each.path or Path("x"),) for each in changes}
    return History(changes=changes, latest=max(files), files=files, faults=faults)


def found(past: History, model: Schema, base: Base | None = None) -> list[Finding]:
    return audit(past, model, base, version="0.2.0")


BASE = Base(name="v0.1.0", schema=START, history=history(FIRST))


def test_a_history_that_tells_everything_is_fine() -> None:
    assert found(history(FIRST), START) == []
    assert found(history(FIRST), START, BASE) == []


RENAME = Rename(key=key("build.cache"), to=key("build.cache-dir"))


@pytest.mark.parametrize(
    ("model", "message", "entry"),
    [
        (
            {**START, key("build.log"): Entry(type="string", doc="where to write")},
            "`build.log` was added since v0.1.0, and no change says so",
            change(2, Kind.ADDED, "build.log", severity=Severity.INFO),
        ),
        (
            {key("build.jobs"): JOBS},
            "`build.cache` was removed since v0.1.0, and no change says so",
            change(2, Kind.REMOVED, "build.cache", migration=(Remove(key=key("build.cache")),)),
        ),
        (
            {key("build.jobs"): JOBS, key("build.cache-dir"): Entry(type="string", default="c")},
            "`build.cache` became `build.cache-dir` since v0.1.0, and no change says so",
            change(2, Kind.RENAMED, "build.cache", "build.cache-dir", migration=(RENAME,)),
        ),
        (
            {**START, key("build.jobs"): Entry(type="integer", default=4)},
            "the default of `build.jobs` is 4 instead of 0 since v0.1.0, and no change says so",
            change(2, Kind.DEFAULT, "build.jobs", migration=(Pin(key=key("build.jobs"), value=0),)),
        ),
        (
            {**START, key("build.jobs"): Entry(type="integer", default=0, gate="forward")},
            "`build.jobs` needs the feature `forward` since v0.1.0, and no change says so",
            change(2, Kind.BEHAVIOUR, "build.jobs", severity=Severity.INFO),
        ),
    ],
)
def test_every_difference_needs_an_entry_and_the_remedy_is_one(model: Schema, message: str, entry: Change) -> None:
    (finding,) = found(history(FIRST), model, BASE)
    assert (finding.rule, finding.message) == (Rule.UNTOLD, message)
    head, _, text = finding.remedy.partition(":\n")
    path = Path(head.removeprefix("write `").removesuffix("`"))
    assert path.parent == Path("change_tracker/changes")
    made = parse(Path(path.name), text)
    assert (made.id, made.kind, made.severity, made.keys, made.migration) == (2, entry.kind, entry.severity, entry.keys, entry.migration)
    assert found(history(FIRST, made), model, BASE) == []


def test_a_changed_type_needs_an_entry() -> None:
    model = {**START, key("build.jobs"): Entry(type="string", default=0)}
    (finding,) = found(history(FIRST), model, BASE)
    assert finding.message == "`build.jobs` takes `string` instead of `integer` since v0.1.0, and no change says so"
    assert 'rewrite = "build.jobs"\nfrom = ...' in finding.remedy
    assert found(history(FIRST, change(2, Kind.VALUE, "build.jobs")), model, BASE) == []


def test_a_key_that_takes_more_values_needs_an_entry_that_is_no_warning() -> None:
    old = {key("build.kind"): Entry(type='"a" | "b"')}
    first = change(1, Kind.ADDED, "build.kind", severity=Severity.INFO)
    base = Base(name="v1", schema=old, history=history(first))
    (finding,) = found(history(first), {key("build.kind"): Entry(type='"a" | "b" | "c"')}, base)
    assert 'severity = "info"\nkind = "behaviour"' in finding.remedy


def test_several_keys_of_one_kind_need_one_file() -> None:
    model = {**START, key("build.a"): JOBS, key("build.b"): JOBS}
    first, second = found(history(FIRST), model, BASE)
    assert 'keys = ["build.a", "build.b"]' in first.remedy
    assert second.remedy == ""


def test_without_anything_to_compare_with_the_keys_are_held_against_the_history() -> None:
    (finding,) = found(history(FIRST), {**START, key("build.log"): JOBS})
    assert finding.message == "`build.log` was added, and no change says so"
    (finding,) = found(history(FIRST), {key("build.jobs"): JOBS})
    assert finding.message == "`build.cache` was removed, and no change says so"


def test_an_entry_of_the_base_tells_nothing_new() -> None:
    gone = change(2, Kind.REMOVED, "build.cache", migration=(Remove(key=key("build.cache")),))
    base = Base(name="v0.1.0", schema=START, history=history(FIRST, gone))
    assert [each.rule for each in found(history(FIRST, gone), {key("build.jobs"): JOBS}, base)] == [Rule.UNTOLD]


def test_a_table_that_is_named_stands_for_the_keys_in_it_when_it_goes() -> None:
    gone = change(2, Kind.REMOVED, "build", migration=(Remove(key=key("build")),))
    assert found(history(FIRST, gone), {}, BASE) == []
    moved = change(2, Kind.MOVED, "build", "make", migration=(Rename(key=key("build"), to=key("make")),))
    assert found(history(FIRST, moved), {("make", *each[1:]): entry for each, entry in START.items()}, BASE) == []


def test_an_entry_that_was_deleted_or_altered_is_found_and_a_better_summary_is_not() -> None:
    gap, deleted = found(history(change(2, Kind.BEHAVIOUR)), START, Base(name="HEAD^", schema=START, history=history(FIRST)))
    assert (gap.rule, deleted.rule) == (Rule.IDS, Rule.ALTERED)
    assert "git checkout HEAD^ -- changes/0001-x.toml" in deleted.remedy
    altered = change(1, Kind.ADDED, "build.jobs", severity=Severity.INFO)
    assert [each.rule for each in found(history(altered), {key("build.jobs"): JOBS}, BASE)] == [Rule.ALTERED, Rule.UNTOLD]
    better = change(1, Kind.ADDED, "build.jobs", "build.cache", severity=Severity.INFO)
    assert found(history(better), START, Base(name="x", schema=START, history=history(FIRST))) == []


def test_two_changes_with_one_id_are_found() -> None:
    files = {1: (Path("0001-a.toml"), Path("0001-b.toml"))}
    (finding,) = found(history(FIRST, files=files), START)
    assert (finding.rule, finding.message) == (Rule.IDS, "change 1 is there twice: `0001-a.toml` and `0001-b.toml`")
    assert "0002-" in finding.remedy


def test_a_gap_is_found() -> None:
    (finding,) = found(history(FIRST, change(3, Kind.BEHAVIOUR)), START)
    assert finding.message == "change 2 is missing; ids have no gaps"


@pytest.mark.parametrize(
    ("entry", "rule", "message"),
    [
        (change(2, Kind.BEHAVIOUR, supersedes=(2,)), Rule.IDS, "`supersedes` names change 2, which is no earlier one"),
        (change(2, Kind.BEHAVIOUR, reverts=(9,)), Rule.IDS, "`reverts` names change 9, which is no earlier one"),
        (change(2, Kind.BEHAVIOUR, "build.nothing"), Rule.KEYS, "`build.nothing` was no key of the configuration"),
        (change(2, Kind.DEFAULT, "build.jobs"), Rule.MIGRATION, "a change of the kind `default-changed` has a step"),
        (change(2, Kind.VALUE), Rule.KEYS, "a change of the kind `value-changed` names the keys"),
        (
            change(2, Kind.DEFAULT, "build.jobs", severity=Severity.INFO, migration=(Pin(key=key("build.jobs"), value=0),)),
            Rule.SEVERITY,
            "a change of the kind `default-changed` is `warning`, not `info`",
        ),
        (
            change(2, Kind.BEHAVIOUR, "build.jobs", migration=(Pin(key=key("build.cache"), value=0),)),
            Rule.MIGRATION,
            "the step touches `build.cache`, which is not among `keys`",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_found(entry: Change, rule: Rule, message: str) -> None:
    (finding,) = found(history(FIRST, entry), START)
    assert finding.rule is rule
    assert message in finding.message
    assert finding.path == Path("changes/0002-x.toml")


def test_a_reversal_does_nothing_else() -> None:
    gone: tuple[Step, ...] = (Remove(key=key("build.cache")),)
    past = (FIRST, change(2, Kind.REMOVED, "build.cache", migration=gone))
    back = change(3, Kind.ADDED, "build.cache", severity=Severity.INFO, reverts=(2,))
    more = change(3, Kind.ADDED, "build.cache", "build.log", severity=Severity.INFO, reverts=(2,))
    assert found(history(*past, back), START) == []
    assert [each.rule for each in found(history(*past, more), {**START, key("build.log"): JOBS})] == [Rule.KEYS]


def test_a_file_that_cannot_be_read_is_a_finding() -> None:
    fault = Fault(path=Path("0002-x.toml"), message="not valid TOML", key=("kind",))
    (finding,) = found(history(FIRST, faults=(fault,)), START)
    assert (finding.rule, finding.path, finding.key) == (Rule.UNREADABLE, fault.path, fault.key)


def test_behind_an_entry_that_cannot_be_read_no_key_is_missed() -> None:
    fault = Fault(path=Path("0001-x.toml"), message="not valid TOML")
    past = History(changes=(change(2, Kind.BEHAVIOUR),), latest=2, files={1: (fault.path,), 2: (Path("0002-x.toml"),)}, faults=(fault,))
    assert [each.rule for each in found(past, START)] == [Rule.UNREADABLE]
    base = Base(name="HEAD^", schema=START, history=history(FIRST))
    assert [each.rule for each in found(past, START, base)] == [Rule.UNREADABLE]
    assert [each.rule for each in found(past, {**START, key("build.log"): JOBS}, base)] == [Rule.UNREADABLE, Rule.UNTOLD]
