"""What each stage leaves for the next, seen in the modules that stay in the job's folder, and in the last one."""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.llvm import host_triple
from plugin.compile import CompileUnit
from plugin.ir import module
from plugin.items.activity import AutoDiffItem
from plugin.pipeline import SPECULATION_GUARD, Clock, Compiled, check_nothing_left, compile_unit, optimise, target_machine

KERNELS = """
#include <math.h>
void squares(const double *restrict x, double *restrict y, long n) {
    for (long i = 0; i < n; ++i) y[i] = x[i] * x[i];
}
__attribute__((optnone, noinline)) double slow(double x) { return x * x * x; }
double of_gamma(double x) { return tgamma(x); }
"""
CONDITIONAL = """
define double @conditional(ptr align 8 dereferenceable(8) %x, i1 %wanted) {
entry:
  br i1 %wanted, label %then, label %end
then:
  %loaded = load double, ptr %x
  br label %end
end:
  %value = phi double [ 0.0, %entry ], [ %loaded, %then ]
  %square = fmul double %value, %value
  ret double %square
}
"""
OWN_CALLS = """
double __enzyme_autodiff(void *, ...);
double __enzyme_fwddiff(void *, ...);
int enzyme_dup = 1;
int enzyme_const = 2;
static int enzyme_out = 3;
static double product(const double *x, double y, double k) { return x[0] * x[1] * y * k; }
double gradient(const double *x, double *dx, double y, double k) {
    return __enzyme_autodiff((void *)product, enzyme_dup, x, dx, enzyme_out, y, enzyme_const, k);
}
double tangent(const double *x, const double *dx, double y, double k) {
    return __enzyme_fwddiff((void *)product, enzyme_dup, x, dx, enzyme_const, y, enzyme_const, k);
}
"""
FORWARD_ALONE = """
double __enzyme_fwddiff(void *, ...);
static double cube(double x) { return x * x * x; }
double tangent(double x) { return __enzyme_fwddiff((void *)cube, x, 1.0); }
"""

Job = Callable[..., CompileUnit]
Item = Callable[..., AutoDiffItem]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Writes a source."""
    folder = tmp_path_factory.mktemp("sources")

    def written(name: str, text: str) -> Path:
        (folder / name).write_text(text, encoding="utf-8")
        return folder / name

    return written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `compiled` leaves the module of each stage."""
    return tmp_path_factory.mktemp("stages")


@pytest.fixture(scope="module")
def compiled(job: Job, sources: Callable[[str, str], Path], reverse: Item, folder: Path) -> Compiled:
    """A unit of two sources, with three derivatives."""
    items = [
        reverse("squares", "squares_grad", "Duplicated Duplicated Const", "None"),
        reverse("slow", "slow_grad", "Active", "ActiveOnly"),
        reverse("conditional", "conditional_grad", "Duplicated Const", "Active"),
        reverse("of_gamma", "gamma_grad", "Active", "ActiveOnly"),
    ]
    made = job("kernels", [sources("kernels.c", KERNELS), sources("conditional.ll", CONDITIONAL)], items, folder=folder)
    return compile_unit(made, Clock(lambda _: None))


def stage(folder: Path, name: str) -> llvm.ModuleRef:
    return llvm.parse_assembly((folder / f"{name}.ll").read_text(encoding="utf-8"))


def guarded(unit: llvm.ModuleRef) -> dict[str, bool]:
    """For each function with a body, whether it is guarded against speculation."""
    guard = SPECULATION_GUARD.encode()
    return {each.name: any(guard in words.split() for words in each.attributes) for each in unit.functions if not each.is_declaration}


def only(failure: pytest.ExceptionInfo[Failure]) -> Diagnostic:
    [diagnostic] = failure.value.diagnostics
    return diagnostic


@pytest.mark.parametrize("name", ["lowered", "pre"])
@pytest.mark.usefixtures("compiled")
def test_every_function_is_guarded_against_speculation_up_to_enzyme(folder: Path, name: str) -> None:
    found = guarded(stage(folder, name))
    assert {"squares", "slow", "conditional", "squares_grad"} <= set(found)
    assert all(found.values())


