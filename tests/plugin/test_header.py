"""What a unit tells to other builds: a header that C and C++ read, and what pkg-config knows of the library."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import llvm
from bootstrap.config import load
from bootstrap.process import run
from plugin.build import Options, build_one
from plugin.header import header
from plugin.items.activity import AutoDiffItem
from plugin.items.signature import Derivative, Function
from plugin.plan import Plan

KERNELS = """
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct point { double x, y; };
struct weights { double a[3]; int32_t n; };
double energy(const double *x, size_t n, bool twice) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return twice ? 2 * sum : sum;
}
struct point scaled(struct point p, struct weights w, float q) {
    struct point r = {p.x * w.a[0] * q, p.y * w.a[1] * w.n};
    return r;
}
double product(double class, double dret) { return class * class * dret; }
void square(double *x) { *x *= *x; }
"""
CONFIG = """
[llvm]
enzyme = true
[rust]
channel = "nightly"
[unit.kernels]
sources = ["kernels.c"]
[[unit.kernels.autodiff]]
source = "energy"
target = "energy_grad"
mode = "reverse"
inputs = [{ activity = "Duplicated", type = "[f64]" }, "Const"]
ret = "Active"
[[unit.kernels.autodiff]]
source = "scaled"
target = "scaled_grad"
mode = "reverse"
inputs = [{ activity = "Active", type = "{f64, f64}" }, { activity = "Active", type = "{[f64; 3], i32}" }, "Active"]
ret = "ActiveOnly"
[[unit.kernels.autodiff]]
source = "scaled"
target = "scaled_jvp"
mode = "forward"
inputs = [{ activity = "Dual", type = "{f64, f64}" }, { activity = "Const", type = "{[f64; 3], i32}" }, "Const"]
ret = "Dual"
width = 2
[[unit.kernels.autodiff]]
source = "product"
target = "product_grad"
mode = "reverse"
inputs = ["Active", "Active"]
ret = "Active"
[[unit.kernels.autodiff]]
source = "square"
target = "square_reverse"
augmented = "square_augmented"
mode = "reverse"
inputs = ["Duplicated"]
"""
PROGRAM = """
#include "kernels.h"
#include <stdio.h>
int main(void) {
    double x[2] = {1, 3}, dx[2] = {0, 0}, y = 5, dy = 1;
    double value = energy_grad(x, 2, dx, 2, true, 1);
    printf("%g %g %g\\n", value, dx[0], dx[1]);
    struct scaled_p_value p = {1, 2}, right = {1, 0}, up = {0, 1}, seed = {1, 1};
    struct scaled_w_value w = {1, 2, 3, 4};
    struct scaled_grad_result grad = scaled_grad(p, w, 2, seed);
    printf("%g %g %g %g %g\\n", grad.dp.f0, grad.dp.f1, grad.dw.f0, grad.dw.f1, grad.dq);
    struct scaled_jvp_result jvp = scaled_jvp(p, right, up, w, 2);
    printf("%g %g %g\\n", jvp.value.f1, jvp.dvalue[0].f0, jvp.dvalue[1].f1);
    struct product_grad_result product_slopes = product_grad(3, 4, 1);
    printf("%g %g %g\\n", product_slopes.value, product_slopes.dx0, product_slopes.dx1);
    void *tape = square_augmented(&y, &dy);
    square_reverse(&y, &dy, tape);
    printf("%g %g\\n", y, dy);
    return product(1, 1) != 1;
}
"""
PRINTED = "20 4 12\n2 8 2 8 1\n16 2 8\n36 24 9\n25 10\n"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The folder of the unit, built."""
    (tmp_path / "kernels.c").write_text(KERNELS)
    (tmp_path / "config.toml").write_text(CONFIG)
    plan = Plan.of(load(tmp_path / "config.toml", environment={}), "kernels")
    report = build_one(plan, Options(jobs=1))
    assert {"kernels.h", "kernels.pc", "libkernels.so"} == {Path(each.path).name for each in report.compiled.outputs}
    return plan.folder


@pytest.mark.needs("cc", "c++", "pkg-config")
def test_programs_in_c_and_cxx_are_built_by_the_header_and_pkg_config(unit: Path, tmp_path: Path) -> None:
    moved = unit.rename(tmp_path / "elsewhere")
    told = run(["pkg-config", "--cflags", "--libs", "kernels"], env={"PKG_CONFIG_PATH": str(moved)})
    assert told.status == 0, told.stderr
    for compiler, name in (("cc", "program.c"), ("c++", "program.cpp")):
        (tmp_path / name).write_text(PROGRAM)
        flags = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
        done = run([compiler, *flags, name, "-o", "program", *told.stdout.split()], cwd=tmp_path)
        assert done.status == 0, done.stderr
        assert run([tmp_path / "program"]).stdout == PRINTED


def test_each_shadow_is_explained(unit: Path) -> None:
    text = (unit / "kernels.h").read_text()
    assert "double energy_grad(const double *x, size_t x_length, double *dx, size_t dx_length, bool twice, double dret);" in text
    assert " *   dx         the shadow of x: the gradient is added to it\n" in text
    assert " *   dx_length  how many elements dx has, at least x_length\n" in text
    assert " *   twice      not differentiated\n" in text
    assert "the seed, and is zero afterwards" in text
    assert "void square(double *x);" in text


@pytest.mark.needs("cc")
def test_who_includes_the_sources_own_header_leaves_the_primals_out(unit: Path, tmp_path: Path) -> None:
    (tmp_path / "both.c").write_text(f'#include "{tmp_path}/kernels.c"\n#include "kernels.h"\n')
    command = ["cc", "-fsyntax-only", f"-I{unit}", "both.c"]
    assert "conflicting types" in run(command, cwd=tmp_path).stderr
    assert run([*command, "-DHOLOENZYME_KERNELS_H_NO_PRIMALS"], cwd=tmp_path).status == 0


def test_what_c_cannot_say_is_left_out_with_a_word(
    derivative: Callable[[AutoDiffItem, str], Derivative], reverse: Callable[..., AutoDiffItem]
) -> None:
    wide = derivative(reverse("wide", "wide_grad", "Active", "Active"), "fp128 <- fp128 %x")
    dotted = derivative(reverse("f.part", "f.grad", "Active", "Active"), "double <- double %x")
    text = header("unit", [], [wide, dotted], llvm.host_triple())
    assert "/* wide_grad: C has no words here for the type fp128. */" in text
    assert "/* f.grad: C has no words here for the name f.grad. */" in text
    assert "f.part(" not in text


def test_only_a_primal_that_can_be_called_has_a_prototype(
    derivative: Callable[[AutoDiffItem, str], Derivative], reverse: Callable[..., AutoDiffItem]
) -> None:
    made = derivative(reverse("f", "f_grad", "Active", "Active"), "double <- double %x")
    called = Function(name="f", returns="double", parameters=("double",), extensions=("",))
    assert "\ndouble f(double x);\n" in header("unit", [called], [made], llvm.host_triple())
    assert "\ndouble f(" not in header("unit", [], [made], llvm.host_triple())
