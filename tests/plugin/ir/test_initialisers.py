"""Constructors and destructors run in what is linked by Zig, whose linker knows today's sections only."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm

from bootstrap.process import run
from plugin.compile import CompileUnit, OutputKind
from plugin.ir.initialisers import in_sections

CXX = """
struct Part { double value; Part(double start) : value(start * scale()) {} static double scale() { volatile double two = 2; return two; } };
template <class T> struct Shared { static Part part; };
template <class T> Part Shared<T>::part(21);
static Part own(4);
extern "C" double sum() { return own.value + Shared<int>::part.value; }
"""
ORDER = """
#include <stdio.h>
__attribute__((constructor)) static void third(void) { printf("3"); }
__attribute__((constructor(102))) static void second(void) { printf("2"); }
__attribute__((constructor(101))) static void first(void) { printf("1"); }
__attribute__((destructor)) static void fifth(void) { printf("5\\n"); }
int main(void) { printf("4"); return 0; }
"""


def test_global_objects_of_cxx_are_made_when_the_library_is_loaded(job: Callable[..., CompileUnit], tmp_path: Path) -> None:
    source = tmp_path / "parts.cpp"
    source.write_text(CXX, encoding="utf-8")
    library = ctypes.CDLL(str(job("parts", [source]).run(lambda _: None).output))
    library.sum.restype = ctypes.c_double
    assert library.sum() == 50


def test_constructors_run_by_their_priority_and_destructors_at_the_end(job: Callable[..., CompileUnit], tmp_path: Path) -> None:
    source = tmp_path / "order.c"
    source.write_text(ORDER, encoding="utf-8")
    program = job("order", [source], kind=OutputKind.EXECUTABLE).run(lambda _: None).output
    assert run([program]).stdout == "12345\n"


def test_an_object_of_several_units_is_made_once(job: Callable[..., CompileUnit], tmp_path: Path) -> None:
    """The entry of a template's member is in the group of that member, of which a linker takes one."""
    for name in ("a", "b"):
        text = CXX.replace("sum()", f"sum_{name}()")
        (tmp_path / f"{name}.cpp").write_text(text, encoding="utf-8")
    linker = job("a", []).linker
    assert linker is not None
    elsewhere = job("b", [tmp_path / "b.cpp"], kind=OutputKind.OBJECT).run(lambda _: None).output
    made = job("a", [tmp_path / "a.cpp"], linker=type(linker)(compiler=linker.compiler, cxx=None, flags=(str(elsewhere),), rustc=None))
    library = ctypes.CDLL(str(made.run(lambda _: None).output))
    for function in (library.sum_a, library.sum_b):
        function.restype = ctypes.c_double
        assert function() == 50


def test_a_module_without_lists_and_one_for_macos_are_left_as_they_are() -> None:
    plain = llvm.parse_assembly("define void @f() {\n  ret void\n}\n")
    assert in_sections(plain) is plain
    entry = "{ i32, ptr, ptr } { i32 65535, ptr @f, ptr null }"
    text = f"{plain}\n@llvm.global_ctors = appending global [1 x {{ i32, ptr, ptr }}] [{entry}]\n"
    mac = llvm.parse_assembly(text)
    mac.triple = "arm64-apple-darwin25.0.0"
    assert in_sections(mac) is mac
    linux = llvm.parse_assembly(text)
    linux.triple = "x86_64-unknown-linux-gnu"
    assert 'section ".init_array"' in str(in_sections(linux))
