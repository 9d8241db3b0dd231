"""What Enzyme refuses, crashes at or leaves over, in the words of someone who wrote the function."""

import re
import sys
from pathlib import Path

import pytest

from tests.bad_input.project import COMMAND, IDENTITY, SQUARE, VERIFY, Project, item, lacking

SCREEN = 24
"""Lines."""


def files_named(said: str) -> list[Path]:
    """The files that a message says were kept."""
    return [Path(each) for each in re.findall(r"(?:is kept in|is in) (\S+)", said)]


def test_a_call_without_body_and_derivative(project: Project) -> None:
    project.write("u.c", "double table(double);\n\ndouble f(double x)\n{\n    return x * table(x);\n}\n")
    project.configure(item())
    said = project.fails("E0507")
    assert "error[E0507]: `f` calls `table`, which has no body in this unit and no derivative that Enzyme knows" in said
    assert not lacking(said, ["--> u.c:5:16", "return x * table(x);", "`sources`", "`void *__enzyme_inactivefn_table[] = {table};`"])
    assert len(said.splitlines()) <= SCREEN
    assert all(each.is_file() for each in files_named(said))


def test_the_place_is_that_of_the_call_in_an_included_file_too(project: Project) -> None:
    project.write("part.h", "double table(double);\nstatic double part(double x) { return table(x); }\n")
    project.write("u.c", '#include "part.h"\ndouble f(double x) { return x * part(x); }\n')
    project.configure(item())
    assert "--> part.h:2:39" in project.fails("E0507")


def test_what_the_message_offers_works(project: Project) -> None:
    inactive = "void *__enzyme_inactivefn_table[] = {table};\n"
    project.write("u.c", f"double table(double);\n{inactive}double f(double x) {{ return x * table(x); }}\n")
    project.configure(item())
    project.succeeds("build")
    project.write("u.c", "double table(double);\ndouble f(double x) { return x * table(x); }\n")
    project.write("v.c", "double table(double x) { return x * x; }\n")
    project.configure(item(), VERIFY, sources='["u.c", "v.c"]', kind="shared")
    project.succeeds("build")


def test_enzyme_aborting_is_one_screen_and_two_files(project: Project) -> None:
    project.write("u.c", "#include <math.h>\ndouble f(double x) { return lgamma(x); }\n")
    project.configure(item())
    said = project.fails("E0508")
    assert "Enzyme crashed (SIGABRT)" in said
    assert len(said.splitlines()) <= SCREEN
    module, log = files_named(said)
    assert "lgamma" in module.read_text(encoding="utf-8")
    assert len(log.read_text(encoding="utf-8").splitlines()) > 0
    project.write("u.c", SQUARE)
    project.succeeds("build")
    assert not module.exists(), "what is kept for a report goes with the next build that works"


@pytest.mark.parametrize("name", ["__enzyme_autodif", "__enzyme_gradient", "my__enzyme_thing"])
def test_a_call_of_enzyme_that_is_left_over(project: Project, name: str) -> None:
    project.write("u.c", f"{SQUARE}double {name}(void *, double);\ndouble g(double x) {{ return {name}((void *)f, x); }}\n")
    project.configure()
    assert not lacking(project.fails("E0509"), [f"`{name}`", "a name that Enzyme documents"])


def test_enzyme_refusing(project: Project) -> None:
    call = "double g(double (*f)(double), double x) {\n    return __enzyme_autodiff((void *)f, x);\n}\n"
    project.write("u.c", f"double __enzyme_autodiff(void *, double);\n{call}")
    project.configure()
    said = project.fails("E0530")
    assert not lacking(said, ["the call in `g` does not say which function", "failed to find fn to differentiate", "--> u.c:3:12"])
    assert all(each.is_file() for each in files_named(said))


def test_a_copy_without_a_type(project: Project) -> None:
    project.write("u.c", "#include <string.h>\nvoid f(void *x, void *y, size_t n) { memcpy(y, x, n); }\n")
    project.configure(item(inputs='["Duplicated", "Duplicated", "Const"]', ret='"None"'))
    assert not lacking(project.fails("E0514"), ["`f` copies", "--> u.c:2:38", "loose-types"])


@pytest.mark.needs("unshare")
def test_an_engine_that_may_not_be_run(project: Project) -> None:
    project.write("u.ll", IDENTITY)  # no compiler has to be started
    project.configure(item(), sources='["u.ll"]')
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" && exec "$@"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, project.environment["HOLOENZYME_CACHE"]]
    done = project.start("build", before=inside)
    assert done.status == 4, done.stderr
    assert not lacking(done.stderr, ["error[E0404]", "cannot be started: Permission denied"])


def test_every_child_command_is_shown_when_asked_for(project: Project) -> None:
    project.configure(item(), VERIFY, kind="shared")
    assert project.start("build").stderr == ""
    project.write("u.c", f"{SQUARE}\n")
    shown = [line for line in project.start("-v", "build").stderr.splitlines() if line.startswith("+ ")]
    compiler, engine, linker = (next(line for line in shown if word in line) for word in ("-emit-llvm", "--tool=llc", "-shared"))
    assert str(project.root / "u.c") in compiler
    assert str(project.folder) in engine
    assert "libu.so" in linker


def test_a_fault_of_our_own_is_told_apart_with_its_trace_in_a_file(project: Project, tmp_path: Path) -> None:
    project.configure(item())
    broken = "import sys, holoenzyme, plugin.plan; plugin.plan.Plan.of = None; sys.exit(holoenzyme.main(['build']))"
    program = Path(COMMAND[1]).parent
    done = project.start("build", before=["env", f"PYTHONPATH={program}", sys.executable, "-c", broken], TMPDIR=str(tmp_path))
    assert done.status == 70
    assert not lacking(done.stderr, ["error[E7000]", "TypeError", "written in"])
    [trace] = tmp_path.glob("holoenzyme-*.txt")
    assert "Traceback" in trace.read_text(encoding="utf-8")
