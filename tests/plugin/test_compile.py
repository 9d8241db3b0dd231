"""Every kind of output is made, and used as its kind is used."""

import ctypes
import dataclasses
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from bootstrap import process
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.llvm import Compiler, find_clang, find_linker, find_rustc
from plugin.compile import CompileUnit, Linker, OutputKind, Unit
from plugin.items.activity import AutoDiffItem
from plugin.languages import Language
from plugin.toolchain import Toolchain

SQUARE = "double square(double x) { return x * x; }\n"
MAIN = """
#include <stdio.h>
double square_grad(double x, double dret);
int main(void) { printf("%g\\n", square_grad(3.0, 2.0)); return 0; }
"""
ALLOCATES = """
/// The sum of squares, by way of the heap and of what the standard library does with it.
#[no_mangle]
pub unsafe extern "C" fn norm(x: *const f64, n: usize) -> f64 {
    let squares: Vec<f64> = std::slice::from_raw_parts(x, n).iter().map(|x| x * x).collect();
    squares.iter().sum()
}
"""
VECTOR = """
#include <vector>
extern "C" double norm(const double *x, unsigned long n) {
    std::vector<double> squares;
    for (unsigned long i = 0; i < n; ++i) squares.push_back(x[i] * x[i]);
    double sum = 0;
    for (double each : squares) sum += each;
    return sum;
}
"""
MISSING = """
double elsewhere(double x);
double square(double x) { return elsewhere(x) * 0 + x * x; }
"""
RANGE = 'double square(double x) { __builtin_printf(""); return x * x; }\n'

