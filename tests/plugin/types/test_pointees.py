"""What a pointer points to, told by the accesses through it."""

import llvmlite.binding as llvm
import pytest

from plugin.types.pointees import pointees

CASES = {
    "a load": ("ptr %a", "%v = load double, ptr %a", ("f64",)),
    "a store": ("ptr %a, float %b", "store float %b, ptr %a, align 4", ("f32", "")),
    "a vector of a step": (
        "ptr %a, i64 %i",
        "%p = getelementptr inbounds nuw i8, ptr %a, i64 %i\n  %q = getelementptr double, ptr %p, i64 4\n  %v = load <4 x double>, ptr %q",
        ("f64", ""),
    ),
    "a choice": (
        "ptr %a, ptr %b, i1 %c",
        "%p = select i1 %c, ptr %a, ptr %b\n  store volatile i32 1, ptr %p",
        ("i32", "i32", ""),
    ),
    "two types": ("ptr %a", "%v = load double, ptr %a\n  store i64 0, ptr %a", ("",)),
    "a pointer to pointers": ("ptr %a", "%v = load ptr, ptr %a\n  %w = load double, ptr %v", ("",)),
    "no access": ("ptr %a, ptr %b", "store i8 0, ptr %b", ("", "i8")),
    "no names": ("ptr, i64, ptr", "%4 = load i16, ptr %2", ("", "", "i16")),
    "no pointers": ("i64 %a", "", ("",)),
    "odd names": ('ptr %"a b"', 'store atomic i64 0, ptr %"a b" seq_cst, align 8', ("i64",)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_type_is_that_of_all_accesses(name: str) -> None:
    parameters, body, expected = CASES[name]
    module = llvm.parse_assembly(f"define void @f({parameters}) {{\n  {body}\n  ret void\n}}")
    assert pointees(module.get_function("f")) == expected


def test_a_loop_ends() -> None:
    text = """
    define double @sum(ptr %x, ptr %end) {
    head:
      br label %loop
    loop:
      %at = phi ptr [ %x, %head ], [ %next, %loop ]
      %total = phi double [ 0.0, %head ], [ %more, %loop ]
      %value = load double, ptr %at
      %more = fadd double %total, %value
      %next = getelementptr i8, ptr %at, i64 8
      %done = icmp eq ptr %next, %end
      br i1 %done, label %out, label %loop
    out:
      ret double %more
    }
    """
    assert pointees(llvm.parse_assembly(text).get_function("sum")) == ("f64", "")
