"""Both engines on small modules: what they make, and what becomes of their words when they refuse or crash."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.engines.engine import Engine, EngineOptions
from plugin.ir import module, names

STRICT = EngineOptions(strict_aliasing=False, loose_types=False)
LOOSE = EngineOptions(strict_aliasing=False, loose_types=True)

REVERSE = """
define double @d(double %x) {
  %v = call double (...) @__enzyme_autodiff.d(ptr @f, metadata !"enzyme_out", double %x)
  ret double %v
}
declare double @__enzyme_autodiff.d(...)
"""
FORWARD = """
define double @d(double %x) {
  %v = call double (...) @__enzyme_fwddiff.d(ptr @f, metadata !"enzyme_dup", double %x, double 1.0)
  ret double %v
}
declare double @__enzyme_fwddiff.d(...)
"""
CUBE = """
define double @f(double %x) {
  %square = fmul double %x, %x
  %cube = fmul double %square, %x
  ret double %cube
}
"""
UNKNOWN = """
declare double @NAME(double)
define double @f(double %x) {
  %v = call double @NAME(double %x)
  ret double %v
}
"""
COPY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @f(ptr %x, ptr %y, i64 %n) {
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 %n, i1 false)
  ret void
}
define void @d(ptr %x, ptr %dx, ptr %y, ptr %dy, i64 %n) {
  call void (...) @__enzyme_autodiff.d(ptr @f, metadata !"enzyme_dup", ptr %x, ptr %dx, metadata !"enzyme_dup", ptr %y, ptr %dy, i64 %n)
  ret void
}
declare void @__enzyme_autodiff.d(...)
"""
LINES = """
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_C99, file: !1, emissionKind: LineTablesOnly)
!1 = !DIFile(filename: "FILE", directory: "/nowhere")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = distinct !DISubprogram(name: "f", scope: !1, file: !1, line: 1, type: !4, unit: !0, spFlags: DISPFlagDefinition)
!4 = !DISubroutineType(types: !5)
!5 = !{}
!6 = !DILocation(line: 2, column: 12, scope: !3)
"""
PLACED = UNKNOWN.replace("(double %x) {", "(double %x) !dbg !3 {").replace("(double %x)\n", "(double %x), !dbg !6\n")

Run = Callable[..., str]


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Run:
    """Runs the engine over IR text; gives the IR text that it made."""

    def differentiated(text: str, options: EngineOptions = STRICT) -> str:
        given = tmp_path / "pre.ll"
        given.write_text(text, encoding="utf-8")
        return module.text_of(engine.run(given, tmp_path, tmp_path, options), "made")

    return differentiated


def refused(run: Run, text: str, options: EngineOptions = STRICT) -> Diagnostic:
    with pytest.raises(Failure) as failure:
        run(text, options)
    [diagnostic] = failure.value.diagnostics
    return diagnostic


@pytest.mark.parametrize("call", [REVERSE, FORWARD], ids=["reverse", "forward"])
def test_a_call_is_replaced_by_a_derivative(run: Run, call: str) -> None:
    made = module.read_assembly(run(CUBE + call), "made")
    assert "__enzyme_" not in str(module.find(made, "d"))


LOOP = """
define void @loop(ptr noalias %x, ptr noalias %y, i64 %n) {
entry:
  br label %body
body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %from = getelementptr double, ptr %x, i64 %i
  %to = getelementptr double, ptr %y, i64 %i
  %v = load double, ptr %from
  %square = fmul double %v, %v
  store double %square, ptr %to
  %next = add nuw i64 %i, 1
  %done = icmp eq i64 %next, COUNT
  br i1 %done, label %end, label %body
end:
  ret void
}
"""


@pytest.mark.parametrize("count", ["%n", "8"])
def test_what_comes_out_is_neither_vectorised_nor_unrolled(run: Run, count: str) -> None:
    loop = str(module.find(module.read_assembly(run(LOOP.replace("COUNT", count) + CUBE + REVERSE), "made"), "loop"))
    assert loop.count("store double") == 1
    assert "x double>" not in loop


