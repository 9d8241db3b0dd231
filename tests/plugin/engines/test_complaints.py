"""What Enzyme says, made into a diagnostic: on the real engine where a kernel can bring it to say so, the rest by its words."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.llvm import find_rustc
from bootstrap.process import Completed
from plugin.compile import CompileUnit
from plugin.engines.complaints import COMPLAINTS, explain, refusal
from plugin.engines.engine import Engine, EngineOptions
from plugin.items.activity import AutoDiffItem
from plugin.languages import Language
from plugin.toolchain import Toolchain

Job = Callable[..., CompileUnit]
ANY_LLVM = 99

Refused = Callable[..., Diagnostic]

HEAD = """
#include <stdlib.h>
#include <string.h>
#include <math.h>
double __enzyme_autodiff(void *, ...);
double __enzyme_fwddiff(void *, ...);
void *__enzyme_augmentfwd(void *, ...);
double __enzyme_reverse(void *, ...);
extern int enzyme_dup, enzyme_dupe, enzyme_const, enzyme_out, enzyme_width, enzyme_dupv, enzyme_primal_return, enzyme_noret;
extern int enzyme_allocated, enzyme_tape;
static double square(double x) { return x * x; }
static double product(const double *x, const double *y) { return x[0] * y[0]; }
"""

CALLS = {
    "does not say which function": "double d(double (*f)(double), double x) { return __enzyme_autodiff((void *)f, x); }",
    "has more arguments": "double d(double x) { return __enzyme_autodiff((void *)square, enzyme_out, x, 1.0); }",
    "has fewer arguments": "double d(const double *x, double *y) { return __enzyme_autodiff((void *)product, enzyme_dup, x, y); }",
    "has no shadow": "double d(double *x) { return __enzyme_autodiff((void *)product, enzyme_dup, x); }",
    "is not of the type": "double d(int x) { return __enzyme_autodiff((void *)square, x); }",
    "width": "double d(double x, int n) { return __enzyme_fwddiff((void *)square, enzyme_width, n, enzyme_dup, x, 1.0); }",
    "has no offset": (
        "double d(double *x, double *y) { return __enzyme_fwddiff((void *)product, enzyme_width, 2, enzyme_dupv, x, y, enzyme_const, x); }"
    ),
    "has a marker that Enzyme does not know": (
        "double d(double *x, double *y) { return __enzyme_autodiff((void *)product, enzyme_dupe, x, y, enzyme_const, x); }"
    ),
    "the tape of the call": """
    static double spoil(double *x) { double a = x[0]; x[0] = a * a; x[1] = x[0] * a; return x[0] * x[1]; }
    double d(double *x, double *dx) {
        char tape[64];
        __enzyme_augmentfwd((void *)spoil, enzyme_noret, enzyme_allocated, 1, enzyme_tape, tape, enzyme_dup, x, dx);
        return __enzyme_reverse((void *)spoil, enzyme_allocated, 1, enzyme_tape, tape, enzyme_dup, x, dx, 1.0);
    }""",
    "asks the reverse half": """double d(double x) {
        void *tape = __enzyme_augmentfwd((void *)square, enzyme_noret, enzyme_out, x);
        return __enzyme_reverse((void *)square, enzyme_primal_return, enzyme_out, x, 1.0, tape);
    }""",
}
"""Calls that are not well formed, each with words of its message."""

UNKNOWN = "double d(double x) { return __enzyme_DIRECTION((void *)f, x); }\n"
OPERATIONS = {
    "cannot handle unknown instruction": """
    static double f(double *x, long *lock) { __sync_val_compare_and_swap(lock, 0, 1); return x[0] * x[0]; }
    double d(double *x, double *dx, long *lock) { return __enzyme_autodiff((void *)f, x, dx, enzyme_const, lock); }""",
    "cannot handle unknown binary operator": """
    static double f(double x) { long bits; memcpy(&bits, &x, 8); bits += 1L << 52; memcpy(&x, &bits, 8); return x; }
    double d(double x) { return __enzyme_autodiff((void *)f, x); }""",
}
COPY = """
static void f(const char *restrict x, char *restrict y, long n) { memcpy(y, x, n); }
void d(double *x, double *dx, double *y, double *dy, long n) { __enzyme_autodiff((void *)f, enzyme_dup, x, dx, enzyme_dup, y, dy, n); }
"""
FREES = """
void external(double *p);
static double f(double *x) {
    double *p = malloc(16), value;
    p[0] = x[0];
    external(p);
    value = p[0] * x[0];
    free(p);
    return value;
}
void *__enzyme_inactivefn_external[] = {(void *)external};
double d(double *x, double *dx) { return __enzyme_autodiff((void *)f, x, dx); }
"""
VARIABLE = """
#include <stdarg.h>
static double sum(int n, ...) {
    va_list each;
    double total = 0;
    va_start(each, n);
    while (n--) total += va_arg(each, double);
    va_end(each);
    return total;
}
static double f(double x) { return sum(2, x, x * x); }
double d(double x) { return __enzyme_autodiff((void *)f, x); }
"""
TEMPLATE = """
extern "C" double __enzyme_autodiff(void *, ...);
namespace outer {
double mystery(double);
template <class T> struct Model { static double value(double x) { return mystery(x) * x; } };
}
extern "C" double d(double x) { return __enzyme_autodiff((void *)outer::Model<int>::value, x); }
"""


def refusing(job: Job, folder: Path, engine: dict[str, Any]) -> Refused:
    """Compiles sources in `folder`; gives the one diagnostic that comes of them."""

    def compiled(text: str, name: str = "k.c", **changes: object) -> Diagnostic:
        (folder / name).write_text(text if name.endswith("pp") else HEAD + text, encoding="utf-8")
        with pytest.raises(Failure) as failure:
            job("complaint", [folder / name], folder=folder, **(engine | changes)).run(lambda _: None)
        [diagnostic] = failure.value.diagnostics
        return diagnostic

    return compiled


@pytest.fixture
def refused(job: Job, each_engine: dict[str, Any], tmp_path: Path) -> Refused:
    """What each engine says."""
    return refusing(job, tmp_path, each_engine)


@pytest.fixture
def refused_by_driver(job: Job, tmp_path: Path) -> Refused:
    """What the driver says, where the other engine does it, or crashes without a word."""
    return refusing(job, tmp_path, {})


def place(diagnostic: Diagnostic) -> str:
    """The source from where the diagnostic points."""
    assert diagnostic.span is not None
    return diagnostic.span.source[diagnostic.span.column - 1 :]


@pytest.mark.parametrize("words", CALLS)
def test_a_call_that_is_not_well_formed_is_told_with_its_place(refused: Refused, words: str) -> None:
    told = refused(CALLS[words])
    assert (told.code, told.exit_status) == ("E0530", 5)
    assert words in told.message
    assert "`d`" in told.message
    assert re.match(r"__enzyme_|x\);", place(told))
    assert told.notes[0].startswith("Enzyme: ")
    assert told.help


def test_a_function_without_body_that_is_to_be_differentiated_is_named(refused: Refused) -> None:
    told = refused("double f(double);\n" + UNKNOWN.replace("DIRECTION", "autodiff"))
    assert (told.code, told.message) == ("E0516", "`f` is to be differentiated and has no body in this unit")


@pytest.mark.parametrize("direction", ["autodiff", "fwddiff"])
def test_a_call_of_an_unknown_function_is_placed_in_the_users_function(refused: Refused, direction: str) -> None:
    body = "double mystery(double);\nstatic double f(double x) {\n    return x * mystery(x);\n}\n"
    told = refused(body + UNKNOWN.replace("DIRECTION", direction).replace("x);", "x, 1.0);" if direction == "fwddiff" else "x);"))
    assert told.code == "E0507"
    assert told.message == "`f` calls `mystery`, which has no body in this unit and no derivative that Enzyme knows"
    assert place(told) == "mystery(x);"


def test_names_of_cxx_are_shown_as_they_are_written(refused: Refused) -> None:
    told = refused(TEMPLATE, "k.cpp")
    assert told.message.startswith("`outer::Model<int>::value(double)` calls `outer::mystery(double)`, which")
    assert "_ZN5outer7mysteryEd[]" in told.help[2]  # a remedy is to be copied


RUST = """
extern "C" { fn mystery(x: f64) -> f64; }
mod inner {
    pub struct Model { pub scale: f64 }
    impl Model {
        #[inline(never)]
        pub fn value(&self, x: f64) -> f64 {
            self.scale * unsafe { super::mystery(x) }
        }
    }
}
#[no_mangle]
pub extern "C" fn f(x: f64) -> f64 { inner::Model { scale: x }.value(x) }
"""


@pytest.mark.needs("rustc")
def test_names_and_places_of_rust_are_shown(job: Job, tools: Toolchain, reverse: Callable[..., AutoDiffItem], tmp_path: Path) -> None:
    (tmp_path / "model.rs").write_text(RUST, encoding="utf-8")
    compilers = {**tools.compilers, Language.RUST: find_rustc(ANY_LLVM)}
    item = reverse("f", "f_grad", "Active", "ActiveOnly")
    with pytest.raises(Failure) as failure:
        job("model", [tmp_path / "model.rs"], [item], compilers=compilers).run(lambda _: None)
    [told] = failure.value.diagnostics
    assert told.code == "E0507"
    assert re.match(r"`(model::inner::Model::value|<model::inner::Model>::value)` calls `mystery`, which", told.message)
    assert told.span is not None
    assert (told.span.path.name, told.span.line) == ("model.rs", 8)


@pytest.mark.parametrize("words", OPERATIONS)
def test_what_has_no_derivative_is_told_with_its_place(refused_by_driver: Refused, words: str) -> None:
    told = refused_by_driver(OPERATIONS[words])
    assert (told.code, told.message) == ("E0531", "`f` does something that Enzyme has no derivative of")
    assert told.notes[0] == f"Enzyme: {words}"
    assert place(told)


def test_a_variable_number_of_arguments_is_told(refused: Refused) -> None:
    told = refused(VARIABLE)
    assert (told.code, told.message) == ("E0531", "`f` calls a function with a variable number of arguments")


def test_a_function_that_may_free_memory_is_told_and_the_remedy_helps(refused: Refused, job: Job, tmp_path: Path) -> None:
    told = refused(FREES)
    assert told.code == "E0534"
    assert told.message == "`f` calls `external`, which has no body in this unit and may free memory that the derivative still needs"
    remedies = re.findall(r"`(void \*__enzyme_nofree_.*?)`", "\n".join(told.help))
    assert len(remedies) == 1
    (tmp_path / "k.c").write_text(HEAD + FREES + remedies[0].replace("{external}", "{(void *)external}"), encoding="utf-8")
    (tmp_path / "e.ll").write_text("define void @external(ptr %p) noinline {\n  ret void\n}\n", encoding="utf-8")
    job("frees", [tmp_path / "k.c", tmp_path / "e.ll"]).run(lambda _: None)


def test_what_cannot_be_told_apart_has_a_code_and_keys_to_set(refused: Refused) -> None:
    told = refused(COPY)
    assert (told.code, told.message) == ("E0514", "Enzyme cannot tell what `f` copies or stores")
    assert told.notes[0] == "Enzyme: Cannot deduce type of copy"
    told_of = ["`inputs = [{ activity", "strict-aliasing = true", "loose-types = true"]
    assert all(words in line for words, line in zip(told_of, told.help, strict=True))


UNION = """
union bits { double number; long integer; };
__attribute__((noinline)) static double value(union bits *u, int t) { return t ? u->number * u->number : (double)u->integer; }
static double f(double x, int t) {
    union bits u;
    if (t) u.number = x * x; else u.integer = t;
    return value(&u, t) * x;
}
double d(double x, int t) { return __enzyme_autodiff((void *)f, x, t); }
"""


def test_a_place_of_two_types_is_told_where_aliasing_is_strict(refused: Refused) -> None:
    told = refused(UNION, engine_options=EngineOptions(strict_aliasing=True, loose_types=False))
    assert (told.code, told.message) == ("E0514", "`value` uses the same bytes as a number and as something else")
    assert told.notes[0].startswith("Enzyme: Illegal updateAnalysis")
    assert "strict-aliasing = false" in told.help[0]


def test_a_crash_on_what_is_known_comes_with_a_remedy(refused: Refused) -> None:
    told = refused("static double f(double x) { return lgamma(x); }\n" + UNKNOWN.replace("DIRECTION", "autodiff"))
    assert told.code == "E0508"
    assert "`lgamma`" in told.help[0]


def test_a_crash_names_the_last_function_that_was_printed(refused_by_driver: Refused) -> None:
    body = 'static double f(double x) { double y; __asm__("fsqrt" : "=t"(y) : "0"(x)); return y; }\n'
    told = refused_by_driver(body + UNKNOWN.replace("DIRECTION", "autodiff"))
    assert told.code == "E0508"
    assert "the last function that it printed is `f`" in told.notes


def test_an_inner_derivative_that_is_not_made_yet_is_told(engine: Engine, tmp_path: Path) -> None:
    text = """
