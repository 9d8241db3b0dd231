"""Items lowered: the signatures that the manual promises, and what is told where an item does not fit its primal."""

from collections.abc import Callable, Sequence

import llvmlite.binding as llvm
import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.ir import module
from plugin.items import lowering
from plugin.items.activity import AutoDiffItem

AMD64, ARM64 = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"

PRIMALS = """
define double @f(ptr %x, i64 %n) {
  ret double 0.0
}
define double @g(double %a, double %b) {
  ret double 0.0
}
define void @h(ptr %x, ptr %y, i32 signext %n) {
  ret void
}
define i32 @k(ptr %x, float %a) {
  ret i32 0
}
define float @m(float %a, i64 %n) {
  ret float 0.0
}
"""

SIGNATURES = [
    # The rows of the manual's table.
    ("reverse", "f", "Duplicated Const", "Active", "double (ptr, ptr, i64, double)", "x0 dx0 x1 dret"),
    ("reverse", "f", "Duplicated Const", "ActiveOnly", "void (ptr, ptr, i64, double)", "x0 dx0 x1 dret"),
    ("reverse", "g", "Active Active", "Active", "void (ptr, double, double, double)", "x0 x1 dret"),
    ("forward", "f", "Dual Const", "Dual", "{ double, double } (ptr, ptr, i64)", "x0 dx0 x1"),
    ("forward", "f", "Dual Const", "DualOnly", "double (ptr, ptr, i64)", "x0 dx0 x1"),
    # Every other activity of an input and of the return.
    ("reverse", "f", "DuplicatedOnly Const", "Active", "double (ptr, ptr, i64, double)", "x0 dx0 x1 dret"),
    ("reverse", "f", "Const Const", "Active", "double (ptr, i64, double)", "x0 x1 dret"),
    ("reverse", "f", "Duplicated Const", "Const", "double (ptr, ptr, i64)", "x0 dx0 x1"),
    ("reverse", "g", "ActiveOnly Const", "Active", "{ double, double } (double, double, double)", "x0 x1 dret"),
    ("reverse", "g", "Active Active", "ActiveOnly", "{ double, double } (double, double, double)", "x0 x1 dret"),
    ("reverse", "g", "Active Const", "ActiveOnly", "double (double, double, double)", "x0 x1 dret"),
    ("reverse", "g", "Active Active", "Const", "void (ptr, double, double)", "x0 x1"),
    ("reverse", "h", "Duplicated DuplicatedOnly Const", "None", "void (ptr, ptr, ptr, ptr, i32)", "x0 dx0 x1 dx1 x2"),
    ("reverse", "k", "Duplicated Active", "Const", "i64 (ptr, ptr, float)", "x0 dx0 x1"),
    ("reverse", "m", "Active Const", "Active", "<2 x float> (float, i64, float)", "x0 x1 dret"),
    ("forward", "g", "Dual DualOnly", "Dual", "{ double, double } (double, double, double, double)", "x0 dx0 x1 dx1"),
    ("forward", "g", "Dual Const", "Const", "double (double, double, double)", "x0 dx0 x1"),
    ("forward", "h", "Const Dual Const", "None", "void (ptr, ptr, ptr, i32)", "x0 x1 dx1 x2"),
    ("forward", "k", "Dual Const", "Const", "i32 (ptr, ptr, float)", "x0 dx0 x1"),
    ("forward", "m", "Dual Const", "Dual", "<2 x float> (float, float, i64)", "x0 dx0 x1"),
]

Item = Callable[..., AutoDiffItem]


def unit_of(text: str, triple: str = AMD64) -> llvm.ModuleRef:
    return module.read_assembly(f'target triple = "{triple}"\n{text}', "unit.ll")


