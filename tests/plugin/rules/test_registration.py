"""Rules reach Enzyme, in any form that C has for them, and one that does not fit is refused before Enzyme sees it.

Rules of kernels give a thousand times the true derivative: a rule that is left out is seen in the number.
"""

import ctypes
import math
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from bootstrap.diagnostics import Failure
from bootstrap.llvm import host_triple
from plugin.compile import CompileUnit
from plugin.items.activity import AutoDiffItem
from plugin.rules import registration
from plugin.rules.rule import Rule
from plugin.toolchain import Toolchain

Job = Callable[..., CompileUnit]
Item = Callable[..., AutoDiffItem]
Derive = Callable[..., Callable[..., float]]

C = """
#include <math.h>
#include <stdlib.h>
#include <unistd.h>
struct augmented { void *tape; double value; };
struct two { double a, b; };
struct two_floats { float a, b; };
struct three { double a, b, c; };
"""
SQUARES = """
void squares(const double *x, double *y, int n) { for (int i = 0; i < n; ++i) y[i] = x[i] * x[i]; }
double f(const double *x, int n) { double y[4]; squares(x, y, n); return y[0] * y[1]; }
"""
DOUBLES = ctypes.c_double * 2


@pytest.fixture(params=["tools", pytest.param("plugin_tools", marks=pytest.mark.needs("opt-15", "clang-15"))])
def derive(job: Job, tmp_path: Path, request: pytest.FixtureRequest) -> Derive:
    """Compiles C with an item and a rule, on each engine; gives the derivative, as a function that returns a double."""
    tools: Toolchain = request.getfixturevalue(request.param)
    given = {"compilers": tools.compilers, "engine": tools.engine, "newest_llvm": tools.newest_llvm, "environment": tools.environment}

    def made(text: str, item: AutoDiffItem, rule: Rule | None) -> Callable[..., float]:
        source = tmp_path / "rules.c"
        source.write_text(C + text, encoding="utf-8")
        unit = job("rules", [source], [item], rules=(rule,) if rule else (), **given).run(lambda _: None)
        function = ctypes.CDLL(str(unit.output))[item.target]
        function.restype = ctypes.c_double
        return function

    return made


def number(value: float) -> ctypes.c_double:
    return ctypes.c_double(value)


SWEEPS = Rule(symbol="my", augmented="augmented", reverse="reverse")

NUMBERS = {
    "with a tape": """
        double my(double x) { return sin(x); }
        struct augmented augmented(double x) { double *kept = malloc(8); *kept = x; return (struct augmented){kept, sin(x)}; }
        double reverse(double x, double seed, void *tape) { double kept = *(double *)tape; free(tape); return 1000 * seed * cos(kept); }
        double f(double x) { return 2 * my(x); }""",
    "without a tape": """
        double my(double x) { return sin(x); }
        double augmented(double x) { return sin(x); }
        double reverse(double x, double seed) { return 1000 * seed * cos(x); }
        double f(double x) { return 2 * my(x); }""",
    "local functions": """
        static double my(double x) { return sin(x); }
        static double augmented(double x) { return sin(x); }
        static double reverse(double x, double seed) { return 1000 * seed * cos(x); }
        void *kept[] = {(void *)augmented, (void *)reverse};
        double f(double x) { return 2 * my(x); }""",
    "two gradients": """
        double my(double x, double y) { return sin(x) * y; }
        double augmented(double x, double y) { return sin(x) * y; }
        struct two reverse(double x, double y, double seed) { return (struct two){1000 * seed * cos(x) * y, seed * sin(x)}; }
        double f(double x) { return my(x, 2); }""",
    "three gradients, by a hidden pointer": """
        double my(double x, double y, double z) { return sin(x) * y * z; }
        double augmented(double x, double y, double z) { return sin(x) * y * z; }
        struct three reverse(double x, double y, double z, double seed) { return (struct three){1000 * seed * cos(x) * y * z, 0, 0}; }
        double f(double x) { return my(x, 2, 1); }""",
    "two floats in one register": """
        float my(float x, float y) { return sinf(x) * y; }
        float augmented(float x, float y) { return sinf(x) * y; }
        struct two_floats reverse(float x, float y, float seed) { return (struct two_floats){1000 * seed * cosf(x) * y, 0}; }
        double f(double x) { return my(x, 2); }""",
    "beside an integer": """
        double my(double x, int n) { return sin(x) * n; }
        double augmented(double x, int n) { return sin(x) * n; }
        double reverse(double x, int n, double seed) { return 1000 * seed * cos(x) * n; }
        double f(double x) { return my(x, 2); }""",
}


