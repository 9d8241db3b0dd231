"""Items that do not fit the function they name, and checks that fail."""

import pytest

from tests.bad_input.project import SQUARE, VERIFY, Project, item, lacking


def test_a_primal_that_is_not_there_with_near_matches(project: Project) -> None:
    project.write("u.c", "double rosenbrock(double x) { return x; }\ndouble other(double x) { return x; }\n")
    project.configure(item(source='"rosenbrok"'))
    said = project.fails("E0503")
    assert not lacking(said, ["no function `rosenbrok`", "did you mean `rosenbrock`?", "config.toml:11:10"])
    assert "other" not in said


def test_a_primal_with_a_mangled_name(project: Project) -> None:
    project.write("u.cpp", "double rosenbrock(double x) { return x; }\n")
    project.configure(item(source='"rosenbrock"'), sources='["u.cpp"]')
    assert not lacking(project.fails("E0503"), ["`_Z10rosenbrockd`", 'extern "C"'])


PRIMALS = {
    "double f(double x)": "return x;",
    "double f(double x, const double *y, int n)": "return x * y[n];",
    "void f(double *x)": "*x *= *x;",
    "int f(double x)": "return x > 0;",
    "double f(struct s x)": "return x.a[0];",
    "struct s f(double x)": "struct s s = {{x}}; return s;",
    "double f(struct two x)": "return x.a * x.b;",
    "double f(double x, ...)": "return x;",
}


@pytest.mark.parametrize(
    ("primal", "changes", "code", "words"),
    [
        ("double f(double x)", {"inputs": "[]"}, "E0504", ["has 1 parameter, the length of `inputs` is 0", "`double (double)`", ":14:10"]),
        ("double f(double x, const double *y, int n)", {}, "E0504", ["has 3 parameters", "`double (double, ptr, i32)`"]),
        ("double f(double x)", {"inputs": '["Duplicated"]'}, "E0505", ["`double` and cannot be Duplicated", ":14:11", 'write "Active"']),
        (
            "double f(double x, const double *y, int n)",
            {"inputs": '["Active", "Active", "Active"]'},
            "E0505",
            ["`ptr` and cannot be Active", ":14:21", 'write "Duplicated"', "`i32` and cannot be Active", ":14:31", 'write "Const"'],
        ),
        ("double f(double x)", {"ret": '"None"'}, "E0506", ["returns `double` and `ret` is None", ":15:7", 'write ret = "Active"']),
        ("void f(double *x)", {"inputs": '["Duplicated"]'}, "E0506", ["returns nothing", 'write ret = "None"']),
        ("int f(double x)", {}, "E0506", ["`i32`, which cannot be Active", 'write ret = "Const"']),
        ("double f(struct s x)", {"inputs": '["Duplicated"]'}, "E0505", ["cannot be Duplicated", ":14:11", 'write "Active"']),
        ("struct s f(double x)", {"ret": '"None"'}, "E0506", ["and `ret` is None", 'write ret = "Active"']),
        (
            "double f(struct two x)",
            {"inputs": '[{ activity = "Active", type = "[f64]" }]'},
            "E0522",
            ["and its length", "`*f64`"],
        ),
        ("double f(double x, ...)", {}, "E0515", ["variable number of arguments"]),
    ],
)
def test_an_item_that_does_not_fit_its_primal(project: Project, primal: str, changes: dict[str, str], code: str, words: list[str]) -> None:
    project.write("u.c", f"struct s {{ double a[9]; }};\nstruct two {{ double a, b; }};\n{primal} {{ {PRIMALS[primal]} }}\n")
    project.configure(item(**changes))
    assert not lacking(project.fails(code), words)


def test_all_items_that_do_not_fit_are_told_in_one_run(project: Project) -> None:
    items = [{"source": '"a"', "target": '"b"'}, {"inputs": "[]"}, {"target": '"h"', "ret": '"Const"'}, {"source": '"c"', "target": '"d"'}]
    project.configure(*(item(**each) for each in items))
    said = project.fails("E0503")
    assert [said.count(f"error[{code}]") for code in ("E0503", "E0504")] == [2, 1]


