"""Global variables of IR text, and the marks that they get."""

import llvmlite.binding as llvm
import pytest

from plugin.ir import module
from plugin.ir.variables import quoted, variables, with_inactive, with_shadow

TEXT = """
%struct.t = type { double, i32 }
@a = global double 0.000000e+00, align 8
@"b c" = internal unnamed_addr global [4 x double] zeroinitializer, align 16
@table = private unnamed_addr constant [2 x double] [double 1.000000e+00, double 2.000000e+00]
@s = dso_local local_unnamed_addr global %struct.t zeroinitializer
@p = external thread_local global ptr
@anonymous = global { double, [2 x i8] } zeroinitializer
@packed = global <{ i8, double }> zeroinitializer
@marked = global double 1.0, !enzyme_inactive !0
@words = constant [22 x i8] c"@x = global double 0 \\00"
@said = global double 1.0
@__enzyme_inactive_global_said = global [1 x ptr] [ptr @said]

define void @f() {
  ret void
}

!0 = !{}
!7 = !{!0}
"""


def test_each_has_its_type() -> None:
    types = {name: each.type for name, each in variables(TEXT).items()}
    assert types == {
        "a": "double",
        "b c": "[4 x double]",
        "table": "[2 x double]",
        "s": "%struct.t",
        "p": "ptr",
        "anonymous": "{ double, [2 x i8] }",
        "packed": "<{ i8, double }>",
        "marked": "double",
        "words": "[22 x i8]",
        "said": "double",
    }


def test_those_of_a_thread_are_known() -> None:
    assert [each.name for each in variables(TEXT).values() if each.is_thread_local] == ["p"]


def test_constants_and_those_that_are_marked_are_known() -> None:
    found = variables(TEXT).values()
    assert {each.name for each in found if each.is_constant} == {"table", "words"}
    assert {each.name for each in found if each.is_marked} == {"marked", "said"}


@pytest.mark.parametrize("name", ["a", "b c", "s", "anonymous", "packed"])
def test_a_shadow_is_valid_and_can_be_cleared(name: str) -> None:
    variable = variables(TEXT)[name]
    text = with_shadow(
        with_inactive(TEXT, ["said"]).replace("@__enzyme_inactive_global_said = global [1 x ptr] [ptr @said]\n", "", 1), variable
    )
    made = module.read_assembly(text.replace("  ret void", f"{variable.cleared}\n  ret void"), "text")
    found = {each.name: each for each in made.global_variables}
    assert found[f"{name}.shadow"].linkage is llvm.Linkage.weak_any
    assert "!enzyme_shadow" in str(found[name])
    assert f"!8 = !{{ptr {variable.shadow}}}" in text


def test_names_are_quoted_where_they_must_be() -> None:
    assert [quoted(name) for name in ("a.b$c-1", "b c")] == ["@a.b$c-1", '@"b c"']