@pytest.mark.parametrize("text", NUMBERS.values(), ids=NUMBERS)
def test_a_gradient_is_the_one_of_the_rule(derive: Derive, reverse: Item, text: str) -> None:
    gradient = derive(text, reverse("f", "gradient", "Active", "ActiveOnly"), SWEEPS)
    assert gradient(number(0.7), number(1)) == pytest.approx(2000 * math.cos(0.7), rel=1e-6)


def test_a_primal_may_have_a_rule_itself(derive: Derive, reverse: Item) -> None:
    rule = Rule(symbol="f", augmented="augmented", reverse="reverse")
    text = """double f(double x) { return sin(x); } double augmented(double x) { return sin(x); }
              double reverse(double x, double seed) { return 1000 * seed * cos(x); }"""
    gradient = derive(text, reverse("f", "gradient", "Active", "ActiveOnly"), rule)
    assert gradient(number(0.7), number(3)) == pytest.approx(3000 * math.cos(0.7))


@pytest.mark.parametrize(
    ("sweeps", "tape"),
    [
        ("void augmented(const double *x, double *dx, double *y, double *dy, int n) { squares(x, y, n); }", ""),
        ("void *augmented(const double *x, double *dx, double *y, double *dy, int n) { squares(x, y, n); return 0; }", ", void *tape"),
    ],
    ids=["no tape", "a tape"],
)
def test_a_function_that_returns_nothing_adds_to_shadows(derive: Derive, reverse: Item, sweeps: str, tape: str) -> None:
    text = f"""{SQUARES}{sweeps}
        void reverse(const double *x, double *dx, double *y, double *dy, int n{tape}) {{
            for (int i = 0; i < n; ++i) dx[i] += 1000 * 2 * x[i] * dy[i], dy[i] = 0;
        }}"""
    rule = Rule(symbol="squares", augmented="augmented", reverse="reverse")
    gradient = derive(text, reverse("f", "gradient", "Duplicated Const", "ActiveOnly"), rule)
    x, dx = DOUBLES(3, 5), DOUBLES(0, 0)
    gradient(x, dx, 2, number(1))
    assert list(dx) == [1000 * 2 * 3 * 25, 1000 * 2 * 5 * 9]


def test_the_shadow_of_a_constant_is_null(derive: Derive, reverse: Item) -> None:
    text = """
        double my(double x, const double *p) { return x * p[0]; }
        double augmented(double x, const double *p, double *dp) { return x * p[0]; }
        double reverse(double x, const double *p, double *dp, double seed) { return dp ? 1e9 : 1000 * seed * p[0]; }
        double f(double x, const double *p) { return my(x, p); }"""
    gradient = derive(text, reverse("f", "gradient", "Active Const", "ActiveOnly"), SWEEPS)
    p = DOUBLES(2, 0)
    assert gradient(number(0.7), p, number(1)) == 2000
    assert list(p) == [2, 0]


def test_a_forward_rule_gives_the_tangent(derive: Derive, forward: Item) -> None:
    text = """
        double my(double x, const double *p, int n) { return x * p[0] * n; }
        struct two tangent(double x, double dx, const double *p, const double *dp, int n) {
            return (struct two){x * p[0] * n, 1000 * dx * p[0] * n + (dp ? x * dp[0] * n : 0)};
        }
        double f(double x, const double *p, int n) { return my(x, p, n); }"""
    rule = Rule(symbol="my", forward="tangent")
    both = derive(text, forward("f", "jvp_both", "Dual Dual Const", "DualOnly"), rule)
    assert both(number(3), number(1), DOUBLES(2, 0), DOUBLES(7, 0), 5) == 10000 + 3 * 7 * 5


