"""The text of a file that is carried over: comments stay with what they are about, the rest is kept to the character."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from change_tracker import rewrite as module
from change_tracker.change import Change, Kind, Pin, Remove, Rename, Rewrite, Severity, Step, key
from change_tracker.history import History
from change_tracker.migrate import Conflict, carry
from change_tracker.rewrite import Unwritable, rewrite


def entry(number: int, kind: Kind, *steps: Step) -> Change:
    return Change(id=number, severity=Severity.WARNING, kind=kind, summary="s", since="0.2.0", migration=steps)


PAST = History(
    changes=(
        entry(2, Kind.RENAMED, Rename(key=key("build.cache-dir"), to=key("build.build-dir"))),
        entry(3, Kind.MOVED, Rename(key=key("rust.description"), to=key("build.description"))),
        entry(4, Kind.VALUE, Rewrite(key=key("enzyme.provider"), old="download", new="pinned")),
        entry(5, Kind.REMOVED, Remove(key=key("rust.parallel"))),
        entry(6, Kind.DEFAULT, Pin(key=key("enzyme.loose-types"), value=True)),
        entry(7, Kind.RENAMED, Rename(key=key("unit.*.autodiff.from"), to=key("unit.*.autodiff.source"))),
        entry(8, Kind.MOVED, Rename(key=key("unit.*.check"), to=key("unit.*.verify"))),
        entry(9, Kind.MOVED, Rename(key=key("llvm.jobs"), to=key("link.jobs"))),
    ),
    latest=9,
    files=dict.fromkeys(range(1, 10), ()),
)
OLD = """\
# my file

profile = "user"   # the profile

[build]
# where it goes
# really
cache-dir = "out"  # the place
jobs   =   3

[rust]
# why nightly
channel = "nightly"

# a description of it
description = "mine" # here
parallel = true # goes with its line
change-id = 1  # the id

[enzyme]
provider = "download"   # from the net

[llvm]
jobs = 4 # four

[unit."a.b"]
sources = ["a.c"]
[[unit."a.b".autodiff]]
from = "f"  # the primal
mode = "reverse"

[[unit."a.b".check]]
target = "f" # t
"""
NEW = """\
# my file

profile = "user"   # the profile
change-id = 9

[build]
# where it goes
# really
build-dir = "out"  # the place
jobs   =   3
# a description of it
description = "mine" # here

[rust]
# why nightly
channel = "nightly"


[enzyme]
provider = "pinned"   # from the net
loose-types = true

[unit."a.b"]
sources = ["a.c"]
[[unit."a.b".autodiff]]
source = "f"  # the primal
mode = "reverse"

[[unit."a.b".verify]]
target = "f" # t