@pytest.mark.parametrize("call", [REVERSE, FORWARD], ids=["reverse", "forward"])
@pytest.mark.parametrize("name", ["mystery", "_ZN5outer7mysteryEd"])
def test_a_function_without_body_and_derivative_is_named_with_what_can_be_done(run: Run, call: str, name: str, tmp_path: Path) -> None:
    told = refused(run, UNKNOWN.replace("NAME", name) + call)
    assert (told.code, told.exit_status) == ("E0507", 5)
    assert told.message == f"`f` calls `{names.plain(name)}`, which has no body in this unit and no derivative that Enzyme knows"
    assert [f"`{names.plain(name)}` to `sources`" in told.help[0], "register_gradient" in told.help[1], "inactivefn" in told.help[2]] == [
        True
    ] * 3
    assert told.notes == (f"the module is kept in {tmp_path / 'pre.ll'}", f"all that Enzyme said is in {tmp_path / 'enzyme.log'}")
    assert name in (tmp_path / "enzyme.log").read_text(encoding="utf-8")


def test_the_remedy_for_a_function_that_has_no_derivative_helps(run: Run) -> None:
    run(UNKNOWN.replace("NAME", "mystery") + "@__enzyme_inactivefn_mystery = global [1 x ptr] [ptr @mystery]" + REVERSE)


@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_place_in_a_source_is_shown(run: Run, tmp_path: Path, is_absolute: bool) -> None:  # noqa: FBT001 - a parameter of the test
    source = tmp_path / "f.c"
    source.write_text("double f(double x) {\n    return mystery(x);\n}\n", encoding="utf-8")
    lines = LINES.replace("FILE", str(source) if is_absolute else source.name)
    span = refused(run, PLACED.replace("NAME", "mystery") + REVERSE + lines).span
    assert span is not None
    assert (span.path, span.line, span.column, span.source) == (source, 2, 12, "    return mystery(x);")


@pytest.mark.parametrize("content", [None, "one line\n"])
def test_a_place_that_cannot_be_read_is_left_out(run: Run, tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "f.c").write_text(content, encoding="utf-8")
    told = refused(run, PLACED.replace("NAME", "mystery") + REVERSE + LINES.replace("FILE", "f.c"))
    assert (told.code, told.span) == ("E0507", None)


def test_a_copy_of_what_enzyme_cannot_tell_has_a_code_of_its_own_and_loose_types_are_the_last_resort(run: Run) -> None:
    told = refused(run, COPY)
    assert (told.code, told.message) == ("E0514", "Enzyme cannot tell what `f` copies or stores")
    assert told.notes[0] == "Enzyme: Cannot deduce type of copy"
    assert "loose-types" in told.help[-1]
    assert "call void (...)" not in run(COPY, LOOSE)


def test_a_crash_names_the_signal_the_reason_and_what_is_kept(run: Run, tmp_path: Path) -> None:
    told = refused(run, UNKNOWN.replace("NAME", "lgamma") + REVERSE)
    assert (told.code, told.exit_status) == ("E0508", 5)
    assert told.message == "Enzyme crashed (SIGABRT)"
    assert told.notes[0].startswith("UNREACHABLE executed at")
    assert told.notes[1:] == (f"the module is kept in {tmp_path / 'pre.ll'}", f"all that Enzyme said is in {tmp_path / 'enzyme.log'}")
    assert "unknown subtype" in (tmp_path / "enzyme.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", [None, "not a program"])
def test_an_engine_that_does_not_start_is_told(engine: Engine, tmp_path: Path, content: str | None) -> None:
    broken = tmp_path / "driver"
    if content:
        broken.write_text(content, encoding="utf-8")
    (tmp_path / "pre.ll").write_text(CUBE, encoding="utf-8")
    with pytest.raises(Failure) as failure:
        dataclasses.replace(engine, path=broken).run(tmp_path / "pre.ll", tmp_path, tmp_path, STRICT)
    assert failure.value.diagnostics[0].code == "E0404"
    assert str(broken) in failure.value.diagnostics[0].message
    assert failure.value.exit_status == 4
