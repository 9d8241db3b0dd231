"""Calls of a library with Python's numbers, and what is told of numbers that do not fit."""

import ctypes
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.diagnostics import Failure
from plugin.items.activity import AutoDiffItem
from plugin.items.signature import Derivative
from plugin.native import Arguments, Call, load
from plugin.types.type_language import Type, parse

SOURCE = """
double dot(const double *x, const float *y, int n, _Bool twice) {
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += x[i] * y[i];
    return twice ? 2 * sum : sum;
}
double dot_grad(const double *x, double *dx, const float *y, float *dy, int n, _Bool twice, double dret) {
    for (int i = 0; i < n; ++i) {
        dx[i] += dret * (twice ? 2 : 1) * y[i];
        dy[i] += (float)(dret * (twice ? 2 : 1) * x[i]);
    }
    return dot(x, y, n, twice);
}
short shorten(double x) { return (short)-x; }
short shorten_grad(double x) { return shorten(x); }
struct results { double value; float da; double db; };
double mixed(float a, double b) { return a * b; }
struct results mixed_grad(float a, double b, double dret) { return (struct results){a * b, (float)(dret * b), dret * a}; }
double *place(double *x) { return x; }
double *place_jvp(double *x, double *dx) { return x; }
static double local(double x) { return x; }
double local_grad(double x, double dret) { return dret * local(1); }
"""

MakeItem = Callable[..., AutoDiffItem]
MakeDerivative = Callable[..., Derivative]


@pytest.fixture(scope="module")
def library(shared_library: Callable[[str], Path]) -> ctypes.CDLL:
    return load(shared_library(SOURCE))


@pytest.fixture
def dot(derivative: MakeDerivative, reverse: MakeItem) -> Derivative:
    item = reverse("dot", "dot_grad", "Duplicated Duplicated Const Const", "Active")
    return derivative(item, "double <- ptr %x, ptr %y, i32 %n, i1 zeroext %twice")


@pytest.fixture
def mixed(derivative: MakeDerivative, reverse: MakeItem) -> Derivative:
    return derivative(reverse("mixed", "mixed_grad", "Active Active", "Active"), "double <- float %a, double %b")


TYPES = (parse("*f64"), parse("*f32"), None, None)
VALUES: tuple[Any, ...] = ((1.5, 2.0, 3.0), (0.1, 0.2, 0.3), 3, True)


def said(words: str) -> Type | None:
    """The type that is written, if one is."""
    return parse(words) if words else None


