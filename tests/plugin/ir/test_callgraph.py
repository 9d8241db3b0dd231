"""Derivatives of derivatives: the order that Enzyme needs, the circles that it cannot do, and closed forms of what comes of it."""

import ctypes
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from bootstrap.diagnostics import Failure
from plugin.compile import CompileUnit
from plugin.ir.callgraph import CallGraph, ordered
from plugin.items.activity import AutoDiffItem

Item = Callable[..., AutoDiffItem]
Job = Callable[..., CompileUnit]
Build = Callable[..., ctypes.CDLL]

DECLARATIONS = "declare double @__enzyme_autodiff(...)\ndeclare double @__enzyme_fwddiff.d(...)\n"
FUNCTIONS = {
    "cube": "define internal double @cube(double %x) {\n  %y = fmul double %x, %x\n  ret double %y\n}\n",
    "d1": "define double @d1(double %x) #0 {\n  %y = call double (...) @__enzyme_autodiff(ptr @cube, double %x)\n  ret double %y\n}\n",
    "a b": 'define double @"a b"(double %x) {\n  %y = tail call fastcc double @d1(double %x) #0\n  ret double %y\n}\n',
    "outer": 'define double @outer(double %x) {\n  %y = call double (...) @__enzyme_fwddiff.d(ptr @"a b", double %x)\n  ret double %y\n}\n',
}


def module_of(names: Iterable[str]) -> str:
    return DECLARATIONS + "\n".join(FUNCTIONS[name] for name in names) + "\nattributes #0 = { noinline }\n"


def test_calls_derivatives_and_names_are_told_apart() -> None:
    callback = "define void @g() {\n  call void @each(ptr @cube)\n  ret void\n}\ndefine void @each(ptr %f) {\n  ret void\n}\n"
    graph = CallGraph.of(module_of(FUNCTIONS) + callback)
    assert graph.calls == {"cube": (), "d1": (), "a b": ("d1",), "outer": (), "g": ("each",), "each": ()}
    assert {name: primals for name, primals in graph.derives.items() if primals} == {"d1": ("cube",), "outer": ("a b",)}
    assert graph.names["g"] == ("each", "cube")
    assert graph.cycle() == ()


@pytest.mark.parametrize("names", list(itertools.permutations(FUNCTIONS)))
def test_what_is_differentiated_first_comes_first_and_nothing_is_lost(names: tuple[str, ...]) -> None:
    text = ordered(module_of(names))
    graph = CallGraph.of(text)
    assert list(graph.bodies) == ["cube", "d1", "a b", "outer"]
    assert sorted(filter(None, text.split("\n"))) == sorted(filter(None, module_of(names).split("\n")))


def test_a_module_without_derivatives_of_derivatives_stays_as_it_is() -> None:
    assert ordered(module_of(["d1", "cube"])) == module_of(["d1", "cube"])


def test_a_registered_rule_comes_before_what_differentiates_its_function() -> None:
    rule = "@__enzyme_register_gradient_cube = global [3 x ptr] [ptr @cube, ptr @cube, ptr @rule]\n"
    names = ("d1", "a b", "outer", "cube", "rule")
    body = FUNCTIONS["d1"].replace("@d1", "@rule").replace("@cube", "@square") + FUNCTIONS["cube"].replace("@cube", "@square")
    graph = CallGraph.of(ordered(rule + module_of(names[:-1]) + body))
    assert list(graph.bodies) == ["square", "rule", "cube", "d1", "a b", "outer"]


def test_a_circle_of_calls_alone_is_none() -> None:
    text = module_of(FUNCTIONS).replace("fmul double %x, %x", "call double @cube(double %x)")
    assert CallGraph.of(text).cycle() == ()
    assert CallGraph.of(text).callees_first() == ["cube", "d1", "a b", "outer"]


def test_the_way_round_a_circle_is_told() -> None:
    text = module_of(FUNCTIONS).replace("fmul double %x, %x", 'call double @"a b"(double %x)')
    assert CallGraph.of(text).cycle() == ("d1", "cube", "a b", "d1")


def test_a_deep_chain_of_calls_is_no_matter() -> None:
    depth = 5000
    chain = (f"define void @f{i}() {{\n  call void @f{i + 1}()\n  ret void\n}}\n" for i in range(depth))
    graph = CallGraph.of("\n".join([*chain, f"define void @f{depth}() {{\n  ret void\n}}\n"]))
    assert graph.callees_first()[0] == f"f{depth}"
    assert len(graph.reached("f0")) == depth + 1


# On the engine


@pytest.fixture
def build(job: Job, tmp_path: Path) -> Build:
    """Builds sources, name and text, with items; gives the library."""

    def built(sources: dict[str, str], *items: AutoDiffItem) -> ctypes.CDLL:
        for name, text in sources.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return ctypes.CDLL(str(job("order", [tmp_path / name for name in sources], items).run(lambda _: None).output))

    return built


def value(library: ctypes.CDLL, name: str, *arguments: float) -> float:
    function = library[name]
    function.restype = ctypes.c_double
    return float(function(*map(ctypes.c_double, arguments)))


POWER = "double power(double x) { return x * x * x * x; }\n"
SLOPE = {
    "reverse": "double power_1(double x, double dret);\ndouble slope(double x) { CALLED return power_1(x, 1.0); }\n",
    "forward": "double power_1(double x, double dx);\ndouble slope(double x) { CALLED return power_1(x, 1.0); }\n",
}
CALLED = "[[clang::noinline]]"
WORDS = {"reverse": ("Active", "ActiveOnly"), "forward": ("Dual", "DualOnly")}


