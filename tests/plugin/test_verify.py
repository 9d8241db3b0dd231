"""Derivatives written by hand, right ones and wrong ones: the first pass, the second are found out, and the place is named."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.diagnostics import Failure
from plugin import verify
from plugin.items.activity import AutoDiffItem
from plugin.items.signature import Derivative
from plugin.native import load
from plugin.types.type_language import parse
from plugin.verify import Check, Verdict, VerifyUnit

SOURCE = """
#include <math.h>
typedef struct { double value, da, db; } pair;
typedef struct { double value, tangent; } dual;
typedef struct { float value, tangent; } dualf;

// f(a, b) = a^2 exp(b)
double f(double a, double b) { return a * a * exp(b); }
static pair f_of(double a, double b, double dret) { return (pair){f(a, b), dret * 2 * a * exp(b), dret * f(a, b)}; }
pair f_right(double a, double b, double dret) { return f_of(a, b, dret); }
pair f_wrong(double a, double b, double dret) { pair r = f_of(a, b, dret); r.db *= 1.0001; return r; }
pair f_value(double a, double b, double dret) { pair r = f_of(a, b, dret); r.value += 1e-3; return r; }
pair f_seed(double a, double b, double dret) { return f_of(a, b, 1.0); }
pair f_none(double a, double b, double dret) { pair r = f_of(a, b, dret); r.da = NAN; return r; }
pair f_huge(double a, double b, double dret) { pair r = f_of(a, b, dret); r.da = INFINITY; return r; }
dual f_jvp(double a, double da, double b, double db) { return (dual){f(a, b), 2 * a * exp(b) * da + f(a, b) * db}; }
dual f_jvp_wrong(double a, double da, double b, double db) { return (dual){f(a, b), 2 * a * exp(b) * da}; }

// g(x) = the sum of cubes
static long calls;
long calls_of_g(void) { return calls; }
double g(const double *x, long n) {
    double sum = 0;
    ++calls;
    for (long i = 0; i < n; ++i) sum += x[i] * x[i] * x[i];
    return sum;
}
double g_right(const double *x, double *dx, long n, double dret) {
    for (long i = 0; i < n; ++i) dx[i] += dret * 3 * x[i] * x[i];
    return g(x, n);
}
double g_written(const double *x, double *dx, long n, double dret) {
    for (long i = 0; i < n; ++i) dx[i] = dret * 3 * x[i] * x[i];
    return g(x, n);
}
double g_last(const double *x, double *dx, long n, double dret) {
    g_right(x, dx, n - 1, dret);
    return g(x, n);
}

// h: y = x^2, an output array
void h(const double *x, double *y, long n) { for (long i = 0; i < n; ++i) y[i] = x[i] * x[i]; }
void h_right(const double *x, double *dx, double *y, double *dy, long n) {
    for (long i = 0; i < n; ++i) { dx[i] += 2 * x[i] * dy[i]; dy[i] = 0; }
}
void h_wrong(const double *x, double *dx, double *y, double *dy, long n) {
    for (long i = 0; i < n; ++i) { dx[i] += x[i] * dy[i]; dy[i] = 0; }
}
void h_left(const double *x, double *dx, double *y, double *dy, long n) { for (long i = 0; i < n; ++i) dx[i] += 2 * x[i] * dy[i]; }
void h_jvp(const double *x, const double *dx, double *y, double *dy, long n) {
    for (long i = 0; i < n; ++i) dy[i] = 2 * x[i] * dx[i];
}
void h_jvp_wrong(const double *x, const double *dx, double *y, double *dy, long n) {
    for (long i = 0; i < n; ++i) dy[i] = i == 1 ? 0 : 2 * x[i] * dx[i];
}

// p: x = x^3, in place
void p(double *x, long n) { for (long i = 0; i < n; ++i) x[i] = x[i] * x[i] * x[i]; }
void p_right(double *x, double *dx, long n) { for (long i = 0; i < n; ++i) dx[i] *= 3 * x[i] * x[i]; p(x, n); }
void p_wrong(double *x, double *dx, long n) { for (long i = 0; i < n; ++i) dx[i] += 3 * x[i] * x[i] * dx[i]; p(x, n); }
void p_jvp(double *x, double *dx, long n) { p_right(x, dx, n); }

// q(x) = x[0]^2 x[1] in single precision
float q(const float *x) { return x[0] * x[0] * x[1]; }
void q_right(const float *x, float *dx, float dret) { dx[0] += dret * 2 * x[0] * x[1]; dx[1] += dret * x[0] * x[0]; }
void q_wrong(const float *x, float *dx, float dret) { dx[0] += dret * 2 * x[0] * x[1]; }
dualf q_jvp(const float *x, const float *dx) { return (dualf){q(x), 2 * x[0] * x[1] * dx[0] + x[0] * x[0] * dx[1]}; }

