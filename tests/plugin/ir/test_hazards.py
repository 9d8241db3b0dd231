"""Each case in which Enzyme would be wrong without a word, on each engine: it comes out right, or is refused with a code and a place."""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.compile import CompileUnit
from plugin.items.activity import AutoDiffItem

Job = Callable[..., CompileUnit]
Item = Callable[..., AutoDiffItem]
Build = Callable[..., ctypes.CDLL]
Vector = ctypes.Array[ctypes.c_double]

HEAD = """
#include <math.h>
#include <string.h>
double __enzyme_autodiff(void *, ...);
double __enzyme_fwddiff(void *, ...);
extern int enzyme_dup, enzyme_const, enzyme_const_return, enzyme_primal_return, enzyme_runtime_activity, enzyme_width, enzyme_vector;
static double square(double x) { return x * x; }
"""


@pytest.fixture
def build(job: Job, each_engine: dict[str, Any], tmp_path: Path) -> Build:
    """Builds C with items; gives the library."""

    def built(text: str, *items: AutoDiffItem, **more: Any) -> ctypes.CDLL:
        (tmp_path / "k.c").write_text(HEAD + text, encoding="utf-8")
        library = ctypes.CDLL(str(job("hazard", [tmp_path / "k.c"], items, **(each_engine | more)).run(lambda _: None).output))
        library.d.restype = library.g.restype = ctypes.c_double
        return library

    return built


def refused(build: Build, text: str, *items: AutoDiffItem) -> Diagnostic:
    with pytest.raises(Failure) as failure:
        build(text, *items)
    [told] = failure.value.diagnostics
    return told


def at(told: Diagnostic) -> str:
    """The source from where a diagnostic points."""
    assert told.span is not None
    return told.span.source[told.span.column - 1 :]


def vector(*numbers: float) -> Vector:
    return (ctypes.c_double * len(numbers))(*numbers)


def number(value: float) -> ctypes.c_double:
    return ctypes.c_double(value)


G = "double g(void) { return 0; }\ndouble d(void);\n"

# A constant pointer that meets an active one

CHOICE = {
    "select": "static double f(const double *x, const double *c, int w) { const double *p = w ? x : c; return p[0] * p[0]; }",
    "branches": """
    static double f(const double *x, const double *c, int w) {
        const double *p = c;
        for (int i = 0; i < w; ++i) p = i % 2 ? c : x;
        return p[0] * p[0];
    }""",
    "a function of its own": """
    __attribute__((noinline)) static double inner(const double *x, const double *c, int w) { return *(w ? x : c) * *(w ? x : c); }
    static double f(const double *x, const double *c, int w) { return inner(x, c + 0, w); }""",
    "a struct": """
    struct pair { const double *p[2]; };
    __attribute__((noinline)) static double inner(struct pair *s, int w) { return *s->p[w] * *s->p[w]; }
    static double f(const double *x, const double *c, int w) { struct pair s = {{c, x}}; return inner(&s, w); }""",
}


@pytest.mark.parametrize("kernel", CHOICE)
@pytest.mark.parametrize("wanted", [0, 1])
def test_a_constant_that_may_become_active_is_not_written(build: Build, kernel: str, wanted: int) -> None:
    call = (
        "double d(double *x, double *dx, double *c, int w) { return __enzyme_autodiff((void *)f, enzyme_dup, x, dx, enzyme_const, c, w); }"
    )
    library = build(f"{CHOICE[kernel]}\n{call}\ndouble g(void) {{ return 0; }}")
    x, dx, c = vector(3), vector(0), vector(5)
    library.d(x, dx, c, wanted)
    assert (list(x), list(dx), list(c)) == ([3], [6 if wanted else 0], [5])


