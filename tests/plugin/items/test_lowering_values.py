"""What lowering adds to Enzyme's call, held against closed forms: seeds, C's structs, placeholders, derivatives of derivatives."""

import ctypes
import dataclasses
import struct
from collections.abc import Callable
from typing import Any

import pytest

from plugin.compile import CompileUnit
from plugin.items.activity import AutoDiffItem
from plugin.types.type_language import parse

KERNELS = """
#include <stddef.h>
double product(double a, double b) { return a * a * b; }
float narrow(float a, float b) { return a * a * b; }
long double wide(long double a, long double b) { return a * a * b; }
double sizes(float a, double b, float c) { return a * b * c; }
double cubes(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += x[i] * x[i] * x[i];
    return sum;
}
void squares(const double *x, double *y, size_t n) {
    for (size_t i = 0; i < n; ++i) y[i] = x[i] * x[i];
}
_Bool flag(double a, double *y) { *y = a * a; return a > 0; }
double weighted(signed char k, double x) { return k * x * x; }
static double hidden(double x) { return x * x; }

struct values { double value, da, db; };
struct values placed(double a, double b, double dret) { return (struct values){0, 0, 0}; }
double declared(double a, double b, double dret);
double caller(double a, double b) {
    struct values d = placed(a, b, 2.0);
    return hidden(d.value) * 0 + d.value * 100 + d.da * 10 + d.db + declared(a, b, 1000.0);
}
"""
ODD = """
define double @"odd \\22name\\22 \\C3\\A9"(double %x) {
  %value = fmul double %x, %x
  ret double %value
}
define zeroext i1 @odd(i32 %n, ptr %y) {
  %before = load double, ptr %y
  %factor = sitofp i32 %n to double
  %after = fmul double %before, %factor
  store double %after, ptr %y
  %value = trunc i32 %n to i1
  ret i1 %value
}
"""
WHOLE = """
define double @whole([2 x i64] %p) {
  %a = extractvalue [2 x i64] %p, 0
  %b = extractvalue [2 x i64] %p, 1
  %x = bitcast i64 %a to double
  %n = sitofp i64 %b to double
  %square = fmul double %x, %x
  %result = fmul double %square, %n
  ret double %result
}
define bfloat @brains(bfloat %x, bfloat %y) {
  %square = fmul bfloat %x, %x
  %result = fmul bfloat %square, %y
  ret bfloat %result
}
declare bfloat @brains_jvp(bfloat, bfloat, bfloat)
declare bfloat @brains_grad(bfloat, bfloat, bfloat)
define float @brains_digits(float %x, float %y, float %seed) {
  %a = fptrunc float %x to bfloat
  %b = fptrunc float %y to bfloat
  %c = fptrunc float %seed to bfloat
  %tangent = call bfloat @brains_jvp(bfloat %a, bfloat %c, bfloat %b)
  %gradient = call bfloat @brains_grad(bfloat %a, bfloat %b, bfloat %c)
  %first = fpext bfloat %tangent to float
  %second = fpext bfloat %gradient to float
  %shifted = fmul float %first, 1.000000e+02
  %digits = fadd float %shifted, %second
  ret float %digits
}
"""
ODD_NAME = 'odd "name" \u00e9'
ITEMS = {
    # target: mode, source, inputs, return
    "product_grad": ("reverse", "product", "Active Active", "Active"),
    "narrow_grad": ("reverse", "narrow", "Active Active", "Active"),
    "wide_grad": ("reverse", "wide", "Active Active", "Active"),
    "sizes_grad": ("reverse", "sizes", "Active Active Active", "Active"),
    "cubes_grad": ("reverse", "cubes", "Duplicated Const", "Active"),
    "cubes_hvp": ("forward", "cubes_grad", "Dual Dual Const Const", "Const"),
    "product_first": ("reverse", "product", "Active Const", "ActiveOnly"),
    "product_second": ("reverse", "product_first", "Active Active Const", "Active"),
    "squares_only": ("reverse", "squares", "Duplicated DuplicatedOnly Const", "None"),
    "flag_grad": ("reverse", "flag", "Active Duplicated", "Const"),
    "odd_jvp": ("forward", "odd", "Const Dual", "Const"),
    "weighted_grad": ("reverse", "weighted", "Const Active", "ActiveOnly"),
    "whole_grad": ("reverse", "whole", "Active", "ActiveOnly"),
    "brains_jvp": ("forward", "brains", "Dual Const", "DualOnly"),
    "brains_grad": ("reverse", "brains", "Active Const", "ActiveOnly"),
    "hidden_grad": ("reverse", "hidden", "Active", "ActiveOnly"),
    "placed": ("reverse", "product", "Active Active", "Active"),
    "declared": ("reverse", "product", "Active Const", "ActiveOnly"),
    'odd.grad "\u00e9"': ("reverse", ODD_NAME, "Active", "ActiveOnly"),
}
Vector = ctypes.c_double * 3
SEED = ctypes.c_double(2.0)


def structure(*fields: Any) -> type[ctypes.Structure]:
    return type("Results", (ctypes.Structure,), {"_fields_": [(f"r{index}", each) for index, each in enumerate(fields)]})


