"""Where pointers go, told by the text of functions."""

import pytest

from plugin.ir.callgraph import CallGraph
from plugin.ir.flow import bits_chosen, called_through, derived, instructions, mixed, parameters

INNER = "define double @inner(ptr %p, ptr %q) {\n  %m = select i1 true, ptr %p, ptr %q\n  ret double 0.0\n}\n"
HEAD = "define double @f(ptr noundef %x, ptr readonly %c, i1 %b, i64 %i, double %d) {\n"


def function(*lines: str) -> str:
    return HEAD + "".join(f"  {line}\n" for line in lines) + "}\n" + INNER


def test_parameters_have_their_names() -> None:
    assert parameters(function()) == ["%x", "%c", "%b", "%i", "%d"]
    assert parameters('define void @"a b"(ptr sret({ i8, double }) %"r s", i64 %0) {\n}\n') == ['%"r s"', "%0"]


def test_a_pointer_is_followed_through_arithmetic_choices_and_loads_of_pointers() -> None:
    code = instructions(
        function(
            "%a = getelementptr inbounds double, ptr %c, i64 %i, !dbg !1",
            "%l = phi ptr [ %a, %0 ], [ %n, %1 ]",
            "%n = getelementptr i8, ptr %l, i64 8",
            "%r = load ptr, ptr %n, align 8",
            "%v = load double, ptr %n, align 8",
            "%o = getelementptr double, ptr %x, i64 1",
        )
    )
    assert derived(code, {"%c"}) == {"%c", "%a", "%l", "%n", "%r"}


MIXED = {
    "%m = select i1 %b, ptr %c, ptr %x": True,
    "%m = select i1 %b, ptr %c, ptr null": False,
    "%m = phi ptr [ %c, %0 ], [ %x, %1 ]": True,
    "%m = phi ptr [ %c, %0 ], [ %m, %1 ]": False,
    "%m = select i1 %b, ptr @table, ptr %x": True,
    "%m = select i1 %b, ptr @table, ptr %c": False,
    "store ptr %c, ptr %x": True,
    "store double %d, ptr %c": False,
    "%m = load double, ptr %c": False,
    "%m = icmp eq ptr %c, %x": False,
    "%m = call double @inner(ptr %x, ptr %c)": True,
    "%m = call double @inner(ptr %c, ptr %c)": False,
    "%m = call double @outside(ptr %c)": False,
    "%m = ptrtoint ptr %c to i64": True,
}


@pytest.mark.parametrize("line", MIXED)
def test_a_constant_pointer_that_meets_another_one_is_found(line: str) -> None:
    graph = CallGraph.of(function(line))
    assert bool(mixed(graph, "f", {1}, {"table"})) is MIXED[line]


@pytest.mark.parametrize(
    ("lines", "roots", "is_found"),
    [
        (["%v = call double %c(double %d)"], {1}, True),
        (["%v = call double %c(double %d)"], {0}, False),
        (["%v = call i32 %c(i64 %i)"], {1}, False),
        (["%h = load ptr, ptr @chosen", "%v = tail call double %h(double %d)"], set(), True),
    ],
)
def test_a_call_through_a_constant_pointer_is_found(lines: list[str], roots: set[int], is_found: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert bool(called_through(CallGraph.of(function(*lines)), "f", roots, {"chosen"})) is is_found


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("%m = select i1 %b, i64 %bits, i64 3", True),
        ("%m = phi i64 [ %bits, %0 ], [ %i, %1 ]", True),
        ("%m = select i1 %b, i64 %bits, i64 %other", False),
        ("%m = phi i64 [ %bits, %0 ], [ %loaded, %1 ]", False),
        ("%m = and i64 %bits, 3", False),
    ],
)
def test_a_choice_between_bits_and_an_integer_is_found(line: str, is_found: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lines = ["%bits = bitcast double %d to i64", "%other = bitcast double %d to i64", "%loaded = load i64, ptr %x"]
    assert bool(bits_chosen(function(*lines, line))) is is_found