@pytest.mark.parametrize("wanted", [0, 1])
def test_a_constant_table_that_may_become_active_is_not_written(build: Build, reverse: Item, wanted: int) -> None:
    text = """
    static const double table[2] = {1, 2};
    double f(const double *x, int w) { const double *p = w ? x : table; return p[0] * p[1]; }
    """
    library = build(text + G, reverse("f", "d", "Duplicated Const", "ActiveOnly"))
    x, dx = vector(3, 4), vector(0, 0)
    library.d(x, dx, wanted, number(1))
    assert list(dx) == ([4, 3] if wanted else [0, 0])


def marked(build: Build, tmp_path: Path, text: str, *items: AutoDiffItem, **more: Any) -> list[bool]:
    """For each call of Enzyme's, in order, whether it decides at run time."""
    build(text, *items, folder=tmp_path, **more)
    lines = (tmp_path / "pre.ll").read_text(encoding="utf-8").split("\n")
    return ["enzyme_runtime_activity" in line for line in lines if re.search(r" call .*__enzyme_autodiff\.", line)]


PLAIN = """
__attribute__((noinline)) static double norm(const double *c, long n) {
    double s = 0;
    for (const double *p = c; p != c + n; ++p) s += *p * *p;
    return s;
}
double f(const double *x, const double *c, long n) { return x[0] * norm(c, n); }
"""


def test_run_time_does_not_decide_where_nothing_meets_unless_it_is_asked_to(build: Build, reverse: Item, tmp_path: Path) -> None:
    def item(**options: Any) -> AutoDiffItem:
        made = reverse("f", "d", "Duplicated Const Const", "ActiveOnly")
        return type(made)(**({name: getattr(made, name) for name in made.__slots__} | options))

    assert marked(build, tmp_path, PLAIN + G, item()) == [False]
    assert marked(build, tmp_path, PLAIN + G, item(runtime_activity=True)) == [True]
    assert marked(build, tmp_path, PLAIN + G, item(), runtime_activity=True) == [True]
    assert marked(build, tmp_path, PLAIN + G, item(runtime_activity=False), runtime_activity=True) == [False]


def test_strong_zero_keeps_what_is_no_number_out(build: Build, reverse: Item) -> None:
    text = "double f(double x, double c) { return c * pow(x, 0.5); }\n"
    made = reverse("f", "g", "Active Const", "ActiveOnly")
    strong = type(made)(**({name: getattr(made, name) for name in made.__slots__} | {"target": "d", "strong_zero": True, "index": 1}))
    library = build(text, made, strong)
    assert math_isnan(library.g(number(0), number(0), number(1)))
    assert library.d(number(0), number(0), number(1)) == 0


def math_isnan(value: float) -> bool:
    return value != value  # noqa: PLR0124 - the definition


# Global variables

CELL = """
double cell;
__attribute__((noinline)) static void keep(double v) { cell = v; }
double f(double x) { keep(x * x); return cell * x; }
"""
SCRATCH = """
double work[64];
double f(double x) {
    memset(work, 0, sizeof work);
    for (int i = 0; i < 8; ++i) { work[(i * 5) & 63] = x * i; asm volatile("" ::: "memory"); }
    double s = 0;
    for (int i = 0; i < 8; ++i) s += work[(i * 5) & 63] * x;
    return s;
}
"""
POINTER = """
double *buffer;
void set(double *p) { buffer = p; }
double f(double x) { buffer[0] = x * x; asm volatile("" ::: "memory"); return buffer[0] * x; }
"""


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(("text", "name"), [(CELL, "cell"), (SCRATCH, "work"), (POINTER, "buffer")])
def test_a_number_that_goes_through_a_global_variable_is_refused(
    request: pytest.FixtureRequest, build: Build, mode: str, text: str, name: str
) -> None:
    item = request.getfixturevalue(mode)("f", "d", *(("Active", "ActiveOnly") if mode == "reverse" else ("Dual", "DualOnly")))
    told = refused(build, text + G, item)
    assert (told.code, told.exit_status) == ("E0533", 5)
    assert told.message == f"`f` keeps numbers in the global variable `{name}`, and they would count as constant"
    assert told.span is not None
    assert f'active-globals = ["{name}"]' in told.help[1]