def test_a_constant_number_does_not_hinder_a_forward_rule(derive: Derive, forward: Item) -> None:
    text = """
        double my(double x, double y) { return x * y; }
        struct two tangent(double x, double dx, double y, double dy) { return (struct two){x * y, 1000 * dx * y + x * dy}; }
        double f(double x, double y) { return my(x, y) + my(x, 2.0); }"""
    tangent = derive(text, forward("f", "jvp", "Dual Const", "DualOnly"), Rule(symbol="my", forward="tangent"))
    assert tangent(number(3), number(1), number(5)) == 7000


def test_a_rule_that_enzyme_does_not_take_is_told(derive: Derive, forward: Item) -> None:
    text = """
        double my(double x, const double *p) { return x * p[0]; }
        struct two tangent(double x, double dx, const double *p, const double *dp) { return (struct two){x * p[0], 1000 * dx * p[0]}; }
        double f(double x, const double *p) { return my(x, p); }"""
    with pytest.raises(Failure, match="has not taken the derivative that is given for `my`"):
        derive(text, forward("f", "jvp", "Dual Const", "DualOnly"), Rule(symbol="my", forward="tangent"))


def test_the_reverse_sweep_has_the_numbers_of_each_call(derive: Derive, reverse: Item) -> None:
    text = """
        double my(double x, double y, int n) { return sin(x) * y + n; }
        double augmented(double x, double y, int n) { return my(x, y, n); }
        struct two reverse(double x, double y, int n, double seed) { return (struct two){seed * cos(x) * y, seed * sin(x)}; }
        double f(double x, double y) { for (int i = 0; i < 3; ++i) x = my(x, y, i); return x; }"""
    gradient = derive(text, reverse("f", "gradient", "Active Const", "ActiveOnly"), SWEEPS)
    x, slope = 0.7, 1.0
    for i in range(3):
        x, slope = math.sin(x) * 0.9 + i, slope * math.cos(x) * 0.9
    assert gradient(number(0.7), number(0.9), number(1)) == pytest.approx(slope)


def test_a_function_that_calls_itself_has_the_rule_at_each_call(derive: Derive, reverse: Item) -> None:
    text = """
        double my(double x, int n) { return n == 0 ? x : 2 * my(x, n - 1); }
        double augmented(double x, int n) { return my(x, n); }
        double reverse(double x, int n, double seed) { return 1000 * seed; }
        double f(double x) { return my(x, 3); }"""
    gradient = derive(text, reverse("f", "gradient", "Active", "ActiveOnly"), SWEEPS)
    assert gradient(number(0.7), number(1)) == 1000


def test_an_inactive_function_may_do_what_enzyme_does_not_know(derive: Derive, reverse: Item) -> None:
    text = 'static void say(double x) { if (x > 1e9) write(2, "!", 1); }\ndouble f(double x) { say(x); return x * x; }'
    item = reverse("f", "gradient", "Active", "ActiveOnly")
    assert derive(text, item, Rule(symbol="say", inactive=True))(number(3), number(1)) == 6


def test_a_function_behaves_like_one_of_the_library(derive: Derive, reverse: Item) -> None:
    text = "double own(double x) { return x; }\ndouble f(double x) { return own(x); }"
    gradient = derive(text, reverse("f", "gradient", "Active", "ActiveOnly"), Rule(symbol="own", like="sin"))
    assert gradient(number(2), number(1)) == pytest.approx(math.cos(2))


def test_memory_of_an_allocator_has_a_shadow(derive: Derive, reverse: Item) -> None:
    text = """
        static char pool[4096]; static long top, freed;
        __attribute__((noinline)) void *take(int kind, long size) { void *start = pool + top; top += size; return start; }
        __attribute__((noinline)) void give(void *start, int kind) { freed += kind; }
        long freed_times(void) { return freed; }
        double f(double x) { double *p = take(1, 16); p[0] = x; p[1] = x * x; double r = p[0] * p[1]; give(p, 1); return r; }"""
    rule = Rule(symbol="take", free="give", free_arguments=(-1, 0), size=1)
    gradient = derive(text, reverse("f", "gradient", "Active", "ActiveOnly"), rule)
    assert gradient(number(2), number(1)) == 12


