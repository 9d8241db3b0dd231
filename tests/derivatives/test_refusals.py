"""What an engine cannot do, as the manual lists it (docs/derivatives.md): the message that a user gets, on each engine."""

from pathlib import Path

import pytest

from bootstrap.config import load
from bootstrap.diagnostics import Diagnostic, Failure
from plugin.build import Options, Report, build
from plugin.plan import Plan

NEEDS = {"driver-22": (), "plugin-15": ("opt-15", "clang-15")}
CASES = {
    "no body": ("double mystery(double);\ndouble f(double x) { return mystery(x); }", "E0507", "`mystery`"),
    "complex": ("#include <complex.h>\ndouble f(double x) { return creal(cexp(x + 1.0 * I)); }", "E0507", "`cexp`"),
    "lgamma": ("#include <math.h>\ndouble f(double x) { return lgamma(x); }", "E0508", "Enzyme crashed"),
    "assembly": ('double f(double x) { double y; __asm__("movsd %1, %0" : "=x"(y) : "x"(x)); return y; }', "E0508", "Enzyme crashed"),
    "atomic": (
        "double f(double x) { double y = x, e = x, z = x * x; __atomic_compare_exchange(&y, &e, &z, 0, 5, 5); return y; }",
        "E0531",
        "`f` does something that Enzyme has no derivative of",
    ),
    "tgamma": ("#include <math.h>\ndouble f(double x) { return tgamma(x); }", "E0405", "cannot be linked"),
    "variadic": ("double f(double x, ...) { return x * x; }", "E0515", "variable number of arguments"),
}
BITS = "double f(double x) { union { double d; long i; } u; u.d = x; u.i &= 0x7fffffffffffffff; return u.d * u.d; }"


def made(folder: Path, artifact: str, source: str, name: str = "u.c") -> Report:
    (folder / name).write_text(source + "\n", encoding="utf-8")
    (folder / "config.toml").write_text(
        f'[enzyme]\nprovider = "pinned"\nartifact = "{artifact}"\n[llvm]\nenzyme = true\n[rust]\nchannel = "nightly"\n'
        f'[unit.u]\nsources = ["{name}"]\nlink-flags = ["-lm"]\n'
        '[[unit.u.autodiff]]\nsource = "f"\ntarget = "df"\nmode = "reverse"\ninputs = ["Active"]\nret = "Active"\n'
        '[[unit.u.verify]]\ntarget = "df"\nargs = [1.3]\n',
        encoding="utf-8",
    )
    [result] = build([Plan.of(load(folder), "u")], Options(jobs=1))
    if isinstance(result, Failure):
        raise result
    return result


def refused(folder: Path, artifact: str, source: str, name: str = "u.c") -> Diagnostic:
    with pytest.raises(Failure) as caught:
        made(folder, artifact, source, name)
    [diagnostic] = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize(
    ("artifact", "source", "code", "words"),
    [
        pytest.param(artifact, *case, id=f"{artifact}-{name}", marks=pytest.mark.needs(*needed))
        for artifact, needed in NEEDS.items()
        for name, case in CASES.items()
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, artifact: str, source: str, code: str, words: str) -> None:
    told = refused(tmp_path, artifact, source)
    assert (told.code, words in told.message) == (code, True), told
    if code == "E0405":
        assert told.notes[0].startswith("`digamma` is called by a derivative that Enzyme made")


@pytest.mark.needs("clang-15", "opt-15")
def test_what_the_newer_llvm_knows_the_older_one_refuses(tmp_path: Path) -> None:
    [verdict] = made(tmp_path, "driver-22", BITS).verdicts
    assert verdict.passed
    assert refused(tmp_path, "plugin-15", BITS).code == "E0531"


@pytest.mark.needs("clang-15", "opt-15")
def test_a_module_of_a_newer_llvm_is_refused_by_the_older_one(tmp_path: Path) -> None:
    source = 'define double @f(double %x) {\n  ret double %x\n}\n!llvm.ident = !{!0}\n!0 = !{!"clang version 22.1.0"}'
    assert made(tmp_path, "driver-22", source, "u.ll").verdicts
    assert refused(tmp_path, "plugin-15", source, "u.ll").code == "E0402"


@pytest.mark.needs("clang-15", "opt-15")
def test_a_machine_without_an_old_clang_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tools := tmp_path / "bin").mkdir()
    (tools / "opt-15").symlink_to("/usr/bin/opt-15")
    monkeypatch.setenv("PATH", str(tools))
    told = refused(tmp_path, "plugin-15", CASES["no body"][0])
    assert (told.code, told.message) == ("E0407", "there is no clang that writes LLVM 15 or older, as the engine needs it")