define double @outer(double %x) {
  %v = call double (...) @__enzyme_fwddiff(ptr @helper, double %x, double 1.0)
  ret double %v
}
define internal double @helper(double %x) noinline {
  %v = call double @inner(double %x)
  ret double %v
}
define internal double @inner(double %x) noinline {
  %v = call double (...) @__enzyme_autodiff(ptr @square, double %x)
  ret double %v
}
define internal double @square(double %x) {
  %y = fmul double %x, %x
  ret double %y
}
declare double @__enzyme_fwddiff(...)
declare double @__enzyme_autodiff(...)
"""
    (tmp_path / "pre.ll").write_text(text, encoding="utf-8")
    with pytest.raises(Failure) as failure:
        engine.run(tmp_path / "pre.ll", tmp_path, tmp_path, EngineOptions(strict_aliasing=False, loose_types=False))
    [told] = failure.value.diagnostics
    assert (told.code, told.message[:7]) == ("E0539", "`inner`")
    assert "`__enzyme_autodiff`" in told.message


SAID = {
    "Cannot deduce type of store   store i64 %x, ptr %y": "E0514",
    "Illegal updateAnalysis prev:{[-1]:Integer} new: {[-1]:Float@double}": "E0514",
    "Mismatched activity for:   store ptr %x, ptr %y const val:   %x": "E0532",
    "Constant memory is stored (or returned) to a differentiable variable.": "E0532",
    "Runtime Activity not yet implemented for Forward-Mode BLAS calls": "E0532",
    "Complex inputs not yet supported in reverse mode for BLAS calls": "E0531",
    "Active atomic inst not yet handled": "E0531",
    "Cannot cast return type of gradient { double }  {double}, to desired type [2 x i8]": "E0530",
    "enzyme_width must be a constant integer": "E0530",
}
"""Messages that no kernel here brings the pinned engine to say; their words are Enzyme's own."""