def with_options(item: AutoDiffItem, **options: Any) -> AutoDiffItem:
    return type(item)(**({name: getattr(item, name) for name in item.__slots__} | options))


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(("option", "derivative"), [("inactive_globals", 9.0), ("active_globals", 27.0)])
def test_an_item_says_whether_a_global_variable_has_a_derivative(
    request: pytest.FixtureRequest, build: Build, mode: str, option: str, derivative: float
) -> None:
    item = request.getfixturevalue(mode)("f", "d", *(("Active", "ActiveOnly") if mode == "reverse" else ("Dual", "DualOnly")))
    library = build(CELL + "double g(void) { return 0; }", with_options(item, **{option: ("cell",)}))
    assert [library.d(number(3), number(1)) for _ in range(3)] == [derivative] * 3


def test_the_shadow_of_a_global_variable_starts_at_zero_each_time(build: Build, reverse: Item) -> None:
    text = 'double cell;\ndouble f(double x) { double old = cell; cell = x; asm volatile("" ::: "memory"); return old * cell; }\n'
    item = with_options(reverse("f", "d", "Active", "ActiveOnly"), active_globals=("cell",))
    library = build(text + "double g(void) { return 0; }", item)
    ctypes.c_double.in_dll(library, "cell").value = 2
    assert [library.d(number(x), number(1)) for x in (3.0, 5.0, 7.0)] == [2.0, 3.0, 5.0]


def test_a_variable_of_a_thread_is_refused_and_can_have_no_derivative(build: Build, reverse: Item) -> None:
    text = CELL.replace("double cell", "_Thread_local double cell") + "double g(void) { return 0; }"
    item = reverse("f", "d", "Active", "ActiveOnly")
    assert refused(build, text, item).code == "E0533"
    told = refused(build, text, with_options(item, active_globals=("cell",)))
    assert (told.code, "one for each thread" in told.message) == ("E0537", True)
    assert build(text, with_options(item, inactive_globals=("cell",))).d(number(3), number(1)) == 9


def test_a_stream_in_a_variable_is_no_matter(build: Build) -> None:
    text = """
    #include <stdio.h>
    static double f(double x) { if (x < 0) fprintf(stderr, "%g", x); return x * x; }
    double d(double x) { return __enzyme_autodiff((void *)f, x); }
    double g(void) { return 0; }
    """
    assert build(text).d(number(3)) == 6


def test_a_registration_in_the_sources_says_so_too(build: Build, reverse: Item) -> None:
    text = CELL + "void *__enzyme_inactive_global_cell[] = {(void *)&cell};\ndouble g(void) { return 0; }"
    assert build(text, reverse("f", "d", "Active", "ActiveOnly")).d(number(3), number(1)) == 9


def test_what_is_said_of_a_global_variable_holds_for_one_item_only(build: Build, reverse: Item) -> None:
    items = (
        with_options(reverse("f", "d", "Active", "ActiveOnly"), inactive_globals=("cell",)),
        reverse("f", "g", "Active", "ActiveOnly", 1),
    )
    assert refused(build, CELL, *items).code == "E0533"
    both = (items[0], with_options(items[1], active_globals=("cell",)))
    told = refused(build, CELL, *both)
    assert (told.code, told.key) == ("E0537", "autodiff.0.inactive-globals.0")
    missing = with_options(reverse("f", "d", "Active", "ActiveOnly"), active_globals=("cell", "cel"))
    told = refused(build, CELL, missing)
    assert (told.code, told.key) == ("E0537", "autodiff.0.active-globals.1")