IR = """
declare void @f(double)
define double @g(double %x) { ret double %x }
define { ptr, double } @augmented(double %x) { ret { ptr, double } zeroinitializer }
define double @reverse(double %x, double %seed, ptr %tape) { ret double 0.0 }
define double @untaped(double %x, double %seed) { ret double 0.0 }
define ptr @pointer(double %x) { ret ptr null }
define void @give(ptr %memory) { ret void }
define double @always(double %x) alwaysinline { ret double %x }
define double @many(double %x, ...) { ret double %x }
define void @by_value(ptr byval([3 x double]) %x) { ret void }
define float @half(float %x, double %y) { ret float %x }
define ptr @take(double %size) { ret ptr null }
"""


@pytest.mark.parametrize(
    ("rule", "code", "key", "words"),
    [
        (Rule(symbol="h", inactive=True), "E0545", "rule.0.symbol", "no function `h`"),
        (Rule(symbol="g", augmented="augmentet", reverse="reverse"), "E0545", "rule.0.augmented", "`augmentet`"),
        (Rule(symbol="always", inactive=True), "E0547", "rule.0.symbol", "always inlined"),
        (Rule(symbol="many", inactive=True), "E0547", "rule.0.symbol", "variable number"),
        (Rule(symbol="by_value", inactive=True), "E0547", "rule.0.symbol", "struct by value"),
        (Rule(symbol="pointer", forward="g"), "E0547", "rule.0.symbol", "`ptr (double)`"),
        (Rule(symbol="g", augmented="augmented", reverse="untaped"), "E0546", "rule.0.reverse", "`double (double, double, ptr)`"),
        (Rule(symbol="g", augmented="g", reverse="reverse"), "E0546", "rule.0.reverse", "`double (double, double)`"),
        (Rule(symbol="g", augmented="pointer", reverse="reverse"), "E0546", "rule.0.augmented", "`{ ptr, double } (double)`"),
        (Rule(symbol="g", forward="g"), "E0546", "rule.0.forward", "`{ double, double } (double, double)`"),
        (Rule(symbol="g", like="pow"), "E0546", "rule.0.like", "`g`"),
        (Rule(symbol="half", like="pow"), "E0546", "rule.0.like", "`half`"),
        (Rule(symbol="g", free="give", size=0), "E0546", "rule.0.symbol", "`g`"),
        (Rule(symbol="take", free="give", size=0), "E0546", "rule.0.size", "`take`"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(rule: Rule, code: str, key: str, words: str) -> None:
    module = llvm.parse_assembly(f'target triple = "{host_triple()}"\n{IR}')
    with pytest.raises(Failure) as failure:
        registration.registrations(module, [rule])
    [diagnostic] = failure.value.diagnostics
    assert (diagnostic.code, diagnostic.key) == (code, key)
    assert words in diagnostic.message


def test_all_rules_that_do_not_fit_are_told_at_once() -> None:
    module = llvm.parse_assembly(f'target triple = "{host_triple()}"\n{IR}')
    rules = [Rule(symbol="h", inactive=True, index=0), Rule(symbol="g", like="pow", index=1)]
    with pytest.raises(Failure) as failure:
        registration.registrations(module, rules)
    assert [each.key for each in failure.value.diagnostics] == ["rule.0.symbol", "rule.1.like"]


@pytest.mark.parametrize("linkage", ["external", "internal", "linkonce_odr"])
def test_a_body_with_a_rule_is_hidden_until_enzyme_has_been(linkage: str) -> None:
    text = f'target triple = "{host_triple()}"\ndefine double @g(double %x) {{ ret double %x }}\n'
    module = llvm.parse_assembly(text)
    module.get_function("g").linkage = linkage
    module = registration.register(module, registration.registrations(module, [Rule(symbol="g", inactive=True)]))
    held = registration.hold(module)
    assert module.get_function("g").linkage.name == "weak_any"
    registration.release(module, held)
    assert module.get_function("g").linkage.name == linkage