def test_a_primal_without_a_body(project: Project) -> None:
    project.write("u.c", "double f(double x);\ndouble g(double x) { return f(x); }\n")
    project.configure(item())
    assert not lacking(project.fails("E0516"), ["`f` has no body", "`sources`", ":11:10"])


def test_derivatives_of_each_other(project: Project) -> None:
    project.configure(item(source='"a"', target='"b"'), item(source='"b"', target='"a"'))
    assert "made from each other" in project.fails("E0517")


def test_a_placeholder_of_another_type(project: Project) -> None:
    project.write("u.c", f"{SQUARE}double f_grad(double x);\ndouble g(double x) {{ return f_grad(x); }}\n")
    project.configure(item())
    assert not lacking(project.fails("E0511"), ["declare `f_grad` as `double (double)`", ":12:10", "then the seed"])
    project.configure(item(ret='"ActiveOnly"'))
    project.fails("E0511")
    project.write("u.c", f"{SQUARE}double f_grad(double x, double dret);\ndouble g(double x) {{ return f_grad(x, 1); }}\n")
    project.succeeds("build")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("[2.0, 3.0]", ["has 1 parameter, the length of `args` is 2", ":19:8"]),
        ("[[2.0]]", ["does not fit its parameter `double`", "write a number", ":19:9"]),
    ],
)
def test_arguments_that_do_not_fit(project: Project, args: str, words: list[str]) -> None:
    project.configure(item(), VERIFY.replace("[2.0]", args), kind="shared")
    assert not lacking(project.fails("E0519"), words)


def test_a_primal_that_cannot_be_called(project: Project) -> None:
    project.write("u.c", f"static {SQUARE}double g(double x) {{ return f(x); }}\n")
    project.configure(item(), VERIFY, kind="shared")
    assert not lacking(project.fails("E0520"), ["`f` is not exported", "`static`"])


def test_a_derivative_that_disagrees_each_time_it_is_asked_for(project: Project) -> None:
    project.write("u.c", "double f(double x) { return x < 2.0 ? 0.0 : x; }\n")
    project.configure(item(), VERIFY, kind="shared")
    for _ in range(2):
        said = project.fails("E0101")
        assert not lacking(said, ["`f_grad` differs from central differences", "the gradient of argument 1", "smooth", "config.toml:17"])


def test_a_check_that_crashes(project: Project) -> None:
    project.write("u.c", "double f(const double *x, long n) { return x[n]; }\n")
    project.configure(item(inputs='["Duplicated", "Const"]'), VERIFY.replace("[2.0]", "[[2.0], 1000000000]"), kind="shared")
    for _ in range(2):
        assert not lacking(project.fails("E0102"), ["`f_grad`", "SIGSEGV", "`args`"])


def test_a_type_that_the_sources_contradict(project: Project) -> None:
    project.write("u.c", "void f(double *x, double *y) { *y = *x; }\n")
    inputs = '[{ activity = "Duplicated", type = "*f32" }, "Duplicated"]'
    project.configure(item(inputs=inputs, ret='"None"'))
    said = project.fails("E0540")
    assert not lacking(said, ["parameter 1 of `f`", "config.toml:14:45", "the debug information, `double *`", "the configuration, `*f32`"])


def test_an_attribute_that_enzyme_cannot_read(project: Project) -> None:
    project.write("u.ll", 'define void @f(ptr "enzyme_type"="{[-1]:double}" %x) {\n  ret void\n}\n')
    project.configure(item(inputs='["Duplicated"]', ret='"None"'), sources='["u.ll"]')
    assert not lacking(project.fails("E0541"), ["parameter 1 of `f`", "it is `{[-1]:double}`"])