Job = Callable[..., CompileUnit]
Write = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Writes a source."""
    folder = tmp_path_factory.mktemp("sources")

    def written(name: str, text: str) -> Path:
        (folder / name).write_text(text, encoding="utf-8")
        return folder / name

    return written


@pytest.fixture(scope="module")
def item(reverse: Callable[..., AutoDiffItem]) -> AutoDiffItem:
    return reverse("square", "square_grad", "Active", "ActiveOnly")


@pytest.fixture
def build(job: Job, write: Write, item: AutoDiffItem) -> Callable[..., Unit]:
    """Builds the unit `square` as a kind, with a program around it where it is one."""

    def built(kind: OutputKind, **changes: object) -> Unit:
        sources = [write("square.c", SQUARE), *([write("main.c", MAIN)] if kind is OutputKind.EXECUTABLE else [])]
        return job("square", sources, [item], kind=kind, **changes).run(lambda _: None)

    return built


@pytest.fixture
def cc() -> Compiler:
    """The C compiler of this machine."""
    found = find_linker()
    assert found is not None
    return found


def gradient(library: Path) -> float:
    """2 x, seeded with 2, at 3."""
    function = ctypes.CDLL(str(library)).square_grad
    function.restype = ctypes.c_double
    return float(function(ctypes.c_double(3), ctypes.c_double(2)))


def only(failure: pytest.ExceptionInfo[Failure]) -> Diagnostic:
    [diagnostic] = failure.value.diagnostics
    return diagnostic


def test_an_output_is_named_after_its_unit() -> None:
    assert {kind.value: kind.name_for("u") for kind in OutputKind} == {
        "object": "u.o",
        "shared": "libu.so",
        "executable": "u",
        "bitcode": "u.bc",
        "ir": "u.ll",
    }


def test_a_shared_library_can_be_called(build: Callable[..., Unit]) -> None:
    made = build(OutputKind.SHARED)
    assert made.library == made.output
    assert made.output.name == "libsquare.so"
    assert gradient(made.output) == 12
    assert list(made.seconds) == ["frontend", "lower", "pre", "enzyme", "check", "post", "emit", "link"]
    assert [each.item.target for each in made.derivatives] == ["square_grad"]
    assert {each.name for each in made.inputs} == {"square.c"}


@pytest.mark.needs("cc")
def test_an_object_can_be_linked_and_run(build: Callable[..., Unit], cc: Compiler, write: Write, tmp_path: Path) -> None:
    made = build(OutputKind.OBJECT)
    assert made.library is None
    program = tmp_path / "program"
    linked = process.run([*cc.command, write("main.c", MAIN), made.output, "-o", program])
    assert linked.status == 0, linked.stderr
    assert process.run([program]).stdout == "12\n"


def test_a_program_runs(build: Callable[..., Unit]) -> None:
    made = build(OutputKind.EXECUTABLE)
    assert made.library is None
    assert process.run([made.output]).stdout == "12\n"


@pytest.mark.parametrize(
    ("kind", "parse"),
    [
        (OutputKind.BITCODE, lambda path: llvm.parse_bitcode(path.read_bytes())),
        (OutputKind.IR, lambda path: llvm.parse_assembly(path.read_text())),
    ],
)
def test_a_module_is_whole(build: Callable[..., Unit], kind: OutputKind, parse: Callable[[Path], llvm.ModuleRef]) -> None:
    made = build(kind, linker=None)
    assert made.library is None
    unit = parse(made.output)
    unit.verify()
    assert "fmul" in str(unit.get_function("square_grad"))
    assert "__enzyme" not in str(unit)


@pytest.mark.parametrize("kind", OutputKind)
def test_a_library_to_call_comes_beside_any_kind(build: Callable[..., Unit], kind: OutputKind) -> None:
    made = build(kind, callable_library=True)
    assert made.library is not None
    assert made.output.is_file()
    assert (made.library == made.output) == (kind is OutputKind.SHARED)
    assert gradient(made.library) == 12


@pytest.mark.needs("cc")
def test_the_linker_of_this_machine_links_too(build: Callable[..., Unit], cc: Compiler) -> None:
    linker = Linker(compiler=cc, cxx=None, flags=(), rustc=None)
    assert gradient(build(OutputKind.SHARED, linker=linker).output) == 12
    assert process.run([build(OutputKind.EXECUTABLE, linker=linker).output]).stdout == "12\n"


LINKERS = ["zig", pytest.param("cc", marks=pytest.mark.needs("cc"))]


@pytest.fixture
def linker(request: pytest.FixtureRequest, tools: Toolchain) -> Linker:
    """The linker of the parameter."""
    found = find_linker() if request.param == "cc" else tools.linker
    assert found is not None
    return Linker(compiler=found, cxx=None, flags=(), rustc=None)


@pytest.mark.parametrize("linker", LINKERS, indirect=True)
@pytest.mark.parametrize("kind", [OutputKind.SHARED, OutputKind.EXECUTABLE])
def test_a_symbol_that_is_missing_is_named_with_a_remedy(job: Job, write: Write, linker: Linker, kind: OutputKind) -> None:
    sources = [write("missing.c", MISSING), write("main0.c", "int main(void) { return 0; }\n")]
    with pytest.raises(Failure) as failure:
        job("missing", sources, kind=kind, linker=linker).run(lambda _: None)
    told = only(failure)
    assert (told.code, told.exit_status) == ("E0405", 4)
    assert told.message == f"`{kind.name_for('missing')}` cannot be linked"
    assert "add the source that defines `elsewhere` to `sources`, or its library to `link-flags`" in told.help
    assert not any("derivative" in note for note in told.notes)


@pytest.mark.parametrize("linker", LINKERS, indirect=True)
def test_a_symbol_that_only_a_derivative_calls_is_attributed_to_it(
    job: Job, write: Write, linker: Linker, reverse: Callable[..., AutoDiffItem]
) -> None:
    source = write("gamma.c", "#include <math.h>\ndouble f(double x) { return tgamma(x); }\ndouble g(double x) { return x * x; }\n")
    items = [reverse("g", "g_grad", "Active", "ActiveOnly"), reverse("f", "f_grad", "Active", "ActiveOnly", 1)]
    with pytest.raises(Failure) as failure:
        job("gamma", [source], items, linker=linker).run(lambda _: None)
    told = only(failure)
    assert told.notes[0] == "`digamma` is called by a derivative that Enzyme made: `f_grad`"
    assert "`digamma`" in told.help[0]


def test_a_derivative_of_the_sources_is_named_by_the_function_that_asks_for_it(job: Job, write: Write) -> None:
    text = """
    #include <math.h>
    double __enzyme_autodiff(void *, ...);
    static double f(double x) { return tgamma(x); }
    double slope(double x) { return __enzyme_autodiff((void *)f, x); }
    """
    with pytest.raises(Failure) as failure:
        job("gamma", [write("own.c", text)]).run(lambda _: None)
    assert only(failure).notes[0] == "`digamma` is called by a derivative that Enzyme made: `slope`"


@pytest.mark.parametrize("linker", LINKERS, indirect=True)
def test_flags_reach_the_linker(job: Job, write: Write, linker: Linker) -> None:
    elsewhere = write("elsewhere.c", "double elsewhere(double x) { return x + 1; }\n")
    object_ = job("elsewhere", [elsewhere], kind=OutputKind.OBJECT).run(lambda _: None).output
    linker = dataclasses.replace(linker, flags=(str(object_),))
    made = job("flags", [write("missing.c", MISSING)], linker=linker).run(lambda _: None)
    function = ctypes.CDLL(str(made.output)).elsewhere
    function.restype = ctypes.c_double
    assert function(ctypes.c_double(2)) == 3


@pytest.mark.needs("rustc")
@pytest.mark.parametrize("linker", LINKERS, indirect=True)
def test_rust_that_uses_its_standard_library_is_linked_with_it(
    job: Job, write: Write, tools: Toolchain, linker: Linker, reverse: Callable[..., AutoDiffItem]
) -> None:
    rustc = find_rustc(tools.newest_llvm)
    made = job(
        "norm",
        [write("norm.rs", ALLOCATES)],
        [reverse("norm", "norm_grad", "Duplicated Const", "Active")],
        compilers={Language.RUST: rustc},
        linker=dataclasses.replace(linker, rustc=rustc),
    ).run(lambda _: None)
    check_norm(made.output)


@pytest.mark.needs("clang-15", "c++")
def test_cxx_that_uses_its_standard_library_is_linked_with_it(
    job: Job, write: Write, cc: Compiler, reverse: Callable[..., AutoDiffItem]
) -> None:
    clang, _ = find_clang(22, "clang-15")
    assert clang is not None
    linker = Linker(compiler=cc, cxx=clang, flags=(), rustc=None)
    items = [reverse("norm", "norm_grad", "Duplicated Const", "Active")]
    made = job("norm", [write("norm.cpp", VECTOR)], items, compilers={Language.CXX: clang}, linker=linker).run(lambda _: None)
    check_norm(made.output)


def check_norm(library: Path) -> None:
    """The gradient of a sum of squares, seeded with 2."""
    function = ctypes.CDLL(str(library)).norm_grad
    function.restype = ctypes.c_double
    x, dx = (ctypes.c_double * 3)(1, 2, 3), (ctypes.c_double * 3)(100, 100, 100)
    assert function(x, dx, ctypes.c_size_t(3), ctypes.c_double(2)) == 14
    assert list(dx) == [104, 108, 112]


@pytest.mark.parametrize(("flags", "kept"), [((), "lines"), (("-g",), "types"), (("-gdwarf-4",), "types"), (("-g0",), "nothing")])
def test_types_stay_in_debug_information_only_where_flags_ask_for_it(
    job: Callable[..., CompileUnit], reverse: Callable[..., AutoDiffItem], tmp_path: Path, flags: tuple[str, ...], kept: str
) -> None:
    (tmp_path / "f.c").write_text("struct s { double a; }; double f(struct s *p) { return p->a; }\n", encoding="utf-8")
    item = reverse("f", "f_grad", "Duplicated", "Active")
    unit = job("f", [tmp_path / "f.c"], [item], kind=OutputKind.IR, flags=flags, folder=tmp_path).run(lambda _: None)
    text = unit.output.read_text(encoding="utf-8")
    assert ("DICompositeType" in text) is (kept == "types")
    assert ("!DILocation" in text) is (kept != "nothing")
    assert "__enzyme" not in text
