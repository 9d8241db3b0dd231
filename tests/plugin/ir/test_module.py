"""Modules read, asked and added to, with LLVM itself as the judge."""

import re
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.ir import module

TEXT = """
%struct.pair = type { double, double }

declare double @sin(double)
declare i32 @printf(ptr, ...)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @__enzyme_autodiff_f(...)

define double @f(ptr noalias nocapture readonly %x, i32 signext %n, i8 zeroext %m, float %s) {
  %value = call double @sin(double 1.0)
  ret double %value
}
define internal void @hidden(ptr sret(%struct.pair) %out, ptr byval(%struct.pair) align 8 %in) {
  ret void
}
define i64 @many(i64 %first, ...) {
  ret i64 %first
}
define linkonce_odr double @_ZN6kernel5valueEd(double %x) {
  ret double %x
}
define double @caller(double %x) {
  %value = call double @place(double %x)
  ret double %value
}
define double @place(double %x) {
  ret double 0.0
}
"""


@pytest.fixture
def unit() -> llvm.ModuleRef:
    return module.read_assembly(TEXT, "unit.ll")


def only(failure: pytest.ExceptionInfo[Failure]) -> Diagnostic:
    [diagnostic] = failure.value.diagnostics
    return diagnostic


def test_a_function_is_described_as_llvm_has_it(unit: llvm.ModuleRef) -> None:
    f = module.find_function(unit, "f")
    assert f is not None
    assert (f.name, f.returns, f.parameters) == ("f", "double", ("ptr", "i32", "i8", "float"))
    assert f.extensions == ("", "signext", "zeroext", "")
    assert (f.is_declaration, f.is_variadic, f.result, f.by_value, f.return_extension) == (False, False, "", ("",) * 4, "")
    assert f.spelling == "double (ptr, i32, i8, float)"


@pytest.mark.parametrize(
    ("parameters", "types", "by_value", "result", "known"),
    [
        ("ptr sret(%pair) %out, double %x", ("double",), ("",), "%pair", 1),
        ("double %x, ptr byval({ double, i32 }) align 8 %in", ("double", "ptr"), ("", "{ double, i32 }"), "", 0),
        ("%pair %in", ("%pair",), ("",), "", 1),
        ("ptr byval(%outer) %in", ("ptr",), ("%outer",), "", 2),
    ],
)
def test_a_struct_by_value_is_seen_with_all_its_types(
    parameters: str, types: tuple[str, ...], by_value: tuple[str, ...], result: str, known: int
) -> None:
    structs = "%pair = type { double, double }\n%outer = type { %pair, i32 }\n"
    f = module.find_function(module.read_assembly(f"{structs}define void @f({parameters}) {{\n ret void\n}}", "unit.ll"), "f")
    assert f is not None
    # LLVM numbers the names of structs in all modules of a process.
    plain = [tuple(re.sub(r"(%[a-z]+)[.\d]*", r"\1", each) for each in words) for words in (f.parameters, f.by_value, (f.result,))]
    assert plain == [types, by_value, (result,)]
    assert len(f.definitions) == known


@pytest.mark.parametrize(
    ("head", "extension"),
    [
        ("define zeroext i1 @f(i32 signext %n)", "zeroext"),
        ("define internal noundef signext i8 @f()", "signext"),
        ("define i8 @f(i8 signext %n)", ""),
    ],
)
def test_the_extension_of_a_return_is_seen(head: str, extension: str) -> None:
    f = module.find_function(module.read_assembly(f"{head} {{\n unreachable\n}}", "unit.ll"), "f")
    assert f is not None
    assert f.return_extension == extension


def test_a_declaration_and_a_variable_number_of_arguments_are_seen(unit: llvm.ModuleRef) -> None:
    printf, many = module.find_function(unit, "printf"), module.find_function(unit, "many")
    assert printf is not None
    assert many is not None
    assert (printf.is_declaration, printf.is_variadic) == (True, True)
    assert (many.is_declaration, many.is_variadic) == (False, True)
    assert many.spelling == "i64 (i64, ...)"


def test_a_function_that_is_not_there_is_none(unit: llvm.ModuleRef) -> None:
    assert module.find(unit, "g") is None
    assert module.find_function(unit, "g") is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("value", ["_ZN6kernel5valueEd"]),
        ("hiden", ["hidden"]),
        ("calle", ["caller"]),
        ("sin", []),  # it is declared only: no primal
        ("nothing_like_it", []),
    ],
)
def test_near_matches_are_functions_with_a_body(unit: llvm.ModuleRef, name: str, near: list[str]) -> None:
    assert module.near_matches(unit, name) == near


def test_near_matches_are_three_at_most_and_those_that_contain_the_name_come_first() -> None:
    names = ["my_norm", "norm_of_a_long_vector", "norn", "nor", "norms"]
    unit = module.read_assembly("".join(f"define void @{name}() {{\n ret void\n}}\n" for name in names), "unit.ll")
    assert module.near_matches(unit, "norm") == ["norms", "my_norm", "norm_of_a_long_vector"]


def test_a_definition_takes_the_place_of_the_one_that_is_there_for_its_callers_too(unit: llvm.ModuleRef) -> None:
    text = "declare double @f(ptr, i32, i8, float)\ndefine double @place(double %x) {\n ret double 7.0\n}"
    module.define(unit, ["place"], text, uses=["f"])
    unit.verify()
    place = module.find(unit, "place")
    assert place is not None
    assert "ret double 7.0" in str(place)
    assert place.linkage.name == "external"
    assert "call double @place(double %x)" in str(module.find(unit, "caller"))


