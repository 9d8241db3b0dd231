"""Which units are built, and with which cfgs."""

import ctypes
from pathlib import Path

import pytest

import holoenzyme

SOURCE = """
double scaled(double x) {
#ifdef HOLOENZYME_CFG_DOUBLED
    return 2 * x;
#else
    return x;
#endif
}
int llvm(void) { return HOLOENZYME_CFG_LLVM_VERSION_MAJOR; }
#ifndef HOLOENZYME_CFG_LLVM_ENZYME
#error no engine
#endif
"""
CONFIG = """
[llvm]
enzyme = true
[rust]
channel = "nightly"
[cfg]
check = ["cfg(doubled)"]
[unit.always]
sources = ["scaled.c"]
[unit.never]
sources = ["gone.c"]
when = "not(unix)"
[unit.sometimes]
sources = ["scaled.c"]
when = "doubled"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "scaled.c").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def built(project: Path) -> set[str]:
    return {path.stem.removeprefix("lib") for path in project.glob("build/*/*/*.so")}


def scaled(project: Path, unit: str) -> float:
    [library] = project.glob(f"build/*/{unit}/lib{unit}.so")
    function = ctypes.CDLL(str(library))["scaled"]
    function.restype = ctypes.c_double
    return float(function(ctypes.c_double(3)))


def test_a_unit_whose_condition_is_false_is_left_out(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["build"]) == 0
    assert built(project) == {"always"}
    assert "never is left out: its `when` is false here" in capsys.readouterr().err
    assert scaled(project, "always") == 3


def test_a_cfg_of_the_command_line_reaches_conditions_and_compilers(project: Path) -> None:
    assert holoenzyme.main(["--cfg", "doubled", "build"]) == 0
    assert built(project) == {"always", "sometimes"}
    assert scaled(project, "sometimes") == 6


@pytest.mark.usefixtures("project")
def test_another_cfg_builds_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["build", "always"]) == 0
    assert holoenzyme.main(["build", "always", "--cfg", "other"]) == 0
    assert capsys.readouterr().out.count("frontend") == 2


@pytest.mark.usefixtures("project")
def test_a_condition_with_a_typing_error_is_told_and_can_be_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["build", "always", "--set", "unit.never.when=doubld"]
    assert holoenzyme.main(words) == 0
    errors = capsys.readouterr().err
    assert "warning[E0259]: unexpected cfg `doubld`" in errors
    assert "`doubled`" in errors
    assert holoenzyme.main([*words, "-A", "unexpected_cfgs"]) == 0
    assert "E0259" not in capsys.readouterr().err
    assert holoenzyme.main([*words, "-D", "unexpected_cfgs"]) == 2


def test_a_cfg_that_is_not_the_users_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["build", "--cfg", "llvm_enzyme"]) == 2
    assert "error[E0258]: the cfg `llvm_enzyme` is not to be set by hand" in capsys.readouterr().err
    assert not built(project)


def test_options_before_and_after_the_command_add_up(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["--set", "build.build-dir=one", "build", "always", "--set", "build.jobs=1"]) == 0
    assert list(project.glob("one/*/always/libalways.so"))
    assert holoenzyme.main(["--set", "build.jobs=1", "build", "--set", "build.jobs=2"]) == 2
    assert "twice" in capsys.readouterr().err


def test_an_unknown_unit_has_near_matches(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.is_dir()
    assert holoenzyme.main(["build", "alway"]) == 2
    assert "did you mean `always`?" in capsys.readouterr().err


def test_clean_removes_what_was_built_and_nothing_else(project: Path) -> None:
    assert holoenzyme.main(["build", "always"]) == 0
    assert holoenzyme.main(["clean", "--dry-run"]) == 0
    assert built(project) == {"always"}
    assert holoenzyme.main(["clean", "-q"]) == 0
    assert not built(project)
    assert {path.name for path in project.iterdir()} == {"build", "config.toml", "scaled.c"}


KERNEL = """
double cell;
__attribute__((noinline)) static void keep(double v) { cell = v; }
double cube(double x) { keep(x * x); return cell * x; }
double square(double x) { return x * x; }
"""
UNITS = """
[llvm]
enzyme = true
[rust]
channel = "nightly"
[enzyme]
loose-types = LOOSE
[unit.one]
sources = ["kernel.c"]
[[unit.one.autodiff]]
source = "cube"
target = "cube_grad"
mode = "reverse"
inputs = ["Active"]
ret = "ActiveOnly"
OPTION
[[unit.one.verify]]
target = "cube_grad"
args = [3.0]
[unit.two]
sources = ["kernel.c"]
[[unit.two.autodiff]]
source = "square"
target = "square_grad"
mode = "reverse"
inputs = ["Active"]
ret = "ActiveOnly"
"""


def written(folder: Path, option: str, loose: str = "false") -> None:
    (folder / "kernel.c").write_text(KERNEL, encoding="utf-8")
    (folder / "config.toml").write_text(UNITS.replace("OPTION", option).replace("LOOSE", loose), encoding="utf-8")


def test_that_types_may_be_guessed_is_said_once_a_build(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(project, 'active-globals = ["cell"]', loose="true")
    for _ in range(2):
        assert holoenzyme.main(["build"]) == 0
        told = capsys.readouterr().err
        assert told.count("warning[E0248]") == 1
        assert "--> config.toml:7:15" in told
        assert "no entry of `verify` checks `square_grad`" in told
    assert holoenzyme.main(["-A", "E0248", "build"]) == 0
    assert "E0248" not in capsys.readouterr().err
    assert holoenzyme.main(["-D", "E0248", "build"]) == 2
    assert "error[E0248]" in capsys.readouterr().err
    written(project, 'active-globals = ["cell"]')
    assert holoenzyme.main(["build"]) == 0
    assert "E0248" not in capsys.readouterr().err


def test_the_options_of_an_item_are_read_and_wrong_ones_are_told_with_their_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(project, "strong-zero = true\nruntime-activity = true")
    assert holoenzyme.main(["build", "one"]) == 5
    told = capsys.readouterr().err
    assert "error[E0533]: `cube` keeps numbers in the global variable `cell`" in told
    assert "--> kernel.c:3:61" in told
    written(project, 'active-globals = ["cell"]\ninactive-globals = ["cell"]')
    assert holoenzyme.main(["build", "one"]) == 2
    told = capsys.readouterr().err
    assert "error[E0247]" in told
    assert "--> config.toml:17:21" in told
    written(project, 'active-globals = ["cel"]')
    assert holoenzyme.main(["build", "one"]) == 5
    told = capsys.readouterr().err
    assert "error[E0537]: there is no global variable `cel`" in told
    assert "--> config.toml:16:19" in told
