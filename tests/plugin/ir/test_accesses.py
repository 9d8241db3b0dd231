"""Which functions read and write numbers in global variables."""

import pytest

from plugin.ir.accesses import accesses
from plugin.ir.callgraph import CallGraph

CASES = {
    "load double, ptr @v": "r",
    "load double, ptr getelementptr (i8, ptr @v, i64 8)": "r",
    "load i8, ptr @v": "",
    "load i64, ptr @v": "r",
    "store double %x, ptr @v": "w",
    "store i64 %i, ptr @v": "w",
    "store i8 %b, ptr @v": "",
    "store ptr @v, ptr %p": "rw",
    "call void @llvm.memcpy.p0.p0.i64(ptr align 8 @v, ptr %p, i64 8, i1 false)": "w",
    "call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr @v, i64 8, i1 false)": "r",
    "call void @llvm.memset.p0.i64(ptr @v, i8 0, i64 8, i1 false)": "",
    "call void @external(ptr readonly @v)": "r",
    "call void @external(ptr @v)": "rw",
    "call void @writer(ptr @v, double %x)": "w",
    "call void @again(ptr @v)": "",
    "%q = getelementptr inbounds [4 x double], ptr @v, i64 0, i64 %i\n  %r = load double, ptr %q": "r",
    "%q = select i1 %c, ptr @v, ptr %p\n  store double %x, ptr %q": "w",
    "%q = call ptr @llvm.threadlocal.address.p0(ptr @v)\n  store double %x, ptr %q": "w",
    "%q = icmp eq ptr @v, %p": "",
    "ret ptr @v": "rw",
}
CALLED = """
define void @writer(ptr %p, double %x) {
  store double %x, ptr %p
  ret void
}
define void @again(ptr %p) {
  call void @again(ptr %p)
  ret void
}
"""


@pytest.mark.parametrize("line", CASES)
def test_an_instruction_reads_or_writes(line: str) -> None:
    graph = CallGraph.of(f"define void @f(ptr %p, double %x, i64 %i, i8 %b, i1 %c) {{\n  {line}\n}}\n{CALLED}")
    found = accesses(graph, ["f"], {"v": "[4 x double]"})["v"]
    assert ("r" if found.reads else "") + ("w" if found.writes else "") == CASES[line]


@pytest.mark.parametrize(
    ("line", "effect"),
    [
        ("%f = load ptr, ptr @v\n  call void @external(ptr %f)", ""),
        ("%f = load ptr, ptr @v\n  store double %x, ptr %f\n  %y = load double, ptr %f", "rw"),
        ("%f = load ptr, ptr @v\n  store i64 %i, ptr %f", ""),
    ],
)
def test_a_pointer_leads_to_numbers_where_they_are_numbers(line: str, effect: str) -> None:
    graph = CallGraph.of(f"define void @f(double %x, i64 %i) {{\n  {line}\n}}\n")
    found = accesses(graph, ["f"], {"v": "ptr"})["v"]
    assert ("r" if found.reads else "") + ("w" if found.writes else "") == effect


def test_what_is_not_used_is_not_told() -> None:
    assert accesses(CallGraph.of(CALLED), ["writer"], {"v": "double"}) == {}


def test_a_chain_of_calls_may_be_long() -> None:
    links = (f"define void @f{each}(ptr %p) {{\n  call void @f{each + 1}(ptr %p)\n  ret void\n}}\n" for each in range(3000))
    last = "define void @f3000(ptr %p) {\n  store double 0.0, ptr %p\n  ret void\n}\n"
    graph = CallGraph.of("define void @f() {\n  call void @f0(ptr @v)\n  ret void\n}\n" + "".join(links) + last)
    assert accesses(graph, ["f"], {"v": "double"})["v"].writes.strip() == "store double 0.0, ptr %p"
