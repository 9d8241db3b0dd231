"""A long module is taken apart so that its parts, joined, are what they were."""

import re
import subprocess

import llvmlite.binding as llvm
import pytest

from plugin.wrap.split import Parts, split
from tests.plugin.wrap.project import CLANG, Project

MODULE = """\
source_filename = "m.c"

@state = internal global i32 0, align 4
@shown = dso_local global i32 1, align 4
@zero = common dso_local global i32 0, align 4
@name = private unnamed_addr constant [2 x i8] c"n\\00", align 1
@table = internal constant [1 x ptr] [ptr @called_through], align 8
@unused = dso_local global i32 5, align 4

declare double @__enzyme_autodiff(ptr, ...)
declare i32 @puts(ptr)

define dso_local double @primal(double noundef %0) #0 {
  %2 = load i32, ptr @state, align 4
  %3 = load i32, ptr @shown, align 4
  %4 = load i32, ptr @zero, align 4
  %5 = call i32 @puts(ptr @name)
  %6 = load ptr, ptr @table, align 8
  %7 = call double %6(double %0)
  %8 = call double @helper(double %7)
  ret double %8
}

define internal double @helper(double %0) {
  ret double %0
}

define internal double @called_through(double %0) {
  ret double %0
}

define dso_local double @gradient(double noundef %0, ptr byval({ i32 }) align 4 %1) #0 {
  %3 = call double (ptr, ...) @__enzyme_autodiff(ptr @primal, double %0)
  ret double %3
}

define dso_local i32 @rest(i32 %0) #0 {
  store i32 %0, ptr @state, align 4
  %2 = call double @helper(double 1.0)
  ret i32 %0
}

attributes #0 = { nounwind }
"""


def parts_of(text: str, **items: list[str]) -> Parts:
    found = split(text, items.get("primals", []), items.get("targets", []), "tag", least=1)
    assert found is not None
    for part in (found.derived, found.rest):
        llvm.parse_assembly(part).verify()
    return found


def linkages(text: str) -> dict[str, str]:
    module = llvm.parse_assembly(text)
    return {each.name: "declared" if each.is_declaration else each.linkage.name for each in (*module.functions, *module.global_variables)}


def test_each_thing_is_defined_once() -> None:
    parts = parts_of(MODULE)
    derived, rest = linkages(parts.derived), linkages(parts.rest)
    assert derived["gradient"] == "external"
    assert rest["gradient"] == "declared"
    assert "byval({ i32 }) align 4" in re.search(r"declare .*@gradient.*", parts.rest)[0]  # type: ignore[index]
    assert (derived["primal"], rest["primal"]) == ("internal", "external")
    assert (derived["helper"], rest["helper"]) == ("internal", "internal")
    assert derived["rest"] == "declared"


def test_what_must_be_one_has_a_name_that_both_know() -> None:
    parts = parts_of(MODULE)
    derived, rest = linkages(parts.derived), linkages(parts.rest)
    for name in ("state.tag", "table.tag"):
        assert (derived[name], rest[name]) == ("available_externally", "external")
        assert re.search(rf"(?m)^@{name} = hidden ", parts.rest)
    assert (derived["called_through.tag"], rest["called_through.tag"]) == ("linkonce_odr", "external")
    assert (derived["shown"], rest["shown"]) == ("available_externally", "external")
    assert (derived["zero"], rest["zero"]) == ("available_externally", "common")
    assert (derived["name"], rest["name"]) == ("private", "private")
    assert "unused" not in derived


def test_an_item_brings_its_primal_and_its_placeholder() -> None:
    text = MODULE.replace("call double (ptr, ...) @__enzyme_autodiff(ptr @primal, double %0)", "fadd double %0, %0")
    parts = parts_of(text, primals=["primal"], targets=["gradient"])
    assert linkages(parts.derived)["primal"] == "internal"
    assert linkages(parts.rest)["gradient"] == "declared"


@pytest.mark.parametrize(
    "line",
    [
        "@other = alias double (double), ptr @helper\n",
        "@__enzyme_register_gradient_helper = dso_local global [1 x ptr] [ptr @helper]\n",
        "@label = global ptr blockaddress(@primal, %1)\n",
    ],
)
def test_what_is_difficult_stays_whole(line: str) -> None:
    assert split(MODULE.replace("declare i32 @puts", line + "declare i32 @puts"), [], [], "tag", least=1) is None


def test_a_short_rest_is_not_worth_it() -> None:
    assert split(MODULE, [], [], "tag", least=10_000) is None


FILLER = """
double filler{0}(const double *x, int n) {{
    double s = 0;
    for (int i = 0; i < n; i++) s += x[i] * {0} > 1 ? x[i] / ({0} + 1) : -x[i] * x[(i + {0}) % n];
    for (int i = 0; i < n; i++) for (int j = 0; j < i; j++) s -= x[i] * x[j] * {0};
    return s;
}}
"""
LONG = """
#include <stdio.h>
#include "entry.h"
static double factor = 1;
static int calls;
typedef double function(double);
static double square(double x) { calls++; return x * x; }
static function *const table[] = {square};
int same(function *f) { return f == square; }
static function *get(void) { return table[0]; }
static double cube(double x) { return factor * x * get()(x); }
static double slope_here(double x) { return __enzyme_autodiff((void *)cube, x); }
double slope(double x) {
    factor = 2;
    double first = slope_here(x);
    factor = 1;
    return first - slope_here(x);
}
int counted(void) { return calls; }
int is_same(void) { return same(get()); }
"""


@pytest.mark.needs(CLANG)
@pytest.mark.parametrize("flags", ["-O0", "-O2", "-O2 -g", "-O2 -fPIC -ffunction-sections -fdata-sections"])
def test_a_long_source_is_what_it_was(project: Project, flags: str) -> None:
    project.write({"long.c": LONG + "".join(FILLER.format(index) for index in range(40))})
    check = 'int is_same(void);\nint counted(void);\nint main(void) { printf("%g %d %d\\n", slope(2), is_same(), counted() > 0); }\n'
    project.write({"check.c": "#include <stdio.h>\ndouble slope(double);\n" + check})
    options = ("-v", *project.options)
    done = Project(project.folder, options).stand_in(*flags.split(), "-c", "long.c")
    assert done.status == 0, done.stderr
    assert "rest.ll" in done.stderr
    project.made("check.c", "long.o", "-o", "program")
    assert project.output("program") == "12 1 1\n"
    names = subprocess.run(["nm", project.folder / "long.o"], capture_output=True, text=True, check=True).stdout
    assert "filler39" in names
    assert "enzyme" not in names


@pytest.mark.needs(CLANG)
def test_what_the_compiler_says_of_the_rest_is_told(project: Project) -> None:
    project.write({"long.c": LONG + "".join(FILLER.format(index) for index in range(40)) + 'void wrong(void) { __asm__("no such"); }\n'})
    done = project.stand_in("-O2", "-c", "long.c")
    assert done.status == 4
    assert "error[E0422]" in done.stderr
    assert "no such" in done.stderr
    assert not (project.folder / "long.o").exists()


def test_quoted_names() -> None:
    quoted = MODULE.replace("@primal", '@"a name"').replace("@state", '@"a state"')
    parts = parts_of(quoted)
    assert linkages(parts.derived)["a name"] == "internal"
    assert linkages(parts.derived)["a state.tag"] == "available_externally"
