"""What an entry's file has to be; every fault of one is told, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from change_tracker.change import Change, Kind, Pin, Remove, Rename, Rewrite, Severity, Unreadable, parse

PATH = Path("0007-cache-renamed.toml")
WHOLE = """
severity = "warning"
kind = "renamed"
keys = ["build.cache", "unit.*.kind"]
commands = ["build"]
summary = "s"
since = "0.2.0"
supersedes = [3]
reverts = [4]

[[migration]]
rename = "build.cache"
to = "build.cache-dir"

[[migration]]
rewrite = "unit.*.kind"
from = "so"
to = "shared"

[[migration]]
remove = "build.gone"

[[migration]]
pin = "build.jobs"
value = 1
"""
LEAST = 'severity = "info"\nkind = "behaviour"\nsummary = "s"\nsince = "0.1.0"\n'


def test_an_entry_is_read_whole() -> None:
    assert parse(PATH, WHOLE) == Change(
        id=7,
        severity=Severity.WARNING,
        kind=Kind.RENAMED,
        keys=(("build", "cache"), ("unit", "*", "kind")),
        commands=("build",),
        summary="s",
        since="0.2.0",
        supersedes=(3,),
        reverts=(4,),
        migration=(
            Rename(key=("build", "cache"), to=("build", "cache-dir")),
            Rewrite(key=("unit", "*", "kind"), old="so", new="shared"),
            Remove(key=("build", "gone")),
            Pin(key=("build", "jobs"), value=1),
        ),
        path=Path("0007-cache-renamed.toml"),
    )


def test_an_entry_needs_little() -> None:
    assert parse(PATH, LEAST).keys == ()


@pytest.mark.parametrize(
    ("more", "place", "message"),
    [
        ('colour = "red"', ("colour",), "a change has no key `colour`"),
        ("keys = 3", ("keys",), "`keys` has to be an array"),
        ('keys = ["build.jobs", "Build Jobs"]', ("keys", 1), "`keys` holds a key such as `build.jobs`"),
        ("supersedes = [true]", ("supersedes", 0), "`supersedes` holds the id of a change"),
        ("reverts = [0]", ("reverts", 0), "`reverts` holds the id of a change"),
        ("migration = 3", ("migration",), "a step is a table `[[migration]]`"),
        ('[[migration]]\nto = "x"', ("migration", 0), "a step has one of `rename`, `rewrite`, `remove`, `pin`"),
        ('[[migration]]\nremove = "a.b"\npin = "a.b"', ("migration", 0), "a step has one of `rename`, `rewrite`, `remove`, `pin`"),
        ('[[migration]]\nrename = "a.b"', ("migration", 0), "`rename` goes with `to`"),
        ('[[migration]]\nrewrite = "a.b"\nto = 3', ("migration", 0), "`rewrite` goes with `from` and `to`"),
        ('[[migration]]\nremove = "a.b"\nto = "c"', ("migration", 0), "`remove` goes with nothing else"),
        ("[[migration]]\nremove = 3", ("migration", 0), "`remove` needs a key such as `build.jobs`"),
        ('[[migration]]\nrename = "unit.*.a"\nto = "build.a"', ("migration", 0), "both keys of a `rename` have the same `*`"),
        ('[[migration]]\nrename = "build.a"\nto = "unit.*.a"', ("migration", 0), "both keys of a `rename` have the same `*`"),
        ('[[migration]]\nrename = "a"\nto = "a.b"', ("migration", 0), "neither is inside of the other"),
    ],
)
def test_a_fault_is_told_with_its_place(more: str, place: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(PATH, f"{LEAST}{more}\n")
    (fault,) = caught.value.faults
    assert (fault.path, fault.key) == (PATH, place)
    assert message in fault.message


def test_all_faults_come_at_once() -> None:
    with pytest.raises(Unreadable) as caught:
        parse(PATH, 'severity = "severe"\nkind = ["added"]\nsummary = " "\nsince = 1.0\n')
    assert [each.key for each in caught.value.faults] == [("severity",), ("kind",), ("summary",), ("since",)]
    with pytest.raises(Unreadable) as caught:
        parse(PATH, "")
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize("name", ["7-x.toml", "0007.toml", "0007-X.toml", "0007-x.md", "0007-a_b.toml", "notes.toml"])
def test_the_name_of_a_file_is_its_id_and_words(name: str) -> None:
    with pytest.raises(Unreadable, match="NNNN-words"):
        parse(Path(name), LEAST)


@pytest.mark.parametrize("text", ["severity =", "a = " + "[" * 10_000, "<<<<<<< HEAD\n" + LEAST])
def test_what_is_no_toml_is_no_entry(text: str) -> None:
    with pytest.raises(Unreadable, match="not valid TOML"):
        parse(PATH, text)