@pytest.mark.parametrize(("mode", "source", "inputs", "ret", "spelling", "names"), SIGNATURES)
def test_a_derivative_has_the_signature_that_c_declares(
    makers: dict[str, Item], mode: str, source: str, inputs: str, ret: str, spelling: str, names: str
) -> None:
    unit = unit_of(PRIMALS)
    [derivative] = lowering.lower(unit, [makers[mode](source, "d", inputs, ret)])
    unit.verify()
    made = module.find_function(unit, "d")
    assert made is not None
    assert not made.is_declaration
    assert made.spelling == spelling
    assert [each.name for each in derivative.parameters] == names.split()
    assert {each.name: each.role for each in derivative.parameters} == {
        name: "seed" if name == "dret" else "shadow" if name.startswith("d") else "primal" for name in names.split()
    }


def test_results_are_the_value_then_the_gradients_or_the_tangent(makers: dict[str, Item]) -> None:
    def results(mode: str, *words: str) -> tuple[str, ...]:
        [derivative] = lowering.lower(unit_of(PRIMALS), [makers[mode](words[0], "d", *words[1:])])
        return tuple(each.spelling for each in derivative.results)

    assert results("reverse", "k", "Duplicated Active", "Const") == ("i32", "float")
    assert results("reverse", "g", "Active Active", "Active") == ("double", "double", "double")
    assert results("reverse", "g", "Const ActiveOnly", "ActiveOnly") == ("double",)
    assert results("reverse", "h", "Duplicated Const Const", "None") == ()
    assert results("forward", "m", "Dual Const", "Dual") == ("float", "float")
    assert results("forward", "m", "Dual Const", "DualOnly") == ("float",)


@pytest.mark.parametrize(("triple", "spelling"), [(AMD64, "void (ptr, double, double, double)"), (ARM64, "{ double, double, double }")])
def test_several_values_come_back_as_the_platform_has_it(reverse: Item, triple: str, spelling: str) -> None:
    unit = unit_of(PRIMALS, triple)
    lowering.lower(unit, [reverse("g", "d", "Active Active", "Active")])
    made = module.find_function(unit, "d")
    assert made is not None
    assert made.spelling.startswith(spelling)
    assert bool(made.result) == (triple == AMD64)


def test_a_small_integer_is_extended_as_in_the_primal(reverse: Item) -> None:
    unit = unit_of(PRIMALS)
    lowering.lower(unit, [reverse("h", "d", "Duplicated Duplicated Const", "None")])
    made = module.find_function(unit, "d")
    assert made is not None
    assert made.extensions == ("", "", "", "", "signext")


def test_runtime_activity_is_told_to_enzyme_where_it_is_asked_for(reverse: Item) -> None:
    for asked in (False, True):
        unit = unit_of(PRIMALS)
        lowering.lower(unit, [reverse("g", "d", "Active Active", "Active")], runtime_activity=asked)
        assert ("enzyme_runtime_activity" in str(module.find(unit, "d"))) is asked


# What cannot be lowered

SHAPES = (
    PRIMALS
    + """
%struct.s = type { double, double }
declare double @body(double)
define double @sum(i32 %n, ...) {
  ret double 0.0
}
define double @by_value(ptr byval(%struct.s) %s) {
  ret double 0.0
}
define void @through(ptr sret(%struct.s) %s, double %x) {
  ret void
}
define double @named(%struct.s %s) {
  ret double 0.0
}
define { double, double } @pair(double %x) {
  ret { double, double } zeroinitializer
}
define ptr @place(ptr %x) {
  ret ptr %x
}
define double @span({ ptr, double } %z) {
  ret double 0.0
}
define double @counts({ i32, i32 } %z) {
  ret double 0.0
}
define { ptr, i64 } @view(ptr %x) {
  ret { ptr, i64 } zeroinitializer
}
define void @odd(target("odd") %x) {
  ret void
}
define double @packed(<2 x float> %z) {
  ret double 0.0
}
define double @placed(double %x) {
  ret double 0.0
}
define double @_ZN5space6kernelEd(double %x) {
  ret double 0.0
}
"""
)