def item_of(reverse: Item, forward: Item, mode: str, source: str, target: str) -> AutoDiffItem:
    return (reverse if mode == "reverse" else forward)(source, target, *WORDS[mode])


@pytest.mark.parametrize("inner", ["reverse", "forward"])
@pytest.mark.parametrize("outer", ["reverse", "forward"])
@pytest.mark.parametrize("files", ["slope power", "power slope"])
def test_second_derivatives_through_a_helper_in_another_source(
    build: Build, reverse: Item, forward: Item, inner: str, outer: str, files: str
) -> None:
    sources = {"slope": SLOPE[inner].replace("CALLED", CALLED), "power": POWER}
    items = [item_of(reverse, forward, outer, "slope", "slope_1"), item_of(reverse, forward, inner, "power", "power_1")]
    library = build({f"{name}.c": sources[name] for name in files.split()}, *items)
    assert value(library, "slope_1", 3.0, 10.0) == pytest.approx(10 * 12 * 3.0**2, rel=1e-14)
    assert value(library, "slope", 3.0) == pytest.approx(4 * 3.0**3, rel=1e-14)


@pytest.mark.parametrize("inner", ["reverse", "forward"])
@pytest.mark.parametrize("outer", ["reverse", "forward"])
def test_a_derivative_may_be_the_source_of_another_one(build: Build, reverse: Item, forward: Item, inner: str, outer: str) -> None:
    inputs = f"{WORDS[outer][0]} Const"
    second = (reverse if outer == "reverse" else forward)("power_1", "power_2", inputs, WORDS[outer][1])
    library = build({"power.c": POWER}, second, item_of(reverse, forward, inner, "power", "power_1"))
    arguments = (3.0, 1.0, 10.0) if outer == "reverse" else (3.0, 10.0, 1.0)
    assert value(library, "power_2", *arguments) == pytest.approx(10 * 12 * 3.0**2, rel=1e-14)


def test_third_derivatives_through_helpers_in_the_worst_order(build: Build, reverse: Item, forward: Item) -> None:
    sources = {
        "c.c": f"double b_1(double x, double dx);\ndouble c(double x) {{ {CALLED} return b_1(x, 1.0); }}\n",
        "b.c": f"double power_1(double x, double dret);\ndouble b(double x) {{ {CALLED} return power_1(x, 1.0); }}\n",
        "a.c": POWER,
    }
    items = [
        reverse("c", "c_1", "Active", "ActiveOnly"),
        forward("b", "b_1", "Dual", "DualOnly"),
        reverse("power", "power_1", "Active", "ActiveOnly"),
    ]
    assert value(build(sources, *items), "c_1", 3.0, 10.0) == pytest.approx(10 * 24 * 3.0, rel=1e-14)


OWN = """
double __enzyme_autodiff(void *, ...);
double __enzyme_fwddiff(void *, ...);
static double cube(double x);
double d1(double x); double helper(double x); double d2(double x); double second(double x);
double d3(double x) { return __enzyme_autodiff((void *)second, x); }
__attribute__((noinline)) double second(double x) { return d2(x); }
__attribute__((noinline)) double d2(double x) { return __enzyme_fwddiff((void *)helper, x, 1.0); }
__attribute__((noinline)) double helper(double x) { return d1(x); }
__attribute__((noinline)) double d1(double x) { return __enzyme_autodiff((void *)cube, x); }
static double cube(double x) { return x * x * x; }
"""


def test_calls_of_the_sources_themselves_are_put_in_order_too(build: Build) -> None:
    library = build({"own.c": OWN})
    assert [value(library, name, 2.0) for name in ("d1", "d2", "d3")] == [12.0, 12.0, 6.0]


HESSIAN = """
#include <stddef.h>
void gradient_of(const double *x, double *dx, double dret);
void gradient(const double *x, double *g) { g[0] = g[1] = 0; [[clang::noinline]] gradient_of(x, g, 1.0); }
double rosenbrock(const double *x) {
    double a = 1 - x[0], b = x[1] - x[0] * x[0];
    return a * a + 100 * b * b;
}
"""


def test_a_hessian_times_a_vector_is_forward_over_reverse(build: Build, reverse: Item, forward: Item) -> None:
    items = [forward("gradient", "product", "Dual Dual", "None"), reverse("rosenbrock", "gradient_of", "Duplicated", "ActiveOnly")]
    library = build({"hessian.c": HESSIAN}, *items)
    two = ctypes.c_double * 2
    x, v, g, hv = two(1.5, -0.5), two(2, 3), two(), two()
    library.product(x, v, g, hv)
    hessian = ((2 - 400 * (x[1] - 3 * x[0] ** 2), -400 * x[0]), (-400 * x[0], 200.0))
    assert list(hv) == pytest.approx([row[0] * v[0] + row[1] * v[1] for row in hessian], rel=1e-13)


def test_a_primal_that_calls_its_own_derivative_is_refused_with_the_way_round(build: Build, reverse: Item) -> None:
    circle = """
    double f_grad(double x, double dret);
    double helper(double x) { return f_grad(x, 1.0); }
    double f(double x) { return x * helper(x); }
    """
    with pytest.raises(Failure) as failure:
        build({"circle.c": circle}, reverse("f", "f_grad", "Active", "ActiveOnly"))
    [told] = failure.value.diagnostics
    assert (told.code, told.exit_status) == ("E0517", 5)
    assert told.message == "derivatives are made from each other: `f_grad` -> `f` -> `helper` -> `f_grad`"
