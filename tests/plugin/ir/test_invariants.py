"""A derivative that is inlined into a loop reads its primal anew in each turn."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.process import run
from plugin import worker
from plugin.compile import CompileUnit, OutputKind
from plugin.engines.engine import Engine, PluginEngine
from plugin.ir.invariants import held, released
from plugin.toolchain import Toolchain

LOOP = """
#include <math.h>
#include <stdio.h>
extern int enzyme_dup;
double __enzyme_autodiff(void *, ...);
static double potential(const double *place) {
    double square = 0;
    for (int i = 0; i < 2; i++) square += place[i] * place[i];
    return -1 / sqrt(square);
}
int main(void) {
    double place[2] = {1, 0};
    for (int turn = 0; turn < 3; turn++) {
        double slope[2] = {0, 0};
        __enzyme_autodiff((void *)potential, enzyme_dup, place, slope);
        printf("%.4f %.4f\\n", slope[0], slope[1]);
        place[0] -= 0.5;
        place[1] += 0.5;
    }
}
"""


def test_a_gradient_in_a_loop_is_that_of_each_turns_place(
    job: Callable[..., CompileUnit], engine: Engine, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    tools: Toolchain = request.getfixturevalue("plugin_tools" if isinstance(engine, PluginEngine) else "tools")
    (tmp_path / "loop.c").write_text(LOOP)
    unit = job(
        "loop",
        [tmp_path / "loop.c"],
        kind=OutputKind.EXECUTABLE,
        folder=tmp_path,
        engine=engine,
        compilers=tools.compilers,
        newest_llvm=tools.newest_llvm,
    )
    made = worker.run(unit)
    assert run([made.output]).stdout == "1.0000 0.0000\n1.4142 1.4142\n0.0000 1.0000\n"


def test_what_was_not_to_be_inlined_before_is_not_afterwards() -> None:
    groups = [
        "attributes #0 = { nounwind sanitize_hwaddress }",
        "attributes #1 = { noinline sanitize_hwaddress }",
        "attributes #2 = { alwaysinline sanitize_hwaddress }",
        "attributes #3 = { nounwind }",
    ]
    text = "\n".join(["  %1 = load double, ptr %x, align 8, !tbaa !1, !invariant.group !2", *groups])
    assert held(text).count("noinline") == 2
    assert released(held(text)) == text.replace(", !invariant.group !2", "")