FAULTS = [
    # mode, source, inputs, ret; code; key; what the message has; what the remedy has
    (("reverse", "F", "Const", "Active"), "E0503", "source", "the sources define no function `F`", ""),
    (("reverse", "place2", "Const", "Active"), "E0503", "source", "no function `place2`", "did you mean `place`"),
    (("reverse", "kernel", "Active", "Active"), "E0503", "source", "no function `kernel`", 'extern "C"'),
    (("reverse", "f", "Duplicated", "Active"), "E0504", "inputs", "`f` has 2 parameters", "one activity for each"),
    (("reverse", "g", "Active Active Const", "Active"), "E0504", "inputs", "`g` has 2 parameters", ""),
    (("reverse", "f", "Active Const", "Active"), "E0505", "inputs.0", "1 of `f` is `ptr` and cannot be Active", '"Duplicated"'),
    (("reverse", "f", "ActiveOnly Const", "Active"), "E0505", "inputs.0", "cannot be ActiveOnly", '"Duplicated"'),
    (("reverse", "f", "Duplicated Active", "Active"), "E0505", "inputs.1", "2 of `f` is `i64` and cannot be Active", '"Const"'),
    (("reverse", "g", "Active Duplicated", "Active"), "E0505", "inputs.1", "`double` and cannot be Duplicated", '"Active"'),
    (("reverse", "g", "DuplicatedOnly Const", "Active"), "E0505", "inputs.0", "`double` and cannot be DuplicatedOnly", '"Active"'),
    (("forward", "h", "Dual Dual DualOnly", "None"), "E0505", "inputs.2", "3 of `h` is `i32` and cannot be DualOnly", '"Const"'),
    (("reverse", "span", "Active", "Active"), "E0505", "inputs.0", "`{ ptr, double }` and cannot be Active", "pass a pointer to it"),
    (("reverse", "by_value", "Duplicated", "Active"), "E0505", "inputs.0", "`{ double, double }` and cannot be Duplicated", '"Active"'),
    (("reverse", "counts", "Active", "Active"), "E0505", "inputs.0", "`{ i32, i32 }` and cannot be Active", '"Const"'),
    (("forward", "by_value", "Dualv", "Dual"), "E0505", "inputs.0", "cannot be Dualv", '"Dual"'),
    (("forward", "g", "Dual Dualv", "Dual"), "E0505", "inputs.1", "`double` and cannot be Dualv", '"Dual"'),
    (("reverse", "placed", "Const", "None"), "E0506", "ret", "`placed` returns `double` and `ret` is None", 'ret = "Active"'),
    (("reverse", "f", "Duplicated Const", "None"), "E0506", "ret", "`f` returns `double` and `ret` is None", 'ret = "Active"'),
    (("forward", "f", "Dual Const", "None"), "E0506", "ret", "`f` returns `double` and `ret` is None", 'ret = "Dual"'),
    (("reverse", "h", "Duplicated Duplicated Const", "Active"), "E0506", "ret", "`h` returns nothing", 'ret = "None"'),
    (("forward", "h", "Dual Dual Const", "DualOnly"), "E0506", "ret", "`h` returns nothing", 'ret = "None"'),
    (("reverse", "k", "Duplicated Active", "Active"), "E0506", "ret", "returns `i32`, which cannot be Active", 'ret = "Const"'),
    (("reverse", "k", "Duplicated Active", "None"), "E0506", "ret", "`k` returns `i32` and `ret` is None", 'ret = "Const"'),
    (("reverse", "place", "Duplicated", "Active"), "E0506", "ret", "returns `ptr`, which cannot be Active", 'ret = "Const"'),
    (("forward", "view", "Dual", "Dual"), "E0506", "ret", "returns `{ ptr, i64 }`, which cannot be Dual", 'ret = "Const"'),
    (("reverse", "sum", "Const", "Active"), "E0515", "source", "variable number of arguments", "fixed number"),
    (
        ("reverse", "through", "Active", "None"),
        "E0506",
        "ret",
        "`through` returns `{ double, double }` and `ret` is None",
        'ret = "Active"',
    ),
    (("reverse", "odd", "Const", "None"), "E0522", "inputs.0", "of which nothing is known", "pass a pointer"),
    (("reverse", "body", "Active", "Active"), "E0516", "source", "`body` has no body in this unit", "add the source"),
]


