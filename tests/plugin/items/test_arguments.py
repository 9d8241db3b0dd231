"""Which parameters an input of an item is about: slices, structs in registers and in memory, lanes, and the two passes of split mode."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from plugin.ir import module
from plugin.items import lowering
from plugin.items.activity import AutoDiffItem
from plugin.types.type_language import parse
from tests.plugin.items.test_lowering import ARM64, faults_of, unit_of

Item = Callable[..., AutoDiffItem]

WIDER = """
%struct.pair = type { double, double }
%struct.big = type { double, [3 x float], i32 }
define double @f(ptr %x, i64 %n) {
  ret double 0.0
}
define double @g(double %a, i32 signext %n) {
  ret double 0.0
}
define ptr @place(ptr %x) {
  ret ptr %x
}
define double @large(ptr byval(%struct.big) align 8 %s) {
  ret double 0.0
}
define void @through(ptr sret(%struct.big) align 8 %r, double %a) {
  ret void
}
define %struct.pair @pair(double %a) {
  ret %struct.pair zeroinitializer
}
define double @parted(double %p.coerce0, double %p.coerce1, i64 %n) {
  ret double 0.0
}
define float @small(<2 x float> %p.coerce) {
  ret float 0.0
}
define double @many(double %a, double %b, double %c, double %d, double %p.coerce0, double %p.coerce1) {
  ret double 0.0
}
define double @huge(ptr byval([4097 x double]) %x) {
  ret double 0.0
}
define float @shared(i64 %p.coerce) {
  ret float 0.0
}
define void @slices(ptr noalias %x.0, i64 %x.1, ptr %y, i32 %m) {
  ret void
}
"""
WIDER_SIGNATURES = [
    # mode, source, inputs with types, ret, width; spelling, names
    ("forward", "f", "Dual Const", "Dual", 2, "{ double, double, double }:sret (ptr, ptr, ptr, i64)", "x0 dx0_0 dx0_1 x1"),
    ("forward", "f", "Dual Const", "DualOnly", 2, "{ double, double } (ptr, ptr, ptr, i64)", "x0 dx0_0 dx0_1 x1"),
    ("forward", "f", "Dualv:*[f64;4] Const", "DualOnly", 2, "{ double, double } (ptr, ptr, i64)", "x0 dx0 x1"),
    ("forward", "f", "Dualv:[f64]", "DualvOnly", 2, "{ double, double } (ptr, i64, ptr, i64)", "x0 x1 dx0 dx0_length"),
    ("forward", "f", "Dual:[f64]", "Const", 2, "double (ptr, i64, ptr, i64, ptr, i64)", "x0 x1 dx0_0 dx0_0_length dx0_1 dx0_1_length"),
    ("forward", "g", "Dual Const", "DualOnly", 2, "{ double, double } (double, double, double, i32)", "x0 dx0_0 dx0_1 x1"),
    ("forward", "f", "Dualv:*[f64;1000000000000] Const", "DualOnly", 2, "{ double, double } (ptr, ptr, i64)", "x0 dx0 x1"),
    ("reverse", "g", "Active Const", "ActiveOnly", 2, "{ double, double } (double, i32, double, double)", "x0 x1 dret_0 dret_1"),
    ("forward", "place", "Dual", "Dual", 1, "{ ptr, ptr } (ptr, ptr)", "x0 dx0"),
    ("forward", "place", "Dual", "DualOnly", 1, "ptr (ptr, ptr)", "x0 dx0"),
    ("reverse", "slices", "Duplicated:[f64] Duplicated:[f32]", "None", 1, "void (ptr, i64, ptr, i64, ptr, i32, ptr, i32)", ""),
    ("reverse", "large", "Active", "ActiveOnly", 1, "{ double, float, float, float, i32 }:sret (ptr, double)", "x0 dret"),
    ("forward", "large", "Dual", "DualOnly", 1, "double (ptr, ptr)", "x0 dx0"),
    ("reverse", "through", "Active", "ActiveOnly", 1, "double (double, ptr)", "x0 dret"),
    ("reverse", "pair", "Active", "ActiveOnly", 1, "double (double, double, double)", "x0 dret.0 dret.1"),
    ("forward", "pair", "Dual", "DualOnly", 1, "{ double, double } (double, double)", "x0 dx0"),
    ("reverse", "parted", "Active:{f64,f64} Const", "ActiveOnly", 1, "{ double, double } (double, double, i64, double)", "x0 x1 x2 dret"),
    ("forward", "parted", "Dual:{f64,f64} Const", "DualOnly", 1, "double (double, double, double, double, i64)", "x0 x1 dx0 dx1 x2"),
    ("reverse", "small", "Active:{f32,f32}", "ActiveOnly", 1, "<2 x float> (<2 x float>, float)", "x0 dret"),
    ("forward", "small", "Dual", "Dual", 1, "<2 x float> (<2 x float>, <2 x float>)", "x0 dx0"),
    (
        "forward",
        "many",
        "Dual Dual Dual Const Dual:{f64,f64}",
        "DualOnly",
        1,
        "double (double, double, double, double, double, double, double, ptr, ptr)",
        "x0 dx0 x1 dx1 x2 dx2 x3 x4 dx4",
    ),
]


def typed(makers: dict[str, Item], mode: str, source: str, inputs: str, ret: str, **more: Any) -> AutoDiffItem:
    """An item whose inputs may have a type behind a colon."""
    parts = [each.partition(":") for each in inputs.split()]
    item = makers[mode](source, "d", " ".join(activity for activity, _, _ in parts), ret)
    return dataclasses.replace(item, types=tuple(parse(type_) if type_ else None for _, _, type_ in parts), **more)


@pytest.mark.parametrize(("mode", "source", "inputs", "ret", "width", "spelling", "names"), WIDER_SIGNATURES)
def test_shadows_structs_and_lanes_travel_as_c_has_them(
    makers: dict[str, Item], mode: str, source: str, inputs: str, ret: str, width: int, spelling: str, names: str
) -> None:
    unit = unit_of(WIDER)
    [derivative] = lowering.lower(unit, [typed(makers, mode, source, inputs, ret, width=width)])
    unit.verify()
    made = module.find_function(unit, "d")
    assert made is not None
    result = f"{made.result}:sret" if made.result else made.returns
    assert f"{result} ({', '.join(made.parameters)})" == spelling
    assert not names or [each.name for each in derivative.parameters] == names.split()


def test_a_struct_for_which_registers_do_not_suffice_goes_into_memory(makers: dict[str, Item]) -> None:
    unit = unit_of(WIDER)
    lowering.lower(unit, [typed(makers, "forward", "many", "Dual Dual Dual Const Const:{f64,f64}", "DualOnly")])
    unit.verify()
    made = module.find_function(unit, "d")
    assert made is not None
    assert made.by_value[-1] == "{ double, double }"


def test_two_floats_for_which_registers_do_not_suffice_go_into_memory(makers: dict[str, Item]) -> None:
    unit = unit_of(WIDER)
    lowering.lower(unit, [typed(makers, "forward", "small", "Dual:{f32,f32}", "DualOnly", width=8)])
    unit.verify()
    made = module.find_function(unit, "d")
    assert made is not None
    assert made.parameters == (*["<2 x float>"] * 8, "ptr")
    assert made.by_value[-1] == "{ float, float }"


def test_split_mode_is_two_functions_with_a_tape_between(makers: dict[str, Item]) -> None:
    unit = unit_of(WIDER)
    [derivative] = lowering.lower(unit, [typed(makers, "reverse", "f", "Duplicated:[f64]", "Active", augmented="a")])
    unit.verify()
    augmented, reverse = module.find_function(unit, "a"), module.find_function(unit, "d")
    assert augmented is not None
    assert reverse is not None
    assert augmented.spelling == "{ ptr, double } (ptr, i64, ptr, i64)"
    assert reverse.spelling == "void (ptr, i64, ptr, i64, double, ptr)"
    assert [each.role for each in derivative.parameters][-2:] == ["seed", "tape"]
    assert derivative.item.targets == ("a", "d")


TYPE_FAULTS = [
    (("reverse", "f", "Duplicated:[f64] Const", "Active"), "E0504", "inputs", "has 2 parameters", "`type`"),
    (("reverse", "g", "Duplicated:[f64]", "Active"), "E0522", "inputs.0", "a pointer and its length after it", "`*f64`"),
    (
        ("reverse", "slices", "Duplicated:[f64] Duplicated:f64 Const", "None"),
        "E0522",
        "inputs.1",
        "`f64` is `double` in IR",
        "",
    ),
    (("reverse", "parted", "Active:{f64,f32} Const", "Active"), "E0522", "inputs.0", "does not lie in the parameters", "the sources have"),
    (("reverse", "large", "Active:{f64,f64}", "Active"), "E0522", "inputs.0", "has 16 bytes, the struct has 24", "leave the type out"),
    (("reverse", "small", "Active:f64", "Active"), "E0522", "inputs.0", "`f64` is not `<2 x float>`", "`{f32, f32}`"),
    (("reverse", "shared", "Active:{i32,f32}", "Active"), "E0505", "inputs.0", "`{ i32, float }` and cannot be Active", "pass a pointer"),
    (("reverse", "large", "Active:[f64;1000000000000]", "Active"), "E0522", "inputs.0", "has 8000000000000 bytes", "leave the type out"),
    (("reverse", "f", "Active:[f64;5000] Const", "Active"), "E0522", "inputs.0", "more than 4096 numbers by value", "pass a pointer"),
    (("reverse", "huge", "Active", "Active"), "E0522", "inputs.0", "more than 4096 numbers by value", "pass a pointer"),
    (("forward", "f", "Dualv Const", "Dual"), "E0523", "inputs.0", "how far the lanes of input 1 of `f` lie apart", '`type = "[f64]"`'),
]


@pytest.mark.parametrize(("words", "code", "key", "message", "remedy"), TYPE_FAULTS)
def test_a_type_that_does_not_fit_the_parameters_is_told_with_a_remedy(
    makers: dict[str, Item], words: tuple[str, str, str, str], code: str, key: str, message: str, remedy: str
) -> None:
    width = 2 if words[0] == "forward" else 1
    [fault] = faults_of(unit_of(WIDER), [typed(makers, *words, width=width)])
    assert (fault.code, fault.key) == (code, f"autodiff.0.{key}")
    assert message in fault.message
    assert remedy in "\n".join(fault.help)


def test_a_handler_must_take_what_it_is_called_with(makers: dict[str, Item]) -> None:
    def item(handler: str) -> AutoDiffItem:
        return typed(makers, "reverse", "f", "Duplicated:[f64]", "Active", on_short_shadow=handler)

    [fault] = faults_of(unit_of(WIDER), [item("g")])
    assert (fault.code, fault.key) == ("E0524", "autodiff.0.on-short-shadow")
    assert "`g` is `double (double, i32)`, a handler of short shadows is `void (ptr, i64, i64, i64)`" in fault.message
    unit = unit_of(WIDER)
    lowering.lower(unit, [item("elsewhere")])
    unit.verify()
    assert "elsewhere" in module.external_functions(unit)


ARM = """
define double @pair([2 x double] %p.coerce, i64 %n) {
  ret double 0.0
}
define double @mixed([2 x i64] %p.coerce) {
  ret double 0.0
}
define double @large(ptr %p) {
  ret double 0.0
}
define [2 x i64] @counted(double %x) {
  ret [2 x i64] zeroinitializer
}
"""


@pytest.mark.parametrize(
    ("mode", "source", "inputs", "ret", "spelling"),
    [
        ("reverse", "pair", "Active:{f64,f64} Const", "Active", "{ double, double, double } ([2 x double], i64, double)"),
        ("forward", "pair", "Dual Const", "DualOnly", "double ([2 x double], [2 x double], i64)"),
        ("reverse", "large", "Active:{f64,f64,f64,i64}", "ActiveOnly", "void (ptr, ptr, double)"),
        ("forward", "large", "Dual:{f64,f64,f64,i64}", "DualOnly", "double (ptr, ptr)"),
    ],
)
def test_structs_travel_on_arm_as_c_has_them_there(
    makers: dict[str, Item], mode: str, source: str, inputs: str, ret: str, spelling: str
) -> None:
    unit = unit_of(ARM, ARM64)
    lowering.lower(unit, [typed(makers, mode, source, inputs, ret)])
    unit.verify()
    made = module.find_function(unit, "d")
    assert made is not None
    assert made.spelling == spelling


def test_a_number_that_shares_an_integer_has_no_derivative(makers: dict[str, Item]) -> None:
    unit = unit_of(ARM, ARM64)
    lowering.lower(unit, [typed(makers, "reverse", "mixed", "Active:{f64,i64}", "Active")])
    unit.verify()
    [fault] = faults_of(unit_of(ARM, ARM64), [typed(makers, "reverse", "mixed", "Active:{f32,i32,i64}", "Active")])
    assert (fault.code, fault.key) == ("E0505", "autodiff.0.inputs.0")
    [fault] = faults_of(unit_of(ARM, ARM64), [typed(makers, "reverse", "counted", "Active", "Active", ret_type=parse("{f32, i32, i64}"))])
    assert (fault.code, fault.key) == ("E0522", "autodiff.0.ret-type")
    [fault] = faults_of(unit_of(ARM, ARM64), [typed(makers, "reverse", "counted", "Active", "Active")])
    assert (fault.code, fault.key) == ("E0506", "autodiff.0.ret")
    assert "`ret-type" in "\n".join(fault.help)
