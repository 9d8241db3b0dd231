"""Functions that return several values: inlined before Enzyme comes, refused where that cannot be, and their gradients right."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.diagnostics import Failure
from plugin.compile import CompileUnit
from plugin.ir.returns import inlining, number_behind_integer

Job = Callable[..., CompileUnit]

FOUND = """
double __enzyme_autodiff(void *, ...);
struct found { long index; double value; };
"""
SQUARED = """
__attribute__((noinline)) static struct found h(double x) {
    struct found r;
    if (x > 1) { r.index = 1; r.value = x * x; return r; }
    r.index = 0;
    return r;
}
static double f(double x) { struct found r = h(x); return r.index ? r.value : 3 * x; }
double d(double x) { return __enzyme_autodiff((void *)f, x); }
"""
RECURSION = """
__attribute__((noinline)) static struct found h(double x, int n) {
    struct found r = n > 0 ? h(x, n - 1) : (struct found){0, 1}, q = n > 1 ? h(x, n - 2) : r;
    return (struct found){r.index + 1, r.value * x + q.value};
}
static double f(double x, int n) { return h(x, n).value; }
extern int enzyme_const;
double d(double x, int n) { return __enzyme_autodiff((void *)f, x, enzyme_const, n); }
"""
DEFINED = "define internal { i64, double } @h(double %x) #0 {\n  ret { i64, double } poison\n}\n"


def test_a_number_behind_an_integer_has_its_gradient(job: Job, each_engine: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "k.c").write_text(FOUND + SQUARED, encoding="utf-8")
    library = ctypes.CDLL(str(job("returns", [tmp_path / "k.c"], (), **each_engine).run(lambda _: None).output))
    library.d.restype = ctypes.c_double
    assert [library.d(ctypes.c_double(x)) for x in (2.0, 0.5)] == [4.0, 3.0]


def test_a_recursion_cannot_be_inlined(job: Job, each_engine: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "k.c").write_text(FOUND + RECURSION, encoding="utf-8")
    with pytest.raises(Failure) as caught:
        job("returns", [tmp_path / "k.c"], (), **each_engine).run(lambda _: None)
    assert {each.code for each in caught.value.diagnostics} == {"E0527"}
    assert all(each.span for each in caught.value.diagnostics)


@pytest.mark.parametrize(
    ("call", "made"),
    [
        ("%r = call { i64, double } @h(double %x) #3, !dbg !4", "%r = call { i64, double } @h(double %x) alwaysinline, !dbg !4"),
        ("%r = invoke fastcc { i64, double } @h(double %x)", "%r = invoke fastcc { i64, double } @h(double %x) alwaysinline"),
        ("%r = call { i64, i64 } @h(double %x) #3", "%r = call { i64, i64 } @h(double %x) #3"),
        ("%r = call { i64, double } @elsewhere(double %x) #3", "%r = call { i64, double } @elsewhere(double %x) #3"),
    ],
)
def test_calls_of_several_values_are_to_be_inlined(call: str, made: str) -> None:
    assert inlining(f"{DEFINED}  {call}\n") == f"{DEFINED}  {made}\n"


def test_the_function_of_a_rule_is_kept() -> None:
    text = f"{DEFINED.replace('internal', 'weak')}  %r = call {{ i64, double }} @h(double %x)\n"
    assert inlining(text) == text


@pytest.mark.parametrize(
    ("returned", "is_found"),
    [("{ i64, double }", True), ("{ ptr, float }", True), ("{ double, i64 }", False), ("{ i64, i64 }", False), ("double", False)],
)
def test_only_a_number_that_is_not_first_is_lost(returned: str, *, is_found: bool) -> None:
    line = f"  %r = call {returned} @h(double %x)"
    assert number_behind_integer(f"define double @f() {{\n{line}\n}}\n", frozenset({"h"})) == (line if is_found else "")
