"""The cfgs of a configuration: what is active, what is wrong, and what the compilers are told."""

import subprocess
from pathlib import Path

import pytest

from bootstrap.cfg import active, c_flags, check, expected, holds, passed, rustc_flags, users, when_of
from bootstrap.cfg.levels import Level
from bootstrap.config import Resolved, load
from bootstrap.diagnostics import Diagnostic, Failure, Severity

LINUX = "x86_64-unknown-linux-gnu"
ENZYME = "[llvm]\nenzyme = true\n"
NIGHTLY = '[rust]\nchannel = "nightly"\n'


def configured(tmp_path: Path, text: str) -> Resolved:
    (tmp_path / "config.toml").write_text(f'change-id = "ignore"\n{text}')
    return load(tmp_path, environment={})


def told(found: list[Diagnostic]) -> list[tuple[str, str, int, int]]:
    return [
        (each.code, each.severity, each.span.line, each.span.column) if each.span else (each.code, each.severity, 0, 0) for each in found
    ]


@pytest.mark.parametrize(
    ("text", "usable", "has", "has_not"),
    [
        (ENZYME + NIGHTLY, True, "llvm_enzyme", "autodiff_fallback"),
        (ENZYME + NIGHTLY, False, "autodiff_fallback", "llvm_enzyme"),
        (NIGHTLY, True, 'llvm_version_major = "22"', "any(llvm_enzyme, autodiff_fallback)"),
        ("", False, 'llvm_version_major = "22"', "any(llvm_enzyme, autodiff_fallback)"),
    ],
)
def test_our_cfgs(tmp_path: Path, text: str, usable: bool, has: str, has_not: str) -> None:  # noqa: FBT001 - a case of the table
    cfgs = active(configured(tmp_path, text), engine_usable=usable, triple=LINUX)
    assert holds(f"all(unix, {has})", cfgs)
    assert not holds(has_not, cfgs)


def test_the_users_cfgs_are_active_and_expected(tmp_path: Path) -> None:
    resolved = configured(tmp_path, "[cfg]\nset = ['fast', 'solver=\"cg\"']\ncheck = ['cfg(slow)']\n")
    cfgs = active(resolved, engine_usable=False, cfgs=["extra"], triple=LINUX)
    assert holds('all(fast, solver = "cg", extra, not(slow))', cfgs)
    known = expected(resolved, cfgs=["extra"]).names
    assert {"fast", "solver", "slow", "extra", "unix"} <= known.keys()
    assert "cg" in known["solver"]
    assert "unix" not in users(resolved).names
    assert passed(resolved, engine_usable=False) == {("fast", None), ("solver", "cg"), ("llvm_version_major", "22")}
    assert check(resolved) == []


def test_a_unit_with_a_condition(tmp_path: Path) -> None:
    resolved = configured(tmp_path, "[unit.a]\nsources = ['a.c']\nwhen = 'cfg(unix)'\n[unit.b]\nsources = ['b.c']\n")
    assert str(when_of(resolved, "a")) == "unix"
    assert when_of(resolved, "b") is None


def test_everything_that_is_wrong_is_told_at_its_place(tmp_path: Path) -> None:
    resolved = configured(
        tmp_path,
        "[cfg]\nset = ['unix', 'a b', 'solver=\"x\"']\ncheck = ['cfg(solver, values(\"cg\"))', 'cfg(']\n"
        "[unit.u]\nsources = ['a.c']\nwhen = 'all(unixx, target_os = \"linus\")'\n[unit.v]\nsources = ['a.c']\nwhen = 'all(unix'\n",
    )
    found = check(resolved)
    assert told(found) == [
        ("E0252", "error", 3, 19),
        ("E0251", "error", 4, 43),
        ("E0258", "error", 3, 9),
        ("E0259", "warning", 3, 24),
        ("E0259", "warning", 7, 13),
        ("E0259", "warning", 7, 32),
        ("E0250", "error", 10, 12),
    ]
    by_place = {(each.span.line, each.span.column): each for each in found if each.span}
    assert by_place[3, 9].label == "`unix` is controlled by `--target`"
    assert by_place[7, 13].label == "did you mean `unix`?"
    assert by_place[7, 32].label == "did you mean `linux`?"
    assert by_place[3, 24].notes == ('expected of `solver`: "cg"',)