@pytest.fixture(scope="module")
def call(
    forward: Callable[..., AutoDiffItem],
    reverse: Callable[..., AutoDiffItem],
    job: Callable[..., CompileUnit],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., list[float]]:
    """Calls a function of the library; what it returns is a list, of one number or of a struct's."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.c").write_text(KERNELS, encoding="utf-8")
    (folder / "odd.ll").write_text(ODD, encoding="utf-8")
    (folder / "whole.ll").write_text(WHOLE, encoding="utf-8")
    makers = {"forward": forward, "reverse": reverse}
    items = [makers[mode](source, target, inputs, ret) for target, (mode, source, inputs, ret) in ITEMS.items()]
    pair = parse("{f64, i64}")
    items = [dataclasses.replace(each, types=(pair,)) if each.source == "whole" else each for each in items]
    made = job("kernels", [folder / name for name in ("kernels.c", "odd.ll", "whole.ll")], reversed(items)).run(lambda _: None)
    library = ctypes.CDLL(str(made.output))

    def called(name: str, returns: Any, *arguments: Any) -> list[float]:
        function = library[name]
        function.restype = returns
        found = function(*arguments)
        return [getattr(found, each[0]) for each in found._fields_] if isinstance(found, ctypes.Structure) else [found]

    return called


def test_a_seed_scales_gradients_and_not_the_value(call: Callable[..., list[float]]) -> None:
    double, single, long = ctypes.c_double, ctypes.c_float, ctypes.c_longdouble
    a, b, seed = 3.0, 5.0, 2.0
    expected = pytest.approx([a * a * b, seed * 2 * a * b, seed * a * a], rel=1e-15)
    for name, type_ in {"product_grad": double, "narrow_grad": single, "wide_grad": long}.items():
        assert call(name, structure(type_, type_, type_), type_(a), type_(b), type_(seed)) == expected
    returns = structure(double, single, double, single)
    assert call("sizes_grad", returns, single(3), double(5), single(7), SEED) == [105, 2 * 35, 2 * 21, 2 * 15]


def test_a_gradient_is_added_to_the_shadow(call: Callable[..., list[float]]) -> None:
    x, shadow = Vector(1, 2, 3), Vector(100, 200, 300)
    assert call("cubes_grad", ctypes.c_double, x, shadow, 3, SEED) == [36]
    assert list(shadow) == [100 + 2 * 3, 200 + 2 * 12, 300 + 2 * 27]


def test_a_shadow_of_an_output_is_consumed(call: Callable[..., list[float]]) -> None:
    x, shadow, y, weights = Vector(1, 2, 3), Vector(), Vector(), Vector(1, 10, 100)
    call("squares_only", None, x, shadow, y, weights, 3)
    assert list(shadow) == [2, 40, 600]
    assert list(weights) == [0, 0, 0]


def test_a_derivative_has_derivatives(call: Callable[..., list[float]]) -> None:
    x, direction, gradient, curvature = Vector(1, 2, 3), Vector(1, 10, 100), Vector(), Vector()
    assert call("cubes_hvp", ctypes.c_double, x, direction, gradient, curvature, 3, ctypes.c_double(1)) == [36]
    assert list(gradient) == [3, 12, 27]
    assert list(curvature) == [6, 120, 1800]
    one = ctypes.c_double(1)
    found = call("product_second", structure(*[ctypes.c_double] * 3), ctypes.c_double(3), ctypes.c_double(5), one, SEED)
    assert found == [30, 2 * 10, 2 * 6]


def test_a_primal_that_returns_a_truth_value_returns_it_still(call: Callable[..., list[float]]) -> None:
    y, weight = ctypes.c_double(), ctypes.c_double(10)
    returns = structure(ctypes.c_bool, ctypes.c_double)
    for a in (3.0, -3.0):
        weight.value = 10
        assert call("flag_grad", returns, ctypes.c_double(a), ctypes.byref(y), ctypes.byref(weight)) == [a > 0, 20 * a]
        assert y.value == 9


def test_a_truth_value_alone_is_0_or_1(call: Callable[..., list[float]]) -> None:
    y, tangent = ctypes.c_double(2), ctypes.c_double(10)
    assert [call("odd_jvp", ctypes.c_uint8, n, ctypes.byref(y), ctypes.byref(tangent)) for n in (7, 6)] == [[1], [0]]
    assert tangent.value == 10 * 7 * 6


def test_a_small_integer_keeps_its_sign(call: Callable[..., list[float]]) -> None:
    assert call("weighted_grad", ctypes.c_double, ctypes.c_byte(-7), ctypes.c_double(3), SEED) == [2 * -7 * 6]


def test_a_function_of_one_file_can_be_a_primal(call: Callable[..., list[float]]) -> None:
    assert call("hidden_grad", ctypes.c_double, ctypes.c_double(3), SEED) == [12]


def test_placeholders_are_replaced_for_the_callers_in_the_sources(call: Callable[..., list[float]]) -> None:
    a, b = 3.0, 5.0
    value, first, second = a * a * b, 2 * (2 * a * b), 2 * (a * a)
    assert call("caller", ctypes.c_double, ctypes.c_double(a), ctypes.c_double(b)) == [value * 100 + first * 10 + second + 1000 * 2 * a * b]


def test_a_symbol_may_have_any_characters(call: Callable[..., list[float]]) -> None:
    assert call('odd.grad "\u00e9"', ctypes.c_double, ctypes.c_double(3), SEED) == [12]


def test_a_number_that_is_all_of_an_integer_has_a_derivative(call: Callable[..., list[float]]) -> None:
    [bits] = struct.unpack("q", struct.pack("d", 3.0))
    count = ctypes.c_int64(5)
    returns = structure(ctypes.c_double, ctypes.c_int64)
    assert call("whole_grad", returns, ctypes.c_int64(bits), count, SEED)[0] == 2 * 2 * 3 * 5


def test_brain_floats_have_derivatives(call: Callable[..., list[float]]) -> None:
    x, y, seed = (ctypes.c_float(each) for each in (1.5, 0.25, 2))
    assert call("brains_digits", ctypes.c_float, x, y, seed) == [(2 * 1.5 * 0.25 * 2) * 100 + 2 * 1.5 * 0.25 * 2]
