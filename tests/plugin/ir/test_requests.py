"""Calls of Enzyme's as they stand in IR text."""

import pytest

from plugin.ir.callgraph import CallGraph
from plugin.ir.requests import Argument, Request, operands_of, requests

TEXT = """
define void @g(ptr %x, ptr %dx, double %y, i64 %n) {{
  %1 = load i32, ptr @enzyme_const, align 4, !tbaa !3
  %2 = load i32, ptr @enzyme_dup, align 4
  {call}
  ret void
}}
define double @f(ptr %x, double %y, i64 %n) {{
  ret double %y
}}
"""


def read(call: str) -> Request:
    [request] = requests(CallGraph.of(TEXT.format(call=call)))
    return request


@pytest.mark.parametrize(
    ("call", "markers"),
    [
        ("call double (...) @__enzyme_autodiff(ptr @f, ptr %x, ptr %dx, double %y, i64 %n)", "dup out const"),
        ("call double (...) @__enzyme_fwddiff(ptr @f, ptr %x, ptr %dx, double %y, double 1.0, i64 %n)", "dup dup const"),
        (
            'call double (...) @"__enzyme_autodiff.a b"(ptr nonnull @f, i32 %2, ptr %x, ptr %dx, i32 %1, double %y, i64 %n)',
            "dup const const",
        ),
        ('tail call double (...) @__enzyme_autodiff(ptr @f, metadata !"enzyme_const", ptr %x, double %y, i32 7)', "const out const"),
        ("call double (...) @__enzyme_autodiff(ptr sret({ i8, double }) %x, ptr @f, ptr %x, ptr %dx, double %y, i64 %n)", "dup out const"),
    ],
)
def test_each_argument_has_the_marker_that_enzyme_takes_it_to_have(call: str, markers: str) -> None:
    request = read(call)
    assert (request.caller, request.primal) == ("g", "f")
    assert [each.marker for each in request.arguments] == [f"enzyme_{word}" for word in markers.split()]


def test_flags_and_widths_are_read() -> None:
    flags = 'metadata !"enzyme_runtime_activity", metadata !"enzyme_width", i64 2, metadata !"enzyme_primal_return"'
    arguments = 'metadata !"enzyme_dup", ptr %x, ptr %a, ptr %b, i32 %1, double %y, i64 %n'
    request = read(f"%v = call [2 x double] (...) @__enzyme_fwddiff.d(ptr @f, {flags}, {arguments})")
    assert request.flags == {"enzyme_runtime_activity", "enzyme_width", "enzyme_primal_return"}
    assert request.arguments[0] == Argument(marker="enzyme_dup", primal="ptr %x", shadows=("ptr %a", "ptr %b"))
    assert [each.marker for each in request.arguments[1:]] == ["enzyme_const", "enzyme_const"]


def test_a_vector_of_shadows_has_its_distance_before_it() -> None:
    operands = 'metadata !"enzyme_width", i64 2, metadata !"enzyme_dupv", i64 8, ptr %x, ptr %dx, double %y, double 1.0, double 2.0, i64 %n'
    vector, scalar, length = read(f"call void (...) @__enzyme_fwddiff(ptr @f, {operands})").arguments
    assert (vector.primal, vector.shadows) == ("ptr %x", ("ptr %dx",))
    assert (scalar.shadows, length.marker) == (("double 1.0", "double 2.0"), "enzyme_const")


def test_constant_pointers_are_known_by_their_place() -> None:
    call = 'call double (...) @__enzyme_autodiff(ptr @f, metadata !"enzyme_const", ptr %x, metadata !"enzyme_const", double %y, i64 %n)'
    assert read(call).constant_pointers == {0}


@pytest.mark.parametrize("call", ["call void @__enzyme_double(ptr @f, i64 8)", "call double (...) @__enzyme_autodiff(ptr %x, double %y)"])
def test_what_differentiates_no_function_of_the_module_is_none(call: str) -> None:
    assert list(requests(CallGraph.of(TEXT.format(call=call)))) == []


def test_operands_end_with_the_call() -> None:
    assert list(operands_of('ptr @f, { i8, <2 x i8> } %s, metadata !"a, (b", ptr getelementptr (i8, ptr @g, i64 8)), !dbg !3')) == [
        "ptr @f",
        "{ i8, <2 x i8> } %s",
        'metadata !"a, (b"',
        "ptr getelementptr (i8, ptr @g, i64 8)",
    ]
