"""Sources of every language become modules; what is told of a source that cannot."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.llvm import Compiler, find_clang, find_rustc
from plugin.compile import CompileUnit, OutputKind
from plugin.frontend import Frontend
from plugin.ir import module
from plugin.languages import Language
from plugin.toolchain import Toolchain

ANY_LLVM = 99
OWN_LLVM = llvm.llvm_version_info[0]
ZIG_AND_CLANG = ["zig", pytest.param("clang-15", marks=pytest.mark.needs("clang-15"))]
ALL = [*ZIG_AND_CLANG, pytest.param("rustc", marks=pytest.mark.needs("rustc"))]

C = """
#include "inner.h"
#include <stddef.h>
double f(const double *x, size_t n) { return n ? INNER(x[0]) : 0; }
"""
CXX = """
#include "inner.h"
namespace kernels { template <class T> T square(T x) { return INNER(x); } }
extern "C" double f(double x) { return kernels::square(x); }
"""
RUST = """
mod inner;
#[no_mangle]
pub extern "C" fn f(x: f64) -> f64 { inner::square(x) }
"""
INNER = {"inner.h": "#define INNER(x) ((x) * (x))\n", "inner.rs": "pub fn square(x: f64) -> f64 { x * x }\n"}
IR = "define double @f(double %x) {\n  ret double %x\n}\n"


@pytest.fixture
def frontend(request: pytest.FixtureRequest, tools: Toolchain, tmp_path: Path) -> Frontend:
    """The front end of a project, with the compilers of the parameter, Zig's by default."""
    kind = getattr(request, "param", "zig")
    compilers: dict[Language, Compiler] = dict(tools.compilers)
    if kind == "clang-15":
        clang, _ = find_clang(ANY_LLVM, "clang-15")
        assert clang is not None
        compilers = {Language.C: clang, Language.CXX: clang}
    if kind == "rustc":
        compilers[Language.RUST] = find_rustc(ANY_LLVM)
    return Frontend(
        root=tmp_path,
        compilers=compilers,
        flags=(),
        cpu="native",
        newest_llvm=OWN_LLVM,
        is_program=False,
        is_x86=llvm.get_default_triple().startswith("x86_64"),
        environment=tools.environment,
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a source of the project, and what it includes."""

    def written(name: str, text: str) -> Path:
        for inner, content in INNER.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            ((tmp_path / name).parent / inner).write_text(content, encoding="utf-8")
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return written


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where the front end writes."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def only(failure: pytest.ExceptionInfo[Failure]) -> Diagnostic:
    [diagnostic] = failure.value.diagnostics
    return diagnostic


CASES = [
    *(
        pytest.param("zig", name, text, "inner.h", id=f"zig-{name}")
        for name, text in [("f.c", C), ("f.cc", CXX), ("f.cpp", CXX), ("f.C", CXX)]
    ),
    *(
        pytest.param("clang-15", name, text, "inner.h", id=f"clang-15-{name}", marks=pytest.mark.needs("clang-15"))
        for name, text in [("f.c", C), ("f.cxx", CXX), ("deep er/f.c", C)]
    ),
    *(
        pytest.param("rustc", name, RUST, "inner.rs", id=f"rustc-{name}", marks=pytest.mark.needs("rustc"))
        for name in ["f.rs", "deep er/some-name.rs"]
    ),
]


@pytest.mark.parametrize(("frontend", "name", "text", "included"), CASES, indirect=["frontend"])
def test_a_source_becomes_a_module_and_names_what_it_was_made_from(
    frontend: Frontend, write: Callable[[str, str], Path], work: Path, name: str, text: str, included: str
) -> None:
    source = write(name, text)
    read = frontend.read(source, work)
    unit, inputs = read.module, read.inputs
    unit.verify()
    f = module.find_function(unit, "f")
    assert f is not None
    assert not f.is_declaration
    assert {source, source.parent / included} <= set(inputs)
    assert all(each.is_absolute() and each.is_file() for each in inputs)
    if "stddef.h" in text:
        assert "stddef.h" in {each.name for each in inputs}


READY = {
    Language.C: ("f.c", "double f(double *x, float *y) {\n  { double z[2] = {*x, 1}; *y = z[0]; }\n  return *x;\n}\n"),
    Language.RUST: ("f.rs", '#[no_mangle]\npub extern "C" fn f(x: &f64) -> f64 {\n  let z = *x;\n  z * 2.0\n}\n'),
}


def f_of(frontend: Frontend, write: Callable[[str, str], Path], work: Path, text: str | None = None) -> tuple[llvm.ModuleRef, str]:
    """The module of a source that defines `f`, in the language that only this front end compiles, and the text of `f`."""
    name, ready = READY[Language.RUST if Language.RUST in frontend.compilers else Language.C]
    unit = frontend.read(write(name, text or ready), work).module
    return unit, str(module.find(unit, "f"))


@pytest.mark.parametrize("frontend", ALL, indirect=True)
def test_code_is_not_optimised_and_ready_to_be(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    unit, f = f_of(frontend, write, work)
    attributes = " ".join(each.decode() for each in module.find(unit, "f").attributes)  # type: ignore[union-attr]
    assert "!dbg" in f
    assert not {"optnone", "noinline", "ssp", "sspstrong"} & set(attributes.split())
    if Language.RUST not in frontend.compilers:
        assert "alloca" in f
        assert "llvm.lifetime.start" in f
        assert "!tbaa" in f


@pytest.mark.parametrize("frontend", ALL, indirect=True)
def test_code_is_made_for_the_processor_that_is_asked_for(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    cpu = "x86-64-v3" if frontend.is_x86 else "cortex-a72"
    unit, _ = f_of(dataclasses.replace(frontend, cpu=cpu), write, work)
    assert f'"target-cpu"="{cpu}"' in str(unit)


@pytest.mark.parametrize("frontend", ZIG_AND_CLANG, indirect=True)
def test_c_is_what_clang_makes_of_it(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    text = """
#ifdef NDEBUG
#error "assert is off"
#endif
int f(int x) { return x + FLAG; }
"""
    unit, f = f_of(dataclasses.replace(frontend, flags=("-DFLAG=42",)), write, work, text)
    assert "add nsw i32" in f
    assert "42" in f
    assert not module.external_functions(unit)


@pytest.mark.parametrize("frontend", [pytest.param("rustc", marks=pytest.mark.needs("rustc"))], indirect=True)
def test_flags_reach_rustc(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    text = '#[cfg(fast)]\n#[no_mangle]\npub extern "C" fn f() -> u32 { let async = 7; async }\n'
    _, f = f_of(dataclasses.replace(frontend, flags=("--cfg=fast", "--edition=2015")), write, work, text)
    assert "define" in f


@pytest.mark.parametrize("frontend", ALL, indirect=True)
def test_a_source_that_does_not_compile_is_told_in_the_words_of_the_compiler(
    frontend: Frontend, write: Callable[[str, str], Path], work: Path
) -> None:
    with pytest.raises(Failure) as failure:
        f_of(frontend, write, work, "\nthis is not a program\n")
    told = only(failure)
    name = "f.rs" if Language.RUST in frontend.compilers else "f.c"
    assert (told.code, told.exit_status, told.message) == ("E0501", 5, f"the compiler rejected `{name}`")
    assert f"{name}:2:" in told.notes[0]
    assert "error" in told.notes[0]


def saying(frontend: Frontend, script: str, folder: Path) -> Frontend:
    """A front end whose C compiler is a shell script."""
    command = folder / "cc"
    command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    command.chmod(0o755)
    return dataclasses.replace(
        frontend, compilers={Language.C: dataclasses.replace(frontend.compilers[Language.C], command=(str(command),))}
    )


def test_a_compiler_that_ends_without_a_word_is_told(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    with pytest.raises(Failure) as failure:
        f_of(saying(frontend, "kill -9 $$", work), write, work)
    assert only(failure).code == "E0501"
    assert only(failure).notes == ("it ended with SIGKILL and said nothing",)


def test_a_full_disk_is_not_the_fault_of_the_source(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        f_of(saying(frontend, "echo 'f.bc: No space left on device' >&2; exit 1", work), write, work)


def test_llvm_ir_is_read_as_text_and_as_bitcode(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    text = write("f.ll", IR)
    binary = text.with_suffix(".bc")
    binary.write_bytes(llvm.parse_assembly(IR).as_bitcode())
    for source in (text, binary):
        read = frontend.read(source, work)
        assert module.find_function(read.module, "f") is not None
        assert (read.path, read.inputs) == (source, (source,))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("f.ll", b""),
        ("f.ll", b"\n \n"),
        ("f.ll", b"\0\1\2"),
        ("f.ll", b"define double @f() {\n  ret i32 0\n}\n"),
        ("f.ll", "define double @f() ; caf\u00e9\n".encode("latin-1")),
        ("f.bc", b""),
        ("f.bc", b"BC\xc0\xde"),
        ("f.bc", b"\xde\xc0\x17\x0b\0\0\0\0"),
        ("f.bc", llvm.parse_assembly(IR).as_bitcode()[:-100]),
        ("f.bc", b"\x7fELF\2\1\1\0"),
    ],
)
def test_what_is_no_module_is_told(frontend: Frontend, work: Path, name: str, content: bytes) -> None:
    (work / name).write_bytes(content)
    with pytest.raises(Failure) as failure:
        frontend.read(work / name, work)
    assert (only(failure).code, only(failure).exit_status) == ("E0502", 5)
    assert only(failure).message == f"`{name}` is not valid LLVM IR"


def test_the_place_in_text_that_is_no_module_is_shown(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    source = write("f.ll", "define double @f() {\n  ret i32 0\n}\n")
    with pytest.raises(Failure) as failure:
        frontend.read(source, work)
    span = only(failure).span
    assert span is not None
    assert (span.path, span.line, span.source) == (source, 2, "  ret i32 0")


def test_bitcode_of_a_newer_llvm_is_refused_before_it_is_read(frontend: Frontend, work: Path) -> None:
    (work / "f.bc").write_bytes(llvm.parse_assembly(IR).as_bitcode()[:200])
    with pytest.raises(Failure) as failure:
        dataclasses.replace(frontend, newest_llvm=OWN_LLVM - 1).read(work / "f.bc", work)
    told = only(failure)
    assert (told.code, told.exit_status) == ("E0402", 4)
    assert f"written by LLVM{OWN_LLVM}." in told.message
    assert f"reads LLVM {OWN_LLVM - 1} and older" in told.message
    assert told.help


@pytest.mark.parametrize("ident", ["clang version 99.1.0", "Debian clang version 99.0.6"])
def test_text_of_a_newer_clang_is_refused_before_it_is_read(
    frontend: Frontend, write: Callable[[str, str], Path], work: Path, ident: str
) -> None:
    source = write("f.ll", f'{IR}new words of LLVM 99\n!llvm.ident = !{{!0}}\n!0 = !{{!"{ident}"}}\n')
    with pytest.raises(Failure) as failure:
        frontend.read(source, work)
    assert only(failure).code == "E0402"
    assert ident in only(failure).message


@pytest.mark.parametrize("frontend", ALL, indirect=True)
def test_what_a_newer_compiler_made_is_refused(frontend: Frontend, write: Callable[[str, str], Path], work: Path) -> None:
    with pytest.raises(Failure) as failure:
        f_of(dataclasses.replace(frontend, newest_llvm=12), write, work)
    assert only(failure).code == "E0402"


def test_a_job_has_its_front_end(job: Callable[..., CompileUnit], tmp_path: Path) -> None:
    made = job("f", [tmp_path / "f.c"], kind=OutputKind.EXECUTABLE, flags=("-DN=4",), cpu="generic", newest_llvm=21)
    frontend = Frontend.of(made)
    assert (frontend.root, frontend.flags, frontend.cpu, frontend.newest_llvm) == (made.root, ("-DN=4",), "generic", 21)
    assert frontend.is_program
    assert not Frontend.of(job("f", [tmp_path / "f.c"])).is_program