def test_no_function_is_guarded_afterwards_and_nothing_was_added(compiled: Compiled, folder: Path) -> None:
    assert any(name.startswith("diffe") for name, is_guarded in guarded(stage(folder, "enzyme")).items() if is_guarded)
    assert "conditional_grad" in guarded(compiled.module)
    assert not any(guarded(compiled.module).values())
    assert not re.search("hwasan|sanitize", str(compiled.module))


@pytest.mark.usefixtures("compiled")
def test_a_conditional_load_stays_conditional_before_enzyme(folder: Path) -> None:
    def loads_at_once(unit: llvm.ModuleRef) -> bool:
        [entry, *_] = unit.get_function("conditional").blocks
        return "load double" in str(entry)

    assert not loads_at_once(stage(folder, "pre"))
    plain = llvm.parse_assembly(CONDITIONAL)
    optimise(plain, target_machine(host_triple(), "native"), full=False)
    assert loads_at_once(plain)  # what the guard is against


def test_a_loop_is_vectorised_after_enzyme_and_not_before(compiled: Compiled, folder: Path) -> None:
    vector = re.compile(r"load <\d+ x double>")
    assert vector.search(str(compiled.module.get_function("squares_grad")))
    assert vector.search(str(compiled.module.get_function("squares")))
    for name in ("pre", "enzyme"):
        assert not vector.search(str(stage(folder, name)))


def test_a_function_that_is_exempt_from_optimisation_is_not_any_more(compiled: Compiled, folder: Path) -> None:
    unit = stage(folder, "lowered")
    assert not any(b"optnone" in each for function in unit.functions for each in function.attributes)
    assert "alloca" not in str(compiled.module.get_function("slow"))


def test_nothing_of_enzyme_is_left(compiled: Compiled) -> None:
    assert not module.calls_enzyme(compiled.module)
    assert not any(each.name.startswith("enzyme_") for each in compiled.module.global_variables)


def test_what_only_a_derivative_calls_is_known(compiled: Compiled) -> None:
    assert "tgamma" in compiled.externals
    assert compiled.new_externals == {"digamma"}
    assert compiled.new_externals <= compiled.externals


def test_the_files_of_all_sources_are_known(compiled: Compiled) -> None:
    assert {"kernels.c", "conditional.ll", "math.h"} <= {each.name for each in compiled.inputs}
    assert [each.item.target for each in compiled.derivatives] == ["squares_grad", "slow_grad", "conditional_grad", "gamma_grad"]


def test_a_call_in_the_sources_needs_no_item_and_markers_may_have_values(job: Job, sources: Callable[[str, str], Path]) -> None:
    library = ctypes.CDLL(str(job("own", [sources("own.c", OWN_CALLS)]).run(lambda _: None).output))
    library.gradient.restype = library.tangent.restype = ctypes.c_double
    x, dx = (ctypes.c_double * 2)(3, 5), (ctypes.c_double * 2)(100, 100)
    y, k = ctypes.c_double(7), ctypes.c_double(2)
    assert library.gradient(x, dx, y, k) == 3 * 5 * 2
    assert list(dx) == [100 + 5 * 7 * 2, 100 + 3 * 7 * 2]
    assert library.tangent(x, (ctypes.c_double * 2)(1, 10), y, k) == (5 + 3 * 10) * 7 * 2


def test_forward_mode_alone_is_differentiated(job: Job, sources: Callable[[str, str], Path]) -> None:
    library = ctypes.CDLL(str(job("alone", [sources("alone.c", FORWARD_ALONE)]).run(lambda _: None).output))
    library.tangent.restype = ctypes.c_double
    assert library.tangent(ctypes.c_double(2)) == 12


def test_a_unit_without_derivatives_does_not_meet_the_engine(job: Job, sources: Callable[[str, str], Path], tmp_path: Path) -> None:
    clock = Clock(lambda _: None)
    made = compile_unit(job("plain", [sources("f.c", "double f(double x) { return x; }")], folder=tmp_path), clock)
    assert list(clock.seconds) == ["frontend", "lower", "post"]
    assert not (tmp_path / "pre.ll").exists()
    assert module.find(made.module, "f") is not None