def faults_of(unit: llvm.ModuleRef, items: Sequence[AutoDiffItem]) -> tuple[Diagnostic, ...]:
    with pytest.raises(Failure) as failure:
        lowering.lower(unit, items)
    return failure.value.diagnostics


@pytest.mark.parametrize(("words", "code", "key", "message", "remedy"), FAULTS)
def test_an_item_that_does_not_fit_its_primal_is_told_with_its_key_and_a_remedy(
    makers: dict[str, Item], words: tuple[str, str, str, str], code: str, key: str, message: str, remedy: str
) -> None:
    mode, source, inputs, ret = words
    [fault] = faults_of(unit_of(SHAPES), [makers[mode](source, "d", inputs, ret, 3)])
    assert (fault.code, fault.key, fault.exit_status) == (code, f"autodiff.3.{key}", 5)
    assert message in fault.message
    assert remedy in "\n".join(fault.help)


def test_the_faults_of_all_items_are_told_in_one_go(reverse: Item) -> None:
    items = [
        reverse("g", "one", "Duplicated Duplicated", "None", 0),
        reverse("g", "two", "Active Active", "Active", 1),
        reverse("no", "three", "", "None", 2),
    ]
    told = [(fault.code, fault.key) for fault in faults_of(unit_of(SHAPES), items)]
    assert told == [
        ("E0505", "autodiff.0.inputs.0"),
        ("E0505", "autodiff.0.inputs.1"),
        ("E0506", "autodiff.0.ret"),
        ("E0503", "autodiff.2.source"),
    ]


@pytest.mark.parametrize("target", ["placed", "place", "g"])
def test_a_placeholder_of_another_type_is_refused_with_both_types(reverse: Item, target: str) -> None:
    [fault] = faults_of(unit_of(SHAPES), [reverse("m", target, "Active Const", "Active", 1)])
    assert (fault.code, fault.key) == ("E0511", "autodiff.1.target")
    assert f"declare `{target}` as" in fault.message
    assert "the derivative is `<2 x float> (float, i64, float)`" in fault.message


@pytest.mark.parametrize(
    "placeholder",
    [
        "declare <2 x float> @d(float, i64, float)",
        "define <2 x float> @d(float %a, i64 %n, float %s) {\n ret <2 x float> zeroinitializer\n}",
        "declare void @d()",
    ],
)
def test_a_placeholder_of_the_same_type_is_replaced(reverse: Item, placeholder: str) -> None:
    unit = unit_of(f"{PRIMALS}\n{placeholder}")
    lowering.lower(unit, [reverse("m", "d", "Active Const", "Active")])
    unit.verify()
    assert "__enzyme_autodiff.d" in str(module.find(unit, "d"))
    assert [each.name for each in unit.functions].count("d") == 1


@pytest.mark.parametrize(
    ("pairs", "cycle"),
    [
        ([("a", "a")], "`a` -> `a`"),
        ([("a", "b"), ("b", "a")], "`a` -> `b` -> `a`"),
        ([("f", "x"), ("b", "c"), ("a", "b"), ("c", "a")], "`a` -> `b` -> `c` -> `a`"),
    ],
)
def test_derivatives_made_from_each_other_are_refused(reverse: Item, pairs: list[tuple[str, str]], cycle: str) -> None:
    items = [reverse(source, target, "Duplicated Const", "Active", index) for index, (source, target) in enumerate(pairs)]
    [fault] = faults_of(unit_of(SHAPES), items)
    names = cycle.split(" -> ")[:-1]
    assert fault.code == "E0517"
    assert any(" -> ".join([*names[turn:], *names[: turn + 1]]) in fault.message for turn in range(len(names)))
    assert fault.help


def test_several_values_on_a_platform_without_a_rule_are_refused(reverse: Item) -> None:
    [fault] = faults_of(unit_of(PRIMALS, "riscv64-unknown-linux-gnu"), [reverse("g", "d", "Active Active", "Active")])
    assert (fault.code, fault.key) == ("E0515", "autodiff.0.ret")
    assert "riscv64" in fault.message
