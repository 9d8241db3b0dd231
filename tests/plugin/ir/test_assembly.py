"""IR text that is changed as text: each change is read back by LLVM, ours and the one whose text it is."""

import llvmlite.binding as llvm
import pytest

from bootstrap import process
from plugin.ir import assembly, module
from plugin.pipeline import SPECULATION_GUARD

TEXT = r"""
%"a(b@c" = type { double }
@enzyme_dup = dso_local global i32 0, align 4
@enzyme_const = internal unnamed_addr constant i32 7
@enzyme_out = external global i32
@other = internal global i32 3

define double @plain(double %x) {
  ret double %x
}
define internal fastcc double @"with \22quotes\22 and (this"(ptr byval(%"a(b@c") %a, double %x) unnamed_addr #0 {
  ret double %x
}
define linkonce_odr dso_local noundef signext i32 @merged() local_unnamed_addr #1 personality ptr @other {
  ret i32 0
}
define private void @"\C3\A9"(ptr %p) addrspace(0) nounwind {
  ret void
}
declare double @sin(double) #0
attributes #0 = { noinline optnone }
attributes #1 = { nounwind }
"""
QUOTES = 'with "quotes" and (this'


def function(text: str, name: str) -> str:
    return str(module.find(module.read_assembly(text, "text"), name))


def test_the_linkage_of_each_function_is_read() -> None:
    assert assembly.linkages(TEXT) == {"plain": "external", QUOTES: "internal", "merged": "linkonce_odr", "é": "private"}
    assert assembly.local_functions(TEXT) == {QUOTES: "internal", "é": "private"}


def test_linkages_are_changed_and_nothing_else() -> None:
    changed = assembly.with_linkages(TEXT, {"plain": "weak", QUOTES: "external", "é": "external", "absent": "weak"})
    assert assembly.linkages(changed) == {"plain": "weak", QUOTES: "external", "merged": "linkonce_odr", "é": "external"}
    module.read_assembly(changed, "changed")
    assert assembly.with_linkages(changed, {"plain": "external", QUOTES: "internal", "é": "private"}) == TEXT


def test_markers_that_have_a_value_become_weak() -> None:
    unit = module.read_assembly(assembly.with_weak_markers(TEXT), "text")
    linkages = {each.name: each.linkage.name for each in unit.global_variables}
    assert linkages == {"enzyme_dup": "weak_any", "enzyme_const": "weak_any", "enzyme_out": "external", "other": "internal"}


def test_every_function_with_a_body_is_guarded_and_none_is_exempt_from_optimisation() -> None:
    unit = module.read_assembly(assembly.guarded(TEXT, SPECULATION_GUARD), "text")
    attributes = {each.name: b" ".join(each.attributes).decode() for each in unit.functions}
    assert len(attributes) == 5
    assert all((SPECULATION_GUARD in words) == (name != "sin") for name, words in attributes.items()), attributes
    assert not any("optnone" in words for words in attributes.values())


@pytest.mark.needs("opt-15")
def test_an_older_llvm_reads_what_came_of_it() -> None:
    text = assembly.with_weak_markers(assembly.guarded(TEXT, SPECULATION_GUARD))
    done = process.run(["opt-15", "-S", "-"], stdin=assembly.with_triple(text, "x86_64-unknown-linux-gnu"))
    assert done.status == 0, done.stderr
    assert done.stdout.count(SPECULATION_GUARD) >= 4


def test_the_target_is_replaced_or_put_first() -> None:
    for given in (TEXT, f'target triple = "x86_64-unknown-linux6.18-gnu2.36"\n{TEXT}'):
        unit = llvm.parse_assembly(assembly.with_triple(given, "x86_64-unknown-linux-gnu"))
        assert unit.triple == "x86_64-unknown-linux-gnu"
    lines = 'target datalayout = "e-m:e"\ntarget triple = "aarch64"\n'
    assert assembly.target_of(f"; a comment\n{lines}{TEXT}") == lines


def test_the_allocators_of_rust_get_their_plain_names() -> None:
    mangled = "_RNvCs1234_7___rustc12_"
    declared, called = f"declare ptr @{mangled}__rust_alloc(i64, i64)", f"call ptr @{mangled}__rust_alloc(i64 8, i64 8)"
    text = f"{declared}\ndefine void @f() {{\n {called}\n ret void\n}}\n"
    plain, renamed = assembly.plain_allocators(text)
    assert renamed == {"__rust_alloc": f"{mangled}__rust_alloc"}
    assert plain == text.replace(mangled, "")
