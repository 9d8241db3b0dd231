"""A machine without an engine: what is built there, with which cfgs, and what is said of it."""

import ctypes
import json
from pathlib import Path

import pytest

import holoenzyme
from bootstrap import glibc as c_library
from bootstrap.config import load
from plugin.engines import provider
from plugin.engines.fallback import missing_engine
from plugin.languages import Language
from plugin.plan import Plan

SOURCE = """
double cube(double x) { return x * x * x; }
#if defined(HOLOENZYME_CFG_LLVM_ENZYME) == defined(HOLOENZYME_CFG_AUTODIFF_FALLBACK)
#error one of the two is set
#endif
#ifdef HOLOENZYME_CFG_AUTODIFF_FALLBACK
double slope(double x, double dret) { return dret * (cube(x + 1e-6) - cube(x - 1e-6)) / 2e-6; }
#else
double slope(double x, double dret);
#endif
"""
CONFIG = """
[llvm]
enzyme = true
[rust]
channel = "nightly"
[unit.cube]
sources = ["cube.c"]
[[unit.cube.autodiff]]
source = "cube"
target = "slope"
mode = "reverse"
inputs = ["Active"]
ret = "ActiveOnly"
[[unit.cube.verify]]
target = "slope"
args = [1.5]
[unit.exact]
sources = ["gone.c"]
when = "llvm_enzyme"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cube.c").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bare(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project on a platform for which nothing is pinned."""
    monkeypatch.setattr(provider, "host_platform", lambda: "linux-riscv64")
    return project


def slope(project: Path, x: float) -> float:
    [library] = project.glob("build/*/cube/libcube.so")
    function = ctypes.CDLL(str(library))["slope"]
    function.restype = ctypes.c_double
    return float(function(ctypes.c_double(x), ctypes.c_double(1)))


@pytest.mark.needs("clang-15")
def test_the_sources_own_way_is_built_and_a_warning_says_so(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["build"]) == 0
    printed = capsys.readouterr().err
    assert "warning[E0240]: there is no engine for this machine: units are compiled without derivatives" in printed
    for words in ("config.toml:3:10", "not pinned for linux-riscv64", "`slope`", "skipped: 1 entry of `verify`", "exact is left out"):
        assert words in printed
    assert slope(bare, 2) == pytest.approx(12, rel=1e-6)
    [record] = bare.glob("build/*/cube/cube.json")
    steps = json.loads(record.read_text())["steps"]
    assert (list(steps), steps["compile"]["value"]["engine"]) == (["compile"], None)


@pytest.mark.needs("clang-15")
def test_it_is_fresh_until_there_is_an_engine(bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["build", "cube"]) == 0
    assert holoenzyme.main(["verify", "cube"]) == 0
    printed = capsys.readouterr()
    assert "cube is up to date" in printed.out
    assert printed.err.count("E0240]") == 2
    record = Plan.of(load(bare), "cube").records()["compile"]
    assert record.request == Plan.of(load(bare), "cube").compile_request()
    monkeypatch.setattr(provider, "host_platform", lambda: "linux-x86_64")
    assert record.request != Plan.of(load(bare), "cube").compile_request()


@pytest.mark.needs("clang-15")
def test_a_call_of_enzyme_in_the_sources_is_an_error_with_a_way_out(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bare / "cube.c").write_text(
        "double __enzyme_autodiff(void *, double);\n"
        "double cube(double x) { return x * x * x; }\n"
        "double slope(double x) { return __enzyme_autodiff((void *)cube, x); }\n"
    )
    assert holoenzyme.main(["build", "cube"]) == 5
    printed = capsys.readouterr().err
    assert "error[E0518]: the sources ask for derivatives (`__enzyme_autodiff`) and there is no engine for this machine" in printed
    assert "`#ifndef HOLOENZYME_CFG_AUTODIFF_FALLBACK`" in printed
    assert "set `[llvm] enzyme = true`" not in printed


@pytest.mark.usefixtures("bare")
def test_it_can_be_refused_and_silenced(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["-D", "E0240"], ["-D", "warnings"]):
        assert holoenzyme.main(["build", *words]) == 2
        assert "error[E0240]" in capsys.readouterr().err
    assert holoenzyme.main(["build", "--dry-run", "-A", "E0240"]) == 0
    assert "E0240" not in capsys.readouterr().err


@pytest.mark.usefixtures("bare")
def test_conditions_and_compilers_see_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert holoenzyme.main(["cfg", "--check", "all(autodiff_fallback, not(llvm_enzyme))"]) == 0
    assert capsys.readouterr().out == "true\n"
    assert holoenzyme.main(["cfg"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "autodiff_fallback" in lines
    assert "llvm_enzyme" not in lines
    definitions = Plan.of(load(Path.cwd()), "cube").definitions()
    assert "-DHOLOENZYME_CFG_AUTODIFF_FALLBACK=1" in definitions[Language.C]
    assert "-DHOLOENZYME_CFG_LLVM_ENZYME=1" not in definitions[Language.CXX]
    rust = definitions[Language.RUST]
    assert [rust[place + 1] for place, word in enumerate(rust) if word == "--cfg"] == ["autodiff_fallback", 'llvm_version_major="22"']


@pytest.mark.usefixtures("bare")
def test_doctor_tells_that_there_will_be_no_derivatives(capsys: pytest.CaptureFixture[str]) -> None:
    holoenzyme.main(["doctor"])
    printed = capsys.readouterr()
    assert "warning[E0240]" in printed.err
    assert "E0306" not in printed.err


def test_a_c_library_that_is_too_old_is_no_engine_either(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_engine(load(project)) is None
    for glibc in ("glibc 2.9", "glibc 2.17", ""):
        monkeypatch.setattr(c_library, "installed", lambda glibc=glibc: glibc)
        reason = missing_engine(load(project))
        assert reason
        assert "needs glibc 2.28 or newer" in reason.message


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("enzyme.artifact=driver-99", "error[E0305]"),  # a name that there is not is the user's mistake, on every machine
        ("rust.channel=stable", "error[E0208]"),
    ],
)
@pytest.mark.usefixtures("bare")
def test_it_is_no_way_around_mistakes_and_gates(capsys: pytest.CaptureFixture[str], setting: str, code: str) -> None:
    assert holoenzyme.main(["build", "cube", "--set", setting]) != 0
    printed = capsys.readouterr().err
    assert code in printed
    assert "E0240" not in printed


def test_without_enzyme_nothing_is_missing(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bare / "config.toml").write_text('[rust]\nchannel = "nightly"\n')
    assert holoenzyme.main(["cfg", "--check", "any(llvm_enzyme, autodiff_fallback)"]) == 0
    assert capsys.readouterr().out == "false\n"


@pytest.mark.needs("clang-15")
def test_python_warns_and_gives_what_the_sources_have(bare: Path) -> None:
    toolchain = holoenzyme.Toolchain(cache=bare / "cache")
    with pytest.warns(UserWarning, match="there is no engine for this machine"):
        library = toolchain.build([bare / "cube.c"], [holoenzyme.AutoDiff("cube", "slope", "reverse", ["Active"], "ActiveOnly")])
    assert library.slope(2.0, 1.0) == pytest.approx(12, rel=1e-6)
    with pytest.raises(holoenzyme.Error, match="not pinned for linux-riscv64"):
        holoenzyme.grad(library.cube)(2.0)