@pytest.mark.parametrize("words", SAID)
def test_a_message_that_is_known_has_a_code_and_a_remedy(words: str, tmp_path: Path) -> None:
    told = explain(f"error: f.c:1:2: in function diffef double (double): Enzyme: {words}\n", "", tmp_path, ("kept",))
    assert (told.code, "`f`" in told.message, told.notes[-1]) == (SAID[words], True, "kept")
    assert told.help


def test_every_row_can_be_formatted() -> None:
    names = {"function": "f", "symbol": "g", "plain": "h"}
    for row in COMPLAINTS:
        re.compile(row.words)
        assert "{" not in row.message.format(**names)
        assert row.help
        for each in row.help:
            each.format(**names)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("", "Enzyme refused the module: it gave no reason"),
        ("noise\nerror: out of luck\n", "Enzyme refused the module: error: out of luck"),
        ("error: f.c:1:2: in function diffef double (double): Enzyme: no luck  %x = y", "Enzyme cannot differentiate `f`: no luck"),
        ("error: f.c:1:2: in function fwddiffe3preprocess_f double (double): Enzyme: no luck", "Enzyme cannot differentiate `f`: no luck"),
        ("error: <unknown>:0:0: in function f.carrier.d void (ptr): Enzyme: no luck", "Enzyme cannot differentiate `f`: no luck"),
    ],
)
def test_words_that_are_not_known_are_handed_on(stderr: str, message: str, tmp_path: Path) -> None:
    told = explain(stderr, "", tmp_path, ("kept",))
    assert (told.code, told.message, told.notes) == ("E0510", message, ("kept",))


def test_all_that_was_said_is_kept(tmp_path: Path) -> None:
    done = Completed(command=("driver",), status=1, stdout="out", stderr="error: no luck\n")
    (tmp_path / "pre.ll").touch()
    [told] = refusal(done, tmp_path / "pre.ll", tmp_path, tmp_path).diagnostics
    assert told.notes == (f"the module is kept in {tmp_path / 'pre.ll'}", f"all that Enzyme said is in {tmp_path / 'enzyme.log'}")
    assert (tmp_path / "enzyme.log").read_text(encoding="utf-8") == "error: no luck\nout"
