"""What is told of real modules: of C, C++ and Rust from their debug information, of attributes that are there, of what contradicts."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from bootstrap import process
from bootstrap.diagnostics import Failure
from plugin.ir.callgraph import CallGraph
from plugin.items import lowering
from plugin.items.activity import AutoDiffItem
from plugin.items.signature import Derivative
from plugin.languages import Language, driver
from plugin.toolchain import Toolchain
from plugin.types import copies, debug_lines, type_hints
from plugin.types.type_language import parse

POINTER, DOUBLES, FLOATS = "{[-1]:Pointer}", "{[-1]:Pointer, [-1,-1]:Float@double}", "{[-1]:Pointer, [-1,-1]:Float@float}"
Compile = Callable[..., str]


@pytest.fixture(scope="module")
def compiled(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """The IR text of a source in C or C++, as a unit with derivatives has it."""

    def made(text: str, *flags: str, language: Language = Language.C) -> str:
        source = tmp_path_factory.mktemp("source") / ("f.c" if language is Language.C else "f.cpp")
        source.write_text(text, encoding="utf-8")
        output = source.with_suffix(".bc")
        wanted = flags or ("-g", "-fstandalone-debug")
        command = [*driver(tools.compilers[language], language), "-O3", "-Xclang", "-disable-llvm-passes", "-emit-llvm", "-c", *wanted]
        done = process.run([*command, "-fno-sanitize=all", str(source), "-o", str(output)], env=tools.environment)
        assert done.status == 0, done.stderr
        return str(llvm.parse_bitcode(output.read_bytes()))

    return made


def told(text: str, *derivatives: Derivative, debug_types: bool = True) -> dict[str, str]:
    """The trees of the parameters of `f`, by name."""
    typed = type_hints.typed(text, derivatives, is_x86=True, debug_types=debug_types)
    llvm.parse_assembly(typed).verify()
    body = CallGraph.of(typed).bodies["f"]
    hints = [line for line in body.split("\n") if type_hints.HINT in line]
    found = (re.search(r'"enzyme_type"="([^"]*)" (%\S+), i64 0\)', line) for line in hints)
    return {each[2]: each[1] for each in found if each}


CALLS = "double __enzyme_autodiff(void *, ...); double g(void) { return __enzyme_autodiff((void *)f); }\n"

C_PARAMETERS = {
    "double *x": DOUBLES,
    "const float *restrict x": FLOATS,
    "double x[4]": DOUBLES,
    "double (*x)[3]": DOUBLES,
    "struct point { double x, y; } *x": DOUBLES,
    "struct big { double x[100]; } *x": DOUBLES,
    "long double *x": "{[-1]:Pointer, [-1,-1]:Float@fp80}",
    "double _Complex *x": DOUBLES,
    "_Float16 *x": "{[-1]:Pointer, [-1,-1]:Float@half}",
    "enum e { one } *x": "{[-1]:Pointer, [-1,-1]:Integer}",
    "double **x": "{[-1]:Pointer, [-1,-1]:Pointer, [-1,-1,-1]:Float@double}",
    "struct s { double a; short b; } *x": "{[-1]:Pointer, [-1,0]:Float@double, [-1,8]:Integer, [-1,9]:Integer}",
    "struct n { struct n *next; double v; } *x": "{[-1]:Pointer, [-1,0]:Pointer, [-1,8]:Float@double}",
    "struct b { int a : 3, b : 9; float c; } *x": "{[-1]:Pointer, [-1,0]:Integer, [-1,1]:Integer, [-1,4]:Float@float}",
    "struct p { const char *name; void *any; } *x": "{[-1]:Pointer, [-1,-1]:Pointer}",
    "struct c { double (*call)(double); double a; } *x": "{[-1]:Pointer, [-1,0]:Pointer, [-1,8]:Float@double}",
}
NOT_KNOWN = [
    "void *x",
    "char *x",
    "unsigned char *x",
    "union u { double a; long b; } *x",
    "struct s { union { double a; long b; } u; double c; } *x",
    "struct s { char name[8]; double c; } *x",
    "struct s { long n; double data[]; } *x",
    "struct unknown *x",
    "double (*x)(double)",
    "struct s { double a[100]; int b; } *x",
]


@pytest.mark.parametrize(("parameter", "tree"), C_PARAMETERS.items())
def test_debug_information_of_c_is_told(compiled: Compile, parameter: str, tree: str) -> None:
    text = compiled(f"double f({parameter}) {{ return x != 0; }}\n{CALLS}")
    assert list(told(text).values()) == [tree]
    assert told(text, debug_types=False) == {}


@pytest.mark.parametrize("parameter", NOT_KNOWN)
def test_what_is_not_known_for_certain_is_not_told(compiled: Compile, parameter: str) -> None:
    assert told(compiled(f"double f({parameter}) {{ return x != 0; }}\n{CALLS}")) == {}


def test_each_parameter_has_its_own_type_however_structs_are_passed(compiled: Compile) -> None:
    source = """
    struct pair { double *a; long n; }; struct two { double x, y; }; struct large { float *f; double d[4]; };
    double f(long i, struct pair p, struct two t, float *x, struct large l, double *y) { return x[i] + y[i] + p.a[0] + t.x + l.d[0]; }
    """
    trees = told(compiled(source + CALLS))
    assert sorted(trees.values())[:3] == [DOUBLES, DOUBLES, FLOATS]
    assert len(trees) == 4
    assert any(tree.startswith("{[-1]:Pointer, [-1,0]:Pointer, [-1,0,-1]:Float@float, [-1,8]:Float@double") for tree in trees.values())


def test_classes_are_told_with_their_bases_and_their_virtual_tables(compiled: Compile) -> None:
    source = """
    #include <array>
    #include <vector>
    struct base { virtual double of() const; double a; };
    struct derived : base { float b; };
    extern "C" double f(const derived &d, std::array<double, 4> &x, const std::vector<double> &v) { return d.b + x[0] + v[0]; }
    extern "C" double __enzyme_autodiff(void *, ...);
    double g() { return __enzyme_autodiff((void *)f); }
    """
    first, second, third = told(compiled(source, language=Language.CXX)).values()
    assert first == "{[-1]:Pointer, [-1,0]:Pointer, [-1,0,-1]:Pointer, [-1,8]:Float@double, [-1,16]:Float@float}"
    assert second == DOUBLES
    assert third == "{[-1]:Pointer, [-1,-1]:Pointer, [-1,-1,-1]:Float@double}"


@pytest.mark.needs("rustc")
def test_debug_information_of_rust_is_told(tmp_path: Path) -> None:
    (tmp_path / "f.rs").write_text(
        """
        pub struct P { pub a: f64, pub n: u32, pub v: Vec<f32> }
        pub enum E { A(f64), B(u64) }
        #[no_mangle] pub fn f(s: &[f64], p: &P, o: Option<&f64>, b: Box<f64>, e: &E, u: &[u8], d: &dyn Fn(f64) -> f64) -> f64 {
            let mut t = [0.0; 3];
            t.copy_from_slice(s);
            t[0] + p.a + p.v[0] as f64 + o.map_or(0.0, |x| *x) + *b + d(u[0] as f64) + match e { E::A(x) => *x, E::B(_) => 0.0 }
        }
        """,
        encoding="utf-8",
    )
    flags = ["-Copt-level=3", "-Cno-prepopulate-passes", "-Cdebuginfo=2", "-Cpanic=abort", "--crate-type=lib", "--edition=2021"]
    done = process.run(["rustc", *flags, f"--emit=llvm-bc={tmp_path / 'f.bc'}", str(tmp_path / "f.rs")])
    assert done.status == 0, done.stderr
    text = str(llvm.parse_bitcode((tmp_path / "f.bc").read_bytes())) + "\ndeclare void @__enzyme_autodiff(ptr, ...)\n"
    text += "define void @calls() {\n  call void (ptr, ...) @__enzyme_autodiff(ptr @f)\n  ret void\n}\n"
    trees = told(text)
    assert trees["%s.0"] == DOUBLES
    assert "[-1,8,-1]:Float@float" in trees["%p"]
    assert DOUBLES in {tree for name, tree in trees.items() if name not in {"%s.0", "%p"}}
    assert {"%o", "%e", "%u.0", "%d.0"}.isdisjoint(trees)


def test_local_variables_and_allocations_have_metadata(compiled: Compile) -> None:
    source = """
    #include <stdlib.h>
    #include <string.h>
    double f(void *p, size_t n) {
        double t[9]; float *q = malloc(n); char c[16];
        memcpy(t, p, n); memcpy(q, p, n); memcpy(c, p, 9);
        return t[0] + q[0] + c[0];
    }
    """
    typed = type_hints.typed(compiled(source + CALLS), (), is_x86=True, debug_types=True)
    marked = re.findall(r"= (alloca|call)\b.*, !enzyme_type (!\d+)$", typed, re.MULTILINE)
    assert [what for what, _ in marked] == ["alloca", "call"]
    assert f'{marked[0][1]} = !{{!"Unknown", i32 -1, ' in typed
    assert len({node for _, node in marked}) == 2
    llvm.parse_assembly(typed).verify()


def test_a_function_that_nothing_is_known_to_need_is_left_alone(compiled: Compile) -> None:
    text = compiled("double f(double *x) { return *x; }\n")
    assert type_hints.typed(text, (), is_x86=True, debug_types=True).rstrip() == text.rstrip()


ATTRIBUTED = """
define double @f(ptr "enzyme_type"="{tree}" %x, i64 %n) {{
  %v = load double, ptr %x
  ret double %v
}}
"""


@pytest.fixture
def derive(reverse: Callable[..., AutoDiffItem]) -> Callable[..., Derivative]:
    """The derivative of `f` in a module, with a type for its first input."""

    def made(text: str, type_: str) -> Derivative:
        item = reverse("f", "f_grad", "Duplicated Const", "Active")
        unit = llvm.parse_assembly(text)
        unit.triple = "x86_64-unknown-linux-gnu"
        [derivative] = lowering.lower(unit, [dataclasses.replace(item, types=(parse(type_), None) if type_ else ())])
        return derivative

    return made


def test_an_attribute_that_is_there_is_told_too_and_adds_to_what_is_said(derive: Callable[..., Derivative]) -> None:
    text = ATTRIBUTED.format(tree="{[-1]:Pointer, [-1,0]:Float@double}")
    assert told(text, derive(text, "")) == {"%x": "{[-1]:Pointer, [-1,0]:Float@double}"}
    assert told(text, derive(text, "*f64")) == {"%x": DOUBLES}


@pytest.mark.parametrize(
    ("tree", "type_", "code", "words"),
    [
        ("{[-1]:Pointer, [-1,0]:Float@double}", "*f32", "E0540", "Float@double and Float@float at [-1,-1]"),
        ("{[-1,-1]:double}", "*f64", "E0541", "parameter 1 of `f` has an attribute"),
    ],
)
def test_contradictions_and_what_enzyme_cannot_read_are_refused(
    derive: Callable[..., Derivative], tree: str, type_: str, code: str, words: str
) -> None:
    text = ATTRIBUTED.format(tree=tree)
    with pytest.raises(Failure) as failure:
        told(text, derive(text, type_))
    [diagnostic] = failure.value.diagnostics
    assert diagnostic.code == code
    assert words in diagnostic.message
    if code == "E0540":
        assert diagnostic.key == "autodiff.0.inputs.0.type"
        assert [note.split(":")[0] for note in diagnostic.notes] == ["its attribute `enzyme_type`, {[-1]", "the configuration, `*f32`"]


def test_debug_information_and_the_configuration_may_contradict_each_other(compiled: Compile, derive: Callable[..., Derivative]) -> None:
    text = compiled("double f(double *x, long n) { return x[n]; }\n")
    with pytest.raises(Failure, match="E0540") as failure:
        told(text, derive(text, "*f32"))
    assert "the debug information, `double *`" in failure.value.diagnostics[0].notes[0]
    assert set(told(text, derive(text, "*f32"), debug_types=False).values()) == {FLOATS}


MIXED = '  call void @__enzyme_double.type(ptr readnone "enzyme_type"="{[-1]:Pointer, [-1,0]:Integer, [-1,8]:Float@double}" %x, i64 0)\n'
COPYING = """
declare void @__enzyme_double.type(ptr, i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @f(ptr %x, ptr %y, i64 %n) {
""" + MIXED + """  call void @g(ptr %y, ptr %x, i64 %n)
  ret void
}
define void @g(ptr %y, ptr %x, i64 %n) {
  BODY
}
define void @apart(ptr %x) {
""" + MIXED + """  ret void
}
"""  # fmt: skip
COPY = "call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 SIZE, i1 false)"
LOOP = "\n".join(
    [
        "br label %again",
        "again:",
        f"  {COPY.replace('SIZE', '16')}",
        "  %c = icmp eq i64 %n, 3",
        "  br i1 %c, label %again, label %end",
        "end:",
        "  ret void",
    ]
)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("ret void", 2),
        (COPY.replace("SIZE", "16") + "\n  ret void", 2),
        (COPY.replace("SIZE", "%n") + "\n  ret void", 1),
        (LOOP, 1),
    ],
)
def test_memory_of_several_kinds_is_not_told_where_a_copy_would_mislead(body: str, left: int) -> None:
    text = str(llvm.parse_assembly(COPYING.replace("BODY", body)))
    kept = type_hints.without_mixed(text)
    llvm.parse_assembly(kept).verify()
    assert kept.count("call void @__enzyme_double.type") == left
    assert copies.misleading(CallGraph.of(text)) == (frozenset() if left == 2 else {"f", "g"})


def test_without_types_debug_information_is_that_of_line_tables(compiled: Compile) -> None:
    source = """
    struct s { double a; struct s *next; static int made; double of(double x) { return a * x; } };
    static double kept; double f(const s *p, double *x) { s t = *p; kept += t.of(*x); return kept; }
    """
    full = compiled(source, language=Language.CXX)
    lines = str(llvm.parse_assembly(debug_lines.only_lines(full)))
    llvm.parse_assembly(lines).verify()
    for gone in ("DICompositeType", "DIDerivedType", "DILocalVariable", "#dbg_", "DIGlobalVariable", "FullDebug"):
        assert gone in full
        assert gone not in lines
    assert lines.count(", !dbg !") == full.count(", !dbg !") - len(re.findall(r"(?m)^@.*, !dbg !", full))
    tables = compiled(source, "-gline-tables-only", language=Language.CXX)
    assert debug_lines.only_lines(tables) == tables
    assert instructions(lines) == instructions(tables)


def instructions(text: str) -> list[str]:
    """The bodies of a module's functions, without what refers to metadata."""
    lines = "\n".join(CallGraph.of(text).bodies.values()).split("\n")
    return [re.sub(r",? ![\w.]+ !\d+|#\d+|(?<=%struct\.s)(?:\.\d+)+", "", line) for line in lines]
