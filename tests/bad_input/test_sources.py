"""Sources that no module can be made of, modules that are too new, and what the linker and LLVM refuse."""

import re
import resource
from pathlib import Path

import pytest

from tests.bad_input.project import IDENTITY, SQUARE, VERIFY, Project, item, lacking

CHAR6 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"


def bits(text: str) -> int:
    """A text as LLVM's bitstream has it: six bits for a character, the first one lowest."""
    return sum(CHAR6.index(character) << (6 * index) for index, character in enumerate(text))


def written_by(bitcode: bytes, llvm: str) -> bytes:
    """A bitcode file that says in its identification block that LLVM `llvm` (two digits) wrote it."""
    value = int.from_bytes(bitcode, "little")
    mask = bits("_" * 4)
    [place] = [each for each in range(8 * 200) if (value >> each) & mask == bits("LLVM")]
    digits = place + 6 * len("LLVM")
    patched = value & ~(bits("__") << digits) | bits(llvm) << digits
    return patched.to_bytes(len(bitcode), "little")


def test_c_that_does_not_compile_is_told_in_the_compilers_words(project: Project) -> None:
    source = project.write("u.c", "double f(double x) {\n    return y * x;\n}\n")
    project.configure(item())
    said = project.fails("E0501")
    assert not lacking(said, ["the compiler rejected `u.c`", f"{source}:2:12: error: use of undeclared identifier 'y'", "`-v`"])


def test_all_units_are_tried_and_all_that_went_wrong_is_told(project: Project) -> None:
    project.write("good.c", SQUARE)
    project.write("u.c", "#error first\n")
    project.write("v.c", "#error second\n")
    project.configure('[unit.v]\nsources = ["v.c"]\n', '[unit.good]\nsources = ["good.c"]\n')
    done = project.start("build")
    assert done.status == 5
    assert not lacking(done.stderr, ["`u.c`", "error: first", "`v.c`", "error: second"])
    assert "good" in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("u.ll", "define double @f(double %x) {\n  ret doble %x\n}\n", ["u.ll:2:7", "expected type"]),
        ("u.ll", "define double @f(double %x) {\n  %y = fadd double %z, %x\n  ret double %y\n}\n", ["u.ll:2:20", "undefined value '%z'"]),
        ("u.ll", "define void @f() {\na:\n  br label %a\n}\n", ["Entry block to function must not have predecessors"]),
        ("u.ll", "\0\1\2\3", ["neither bitcode nor text"]),
        ("u.ll", "\n", ["it is empty"]),
        ("u.bc", "", ["it is empty"]),
        ("u.bc", "BC\u00c0\u00de", ["`u.bc`"]),
        ("u.bc", b"BC\xc0\xde" + b"1234567890" * 10, ["bitcode parsing error"]),
        ("u.bc", b"\xde\xc0\x17\x0b" + b"\xff" * 40, ["bitcode parsing error"]),
    ],
)
def test_ir_that_does_not_parse(project: Project, name: str, content: str | bytes, words: list[str]) -> None:
    project.write(name, content)
    project.configure(sources=f'["{name}"]')
    assert not lacking(project.fails("E0502"), [f"`{name}` is not valid LLVM IR", *words])


def test_bitcode_of_any_length_is_read_or_refused(project: Project) -> None:
    project.configure(kind="bitcode")
    project.succeeds("build")
    whole = (project.folder / "u.bc").read_bytes()
    for share in (0.02, 0.3, 0.9, 0.999):
        project.write("cut.bc", whole[: int(share * len(whole))])
        project.configure(sources='["cut.bc"]')
        project.fails("E0502")


def test_ir_of_a_newer_llvm_is_refused_before_it_is_read(project: Project) -> None:
    project.configure(kind="bitcode")
    project.succeeds("build")
    bitcode = (project.folder / "u.bc").read_bytes()
    assert written_by(bitcode, "22") == bitcode
    project.write("new.bc", written_by(bitcode, "23"))
    project.configure(item(), sources='["new.bc"]')
    said = project.fails("E0402")
    assert re.search(r"`new.bc` was written by LLVM23\.\S+, the engine reads LLVM 22 and older", said)
    assert "compile the source with LLVM 22 or older" in said
    project.write("old.bc", written_by(bitcode, "15"))
    project.configure(item(), sources='["old.bc"]')
    project.succeeds("build")


def test_ir_text_of_a_newer_clang_is_refused(project: Project) -> None:
    for major in (22, 23):
        ident = f'!llvm.ident = !{{!0}}\n!0 = !{{!"clang version {major}.1.0 (of somewhere)"}}\n'
        project.write(f"by{major}.ll", IDENTITY + ident)
    project.configure(item(), sources='["by22.ll"]')
    project.succeeds("build")
    project.configure(item(), sources='["by23.ll"]')
    assert "`by23.ll` was written by clang version 23.1.0 (of somewhere)" in project.fails("E0402")


def test_two_sources_with_one_symbol(project: Project) -> None:
    project.write("v.c", SQUARE)
    project.configure(item(), sources='["u.c", "v.c"]')
    assert not lacking(project.fails("E0513"), ["`v.c` cannot be linked", "'f': symbol multiply defined", "`static`"])


def test_a_function_that_no_source_defines(project: Project) -> None:
    project.write("u.c", "double missing(double);\ndouble f(double x) { return missing(x); }\n")
    project.configure(kind="shared")
    said = project.fails("E0405")
    assert not lacking(said, ["`libu.so` cannot be linked", "undefined", "add the source that defines `missing` to `sources`"])
    project.configure(kind="executable")
    assert "main" in project.fails("E0405")


def test_sources_that_call_enzyme_while_it_is_off(project: Project) -> None:
    project.write("u.c", "double __enzyme_autodiff(void *, double);\ndouble g(double x) { return __enzyme_autodiff((void *)g, x); }\n")
    project.configure(enzyme="false")
    assert not lacking(project.fails("E0518"), ["`__enzyme_autodiff`", "`[llvm] enzyme = true`"])


def test_llvm_ending_its_process_is_told_with_its_words_in_a_file(project: Project) -> None:
    project.write("u.c", 'void f(void) { __asm__("nonsense"); }\n')
    project.configure()
    said = project.fails("E0512")
    assert not lacking(said, ["stage `emit`", "invalid instruction mnemonic 'nonsense'"])
    found = re.search(r"kept in (\S+)", said)
    assert found
    assert "nonsense" in (Path(found[1]) / "worker.log").read_text(encoding="utf-8")


def test_inline_assembly_that_is_right_is_built(project: Project) -> None:
    project.write("u.c", 'void f(void) { __asm__("nop"); }\n')
    project.configure(kind="shared")
    project.succeeds("build")


def test_the_last_good_build_outlives_a_bad_one(project: Project) -> None:
    project.configure(item(), VERIFY, kind="shared")
    project.succeeds("build")
    good = project.library.read_bytes()
    project.write("u.c", "#error broken\n")
    project.fails("E0501")
    assert project.library.read_bytes() == good
    project.write("u.c", SQUARE)
    assert "is up to date" in project.succeeds("build")


def test_a_crash_leaves_no_core_file(project: Project) -> None:
    """Where `core` files are allowed and go to the working directory, a crash of Enzyme would leave one there."""
    project.write("u.c", "#include <math.h>\ndouble f(double x) { return lgamma(x); }\n")
    project.configure(item())
    done = project.start("build", before=["sh", "-c", 'ulimit -c unlimited 2>/dev/null; exec "$@"', "sh"])
    assert "E0508" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 or not list(project.root.rglob("core*"))