@pytest.mark.parametrize(
    ("levels", "codes"),
    [((), ["E0258"]), ((("-A", "E0258"),), []), ((("-W", "E0258"),), ["E0258"]), ((("-A", "E0258"), ("-D", "E0258")), ["E0258"])],
)
def test_a_disallowed_cfg_can_be_allowed(tmp_path: Path, levels: tuple[Level, ...], codes: list[str]) -> None:
    found = check(configured(tmp_path, ""), cfgs=["windows"], given=levels)
    assert [each.code for each in found] == codes
    if levels and codes:
        assert found[0].severity is (Severity.WARNING if levels[-1][0] == "-W" else Severity.ERROR)


@pytest.mark.parametrize("name", ["autodiff_fallback", "overflow_checks"])
def test_a_gated_cfg_needs_its_feature_whatever_is_allowed(tmp_path: Path, name: str) -> None:
    (refused,) = check(configured(tmp_path, ""), cfgs=[name], given=[("-A", "E0258")])
    assert (refused.code, refused.severity) == ("E0208", Severity.ERROR)
    assert f"the cfg `{name}` needs the feature" in refused.message
    assert check(configured(tmp_path, ENZYME + NIGHTLY), cfgs=[name], given=[("-A", "E0258")]) == []


def test_any_name_may_be_expected(tmp_path: Path) -> None:
    text = "[cfg]\ncheck = ['cfg(any())']\n[unit.u]\nsources = ['a.c']\nwhen = 'any(anything, unix = \"x\")'\n"
    assert [each.message for each in check(configured(tmp_path, text))] == ["unexpected value `x` for the cfg `unix`"]


def test_what_cannot_be_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure) as failure:
        passed(configured(tmp_path, ""), engine_usable=False, cfgs=["a b"])
    assert failure.value.diagnostics[0].code == "E0252"


def test_c_gets_macros() -> None:
    cfgs = {("fast-er", None), ("solver", "cg"), ("llvm_version_major", "22")}
    assert c_flags(cfgs) == [
        "-DHOLOENZYME_CFG_FAST_ER=1",
        "-DHOLOENZYME_CFG_LLVM_VERSION_MAJOR_22=1",
        "-DHOLOENZYME_CFG_LLVM_VERSION_MAJOR=22",
        "-DHOLOENZYME_CFG_SOLVER_CG=1",
    ]


@pytest.mark.needs("rustc")
def test_rustc_takes_what_it_is_told(tmp_path: Path) -> None:
    resolved = configured(tmp_path, ENZYME + NIGHTLY + "[cfg]\nset = ['fast', 'solver=\"c\\\"g\"']\n")
    flags = rustc_flags(passed(resolved, engine_usable=True, cfgs=["windows"]), users(resolved))
    (tmp_path / "a.rs").write_text(
        '#[cfg(not(all(fast, llvm_enzyme, solver = "c\\"g", llvm_version_major = "22")))] compile_error!("not set");\n'
        "#[cfg(autodiff_fallback)] fn f() {}\n"
    )
    command = ["rustc", "--crate-type=lib", "--emit=metadata", "-Dwarnings", *flags, "a.rs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.needs("cc")
def test_a_c_compiler_takes_what_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("#if !HOLOENZYME_CFG_FAST || HOLOENZYME_CFG_LLVM_VERSION_MAJOR < 22\n#error not set\n#endif\n")
    command = ["cc", "-fsyntax-only", *c_flags({("fast", None), ("llvm_version_major", "22")}), "a.c"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
