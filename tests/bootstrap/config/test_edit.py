"""Changing one value: the text keeps everything else."""

import contextlib
import difflib
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.config import edit, keys, toml
from bootstrap.config.layers import flatten, unflatten
from bootstrap.diagnostics import Failure
from change_tracker import numbers

Write = Callable[..., Path]
TEXT = """\
#:schema docs/config.schema.json
# what this is for

profile = 'user'   # my profile

# about llvm
[llvm] # header
enzyme = false  # the flag

# about rust
[rust]
channel = 'stable' # c

[unit.gmm]
sources = [
  "a.c",  # one
]

[[unit.gmm.autodiff]]
source = "x"
target = "y"

[build]
  jobs=3

[enzyme]
"""


def difference(path: Any, value: object, text: str = TEXT) -> list[str]:
    """The lines that a change takes out and puts in."""
    after = edit.changed(toml.parse(Path("c.toml"), text), path, value)
    return [line for line in difflib.ndiff(text.splitlines(), after.splitlines()) if line[0] in "+-"]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("llvm", "enzyme"), True, ["- enzyme = false  # the flag", "+ enzyme = true  # the flag"]),
        (("rust", "channel"), "nightly", ["- channel = 'stable' # c", "+ channel = 'nightly' # c"]),
        (("rust", "channel"), "it's", ["- channel = 'stable' # c", '+ channel = "it\'s" # c']),
        (("change-id",), 3, ["+ change-id = 3"]),
        (("include",), ["a.toml"], ['+ include = ["a.toml"]']),
        (("llvm", "link-shared"), False, ["+ link-shared = false"]),
        (("build", "build-dir"), "x", ['+   build-dir = "x"']),
        (("enzyme", "provider"), "auto", ['+ provider = "auto"']),
        (("unit", "gmm", "kind"), "ir", ['+ kind = "ir"']),
        (("unit", "gmm", "autodiff", 0, "mode"), "reverse", ['+ mode = "reverse"']),
        (("unit", "gmm", "autodiff", 0, "source"), "f", ['- source = "x"', '+ source = "f"']),
        (("unit", "a.b", "sources"), ["x.c"], ["+ ", '+ [unit."a.b"]', '+ sources = ["x.c"]']),
        (("target", "t", "cc"), "gcc", ["+ ", "+ [target.t]", '+ cc = "gcc"']),
        (("cfg", "set"), [], ["+ ", "+ [cfg]", "+ set = []"]),
    ],
)
def test_only_the_touched_line_differs(path: Any, value: object, expected: list[str]) -> None:
    assert difference(path, value) == expected


def test_the_change_id_stands_at_the_top() -> None:
    after = edit.changed(toml.parse(Path("c.toml"), TEXT), ("change-id",), 3).splitlines()
    assert after[:3] == ["#:schema docs/config.schema.json", "change-id = 3", "# what this is for"]
    assert edit.changed(toml.parse(Path("c.toml"), "[llvm]\n"), ("change-id",), 3) == "change-id = 3\n[llvm]\n"


@pytest.mark.parametrize(
    ("text", "path", "value", "after"),
    [
        ("", ("llvm", "enzyme"), True, "[llvm]\nenzyme = true\n"),
        ("a=1", ("b",), 2, "a=1\nb = 2\n"),
        ("a = 1\r\n[llvm]\r\n", ("llvm", "enzyme"), True, "a = 1\r\n[llvm]\r\nenzyme = true\r\n"),
        ("a = 1\r\n", ("llvm", "enzyme"), True, "a = 1\r\n\r\n[llvm]\r\nenzyme = true\r\n"),
        ("llvm.enzyme = true", ("llvm", "link-shared"), True, "llvm.enzyme = true\nllvm.link-shared = true\n"),
        ("build = { jobs = 3 } # c\n", ("build", "build-dir"), "x", 'build = { jobs = 3, build-dir = "x" } # c\n'),
        ("build = {}\n[x]", ("build", "jobs"), 1, "build = { jobs = 1 }\n[x]"),
        ("[llvm] # c", ("llvm", "enzyme"), True, "[llvm] # c\nenzyme = true\n"),
        ("[a.b.d]\nx=1\n", ("a", "b", "c"), 3, "[a.b.d]\nx=1\n\n[a.b]\nc = 3\n"),
        ("[a.b]\n[x]\n[a.c]\ny=1", ("a", "b", "z"), 1, "[a.b]\nz = 1\n[x]\n[a.c]\ny=1"),
        ("s = '''\n[llvm]\n'''\n[llvm]\n", ("llvm", "enzyme"), True, "s = '''\n[llvm]\n'''\n[llvm]\nenzyme = true\n"),
        ("u = [{a = 1}, {b = 2}]", ("u", 1, "b"), 3, "u = [{a = 1}, {b = 3}]"),
        ("u = ['a', 'b']", ("u", 1), "c", "u = ['a', 'c']"),
        ("'a b' = 1", ("a b",), 2, "'a b' = 2"),
    ],
)
def test_every_form_of_a_table(text: str, path: Any, value: object, after: str) -> None:
    assert edit.changed(toml.parse(Path("c.toml"), text), path, value) == after


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [(TEXT, ("unit", "gmm", "autodiff"), []), (TEXT, ("llvm",), 3), ("llvm = 3", ("llvm", "enzyme"), True), ("u = ['a']", ("u", 1), "b")],
)
def test_what_cannot_be_changed_in_place_is_left_alone(text: str, path: Any, value: object) -> None:
    with pytest.raises(Failure) as caught:
        edit.changed(toml.parse(Path("c.toml"), text), path, value)
    (found,) = caught.value.diagnostics
    assert found.code == "E0216"
    assert f"{keys.dotted(path[-1:])} = " in found.help[0]