// small(x): derivatives far below 1, beside weights of 1
float small(const float *x) { return 1e-3f * x[0]; }
void small_none(const float *x, float *dx, float dret) { }

double root(double x) { return sqrt(x); }
double root_grad(double x, double dret) { return dret * 0.5 / sqrt(x); }
int count(const double *x, double *y) { *y = x[0] * x[0]; return 7; }
int count_grad(const double *x, double *dx, double *y, double *dy) { dx[0] += 2 * x[0] * *dy; *dy = 0; return 7; }
double *place(double *x) { x[0] *= x[0]; return x; }
double *place_grad(double *x, double *dx) { dx[0] *= 2 * x[0]; return x; }
static double local(double x) { return x; }
double local_grad(double x, double dret) { return dret * local(1); }
"""
PRIMALS = {
    "f": "double <- double %a, double %b",
    "g": "double <- ptr %x, i64 %n",
    "h": "void <- ptr %x, ptr %y, i64 %n",
    "p": "void <- ptr %x, i64 %n",
    "q": "float <- ptr %x",
    "small": "float <- ptr %x",
    "root": "double <- double %x",
    "count": "i32 <- ptr %x, ptr %y",
    "place": "ptr <- ptr %x",
    "local": "double <- double %x",
}
F, G, H, P = (1.5, 0.3), ((0.5, -2.0, 3.0), 3), ((0.5, -2.0, 3.0), (9.0, 9.0, 9.0), 3), ((0.5, -2.0, 3.0), 3)

MakeCheck = Callable[..., Check]
Run = Callable[..., list[Verdict]]


@pytest.fixture(scope="module")
def library(shared_library: Callable[[str], Path]) -> Path:
    return shared_library(SOURCE)


@pytest.fixture
def check(derivative: Callable[..., Derivative], forward: Callable[..., AutoDiffItem], reverse: Callable[..., AutoDiffItem]) -> MakeCheck:
    """Makes a check: the target, mode, inputs and return in words, the arguments, and the type of every pointer's elements."""

    def made(words: str, arguments: tuple[Any, ...], element: str = "", tolerance: float = 1e-6) -> Check:
        target, mode, *inputs, ret = words.split()
        item = (forward if mode == "forward" else reverse)(target.partition("_")[0], target, " ".join(inputs), ret)
        checked = derivative(item, PRIMALS[item.source])
        types = (parse(element) if element else None,) * len(arguments)
        return Check(derivative=checked, arguments=arguments, types=types, tolerance=tolerance, key="verify.0")

    return made


@pytest.fixture
def verdict(library: Path, check: MakeCheck) -> Callable[..., Verdict]:
    """The verdict on one check."""

    def given(*words: Any, **more: Any) -> Verdict:
        [one] = VerifyUnit(library=library, checks=(check(*words, **more),)).run(lambda _: None)
        return one

    return given


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("f_right reverse Active Active Active", F),
        ("f_jvp forward Dual Dual Dual", F),
        ("g_right reverse Duplicated Const Active", G),
        ("h_right reverse Duplicated Duplicated Const None", H),
        ("h_jvp forward Dual Dual Const None", H),
        ("p_right reverse Duplicated Const None", P),
        ("p_jvp forward Dual Const None", P),
        ("root_grad reverse Active ActiveOnly", (4.0,)),
        ("count_grad reverse Duplicated Duplicated Const", ((3.0,), (0.0,))),
        ("place_grad reverse Duplicated Const", ((3.0,),)),
    ],
)
def test_a_derivative_that_is_right_passes_with_room(verdict: Callable[..., Verdict], words: str, arguments: tuple[Any, ...]) -> None:
    found = verdict(words, arguments)
    assert found.passed
    assert found.error < 1e-9
    assert found.target == words.partition(" ")[0]