def test_a_definition_takes_the_place_of_a_declaration(unit: llvm.ModuleRef) -> None:
    module.define(unit, ["sin"], "define double @sin(double %x) {\n ret double %x\n}", uses=["f"])
    unit.verify()
    assert "sin" not in module.external_functions(unit)


@pytest.mark.parametrize(
    "head",
    ["internal void @place()", "private void @place()", "linkonce_odr void @place() comdat", "weak void @place()", "void @place() comdat"],
)
def test_a_definition_takes_the_place_of_one_of_any_linkage(head: str) -> None:
    text = f"define {head} {{\n ret void\n}}\ndefine void @caller() {{\n call void @place()\n ret void\n}}"
    unit = module.read_assembly(f"$place = comdat any\n{text}" if "comdat" in head else text, "unit.ll")
    definition = "declare void @caller()\ndefine void @place() {\n call void @caller()\n ret void\n}"
    module.define(unit, ["place"], definition, uses=["caller"])
    unit.verify()
    assert "call void @caller()" in str(module.find(unit, "place"))
    assert "call void @place()" in str(module.find(unit, "caller"))
    assert sorted(each.name for each in unit.functions) == ["caller", "place"]


def test_a_definition_may_call_a_function_that_is_local_and_stays_local(unit: llvm.ModuleRef) -> None:
    text = "declare void @hidden(ptr, ptr)\ndefine void @new() {\n call void @hidden(ptr null, ptr null)\n ret void\n}"
    module.define(unit, ["new"], text, ["hidden"])
    unit.verify()
    hidden = module.find(unit, "hidden")
    assert hidden is not None
    assert hidden.linkage.name == "internal"
    assert [each.name for each in unit.functions if "hidden" in each.name] == ["hidden"]


@pytest.mark.parametrize("text", ["define double @f( {", "define double @f() {\n ret i32 0\n}", "just words"])
def test_what_llvm_does_not_accept_is_told_in_its_words(text: str, tmp_path: Path) -> None:
    with pytest.raises(Failure) as failure:
        module.read_assembly(text, "unit.ll")
    assert only(failure).code == "E0502"
    assert only(failure).message == "`unit.ll` is not valid LLVM IR"
    path = tmp_path / "unit.ll"
    with pytest.raises(Failure) as failure:
        module.read_assembly(text, "unit.ll", path)
    span = only(failure).span
    assert span is not None
    assert span.path == path
    assert span.source == text.splitlines()[span.line - 1]


def test_what_llvm_parses_but_does_not_verify_is_refused() -> None:
    text = "define void @f(ptr %p) {\n  %v = load i32, ptr %p, !range !0\n  ret void\n}\n!0 = !{i32 5, i32 5}"
    with pytest.raises(Failure) as failure:
        module.read_assembly(text, "unit.ll")
    assert only(failure).code == "E0502"


def attributes(text: str) -> set[str]:
    """The attributes of the functions of IR text, as LLVM reads them."""
    unit = module.read_assembly(text, "unit.ll")
    return {word for function in unit.functions for each in function.attributes for word in each.decode().split()}


@pytest.mark.parametrize(
    "others", ["", "noinline nounwind", '"target-cpu"="skylake" uwtable', '"no_optnone"', '"frame-pointer"="all" "optnone-like"']
)
def test_an_attribute_is_taken_from_functions_and_no_other_is(others: str) -> None:
    text = f"define void @f() #0 {{\n ret void\n}}\ndefine void @g() {{\n ret void\n}}\nattributes #0 = {{ noinline optnone {others} }}"
    before = str(module.read_assembly(text, "unit.ll"))
    assert attributes(before) - attributes(module.without_attribute(before, "optnone")) == {"optnone"}
    assert attributes(module.without_attribute(before, "optnone")) <= attributes(before)


def test_an_attribute_that_stands_alone_is_taken_too() -> None:
    text = str(module.read_assembly("define void @f() sanitize_hwaddress {\n ret void\n}", "unit.ll"))
    assert "sanitize_hwaddress" in attributes(text)
    assert "sanitize_hwaddress" not in attributes(module.without_attribute(text, "sanitize_hwaddress"))


def test_what_a_module_calls_and_does_not_have_leaves_intrinsics_out(unit: llvm.ModuleRef) -> None:
    assert module.external_functions(unit) == {"sin", "printf", "__enzyme_autodiff_f"}


@pytest.mark.parametrize("name", ["__enzyme_fwddiff", "__enzyme_autodiff.f", "my__enzyme_autodiff_f"])
def test_a_module_asks_for_enzyme_by_a_name(name: str) -> None:
    assert module.calls_enzyme(module.read_assembly(f"declare void @{name}(...)", "unit.ll"))


@pytest.mark.parametrize("name", ["enzyme", "_enzyme_f", "f"])
def test_a_module_without_such_a_name_has_nothing_for_enzyme(name: str) -> None:
    assert not module.calls_enzyme(module.read_assembly(f"declare void @{name}(...)", "unit.ll"))


def test_no_access_claims_more_alignment_than_malloc_gives() -> None:
    text = """
define void @f(ptr %p, ptr %q) {
  %local = alloca [8 x double], align 64
  %numbers = load <8 x double>, ptr %p, align 64
  store <8 x double> %numbers, ptr %q, align 32
  %one = load i32, ptr %p, align 4
  store i32 %one, ptr %local, align 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 128 %q, ptr align 8 %p, i64 64, i1 false)
  ret void
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""
    safe = str(llvm.parse_assembly(module.without_overalignment(text)))
    claims = [int(each) for each in re.findall(r"(?:load|store|memcpy).*?align (\d+)", safe)]
    assert claims == [16, 16, 4, 8, 16]
    assert "alloca [8 x double], align 64" in safe