READ_ONLY = """
double table[4] = {1, 2, 3, 4};
long count;
double last;
double f(const double *x, long n) {
    double s = 0;
    ++count;
    for (long i = 0; i < n; ++i) s += x[i] * x[i] * table[i & 3];
    last = s;
    return s;
}
"""


def test_tables_counters_and_logs_are_no_matter(build: Build, reverse: Item) -> None:
    library = build(READ_ONLY + "double g(void) { return 0; }", reverse("f", "d", "Duplicated Const", "ActiveOnly"))
    x, dx = vector(1, 2, 3), vector(0, 0, 0)
    library.d(x, dx, ctypes.c_long(3), number(1))
    assert list(dx) == [2, 8, 18]


# Calls, bits, aliases

REFUSED = {
    "E0525": (
        """
        static double f(double x, int n) {
            double s = 1; int i = 0;
            switch (n % 3) { do { case 0: s += x * s; i++; case 2: s *= x; i++; case 1: s += sin(x); i++; } while (i < n); }
            return s;
        }
        double d(double x, int n) { return __enzyme_autodiff((void *)f, x, enzyme_const, n); }""",
        "`f` jumps into a loop",
    ),
    "E0525 of a label": (
        """
        static double f(double x, int n) {
            static void *where[] = {&&twice, &&squared}; double s = x;
            again: if (n == 0) return s;
            n--;
            goto *where[n % 2];
            twice: s += s; goto again;
            squared: s *= s; goto again;
        }
        double d(double x, int n) { return __enzyme_autodiff((void *)f, x, enzyme_const, n); }""",
        "`f` jumps to a label that it computes",
    ),
    "E0526": (
        """
        static double sine(double x) { return sin(x); }
        static double (*const table[])(double) = {square, sine};
        static double f(double x, int i) { return table[i](x); }
        double d(double x, int i) { return __enzyme_fwddiff((void *)f, x, 1.0, enzyme_const, i); }""",
        "`f` calls through a pointer, and its derivative in forward mode",
    ),
    "E0526 lanes": (
        """
        static void sine(double *x) { *x = sin(*x); }
        static void cosine(double *x) { *x = cos(*x); }
        static void (*const table[])(double *) = {sine, cosine};
        static double f(double x, int i) { table[i](&x); return x; }
        struct two { double a, b; };
        struct two __enzyme_fwddiff2(void *, ...);
        double d(double x, int i) { return __enzyme_fwddiff2((void *)f, enzyme_width, 2, x, 1.0, 2.0, enzyme_const, i).b; }""",
        "`f` calls through a pointer, and its derivative with several lanes",
    ),
    "E0531 setjmp": (
        """
        #include <setjmp.h>
        static jmp_buf place;
        static void check(double x) { if (x > 1) longjmp(place, 1); }
        static double f(double x) { volatile double s = x; if (setjmp(place)) return s; s = s * x; check(s); return s; }
        double d(double x) { return __enzyme_fwddiff((void *)f, x, 1.0); }""",
        "`f` calls `_setjmp`",
    ),
    "E0531 complex": (
        """
        static double f(double x) { double _Complex z = x; z = z / (x + 1i); return __real__ z; }
        double d(double x) { return __enzyme_autodiff((void *)f, x); }""",
        "`f` calls `__divdc3`",
    ),
    "E0531 modf": (
        """
        static double f(double x) { double whole, part = modf(x, &whole); return part * part + whole; }
        double d(double x) { return __enzyme_autodiff((void *)f, x); }""",
        "`f` ",  # a newer clang has an intrinsic for it, of which Enzyme says itself that it has no derivative
    ),
    "E0535": (
        """
        static double f(double x, double (*h)(double)) { return h(x) * x; }
        double d(double x, double (*h)(double)) { return __enzyme_autodiff((void *)f, x, enzyme_const, h); }""",
        "`f` calls through a constant pointer",
    ),
    "E0535 variable": (
        """
        double (*chosen)(double);
        static double f(double x) { return chosen(x) * x; }
        double d(double x) { return __enzyme_autodiff((void *)f, x); }""",
        "`f` calls through a constant pointer",
    ),
    "E0530 own shadow": (
        """
        static double f(const double *x) { return x[0] * x[0]; }
        double d(double *x) { return __enzyme_autodiff((void *)f, enzyme_dup, x, x); }""",
        "in the call in `d` an argument is its own shadow",
    ),
    "E0530 constant return": (
        "double d(double x) { return __enzyme_fwddiff((void *)square, enzyme_const_return, x, 1.0); }",
        "the call in `d` says that the return is constant",
    ),
    "E0538": (
        """
        struct two { double a, b; };
        struct two __enzyme_batch(void *, ...);
        static double slope(double x) { return __enzyme_fwddiff((void *)square, x, 1.0); }
        double d(double a, double b) { return __enzyme_batch((void *)slope, enzyme_width, 2, enzyme_vector, a, b).b; }""",
        "the call in `d` makes a batch of `slope`, which differentiates",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_wrong_is_refused_with_its_place(build: Build, case: str) -> None:
    text, words = REFUSED[case]
    told = refused(build, f"{text}\ndouble g(void) {{ return 0; }}")
    assert (told.code, told.exit_status) == (case[:5], 5)
    assert told.message.startswith(words)
    assert at(told)
    assert told.help


TAGGED = """
struct tagged { long tag; union { double number; long integer; } u; };
__attribute__((noinline)) static double value(struct tagged *t) { return t->tag ? t->u.number * t->u.number : t->u.integer; }
static double f(double x) {
    struct tagged t;
    t.tag = x > 0;
    if (t.tag) t.u.number = x; else t.u.integer = 3;
    return value(&t) * x;
}
double d(double x) { return __enzyme_autodiff((void *)f, x); }
double g(void) { return 0; }
"""


TABLE = """
static void sine(double *x) { *x = sin(*x); }
static void twice(double *x) { *x *= 2; }
static void (*const table[])(double *) = {sine, twice};
static double f(double x, int i) { table[i](&x); return x * x; }
double d(double x, int i) { return __enzyme_fwddiff((void *)f, x, 1.0, enzyme_const, i); }
"""
REVERSE = "double g(double x, int i) { return __enzyme_autodiff((void *)f, x, enzyme_const, i); }"


def test_a_call_through_a_pointer_that_enzyme_gets_right_is_not_refused(build: Build) -> None:
    assert build(f"{TABLE} double g(void) {{ return 0; }}").d(number(3), 1) == 24
    assert build(TABLE.partition("double d")[0] + REVERSE + "double d(void) { return 0; }").g(number(3), 1) == 24


WITH_RULE = """
#include <setjmp.h>
static jmp_buf place;
__attribute__((noinline)) double solve(double x) { return setjmp(place) ? 0 : x * x; }
struct two { double value, tangent; };
struct two solve_tangent(double x, double dx) { return (struct two){solve(x), 2 * x * dx}; }
void *__enzyme_register_derivative_solve[] = {(void *)solve, (void *)solve_tangent};
static double f(double x) { return solve(x) * x; }
double d(double x) { return __enzyme_fwddiff((void *)f, x, 1.0); }
"""


def test_what_has_a_rule_may_do_what_enzyme_gets_wrong(build: Build) -> None:
    assert build(f"{WITH_RULE} double g(void) {{ return 0; }}").d(number(3)) == 27


def test_a_rule_is_for_one_lane(build: Build) -> None:
    wide = "double g(double x) { return __enzyme_fwddiff2((void *)f, enzyme_width, 2, x, 1.0, 2.0).tangent; }"
    told = refused(build, f"{WITH_RULE} struct two __enzyme_fwddiff2(void *, ...);\n{wide}")
    assert (told.code, told.message[:7], at(told)[:5]) == ("E0528", "`solve`", "solve")


def test_calls_through_a_pointer_in_both_modes_are_refused(build: Build) -> None:
    told = refused(build, TABLE + REVERSE)
    assert (told.code, at(told)[:5]) == ("E0526", "table")


def test_bits_that_may_be_those_of_an_integer_are_refused_or_come_out_right(build: Build) -> None:
    try:
        library = build(TAGGED)
    except Failure as failure:
        [told] = failure.diagnostics
        assert (told.code, told.message[:37]) == ("E0536", "`f` keeps a number where an integer m")
        assert told.span is not None
    else:  # LLVM 15 does not choose between bits here
        assert library.d(number(2)) == 12


def test_a_primal_return_makes_a_constant_return_right(build: Build) -> None:
    call = "return __enzyme_fwddiff((void *)square, enzyme_const_return, enzyme_primal_return, x, 1.0);"
    assert build(f"double d(double x) {{ {call} }}\ndouble g(void) {{ return 0; }}").d(number(3)) == 9


def test_a_virtual_shadow_makes_a_call_through_a_pointer_right(build: Build) -> None:
    text = """
    void *__enzyme_virtualreverse(void *);
    static double f(double x, double (*h)(double)) { return h(x) * x; }
    __attribute__((noinline)) double cube(double x) { return x * x * x; }
    double d(double x) {
        double (*volatile h)(double) = cube;
        return __enzyme_autodiff((void *)f, x, enzyme_dup, h, __enzyme_virtualreverse((void *)cube));
    }
    double g(void) { return 0; }
    """
    assert build(text).d(number(2)) == 4 * 2**3


def test_a_table_of_functions_that_is_constant_is_known(build: Build) -> None:
    text = """
    static double cube(double x) { return x * x * x; }
    static double (*const table[2])(double) = {square, cube};
    static double f(double x, int i) { return table[i](x) * x; }
    double d(double x, int i) { return __enzyme_autodiff((void *)f, x, i); }
    double g(void) { return 0; }
    """
    library = build(text)
    assert [library.d(number(2), i) for i in (0, 1)] == [3 * 2**2, 4 * 2**3]


# Rules

RULED = """
WORD double f(double x) { return x * x; }
struct both { void *tape; double value; };
struct both augmented(double x) { struct both result = {0, x * x}; return result; }
double reversed(double x, double seed, void *tape) { return 1000 * seed; }
void *REGISTER_f[] = {(void *)f, (void *)augmented, (void *)reversed};
double h(double x) { return f(x) + x; }
double d(double x) { return __enzyme_autodiff((void *)h, x); }
double g(void) { return 0; }
"""


@pytest.mark.parametrize("word", ["", "static", "static inline"])
def test_a_registered_gradient_counts_even_where_the_function_would_be_inlined(build: Build, word: str) -> None:
    assert build(RULED.replace("WORD", word).replace("REGISTER", "__enzyme_register_gradient")).d(number(2)) == 1001


def test_a_function_that_is_said_to_have_no_derivative_has_none(build: Build) -> None:
    text = RULED.replace("WORD", "static").replace("void *REGISTER_f[] = {(void *)f, (void *)augmented, (void *)reversed};", "")
    assert build(text + "void *__enzyme_inactivefn_f[] = {(void *)f};").d(number(2)) == 1


def test_a_registration_under_a_misspelt_name_is_refused(build: Build) -> None:
    told = refused(build, RULED.replace("WORD", "").replace("REGISTER", "__enzyme_register_gradent"))
    assert told.code == "E0509"
    assert "`__enzyme_register_gradent_f`" in told.message


def test_a_call_through_a_pointer_to_enzyme_is_refused(build: Build) -> None:
    told = refused(
        build, "double (*volatile call)(void *, ...) = __enzyme_autodiff;\ndouble d(double x) { return call((void *)square, x); }"
    )
    assert told.code == "E0509"
    assert "`__enzyme_autodiff`" in told.message