[link]
jobs = 4 # four
"""


def lost_llvm(path: tuple[str, ...], value: object) -> bool:
    del value
    return path != ("llvm",)


def test_a_file_is_carried_over_with_its_comments() -> None:
    done = rewrite(OLD, PAST, accepts=lost_llvm)
    assert done.text == NEW
    assert [each.change for each in done.applied] == [2, 3, 4, 5, 6, 7, 8, 9, None, None]
    assert rewrite(done.text, PAST, accepts=lost_llvm) == module.Rewritten(text=NEW, applied=())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('change-id = 1\nbuild.cache-dir = "x" # hi\n', 'change-id = 9\nbuild.build-dir = "x" # hi\n\n[enzyme]\nloose-types = true\n'),
        ('change-id = 5\nbuild = { cache-dir = "x", jobs = 2 }\n', None),
        ("change-id = 1", "change-id = 9\n\n[enzyme]\nloose-types = true\n"),
        ("", "change-id = 9\n"),
        ("# only a comment\n", "# only a comment\nchange-id = 9\n"),
        ("change-id = 6\r\n[build]\r\njobs = 1 # x\r\n", "change-id = 9\r\n[build]\r\njobs = 1 # x\r\n"),
        ('"change-id" = "6"\n', '"change-id" = 9\n'),
    ],
)
def test_other_ways_to_write_a_file(old: str, new: str | None) -> None:
    done = rewrite(old, PAST, accepts=lost_llvm)
    expected = tomllib.loads(old)
    carry(expected, PAST, accepts=lost_llvm)
    assert tomllib.loads(done.text) == expected
    assert new is None or done.text == new


def test_the_words_that_open_a_file_stay_at_its_top() -> None:
    past = History(changes=(entry(2, Kind.MOVED, Rename(key=key("old"), to=key("build.new"))),), latest=2, files={1: (), 2: ()})
    done = rewrite("# my file\nold = 1 # x\n\n# about it\nchange-id = 1\n\n[build]\njobs = 3\n", past, accepts=lost_llvm)
    assert done.text == "# my file\n\n# about it\nchange-id = 2\n\n[build]\njobs = 3\nnew = 1 # x\n"


def test_a_table_in_pieces_is_carried_over() -> None:
    old = 'change-id = 6\n[unit.a]\nx = 1\n[build]\njobs = 1\n[unit.b]\nx = 2\n[[unit.b.autodiff]]\nfrom = "g" # the primal\n'
    assert rewrite(old, PAST, accepts=lost_llvm).text == old.replace("from", "source").replace("= 6", "= 9")


def test_a_conflict_is_told_before_anything_is_made() -> None:
    with pytest.raises(Conflict):
        rewrite('change-id = 1\n[build]\ncache-dir = "x"\nbuild-dir = "y"\n', PAST, accepts=lost_llvm)


def test_what_tomlkit_would_make_something_else_of_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(self: object, table: dict[str, Any], old: str, new: str) -> None:
        del self, old
        table[new] = "another value"

    monkeypatch.setattr(module.Commented, "rename", rename)
    with pytest.raises(Unwritable, match="something else"):
        rewrite('change-id = 1\n[build]\ncache-dir = "x"\n', PAST, accepts=lost_llvm)


def test_a_fault_of_tomlkit_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(text: str) -> None:
        raise IndexError(text)

    monkeypatch.setattr("tomlkit.parse", parse)
    with pytest.raises(Unwritable):
        rewrite("change-id = 1\n", PAST, accepts=lost_llvm)


SECTIONS = {
    "build": ["cache-dir", "jobs"],
    "rust": ["description", "parallel", "channel"],
    "enzyme": ["provider", "loose-types"],
    "llvm": ["jobs", "x"],
}


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A file with some of the keys, in tables, dotted or inline, with comments behind and above them."""
    lines = [f"change-id = {draw(st.integers(0, 9))} # c-top"] if draw(st.booleans()) else []
    tables: list[str] = []
    for section in draw(st.permutations(sorted(SECTIONS))):
        names = draw(st.lists(st.sampled_from(SECTIONS[section]), unique=True))
        values = {name: draw(st.sampled_from(['"download"', "3", "true", "[1, 2]"])) for name in names}
        style = draw(st.sampled_from(["table", "dotted", "inline"]))
        if style == "dotted":
            lines += [f"{section}.{name} = {value} # c-{section}-{name}" for name, value in values.items()]
        elif style == "inline" and values:
            lines.append(f"{section} = {{ {', '.join(f'{name} = {value}' for name, value in values.items())} }}")
        elif style == "table":
            tables.append(f"[{section}] # c-{section}")
            for name, value in values.items():
                tables += ["# above", f"{name} = {value} # c-{section}-{name}", *([""] if draw(st.booleans()) else [])]
    return "\n".join([*lines, *tables]) + draw(st.sampled_from(["", "\n"]))


@settings(deadline=None)
@given(text=texts())
def test_the_text_means_what_the_table_means_and_a_second_time_changes_nothing(text: str) -> None:
    expected = tomllib.loads(text)
    carry(expected, PAST, accepts=lost_llvm)
    done = rewrite(text, PAST, accepts=lost_llvm)
    assert module.filled(tomllib.loads(done.text)) == module.filled(expected)
    again = rewrite(done.text, PAST, accepts=lost_llvm)
    assert again.text == done.text
    assert again.applied == ()
    lost = set(re.findall("# c-.*", text)) - set(re.findall("# c-.*", done.text))
    gone = {"# c-rust-parallel", "# c-llvm"}  # with what they were about
    assert lost <= gone | ({"# c-rust-description"} if "build = {" in text else set())  # no comment fits into an inline table
    kept = [line for line in text.splitlines() if line.startswith(("channel =", "rust.channel", "x =", "llvm.x", "build.jobs"))]
    assert set(kept) <= set(done.text.splitlines())
