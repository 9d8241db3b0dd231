"""Rules between keys: what passes, and what is only a warning; the words for what is broken are golden in test_faults.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.config import advice, load
from bootstrap.config.model import Config
from bootstrap.config.rules import RULES
from bootstrap.diagnostics import Failure, Severity

Write = Callable[..., Path]


def test_the_defaults_break_no_rule(folder: Path) -> None:
    assert [violation for rule in RULES for violation in rule(Config(), folder)] == []


@pytest.mark.parametrize("build_dir", [".", "./", "..", "/", "sub/..", "../{name}", "link"])
def test_the_build_directory_must_not_hold_the_configuration(folder: Path, write: Write, build_dir: str) -> None:
    (folder / "link").symlink_to(folder)
    write(f"[build]\nbuild-dir = '{build_dir.format(name=folder.name)}'\n")
    with pytest.raises(Failure) as caught:
        load(None, environment={})
    assert [each.code for each in caught.value.diagnostics] == ["E0214"]


@pytest.mark.parametrize("build_dir", ["build", "../elsewhere", "sub/dir", "/tmp/holoenzyme-build"])  # noqa: S108 - a name, never used
def test_any_other_build_directory_is_fine(write: Write, build_dir: str) -> None:
    write(f"[build]\nbuild-dir = '{build_dir}'\n")
    assert load(None, environment={}).config.build.build_dir == build_dir


def test_missing_paths_are_warnings_with_their_places(write: Write) -> None:
    write("int x;", "there.c")
    write("[unit.a]\nsources = ['there.c', 'gone.c']\n[target.t]\ncc = '/no/such/clang'\nlinker = 'cc'\n")
    resolved = load(None, environment={})
    assert resolved.warnings == ()
    warnings = advice(resolved)
    assert [(each.code, each.severity, each.span and each.span.line) for each in warnings] == [
        ("E0219", Severity.WARNING, 2),
        ("E0219", Severity.WARNING, 4),
    ]
    assert "gone.c` does not exist" in warnings[0].message


def test_bounds_may_be_given_one_at_a_time(write: Write) -> None:
    item = "[[unit.a.autodiff]]\nsource = 'f'\ntarget = 'g'\nmode = 'reverse'\ninputs = []\n"
    unit = f"[unit.a]\nsources = ['a.c']\n{item}[[unit.a.verify]]\ntarget = 'g'\n"
    head = "[rust]\nchannel = 'nightly'\n[llvm]\nenzyme = true\n"
    write(f"{head}{unit}args = [{{ count = 1, low = 0.5 }}, {{ count = 1, high = 2.0 }}, {{ count = 1, low = -2.0, high = -1.0 }}]\n")
    assert load(None, environment={}).config.unit["a"].verify
    for bounds in ("low = 1.0", "high = 0.0", "low = 1.0, high = 1.0"):
        write(f"{head}{unit}args = [{{ count = 1, {bounds} }}]\n")
        with pytest.raises(Failure) as caught:
            load(None, environment={})
        (found,) = (each for each in caught.value.diagnostics if each.code == "E0213")
        assert found.span
        assert found.span.source[found.span.column - 1 : found.span.end_column - 1] == bounds.partition(",")[0].partition(" = ")[2]