@pytest.mark.parametrize(
    ("words", "arguments", "where"),
    [
        ("f_wrong reverse Active Active Active", F, "the gradient of argument 2"),
        ("f_value reverse Active Active Active", F, "the value"),
        ("f_seed reverse Active Active Active", F, "the gradient of argument"),
        ("f_none reverse Active Active Active", F, "the gradient of argument 1"),
        ("f_huge reverse Active Active Active", F, "the gradient of argument 1"),
        ("f_jvp_wrong forward Dual Dual Dual", F, "the tangent of the return"),
        ("g_written reverse Duplicated Const Active", G, "the gradient of argument 1, element"),
        ("g_last reverse Duplicated Const Active", G, "the gradient of argument 1, element 2"),
        ("h_wrong reverse Duplicated Duplicated Const None", H, "the gradient of argument 1, element"),
        ("h_left reverse Duplicated Duplicated Const None", H, "the gradient of argument 2, element"),
        ("h_jvp_wrong forward Dual Dual Const None", H, "the tangent of argument 2, element 1"),
        ("p_wrong reverse Duplicated Const None", P, "the gradient of argument 1, element"),
    ],
)
def test_a_derivative_that_is_wrong_is_found_out_and_the_place_is_named(
    verdict: Callable[..., Verdict], words: str, arguments: tuple[Any, ...], where: str
) -> None:
    found = verdict(words, arguments)
    assert not found.passed
    assert found.error > 5e-5
    assert found.where.startswith(where)


def test_both_numbers_are_told(verdict: Callable[..., Verdict]) -> None:
    found = verdict("f_value reverse Active Active Active", F)
    value = 1.5**2 * math.exp(0.3)
    assert [found.found, found.expected] == pytest.approx([value + 1e-3, value])
    assert found.error == pytest.approx(1e-3 / (value + 1e-3))


def test_the_tolerance_decides(verdict: Callable[..., Verdict]) -> None:
    loose = verdict("f_wrong reverse Active Active Active", F, tolerance=2e-4)
    strict = verdict("f_wrong reverse Active Active Active", F, tolerance=0.5e-4)
    assert loose.error == strict.error == pytest.approx(1e-4, rel=1e-3)
    assert (loose.passed, strict.passed) == (True, False)


@pytest.mark.parametrize("words", ["q_right reverse Duplicated ActiveOnly", "q_jvp forward Dual Dual"])
def test_single_precision_passes_with_a_tolerance_of_its_own(verdict: Callable[..., Verdict], words: str) -> None:
    found = verdict(words, ((1.1, -0.7),), element="*f32", tolerance=1e-3)
    assert found.passed


@pytest.mark.parametrize(("words", "arguments"), [("q_wrong", (1.1, -0.7)), ("small_none", (1.1,))])
def test_single_precision_does_not_hide_what_is_missing(verdict: Callable[..., Verdict], words: str, arguments: tuple[float, ...]) -> None:
    found = verdict(f"{words} reverse Duplicated ActiveOnly", (arguments,), element="*f32", tolerance=1e-2)
    assert found.error == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("x", [math.nan, -1.0, 0.0])
def test_where_a_derivative_is_no_number_it_does_not_pass(verdict: Callable[..., Verdict], x: float) -> None:
    found = verdict("root_grad reverse Active ActiveOnly", (x,), tolerance=1e300)
    assert not found.passed
    assert found.error == math.inf


def test_of_a_long_array_a_sample_is_checked(verdict: Callable[..., Verdict], library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify.ELEMENTS == 1000
    monkeypatch.setattr(verify, "ELEMENTS", 50)
    counter = load(library).calls_of_g
    long = (tuple(0.5 + index % 7 for index in range(200)), 200)
    before = counter()
    assert verdict("g_right reverse Duplicated Const Active", long).passed
    assert counter() - before == 1 + 1 + 4 * 50  # the primal, in the derivative, and the differences
    assert not verdict("g_written reverse Duplicated Const Active", long).passed


def test_verdicts_come_in_the_order_of_the_checks_and_each_is_announced(library: Path, check: MakeCheck) -> None:
    checks = (check("f_right reverse Active Active Active", F), check("g_last reverse Duplicated Const Active", G))
    announced: list[str] = []
    verdicts = VerifyUnit(library=library, checks=checks).run(announced.append)
    assert [each.target for each in verdicts] == announced == ["f_right", "g_last"]
    assert [each.passed for each in verdicts] == [True, False]


def test_the_same_check_gives_the_same_verdict(verdict: Callable[..., Verdict]) -> None:
    assert verdict("g_last reverse Duplicated Const Active", G) == verdict("g_last reverse Duplicated Const Active", G)


def test_what_cannot_be_checked_is_told_for_all_checks_with_its_place(library: Path, check: MakeCheck) -> None:
    checks = (
        check("f_right reverse Active Active Active", (1.0,)),
        check("g_right reverse Duplicated Const Active", (1.0, 3)),
        check("local_grad reverse Active ActiveOnly", (1.0,)),
        check("f_right reverse Active Active Active", F),
    )
    with pytest.raises(Failure) as failure:
        VerifyUnit(library=library, checks=checks).run(lambda _: None)
    told = [(each.code, each.key) for each in failure.value.diagnostics]
    assert told == [("E0519", "verify.0.args"), ("E0519", "verify.0.args.0"), ("E0520", "verify.0.target")]
