"""Configurations that cannot be built from: refused before anything runs, at their place, all faults at once."""

import re
import sys
from pathlib import Path

import pytest

from tests.bad_input.project import SQUARE, VERIFY, Project, item, lacking, target

BARE = "[llvm]\nenzyme = true\n"

UNREADABLE_BY_ROOT = (
    "import ctypes, os, sys\n"
    "for capability in (1, 2): ctypes.CDLL(None).prctl(24, capability)\n"  # PR_CAPBSET_DROP of CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    "os.execv(sys.argv[1], sys.argv[1:])"
)
AS_ANYONE = (sys.executable, "-c", UNREADABLE_BY_ROOT)
"""Runs a command for which permissions count, even when root runs it."""


def test_a_configuration_that_is_named_and_missing(project: Project) -> None:
    assert "`nowhere.toml` does not exist" in project.fails("E0201", "--config", "nowhere.toml", "build")
    assert "`no/where` does not exist" in project.fails("E0201", "build", "no/where")


def test_no_configuration_at_all(project: Project) -> None:
    said = project.fails("E0235")
    assert "no `config.toml` here" in said
    assert "build DIR" in said


def test_a_configuration_that_cannot_be_read(project: Project) -> None:
    project.configure(item())
    (project.root / "config.toml").chmod(0)
    done = project.start("build", before=AS_ANYONE)
    assert (done.status, "error[E0202]" in done.stderr, "permission denied" in done.stderr) == (2, True, True)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"\x7fELF\0\0", "E0202", ["config.toml"]),
        (b"[llvm]\nname = '\xff'\n", "E0202", ["config.toml"]),
        ("[llvm\nenzyme = true\n", "E0205", ["config.toml:1:6"]),
        ("[llvm]\nenzime = true\n", "E0204", ["config.toml:2:1", "did you mean `enzyme`?"]),
        ("[lvm]\nenzyme = true\n", "E0204", ["config.toml:1:2", "`llvm`"]),
        ('[llvm]\nenzyme = "yes"\n', "E0203", ["config.toml:2:10", "expects a boolean, found a string", "write `true`"]),
        (f'{BARE}[unit.u]\nsources = "u.c"\n', "E0203", ["config.toml:4:11", "expects an array", '`["u.c"]`']),
        (f'{BARE}[unit.u]\nsources = ["u.c"]\nkind = "libary"\n', "E0206", ["config.toml:5:8", "`shared`"]),
        (f"{BARE}[unit.u]\n", "E0207", ["config.toml:3:2", "lacks the key `sources`"]),
        (BARE, "E0208", ["config.toml:2:10", "`autodiff`", '`channel = "nightly"`']),
        (f'[rust]\nchannel = "beta"\n{BARE}', "E0208", ["not allowed on beta", "config.toml:2:11"]),
        ('[rust]\nchannel = "nightly"\n', "E0235", ["`config.toml` has no unit"]),
    ],
)
def test_a_configuration_that_is_wrong(project: Project, content: str | bytes, code: str, words: list[str]) -> None:
    project.write("config.toml", content)
    said = project.fails(code)
    assert not lacking(said, words)


def test_a_folder_in_the_place_of_the_configuration(project: Project) -> None:
    (project.root / "config.toml").mkdir()
    assert "config.toml" in project.fails("E0202")


def test_all_faults_are_told_in_one_run_and_each_page_is_named_once(project: Project) -> None:
    project.write("config.toml", '[llvm]\nenzime = true\nninja = "x"\n[unit.u]\nsources = 3\nkinds = "shared"\n')
    said = project.fails("E0204")
    assert re.findall(r"error\[(E\d+)\]", said) == ["E0204", "E0204", "E0203", "E0204"]
    assert said.count("explain E0204") == 1


@pytest.mark.parametrize(
    ("sources", "code", "words"),
    [
        ('["u.c", "v.c"]', "E0232", ["v.c` does not exist", "config.toml:7:19"]),
        ('["lib"]', "E0232", ["lib` is a directory"]),
        ('["u.f90"]', "E0233", ["`u.f90` is of no language", ".cpp"]),
    ],
)
def test_sources_that_cannot_be_sources(project: Project, sources: str, code: str, words: list[str]) -> None:
    (project.root / "lib").mkdir()
    project.write("u.f90", "end\n")
    project.configure(item(), sources=sources)
    said = project.fails(code)
    assert not lacking(said, words)