def rounded(number: float) -> float:
    """A number as `float` holds it."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def test_a_primal_is_called_and_what_it_leaves_is_seen(library: ctypes.CDLL, dot: Derivative) -> None:
    arguments = Arguments.build(dot, VALUES, TYPES, "verify.0")
    value, written = Call(library, dot).primal(arguments)
    y = [rounded(each) for each in VALUES[1]]
    assert value == [2 * sum(a * b for a, b in zip(VALUES[0], y, strict=True))]
    assert written == {0: [1.5, 2.0, 3.0], 1: y}


def test_numbers_are_kept_as_their_type_holds_them(dot: Derivative) -> None:
    arguments = Arguments.build(dot, VALUES, TYPES, "verify.0")
    assert arguments.values == ((1.5, 2.0, 3.0), tuple(map(rounded, (0.1, 0.2, 0.3))), 3, True)
    assert arguments.types == (ctypes.c_double, ctypes.c_float, ctypes.c_int32, ctypes.c_bool)


def test_a_derivative_is_called_with_shadows_and_a_seed(library: ctypes.CDLL, dot: Derivative) -> None:
    arguments = Arguments.build(dot, VALUES, TYPES, "verify.0")
    results, shadows = Call(library, dot).derived(arguments, {0: [[100, 200, 300]], 1: [[0, 0, 0]]}, [[0.5]])
    assert results == [Call(library, dot).primal(arguments)[0]]
    assert shadows[0] == [[100 + rounded(0.1), 200 + rounded(0.2), 300 + rounded(0.3)]]
    assert shadows[1] == [[1.5, 2.0, 3.0]]


def test_several_results_come_in_order(library: ctypes.CDLL, mixed: Derivative) -> None:
    arguments = Arguments.build(mixed, (2.0, 3), (None, None), "verify.0")
    assert Call(library, mixed).derived(arguments, {}, [[10.0]]) == ([[6], [30], [20]], {})
    assert Call(library, mixed).primal(arguments) == ([6], {})


def test_a_whole_number_that_is_returned_keeps_its_sign(library: ctypes.CDLL, derivative: MakeDerivative, reverse: MakeItem) -> None:
    short = derivative(reverse("shorten", "shorten_grad", "Const", "Const"), "i16 <- double %x")
    arguments = Arguments.build(short, (7.0,), (None,), "verify.0")
    assert Call(library, short).primal(arguments) == ([-7], {})
    assert Call(library, short).derived(arguments, {}, []) == ([[-7]], {})


def test_a_pointer_that_is_returned_does_not_disturb(library: ctypes.CDLL, derivative: MakeDerivative, forward: MakeItem) -> None:
    place = derivative(forward("place", "place_jvp", "Dual", "Const"), "ptr <- ptr %x")
    results, shadows = Call(library, place).derived(Arguments.build(place, ((1.0,),), (None,), "verify.0"), {0: [[2]]}, [])
    assert len(results) == 1
    assert shadows == {0: [[2]]}


@pytest.mark.parametrize(
    ("element", "activity", "value", "type_"),
    [
        ("", "Duplicated", (1.0, 2.0), ctypes.c_double),
        ("", "Duplicated", (1, 2), ctypes.c_double),  # a shadow holds derivatives
        ("", "Const", (1, 2), ctypes.c_int64),
        ("", "Const", (1, 2.0), ctypes.c_double),
        ("", "Const", (), ctypes.c_double),
        ("*f32", "Duplicated", (1, 2), ctypes.c_float),
        ("*i8", "Const", (1, -128), ctypes.c_int8),
        ("*usize", "Const", (1, 2**64 - 1), ctypes.c_size_t),
        ("*[f32; 2]", "Duplicated", (1, 2), ctypes.c_float),
        ("[f32]", "Duplicated", (1, 2), ctypes.c_float),
    ],
)
def test_an_array_has_the_type_that_is_said_or_the_one_of_its_numbers(
    derivative: MakeDerivative, reverse: MakeItem, element: str, activity: str, value: tuple[float, ...], type_: type
) -> None:
    made = derivative(reverse("f", "d", activity, "None"), "void <- ptr %x")
    arguments = Arguments.build(made, (value,), (said(element),), "verify.0")
    assert arguments.types == (type_,)
    assert arguments.values == (value,)


@pytest.mark.parametrize(
    ("primal", "activity", "element", "value", "remedy"),
    [
        ("double", "Const", "", (1.0,), "write a number"),
        ("i32", "Const", "", 2.0, "write a whole number"),
        ("i32", "Const", "", 2**31, "write a whole number that it has room for"),
        ("i8", "Const", "", -129, "write a whole number that it has room for"),
        ("i1", "Const", "", 2, "write a whole number that it has room for"),
        ("half", "Active", "", 1.0, "`half` cannot be passed from here"),
        ("i128", "Const", "", 1, "`i128` cannot be passed from here"),
        ("ptr", "Duplicated", "", 1.0, "write a list of numbers"),
        ("ptr", "Duplicated", "", ((1.0, 2.0), (3.0, 4.0)), "write numbers"),
        ("ptr", "Const", "*i32", (1, 2.5), "write a whole number"),
        ("ptr", "Const", "*i8", (1, 128), "write a whole number that it has room for"),
        ("ptr", "Const", "", (1, 2**63), "write a whole number that it has room for"),
        ("ptr", "Duplicated", "*f16", (1.0,), "known are *f32, *f64"),
        ("ptr", "Duplicated", "**f64", (1, 2), "`**f64` cannot be passed from here"),
        ("ptr", "Duplicated", "f64", (1, 2), "`f64` cannot be passed from here"),
        ("ptr", "Duplicated", "*i64", (1, 2), "`*i64` points to has no derivative"),
    ],
)
def test_an_argument_that_does_not_fit_is_told_with_its_place_and_a_remedy(
    derivative: MakeDerivative, reverse: MakeItem, primal: str, activity: str, element: str, value: Any, remedy: str
) -> None:
    made = derivative(reverse("f", "d", f"Const {activity}", "None"), f"void <- double %a, {primal} %x")
    with pytest.raises(Failure) as failure:
        Arguments.build(made, (0.0, value), (None, said(element)), "verify.3")
    [told] = failure.value.diagnostics
    assert (told.code, told.key) == ("E0519", "verify.3.args.1")
    assert told.message == f"argument 2 of `f` does not fit its parameter `{primal}`"
    assert remedy in told.help[0]


def test_all_arguments_that_do_not_fit_are_told(dot: Derivative) -> None:
    with pytest.raises(Failure) as failure:
        Arguments.build(dot, (1.0, (1.0,), 2.5, (True,)), TYPES, "verify.0")
    assert [each.key for each in failure.value.diagnostics] == ["verify.0.args.0", "verify.0.args.2", "verify.0.args.3"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_arguments_of_another_number_are_told(mixed: Derivative, count: int) -> None:
    with pytest.raises(Failure) as failure:
        Arguments.build(mixed, (1.0,) * count, (None, None), "verify.0")
    [told] = failure.value.diagnostics
    assert (told.code, told.key) == ("E0519", "verify.0.args")
    assert "`mixed` has 2 parameters" in told.message


def test_arguments_are_varied_without_touching_the_others(dot: Derivative) -> None:
    arguments = Arguments.build(dot, VALUES, TYPES, "verify.0")
    assert arguments.replaced(0, 1, 7.0).values[0] == (1.5, 7.0, 3.0)
    assert arguments.replaced(2, 0, 9).values[2] == 9
    moved = arguments.moved({0: [1, 0, -1]}, 0.5)
    assert moved.values[0] == (2.0, 2.0, 2.5)
    assert moved.values[1:] == arguments.values[1:]
    assert arguments.vector(2) == [3]
    assert arguments.number(0, 2) == 3.0
    assert arguments.values[0] == (1.5, 2.0, 3.0)


def test_a_number_that_is_none_is_passed_on(mixed: Derivative, library: ctypes.CDLL) -> None:
    [value], _ = Call(library, mixed).primal(Arguments.build(mixed, (math.nan, math.inf), (None, None), "verify.0"))
    assert math.isnan(value)


def test_a_primal_that_is_not_exported_is_told(library: ctypes.CDLL, derivative: MakeDerivative, reverse: MakeItem) -> None:
    local = derivative(reverse("local", "local_grad", "Active", "ActiveOnly"), "double <- double %x")
    with pytest.raises(Failure) as failure:
        Call(library, local)
    [told] = failure.value.diagnostics
    assert (told.code, told.exit_status) == ("E0520", 5)
    assert "`local` is not exported" in told.message


def test_a_value_that_cannot_be_received_is_told(library: ctypes.CDLL, derivative: MakeDerivative, reverse: MakeItem) -> None:
    half = derivative(reverse("mixed", "mixed_grad", "Const Const", "Active"), "half <- float %a, double %b")
    with pytest.raises(Failure) as failure:
        Call(library, half)
    [told] = failure.value.diagnostics
    assert told.code == "E0519"
    assert "`half`" in told.message


@pytest.mark.parametrize("content", [None, b"", b"no library"])
def test_a_library_that_cannot_be_loaded_is_told_in_the_words_of_the_loader(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "libf.so").write_bytes(content)
    with pytest.raises(Failure) as failure:
        load(tmp_path / "libf.so")
    [told] = failure.value.diagnostics
    assert (told.code, told.message) == ("E0405", "`libf.so` cannot be loaded")
    assert "libf.so" in told.notes[0]
