"""Units through the plugin: what lowering does to a module is done to the one that the older LLVM reads, and nothing of it stays."""

import ctypes
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import process
from bootstrap.diagnostics import Failure
from plugin.compile import CompileUnit, OutputKind, Unit
from plugin.engines.engine import PluginEngine
from plugin.items.activity import AutoDiffItem
from plugin.pipeline import SPECULATION_GUARD
from plugin.toolchain import Toolchain

pytestmark = pytest.mark.needs("opt-15", "clang-15")

Item = Callable[..., AutoDiffItem]

CONDITIONAL = """
define double @f(ptr noalias nocapture readonly align 8 dereferenceable(8) %x, i1 %wanted) GUARD {
entry:
  br i1 %wanted, label %then, label %end
then:
  %loaded = load double, ptr %x, align 8
  br label %end
end:
  %value = phi double [ 0.0, %entry ], [ %loaded, %then ]
  %square = fmul double %value, %value
  ret double %square
}
"""


@pytest.fixture
def made(job: Callable[..., CompileUnit], plugin_tools: Toolchain, tmp_path: Path) -> Callable[..., Unit]:
    """Compiles sources into a shared library with the plugin; a file without a text is there already. The folder is that of the test."""
    linker = dataclasses.replace(job("u", []).linker, compiler=plugin_tools.linker)  # type: ignore[type-var]

    def compiled(sources: dict[str, str], *items: AutoDiffItem, **changes: object) -> Unit:
        paths = [tmp_path / name for name in sources]
        for path, text in zip(paths, sources.values(), strict=True):
            path.parent.mkdir(exist_ok=True)
            if text:
                path.write_text(text, encoding="utf-8")
        options = {"compilers": plugin_tools.compilers, "linker": linker, "engine": plugin_tools.engine, "folder": tmp_path}
        unit = job("u", paths, items, **options, newest_llvm=plugin_tools.newest_llvm, **changes)
        return unit.run(lambda _: None)

    return compiled


def call(unit: Unit, name: str, *numbers: float) -> float:
    assert unit.library is not None
    function = ctypes.CDLL(str(unit.library))[name]
    function.restype = ctypes.c_double
    return float(function(*map(ctypes.c_double, numbers)))


def test_a_primal_that_is_local_and_a_placeholder_are_found_and_stay_what_they_are(
    made: Callable[..., Unit], reverse: Item, tmp_path: Path
) -> None:
    placeholder = "double df(double x, double s) { return f(x) + s; }\n"
    source = f"static double f(double x) {{ return x * x * x; }}\n{placeholder}double g(double x) {{ return df(x, 1); }}\n"
    unit = made({"u.c": source}, reverse("f", "df", "Active", "ActiveOnly"))
    assert call(unit, "df", 2.0, 1.0) == pytest.approx(12)
    assert call(unit, "g", 2.0) == pytest.approx(12)
    lowered = (tmp_path / "lowered.ll").read_text()
    assert lowered.count("@df(") == 2  # its definition, and the call
    assert "define internal double @f(" in lowered


def test_sources_of_one_name_are_linked_and_those_that_define_a_symbol_twice_are_not(made: Callable[..., Unit], reverse: Item) -> None:
    sources = {"a/u.c": "double h(double);\ndouble f(double x) { return h(x) * x; }\n", "b/u.c": "double h(double x) { return x * x; }\n"}
    assert call(made(sources, reverse("f", "df", "Active", "ActiveOnly")), "df", 3.0, 2.0) == pytest.approx(54)
    with pytest.raises(Failure, match="E0513"):
        made({"a/u.c": sources["b/u.c"], "b/u.c": sources["b/u.c"]}, reverse("h", "dh", "Active", "ActiveOnly"))