def test_each_stage_is_announced_and_timed(job: Job, sources: Callable[[str, str], Path], reverse: Item) -> None:
    announced: list[str] = []
    clock = Clock(announced.append)
    compile_unit(job("timed", [sources("f.c", "double f(double x) { return x; }")], [reverse("f", "d", "Active", "Active")]), clock)
    assert announced == list(clock.seconds) == ["frontend", "lower", "pre", "enzyme", "check", "post"]
    assert all(each > 0 for each in clock.seconds.values())


def test_sources_that_ask_for_derivatives_where_enzyme_is_off_are_refused(job: Job, sources: Callable[[str, str], Path]) -> None:
    with pytest.raises(Failure) as failure:
        compile_unit(job("off", [sources("own.c", OWN_CALLS)], engine=None), Clock(lambda _: None))
    assert only(failure).code == "E0518"
    assert "`__enzyme_autodiff`" in only(failure).message
    assert "[llvm] enzyme = true" in only(failure).help[0]


def test_a_symbol_that_two_sources_define_is_told(job: Job, sources: Callable[[str, str], Path]) -> None:
    twice = [sources(name, "double f(double x) { return x; }") for name in ("one.c", "two.c")]
    with pytest.raises(Failure) as failure:
        compile_unit(job("twice", twice), Clock(lambda _: None))
    assert only(failure).code == "E0513"
    assert "`two.c` cannot be linked" in only(failure).message
    assert "'f'" in "".join(only(failure).notes)


@pytest.mark.parametrize(
    "line",
    [
        "  call void @__enzyme_autodiff(ptr @f)",
        "  %v = tail call double (...) @__enzyme_autodiff.d(ptr @f, double %x)",
        '  %v = call double (...) @"__enzyme_fwddiff.odd name"(ptr @f, metadata !"enzyme_dup", double %x)',
        "  %v = invoke double @my__enzyme_fwddiff_d(ptr @f) to label %a unwind label %b",
        "  %v = musttail call { double, double } (ptr, ...) @__enzyme_virtualreverse(ptr @f)",
    ],
)
def test_a_call_that_is_left_is_told_by_name(line: str) -> None:
    [name] = re.findall(r'@"?([^"(]*__enzyme_[^"(]*)', line)
    with pytest.raises(Failure) as failure:
        check_nothing_left(f"define void @g() {{\n{line}\n}}\n")
    assert only(failure).code == "E0509"
    assert f"`{name}`" in only(failure).message


@pytest.mark.parametrize(
    "text",
    [
        "declare void @__enzyme_autodiff(...)",
        "  call void @f(ptr @g)",
        "  call void @enzyme_f()",
        '@words = constant [24 x i8] c"@__enzyme_autodiff(x, y)\\00"',
        "",
    ],
)
def test_what_is_no_call_is_not_told(text: str) -> None:
    check_nothing_left(text)


def test_the_machine_is_the_one_that_is_asked_for() -> None:
    def vectors(cpu: str) -> set[str]:
        unit = llvm.parse_assembly(LOOP)
        optimise(unit, target_machine("x86_64-unknown-linux-gnu", cpu), full=True)
        return set(re.findall(r"<\d+ x double>", str(unit)))

    if host_triple().startswith("x86_64"):
        assert vectors("x86-64") == {"<2 x double>"}
        assert vectors("haswell") == {"<4 x double>"}


LOOP = """
define void @f(ptr noalias %x, ptr noalias %y) {
entry:
  br label %body
body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %from = getelementptr double, ptr %x, i64 %i
  %to = getelementptr double, ptr %y, i64 %i
  %v = load double, ptr %from
  %square = fmul double %v, %v
  store double %square, ptr %to
  %next = add nuw i64 %i, 1
  %done = icmp eq i64 %next, 4096
  br i1 %done, label %end, label %body
end:
  ret void
}
"""