NAMES = st.sampled_from(["llvm", "unit", "a", "b.c", "é"])
LEAVES = st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.lists(st.integers(0, 9), max_size=3)
TABLES = st.dictionaries(
    NAMES, LEAVES | st.dictionaries(NAMES, LEAVES | st.dictionaries(NAMES, LEAVES, max_size=2), max_size=3), max_size=4
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A table written in one of TOML's ways, with comments and blank lines between."""
    lines: list[str] = []
    for name, value in draw(TABLES).items():
        line = f"{keys.dotted((name,))} = {keys.literal(value)}"
        if isinstance(value, dict) and value and draw(st.booleans()):
            leaves = flatten(value)
            line = "\n".join(
                [f"[{keys.dotted((name,))}]", *(f"{keys.dotted(path)} = {keys.literal(leaf)}" for path, leaf in leaves.items())]
            )
            lines.append(line)
        else:
            lines.insert(0, line)
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(["", "# comment"])))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


@given(documents(), st.lists(NAMES, min_size=1, max_size=3).map(tuple), LEAVES)
def test_a_change_changes_one_value_or_is_refused(text: str, path: tuple[str, ...], value: object) -> None:
    before = toml.parse(Path("c.toml"), text)
    with contextlib.suppress(Failure):
        after = edit.changed(before, path, value)
        check_change(before, after, path, value)


def check_change(before: toml.Document, after: str, path: tuple[str, ...], value: object) -> None:
    kept = {each: leaf for each, leaf in flatten(before.data).items() if each[: len(path)] != path}
    assert tomllib.loads(after) == unflatten({**kept, path: value})
    removed = [line for line in difflib.ndiff(before.text.split("\n"), after.split("\n")) if line.startswith("- ")]
    assert len(removed) <= 1
    assert edit.changed(toml.parse(Path("c.toml"), after), path, value) == after


def test_writing_goes_through_a_link_and_keeps_the_mode(folder: Path, write: Write) -> None:
    real = write("\ufeff[build]\r\njobs = 1\r\n", "real/config.toml")
    real.chmod(0o640)
    link = folder / "config.toml"
    link.symlink_to(real)
    edit.write(edit.plan(link, "build.jobs", "2"))
    assert link.is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbf[build]\r\njobs = 2\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert (real.parent / "config.toml.bak").read_bytes() == b"\xef\xbb\xbf[build]\r\njobs = 1\r\n"
    assert sorted(each.name for each in real.parent.iterdir()) == ["config.toml", "config.toml.bak"]


def test_nothing_is_backed_up_when_nothing_is_replaced(folder: Path, write: Write) -> None:
    write("[build]\n")
    edit.write(edit.plan(folder / "config.toml", "build.jobs", "2"))
    assert [each.name for each in folder.iterdir()] == ["config.toml"]


def test_a_read_only_file_is_respected(write: Write) -> None:
    path = write("[build]\njobs = 1\n")
    path.chmod(0o444)
    with pytest.raises(Failure) as caught:
        edit.write(edit.plan(path, "build.jobs", "2"))
    assert caught.value.diagnostics[0].code == "E0215"
    assert path.read_text() == "[build]\njobs = 1\n"


def test_a_change_of_somebody_else_is_not_overwritten(write: Write) -> None:
    path = write("[build]\njobs = 1\n")
    change = edit.plan(path, "build.jobs", "2")
    write("[build]\njobs = 9\n")
    with pytest.raises(Failure, match="changed meanwhile"):
        edit.write(change)
    assert path.read_text() == "[build]\njobs = 9\n"


def test_a_new_file_is_made(folder: Path) -> None:
    edit.write(edit.plan(folder / "config.toml", "rust.channel", "nightly"))
    assert (folder / "config.toml").read_text() == f'change-id = {numbers.latest()}\n\n[rust]\nchannel = "nightly"\n'


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("llvm.enzyme", "maybe", "E0203"),
        ("llvm.enzime", "true", "E0204"),
        ("rust.channel", "nightyl", "E0206"),
        ("profile", "nope", "E0206"),
        ("a b", "1", "E0200"),
        ("unit.gmm.autodiff", "[{source='f'}]", "E0216"),
    ],
)
def test_what_the_model_does_not_take_is_not_written(write: Write, key: str, value: str, code: str) -> None:
    path = write(TEXT)
    with pytest.raises(Failure) as caught:
        edit.write(edit.plan(path, key, value))
    assert caught.value.diagnostics[0].code == code
    assert path.read_text() == TEXT


def test_a_faulty_value_can_be_mended(write: Write) -> None:
    path = write("[llvm]\nenzyme = 'yes'\nnope = 1\n")
    edit.write(edit.plan(path, "llvm.enzyme", "true"))
    assert path.read_text() == "[llvm]\nenzyme = true\nnope = 1\n"
