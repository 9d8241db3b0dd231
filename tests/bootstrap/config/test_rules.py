"""Rules between keys: what passes, and what is only a warning; the words for what is broken are golden in test_faults.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.config import advice, examine, in_order, load
from bootstrap.config.model import Config
from bootstrap.config.rules import RULES
from bootstrap.diagnostics import Failure, Severity

Write = Callable[..., Path]


def test_the_defaults_break_no_rule(folder: Path) -> None:
    assert [violation for rule in RULES for violation in rule.broken(Config(), folder)] == []


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
    warnings = in_order(resolved, advice(resolved))
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


def found_in(write: Write, text: str) -> list[tuple[str, int, int]]:
    """The code of each finding, its line, and that of the second place."""
    write(text)
    resolved, found = examine(None, environment={})
    told = in_order(resolved, [*found, *advice(resolved)])
    return [(each.code, each.span.line if each.span else 0, each.related[0].span.line if each.related else 0) for each in told]


WHEN = "[cfg]\nset = ['a b', 'fast', 'windows']\n[unit.a]\nsources = ['a.c']\nwhen = '{}'\n"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("all(unix, windows)", [("E0275", 5, 0)]),
        ("any()", [("E0275", 5, 0)]),
        ("not(fast)", [("E0276", 5, 2)]),
        ("all(unix, not(fast))", [("E0276", 5, 2)]),
        ("autodiff_fallback", [("E0276", 5, 0)]),
        ("all(fast, unix)", []),
        ("all(unix", []),
        ("all(fast, other)", []),
    ],
)
def test_a_condition_that_cannot_be_true(write: Write, when: str, expected: list[tuple[str, int, int]]) -> None:
    write("int x;", "a.c")
    assert found_in(write, WHEN.format(when)) == expected


def test_a_condition_that_two_keys_contradict_together(write: Write) -> None:
    write("int x;", "a.c")
    assert found_in(write, WHEN.format("any(llvm_enzyme, not(fast))")) == [("E0276", 5, 0)]
    assert found_in(write, "[llvm]\nenzyme = true\n[rust]\nchannel = 'nightly'\n" + WHEN.format("any(llvm_enzyme, not(fast))")) == []


@pytest.mark.parametrize(
    ("llvm", "enzyme", "place"),
    [
        ("enzyme = true\nlink-shared = false", "provider = 'path'\npath = 'p.so'", 4),
        ("enzyme = true\nlink-shared = false", "artifact = 'plugin-15'", 4),
        ("enzyme = true\nlink-shared = false", "artifact = 'driver-22'", None),
        ("enzyme = true", "provider = 'path'\npath = 'p.so'", None),
        ("link-shared = false", "provider = 'path'\npath = 'p.so'", None),
    ],
)
def test_a_plugin_shares_libllvm(write: Write, llvm: str, enzyme: str, place: int | None) -> None:
    found = found_in(write, f"[llvm]\n{llvm}\n[enzyme]\n{enzyme}\n[rust]\nchannel = 'nightly'\n")
    assert found == ([] if place is None else [("E0277", 3, place + 1)])


ITEM = "[[unit.a.autodiff]]\nsource = 'f'\ntarget = 'f'\nmode = 'reverse'\ninputs = [{inputs}]\n"
HEAD = "[rust]\nchannel = 'nightly'\n[llvm]\nenzyme = true\n[unit.a]\n"


def test_what_is_wrong_by_itself_hides_only_the_rules_that_look_at_it(write: Write) -> None:
    unit = "sources = [3]\nwhen = 'all(unix, windows)'\n"
    assert found_in(write, HEAD + unit + ITEM.format(inputs="")) == [("E0203", 6, 0), ("E0275", 7, 0), ("E0211", 10, 9)]
    assert found_in(write, HEAD + unit + ITEM.format(inputs="1")) == [("E0203", 6, 0), ("E0275", 7, 0), ("E0203", 12, 0)]
    assert found_in(write, HEAD + "when = 3\n" + ITEM.format(inputs="")) == [("E0207", 5, 0), ("E0203", 6, 0), ("E0211", 9, 8)]


def test_the_gates_wait_for_the_keys_that_open_them(write: Write) -> None:
    gated = "[unit.a]\nsources = ['a.c']\n" + ITEM.format(inputs="").replace("target = 'f'", "target = 'g'").replace("reverse", "forward")
    write("int x;", "a.c")
    assert [code for code, _, _ in found_in(write, "[build]\njobs = 'x'\n" + gated)] == ["E0203", "E0208", "E0208"]
    assert [code for code, _, _ in found_in(write, "[rust]\nchannel = 'x'\n" + gated)] == ["E0206"]
    assert [code for code, _, _ in found_in(write, "[llvm]\nenzyme = 3\n" + gated)] == ["E0203"]


@pytest.mark.parametrize(
    ("provider", "keys", "missing"),
    [
        ("path", "", ["path"]),
        ("path", "path = 'p.so'", []),
        ("url", "", ["url", "sha256"]),
        ("url", "url = 'file:///p.so'", ["sha256"]),
        ("url", f"url = 'file:///p.so'\nsha256 = '{'0' * 64}'", []),
        ("source", "cmake-flags = ['-DA=1']", ["source"]),
        ("auto", "", []),
    ],
)
def test_a_provider_needs_its_keys_and_a_download_a_digest(write: Write, provider: str, keys: str, missing: list[str]) -> None:
    write(f"[rust]\nchannel = 'nightly'\n[enzyme]\nprovider = '{provider}'\n{keys}\n")
    told = []
    try:
        load(None, environment={})
    except Failure as failure:
        told = [each.message.split("`")[3] for each in failure.diagnostics if each.code == "E0260"]
    assert told == [f"enzyme.{each}" for each in missing]


def test_a_key_of_another_provider_is_advice(write: Write) -> None:
    write("[enzyme]\nprovider = 'pinned'\npath = 'p.so'\n")
    [told] = advice(load(None, environment={}))
    assert (told.code, told.severity, told.span and told.span.line) == ("E0261", Severity.WARNING, 3)