def test_a_unit_that_is_not_there(project: Project) -> None:
    project.write("config.toml", '[unit.rosenbrock]\nsources = ["u.c"]\n')
    said = project.fails("E0234", "build", "rosenbrok")
    assert "did you mean `rosenbrock`?" in said


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"inputs": '["Dual"]'}, "E0230", ["input 1 is Dual", ":14:11", "Active, ActiveOnly, Duplicated, DuplicatedOnly, Const"]),
        (
            {"mode": '"forward"', "inputs": '["Dual"]'},
            "E0230",
            ["the return is Active", ":15:7", "Dualv, DualvOnly, Const, None"],
        ),
        ({"inputs": '["Activ"]'}, "E0206", ["Activ", ":14:11", "`Active`"]),
        ({"target": '"my__enzyme_f"'}, "E0236", [":12:10", "another name"]),
        ({"source": '"my__enzyme_f"'}, "E0236", [":11:10"]),
        ({"augmented": '"my__enzyme_f"'}, "E0236", ["another name"]),
        ({"augmented": '"f_grad"'}, "E0211", ["have the symbol `f_grad`", "the first"]),
        ({"augmented": '"f"'}, "E0211", ["has the primal's own symbol"]),
        ({"augmented": '"a"', "mode": '"forward"', "inputs": '["Dual"]', "ret": '"Dual"'}, "E0245", ['mode = "reverse"']),
        ({"ret-type": '"{f64"'}, "E0249", ["never closed"]),
    ],
)
def test_an_item_that_no_function_could_have(project: Project, changes: dict[str, str], code: str, words: list[str]) -> None:
    project.configure(item(**changes))
    said = project.fails(code)
    assert not lacking(said, words)


def test_a_symbol_that_is_to_be_two_derivatives(project: Project) -> None:
    project.configure(item(), item(), item(augmented='"f_grad"', target='"g"'))
    said = project.fails("E0211")
    assert said.count("have the symbol `f_grad`") == 2


def test_an_item_while_enzyme_is_off(project: Project) -> None:
    project.configure(item(), enzyme="false")
    assert "enzyme = true" in project.fails("E0208")
    project.configure("when = 'cfg(unix)'", item(), enzyme="false")
    assert "enzyme = true" in project.fails("E0208")
    project.configure("when = 'cfg(windows)'", item(), enzyme="false")
    assert "is left out" in project.start("build").stderr


@pytest.mark.parametrize(
    ("key", "command", "words"),
    [
        ("cc", "no-such-clang", ["`no-such-clang` is not on PATH"]),
        ("cc", "{root}/old", ["writes LLVM 3; 13 to 22 can be used"]),
        ("cc", "{root}/new", ["writes LLVM 99; 13 to 22 can be used"]),
        ("cc", "sh", ["is not clang"]),
        ("linker", "no-such-linker", ["`no-such-linker`, is not on PATH", "remove the key"]),
    ],
)
def test_a_compiler_of_the_configuration_that_cannot_be_used(project: Project, key: str, command: str, words: list[str]) -> None:
    for name, version in {"old": "3.8.0", "new": "99.0.0"}.items():
        project.write(name, f"#!/bin/sh\necho clang version {version}\n").chmod(0o755)
    project.configure(item(), target(**{key: command.format(root=project.root)}), kind="shared")
    said = project.fails("E0401")
    assert not lacking(said, words)


def test_a_rust_source_without_a_rustc_that_can_be_used(project: Project) -> None:
    project.write("u.rs", "")
    project.configure(item(), target(rustc="no-such-rustc"), sources='["u.rs"]')
    assert "`no-such-rustc`" in project.fails("E0403")
    newer = project.write("rustc", "#!/bin/sh\necho rustc 9.9.9\necho LLVM version: 99.1.0\n")
    newer.chmod(0o755)
    project.configure(item(), target(rustc=str(newer)), sources='["u.rs"]')
    assert "writes LLVM 99" in project.fails("E0402")


def test_a_build_folder_that_cannot_be_written(project: Project, tmp_path: Path) -> None:
    project.configure(item(), VERIFY)
    (project.root / "build").mkdir(mode=0o555)
    done = project.start("build", before=AS_ANYONE)
    assert (done.status, "error[E0237]" in done.stderr) == (2, True)
    assert "cannot be written: Permission denied" in done.stderr
    assert "build-dir" in done.stderr
    project.succeeds("--set", f"build.build-dir={tmp_path / 'elsewhere'}", "build")
    assert list((tmp_path / "elsewhere").glob("*/u/u.o"))


def test_a_file_in_the_place_of_the_build_folder(project: Project) -> None:
    project.configure(item())
    project.write("build", "not a folder")
    assert "Not a directory" in project.fails("E0237")


def test_a_source_that_cannot_be_read(project: Project) -> None:
    project.write("u.ll", "define void @f() {\n  ret void\n}\n").chmod(0)
    project.configure(sources='["u.ll"]')
    done = project.start("build", before=AS_ANYONE)
    assert (done.status, "error[E0237]" in done.stderr, "u.ll" in done.stderr) == (2, True, True)
    project.write("u.c", SQUARE).chmod(0)
    project.configure()
    done = project.start("build", before=AS_ANYONE)
    assert (done.status, "error[E0237]" in done.stderr, "u.c" in done.stderr) == (2, True, True)
