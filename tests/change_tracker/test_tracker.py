"""Who is told what: the standing of a configuration, what concerns it, and why a key is not known."""

from __future__ import annotations

from typing import Any

import pytest

from change_tracker.change import Change, Kind, Remove, Rename, Rewrite, Severity, key
from change_tracker.history import History
from change_tracker.tracker import Standing, Use, concerns, explanation, news, pattern, standing


def change(number: int, kind: Kind, *keys: str, **more: Any) -> Change:
    return Change(id=number, severity=Severity.WARNING, kind=kind, summary="s", since="0.2.0", keys=tuple(map(key, keys)), **more)


def history(*changes: Change) -> History:
    return History(changes=changes, latest=max(each.id for each in changes), files={each.id: () for each in changes})


PAST = history(
    change(1, Kind.ADDED, "build.jobs"),
    change(2, Kind.REMOVED, "build.gone"),
    change(3, Kind.DEFAULT, "build.jobs"),
    change(5, Kind.ADDED, "build.new"),
)


@pytest.mark.parametrize(
    ("change_id", "expected"),
    [
        (5, Standing.CURRENT),
        (3, Standing.BEHIND),
        (0, Standing.BEHIND),
        (4, Standing.UNKNOWN),
        (6, Standing.NEWER),
        (2**63 - 1, Standing.NEWER),
        ("ignore", Standing.IGNORED),
        (None, Standing.UNTRACKED),
    ],
)
def test_where_a_configuration_stands(change_id: int | str | None, expected: Standing) -> None:
    assert standing(change_id, PAST.files) is expected
    if expected is not Standing.BEHIND:
        assert news(PAST, change_id, Use()).all == ()


def test_an_unknown_id_is_not_flooded() -> None:
    found = news(PAST, 4, Use(paths={("build", "gone")}))
    assert (found.standing, found.all) == (Standing.UNKNOWN, ())


def test_what_concerns_the_configuration_comes_first() -> None:
    found = news(PAST, 1, Use(paths={("build", "gone"), ("build", "jobs")}))
    assert [each.id for each in found.concerning] == [2]
    assert [each.id for each in found.others] == [3, 5]
    assert [each.id for each in found.all] == [2, 3, 5]


def test_what_was_told_before_is_not_told_again() -> None:
    found = news(PAST, 1, Use(paths={("build", "gone")}), after=3)
    assert [each.id for each in found.all] == [5]


UNIT = {("unit", "a", "sources"), ("unit", "b", "sources"), ("unit", "b", "kind")}


@pytest.mark.parametrize(
    ("changed", "paths", "expected"),
    [
        (change(1, Kind.REMOVED, "build.gone"), {("build", "gone")}, True),
        (change(1, Kind.REMOVED, "build.gone"), {("build", "jobs")}, False),
        (change(1, Kind.REMOVED, "build"), {("build", "jobs")}, True),
        (change(1, Kind.RENAMED, "a.b", "a.c"), {("a", "c")}, True),
        (change(1, Kind.VALUE, "unit.*.kind"), UNIT, True),
        (change(1, Kind.VALUE, "unit.*.flags"), UNIT, False),
        (change(1, Kind.ADDED, "build.jobs"), {("build", "jobs")}, True),
        (change(1, Kind.ADDED, "build.jobs"), {("build", "build-dir")}, False),
        (change(1, Kind.DEFAULT, "build.jobs"), set(), True),
        (change(1, Kind.DEFAULT, "build.jobs"), {("build", "jobs")}, False),
        (change(1, Kind.DEFAULT, "unit.*.kind"), UNIT, True),
        (change(1, Kind.DEFAULT, "unit.*.kind"), {("unit", "b", "kind")}, False),
        (change(1, Kind.DEFAULT, "unit.*.kind"), set(), False),
        (change(1, Kind.BEHAVIOUR, "build.jobs"), {("build", "jobs")}, True),
        (change(1, Kind.BEHAVIOUR, "build.jobs"), set(), True),
        (change(1, Kind.BEHAVIOUR, "unit.*.kind"), set(), False),
        (change(1, Kind.BEHAVIOUR), set(), True),
        (change(1, Kind.BEHAVIOUR, commands=("fetch",)), set(), False),
        (change(1, Kind.BEHAVIOUR, commands=("build",)), set(), True),
        (change(1, Kind.ADDED, "x.y", commands=("build",)), set(), True),
    ],
)
def test_what_a_change_concerns(changed: Change, paths: set[tuple[str, ...]], *, expected: bool) -> None:
    assert concerns(changed, Use(paths=paths, commands=("build",))) is expected


def test_names_of_the_users_and_indices_are_left_out_of_a_pattern() -> None:
    assert pattern(("unit", "a.b", "autodiff", 0, "mode")) == ("unit", "*", "autodiff", "mode")
    assert pattern(("target", "x86_64", "cc")) == ("target", "*", "cc")
    assert pattern(("build", "jobs")) == ("build", "jobs")


GONE = history(
    change(1, Kind.ADDED, "build.cache"),
    change(2, Kind.RENAMED, "build.cache", "build.cache-dir", migration=(Rename(key=key("build.cache"), to=key("build.cache-dir")),)),
    change(3, Kind.REMOVED, "rust.parallel", migration=(Remove(key=key("rust.parallel")),)),
    change(4, Kind.MOVED, "pgo", "rust.pgo", migration=(Rename(key=key("pgo"), to=key("rust.pgo")),)),
    change(5, Kind.VALUE, "enzyme.provider", migration=(Rewrite(key=key("enzyme.provider"), old="download", new="pinned"),)),
    change(6, Kind.RENAMED, "unit.*.from", "unit.*.source", migration=(Rename(key=key("unit.*.from"), to=key("unit.*.source")),)),
    change(7, Kind.REMOVED, "a.taken-back", migration=(Remove(key=key("a.taken-back")),)),
    change(8, Kind.ADDED, "a.taken-back", reverts=(7,)),
    change(9, Kind.REMOVED, "a.came-back", migration=(Remove(key=key("a.came-back")),)),
    change(10, Kind.ADDED, "a.came-back"),
    change(11, Kind.REMOVED, "a.taken-over", migration=(Remove(key=key("a.taken-over")),)),
    change(12, Kind.RENAMED, "a.x", "a.taken-over", migration=(Rename(key=key("a.x"), to=key("a.taken-over")),)),
)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("build", "cache"), 3, "`build.cache` was renamed to `build.cache-dir` in change 2 (0.2.0)"),
        (("rust", "parallel"), True, "`rust.parallel` was removed in change 3 (0.2.0)"),
        (("pgo", "use"), "p", "`pgo.use` was moved to `rust.pgo.use` in change 4 (0.2.0)"),
        (("enzyme", "provider"), "download", "`enzyme.provider` says `pinned` instead of `download` in change 5 (0.2.0)"),
        (("unit", "gmm", "from"), "f", "`unit.*.from` was renamed to `unit.*.source` in change 6 (0.2.0)"),
        (("enzyme", "provider"), "dwonload", None),
        (("build", "cahce"), 3, None),
        (("a", "taken-back"), 3, None),
        (("a", "came-back"), 3, None),
        (("a", "taken-over"), 3, None),
    ],
)
def test_why_a_key_is_not_known(path: tuple[str, ...], value: object, words: str | None) -> None:
    assert explanation(GONE, path, value) == words