def test_a_derivative_of_a_derivative(made: Callable[..., Unit], reverse: Item, forward: Item) -> None:
    items = [forward("df", "ddf", "Dual Const", "DualOnly"), reverse("f", "df", "Active", "ActiveOnly")]
    unit = made({"u.c": "double f(double x) { return x * x * x; }\n"}, *items)
    assert call(unit, "ddf", 2.0, 1.0, 1.0) == pytest.approx(12)


def test_sources_that_call_enzyme_themselves_need_no_item(made: Callable[..., Unit]) -> None:
    source = """
        double __enzyme_autodiff(void *, ...);
        int enzyme_out = 3;
        static int enzyme_const = 7;
        static double f(double x, double k) { return x * x * k; }
        double df(double x, double k) { return __enzyme_autodiff((void *)f, enzyme_out, x, enzyme_const, k); }
    """
    assert call(made({"u.c": source}), "df", 2.0, 5.0) == pytest.approx(20)


def test_nothing_of_the_guard_and_of_enzyme_is_left(made: Callable[..., Unit], reverse: Item, tmp_path: Path) -> None:
    unit = made({"u.c": "double f(double x) { return x * x; }\n"}, reverse("f", "df", "Active", "ActiveOnly"), kind=OutputKind.IR)
    text = unit.output.read_text()
    assert SPECULATION_GUARD in (tmp_path / "lowered.ll").read_text()
    assert SPECULATION_GUARD not in text
    assert "__enzyme_" not in text


@pytest.mark.parametrize("guard", ["", SPECULATION_GUARD])
def test_the_guard_keeps_a_load_where_its_condition_is(plugin_engine: PluginEngine, tmp_path: Path, guard: str) -> None:
    (tmp_path / "lowered.ll").write_text(CONDITIONAL.replace("GUARD", guard), encoding="utf-8")
    f = plugin_engine.optimised(tmp_path / "lowered.ll", tmp_path / "pre.ll")
    assert ("br i1 %wanted" in f) == bool(guard)
    assert ("select i1 %wanted" in f) != bool(guard)


def test_ir_that_only_a_newer_llvm_reads_is_refused_with_a_way_out(made: Callable[..., Unit], reverse: Item) -> None:
    newer = "define double @f(double %x) {\n %n = trunc nuw i64 7 to i32\n %v = fmul double %x, %x\n ret double %v\n}\n"
    with pytest.raises(Failure, match=r"E0402.*LLVM 15, in which the engine runs, cannot read this unit") as caught:
        made({"u.ll": newer}, reverse("f", "df", "Active", "ActiveOnly"))
    assert "u.ll:2:" in caught.value.diagnostics[0].notes[0]


@pytest.mark.parametrize("suffix", [".ll", ".bc"])
def test_modules_with_typed_pointers_are_read(made: Callable[..., Unit], reverse: Item, tmp_path: Path, suffix: str) -> None:
    typed = "define double @f(double %x) {\n  %p = alloca double\n  store double %x, double* %p\n  %v = load double, double* %p\n"
    (tmp_path / "typed.ll").write_text(f"{typed}  %s = fmul double %v, %v\n  ret double %s\n}}\n")
    source = tmp_path / f"u{suffix}"
    assert process.run(["opt-15", *(["-S"] if suffix == ".ll" else []), tmp_path / "typed.ll", "-o", source]).status == 0
    sources = {source.name: source.read_text() if suffix == ".ll" else "", "h.c": "double *h(double *x) { return x; }\n"}
    assert call(made(sources, reverse("f", "df", "Active", "ActiveOnly")), "df", 3.0, 1.0) == pytest.approx(6)


def test_what_opt_does_not_read_is_told_as_what_it_is(plugin_engine: PluginEngine, tmp_path: Path) -> None:
    (tmp_path / "lowered.ll").write_text("define ptr captures(none) @f() {\n unreachable\n}\n")
    with pytest.raises(Failure, match="E0402") as caught:
        plugin_engine.optimised(tmp_path / "lowered.ll", tmp_path / "pre.ll")
    assert "lowered.ll:1:" in caught.value.diagnostics[0].notes[0]
