"""`cc` and `c++` in front of a real compiler: what it does by itself passes through, and derivatives come out."""

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.process import run
from tests.plugin.wrap.project import CLANG, START, TRIPLE, Project

pytestmark = pytest.mark.needs(CLANG)

PASSING = {
    "object": "-O2 -c plain.c",
    "object elsewhere": "-c plain.c -o out.o",
    "joined output": "-c plain.c -oout.o",
    "several objects": "-c plain.c hello.c",
    "assembly": "-S -O1 plain.c",
    "assembly to standard output": "-S plain.c -o -",
    "preprocessed": "-E plain.c",
    "preprocessed into a file": "-E plain.c -o plain.i",
    "macros": "-dM -E plain.c",
    "dependencies": "-M plain.c",
    "dependencies in a file": "-MM -MF deps plain.c",
    "object and dependencies": "-MD -c plain.c -o out.o",
    "named dependencies": "-c -MMD -MF deps -MT target -MP plain.c",
    "program": "hello.c -o hello",
    "default program": "hello.c",
    "program of several": "-O1 hello.c plain.c -lm -o hello",
    "shared library": "-shared -fPIC plain.c -o libplain.so",
    "language": "-x c++ -std=c++17 -c plain.c",
    "no language again": "-x c -c plain.c -x none hello.c",
    "response file": "@words.rsp",
    "missing response file": "@nothing.rsp",
    "LLVM's text": "-S -emit-llvm plain.c",
    "LLVM's bitcode": "-c -emit-llvm plain.c",
    "for the link step": "-flto -O2 -c plain.c",
    "assembler": "-c code.s",
    "assembler with macros": "-c code.S -o code.o",
    "syntax only": "-fsyntax-only wrong.c",
    "only shown": "-### -c plain.c",
    "precompiled header": "-x c-header prefix.h -o prefix.pch",
    "version": "--version",
    "verbose version": "-v",
    "help": "--help",
    "search path": "-print-search-dirs",
    "machine": "-dumpmachine",
    "nothing": "",
    "an error": "-c wrong.c",
    "an error of one": "-c wrong.c plain.c",
    "an error before linking": "wrong.c hello.c -o hello",
    "an error of the linker": "plain.c -o program",
    "a warning": "-DLOUD -Wall -c plain.c",
    "a warning before linking": "-DLOUD hello.c plain.c -o hello",
    "a missing source": "-c missing.c",
    "an unknown option": "-c plain.c --no-such-option",
    "unused": "-c plain.c -lm",
    "nowhere": "-c plain.c -o /dev/null",
    "after the dashes": "-c -- plain.c",
    "saved temporaries": "-save-temps -c plain.c",
}


@pytest.mark.parametrize("words", PASSING.values(), ids=PASSING)
def test_what_the_compiler_does_passes_through(project: Project, beside: Project, words: str) -> None:
    done, expected = project.stand_in(*words.split()), beside.plain(*words.split())
    assert (done.status, done.stdout, _said(done.stderr)) == (expected.status, expected.stdout, _said(expected.stderr))
    assert project.content() == beside.content()


def _said(words: str) -> str:
    """Messages without the names of temporary files."""
    return "\n".join(line for line in words.splitlines() if tempfile.gettempdir() not in line)


@pytest.mark.parametrize("words", ["-x c -c - -o out.o", "-x c -E -", "-x c -S -o - -", "-x c -O2 - -o program"])
def test_standard_input_passes_through(project: Project, beside: Project, words: str) -> None:
    source = project.folder / "hello.c"
    done, expected = (each(*words.split(), stdin=source.read_text()) for each in (project.stand_in, beside.plain))
    assert (done.status, done.stdout, done.stderr) == (expected.status, expected.stdout, expected.stderr)
    assert project.content() == beside.content()


def test_a_named_pipe_is_left_to_the_compiler(project: Project) -> None:
    os.mkfifo(project.folder / "pipe.c")
    writer = subprocess.Popen(["/bin/sh", "-c", "echo 'int x;' > pipe.c"], cwd=project.folder)
    command = [sys.executable, "-c", START, *project.options, "cc", "-c", "pipe.c"]
    assert subprocess.run(command, cwd=project.folder, check=False, timeout=20).returncode == 0
    assert writer.wait() == 0


def test_a_precompiled_header_is_used(project: Project, beside: Project) -> None:
    for each in (project.stand_in, beside.plain):
        assert each("-O1", "-x", "c-header", "prefix.h", "-o", "prefix.pch").status == 0
        assert each("-O1", "-include-pch", "prefix.pch", "-c", "prefixed.c").status == 0
    assert project.content()["prefixed.o"] == beside.content()["prefixed.o"]


def test_objects_are_linked(project: Project) -> None:
    project.made("-c", "hello.c")
    project.made("hello.o", "-o", "hello")
    assert project.output("hello") == "hello\n"


# Derivatives


@pytest.mark.parametrize("level", ["", "-O0", "-O1", "-O2", "-O3", "-Os", "-Oz", "-Og", "-Ofast"])
def test_a_derivative_comes_out_at_every_level(project: Project, level: str) -> None:
    project.made(*level.split(), "main.c", "call.c", "-o", "program")
    assert project.output("program") == "12\n"


@pytest.mark.parametrize("words", ["-save-temps", "-save-temps=obj", "-fembed-bitcode", "-no-integrated-as"])
def test_options_about_the_compilers_own_steps_do_not_stop_a_derivative(project: Project, words: str) -> None:
    project.made("-O2", words, "main.c", "call.c", "-o", "program")
    assert project.output("program") == "12\n"


def test_the_level_that_is_asked_for_decides(project: Project) -> None:
    sizes = {}
    for level in ("-O0", "-O2"):
        project.made(level, "-S", "call.c", "-o", f"{level}.s")
        sizes[level] = len((project.folder / f"{level}.s").read_text().splitlines())
    assert sizes["-O2"] < sizes["-O0"]


def test_object_by_object(project: Project) -> None:
    project.made("-O2", "-c", "call.c", "main.c")
    project.made("call.o", "main.o", "-o", "program")
    assert project.output("program") == "12\n"
    assert b"__enzyme_" not in (project.folder / "call.o").read_bytes()


def test_cxx(project: Project) -> None:
    project.made("-O2", "-c", "call.cpp", name="c++")
    project.made("-x", "c", "main.c", "-x", "none", "call.o", "-o", "program", name="c++")
    assert project.output("program") == "12\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-S -o -", "slope:"),
        ("-S -emit-llvm -o -", "define"),
        ("-S -o call.s", ""),
        ("-c -emit-llvm -o call.bc", ""),
        ("-c -o /dev/null", ""),
    ],
)
def test_every_form_of_output(project: Project, words: str, expected: str) -> None:
    done = project.made("-O2", *words.split(), "call.c")
    assert expected in done.stdout
    assert "__enzyme" not in done.stdout
    for name in ("call.s", "call.bc"):
        if name in words:
            content = (project.folder / name).read_bytes()
            assert b"slope" in content
            assert b"__enzyme" not in content


def test_a_call_that_a_header_brings_is_found(project: Project) -> None:
    project.write({"inner.h": CALL_IN_HEADER, "outer.c": '#include "inner.h"\n'})
    project.made("-O2", "-c", "outer.c")
    project.made("outer.o", "main.c", "-o", "program")
    assert project.output("program") == "12\n"
    project.made("-O2", "outer.c", "main.c", "-o", "at-once")
    assert project.output("at-once") == "12\n"
    project.made("-O2", "-shared", "-fPIC", "outer.c", "-o", "libouter.so")
    assert b"__enzyme" not in (project.folder / "libouter.so").read_bytes()


CALL_IN_HEADER = """
#define JOINED(a, b) a##b
double JOINED(__enz, yme_autodiff)(void *, ...);
static double cube(double x) { return x * x * x; }
double slope(double x) { return JOINED(__enz, yme_autodiff)((void *)cube, x); }
"""


def test_a_call_from_a_precompiled_header(project: Project) -> None:
    project.write({"pre.h": CALL_IN_HEADER, "user.c": "double same(double x) { return slope(x); }\n"})
    project.made("-O2", "-x", "c-header", "pre.h", "-o", "pre.pch")
    project.made("-O2", "-include-pch", "pre.pch", "-c", "user.c")
    project.made("main.c", "user.o", "-o", "program")
    assert project.output("program") == "12\n"


VECTOR = """
#include <vector>
extern int enzyme_dup, enzyme_const;
template <class T> T __enzyme_autodiff(void *, ...);
static double model(const double *x, int n) {
    std::vector<double> v(x, x + n);
    double sum = 0;
    for (double each : v) sum += each * each * each;
    return sum;
}
extern "C" double slope(double x) {
    double gradient = 0;
    __enzyme_autodiff<double>((void *)model, enzyme_dup, &x, &gradient, enzyme_const, 1);
    return gradient;
}
"""


def test_what_the_library_of_cxx_copies_has_a_type_at_the_lowest_level(project: Project) -> None:
    project.write({"vector.cpp": VECTOR})
    project.made("-O0", "-c", "vector.cpp", name="c++")
    project.made("-x", "c", "main.c", "-x", "none", "vector.o", "-o", "program", name="c++")
    assert project.output("program") == "12\n"


def test_a_precompiled_header_of_the_lowest_level(project: Project) -> None:
    project.write({"pre.h": CALL_IN_HEADER, "user.c": "double same(double x) { return slope(x); }\n"})
    project.made("-x", "c-header", "pre.h", "-o", "pre.h.pch")
    project.made("-include", "pre.h", "-c", "user.c")
    project.made("main.c", "user.o", "-o", "program")
    assert project.output("program") == "12\n"


def test_standard_input_with_a_derivative(project: Project) -> None:
    project.made("-x", "c", "-O2", "-I.", "-c", "-", "-o", "call.o", stdin=(project.folder / "call.c").read_text())
    project.made("main.c", "call.o", "-o", "program")
    assert project.output("program") == "12\n"


def test_a_mention_in_a_comment_is_no_call(project: Project, beside: Project) -> None:
    text = {"spoken.c": "/* __enzyme_autodiff is not called */\nint one(void) { return 1; }\n"}
    project.write(text)
    beside.write(text)
    project.made("-O2", "-c", "-MD", "spoken.c")
    assert beside.plain("-O2", "-c", "-MD", "spoken.c").status == 0
    assert project.content() == beside.content()


@pytest.mark.parametrize(
    "words",
    [
        "-MD -c call.c",
        "-MMD -c call.c -o sub/out.o",
        "-MD -MF deps -MT a -MT b -c call.c",
        "-MD call.c main.c -o program",
        "-Wp,-MD,x.d -c call.c",
    ],
)
def test_dependencies_are_those_of_the_compiler(project: Project, beside: Project, words: str) -> None:
    for each in (project, beside):
        (each.folder / "sub").mkdir()
    project.made(*words.split())
    beside.write({"entry.h": "static double __enzyme_autodiff(void *f, ...) { return 0; }\n"})
    assert beside.plain(*words.split()).status == 0
    ours, theirs = ({name: text for name, text in each.content().items() if name.endswith((".d", "deps"))} for each in (project, beside))
    assert ours == theirs
    assert ours


def test_a_debugger_finds_the_lines_where_it_is_asked_for(project: Project) -> None:
    project.made("-O2", "-g", "-c", "call.c", "-o", "with.o")
    project.made("-O2", "-c", "call.c", "-o", "without.o")
    assert b".debug_line" in (project.folder / "with.o").read_bytes()
    assert b".debug" not in (project.folder / "without.o").read_bytes()


def test_the_processor_is_the_one_of_the_command(project: Project) -> None:
    loop = "double slope_of(double *x, double *dx, long n) { return __enzyme_autodiff((void *)sum, enzyme_dup, x, dx, enzyme_const, n); }"
    source = f'#include "entry.h"\nextern int enzyme_dup, enzyme_const;\n{SUM}\n{loop}\n'
    project.write({"loop.c": source})
    plain = project.made("-O3", "-S", "loop.c", "-o", "-").stdout
    wide = project.made("-O3", "-mavx2", "-mfma", "-S", "loop.c", "-o", "-").stdout
    assert "ymm" not in plain
    assert "ymm" in wide


SUM = "double sum(double *x, long n) { double s = 0; for (long i = 0; i < n; i++) s += x[i] * x[i]; return s; }"


def test_an_error_in_a_source_with_a_derivative_is_the_compilers(project: Project, beside: Project) -> None:
    text = {"both.c": CALL_IN_HEADER + "/* __enzyme_ */ int broken(void) { return missing; }\n"}
    project.write(text)
    beside.write(text)
    done, expected = project.stand_in("-c", "both.c"), beside.plain("-c", "both.c")
    assert (done.status, done.stderr) == (expected.status, expected.stderr)
    assert not (project.folder / "both.o").exists()


def test_a_warning_is_said_once(project: Project) -> None:
    project.write({"inner.h": CALL_IN_HEADER, "warns.c": '#include "inner.h"\n#warning once\n'})
    for words in ("-c warns.c", "warns.c main.c -o program"):
        assert project.made(*words.split()).stderr.count("warning: once") == 1


def test_what_enzyme_cannot_do_is_told_at_its_place(project: Project) -> None:
    text = '#include "entry.h"\ndouble unknown(double);\ndouble f(double x) { return unknown(x); }\n'
    project.write({"fails.c": text + "double g(double x) { return __enzyme_autodiff((void *)f, x); }\n"})
    done = project.stand_in("-O2", "-c", "fails.c")
    assert done.status == 5
    assert "error[E0507]" in done.stderr
    assert "fails.c:3:" in done.stderr
    assert "-flto" in done.stderr
    assert not (project.folder / "fails.o").exists()


def test_another_machine_is_refused(project: Project) -> None:
    done = project.stand_in("-target", "aarch64-linux-gnu" if TRIPLE.startswith("x86_64") else "x86_64-linux-gnu", "-c", "call.c")
    assert done.status == 5
    assert "error[E0550]" in done.stderr


# The link step


def test_primal_and_derivative_in_different_files_meet_at_the_link_step(project: Project) -> None:
    project.write(APART)
    for name in ("primal.c", "uses.c"):
        project.made("-O2", "-flto", "-c", name)
    project.made("-O2", "-c", "main.c")
    project.made("-flto", "-O2", "primal.o", "uses.o", "main.o", "-o", "program")
    assert project.output("program") == "12\n"
    project.made("-flto", "-O2", "primal.c", "uses.c", "main.c", "-o", "at-once")
    assert project.output("at-once") == "12\n"


APART = {
    "primal.c": "static double three = 3;\nvoid set(double x) { three = x; }\ndouble cube(double x) { return x * x * x * three / 3; }\n",
    "uses.c": '#include "entry.h"\ndouble cube(double);\ndouble slope(double x) { return __enzyme_autodiff((void *)cube, x); }\n',
}


def test_without_it_one_is_told_of_it(project: Project) -> None:
    project.write(APART)
    done = project.stand_in("-O2", "-c", "uses.c")
    assert done.status == 5
    assert "-flto" in done.stderr


# Items of the configuration

ITEM = """
[unit.kernel]
sources = ["kernel.c", "scale.c"]
[[unit.kernel.autodiff]]
source = "kernel"
target = "slope"
mode = "reverse"
inputs = ["Active"]
ret = "ActiveOnly"
"""
KERNEL = {
    "kernel.c": "double scaled(double);\ndouble kernel(double x) { return x * scaled(x); }\n",
    "scale.c": "double factor = 1;\ndouble scaled(double x) { return factor * x * x; }\n",
    "main.c": '#include <stdio.h>\ndouble slope(double, double);\nint main(void) { return printf("%g\\n", slope(2, 1)) < 0; }\n',
}


def test_a_source_that_an_item_names_gets_its_derivative(configured: Callable[[str], Project]) -> None:
    project = configured(ITEM)
    project.write(KERNEL)
    said = [project.made("-O2", "-c", name).stderr for name in KERNEL]
    assert said == ["kernel.c is compiled with scale.c: its derivatives need what is defined there\n", "", ""]
    project.made("kernel.o", "scale.o", "main.o", "-o", "program")
    assert project.output("program") == "12\n"


def test_an_item_is_made_at_the_link_step(configured: Callable[[str], Project]) -> None:
    project = configured(ITEM)
    project.write({**KERNEL, "scale.c": KERNEL["scale.c"].replace("double factor", "static double factor")})
    refused = project.stand_in("-O2", "-c", "kernel.c")
    assert (refused.status, "error[E0551]" in refused.stderr) == (5, True)
    project.made("-O2", "-flto", "kernel.c", "scale.c", "main.c", "-o", "program")
    assert project.output("program") == "12\n"


def test_what_is_wrong_with_an_item_is_told_in_the_configuration(configured: Callable[[str], Project]) -> None:
    project = configured(ITEM.replace('["Active"]', '["Duplicated"]'))
    project.write(KERNEL)
    done = project.stand_in("-O2", "-c", "kernel.c")
    assert done.status == 5
    assert "config.toml:15:11" in done.stderr


def test_a_change_of_the_configuration_counts_at_once(configured: Callable[[str], Project]) -> None:
    project = configured("")
    project.write({"call.c": CALL_IN_HEADER})
    project.made("-c", "call.c")
    configured("[enzyme]\nloose-typs = true\n")
    done = project.stand_in("-c", "plain.c")
    assert done.status == 2
    assert "config.toml:9:1" in done.stderr


def test_enzyme_that_is_off_is_told(project: Project) -> None:
    project.write({"config.toml": f'[target.{TRIPLE}]\ncc = "{CLANG}"\n'})
    off = dataclasses.replace(project, options=())
    off.made("-c", "plain.c")
    done = off.stand_in("-c", "call.c")
    assert done.status == 5
    assert "error[E0518]" in done.stderr


# Which compiler


@pytest.mark.needs("cc")
def test_a_compiler_without_bitcode_gives_way_to_clang_for_the_source_that_asks(project: Project) -> None:
    compilers = [f'target.{TRIPLE}.{key}="{name}"' for key, name in (("cc", "cc"), ("cxx", "c++"))]
    other = dataclasses.replace(project, options=tuple(word for each in compilers for word in ("--set", each)))
    assert other.made("--version").stdout == run(["cc", "--version"]).stdout
    other.made("-O2", "main.c", "call.c", "-o", "program")
    assert other.output("program") == "12\n"


def test_without_a_compiler_on_the_machine_zig_is_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    bare = dataclasses.replace(project, options=())
    bare.made("-O2", "-MD", "-c", "call.c")
    assert (project.folder / "call.d").read_text().startswith("call.o:")
    bare.made("-O2", "main.c", "call.o", "-o", "program")
    assert bare.output("program") == "12\n"
    bare.made("-O2", "main.c", "call.c", "-o", "without-dependencies")
    assert bare.output("without-dependencies") == "12\n"


# Ends


def compiler_that(project: Project, does: str) -> Project:
    script = project.folder / "compiler"
    script.write_text(f"#!/bin/sh\n[ $1 = --version ] && exit\n{does}\n")
    script.chmod(0o755)
    return dataclasses.replace(project, options=("--set", f'target.{TRIPLE}.cc="{script}"'))


@pytest.mark.parametrize(("does", "status"), [("exit 0", 0), ("exit 77", 77), ("kill -SEGV $$", -signal.SIGSEGV), ("kill -PIPE $$", -13)])
def test_the_end_is_the_compilers(project: Project, does: str, status: int) -> None:
    assert compiler_that(project, does).stand_in("-c", "plain.c").status == status


def test_a_signal_goes_on_to_the_compiler(project: Project) -> None:
    slow = compiler_that(project, 'trap "echo ended > ended; exit 9" TERM\necho > started\nwhile :; do sleep 0.05; done')
    command = [sys.executable, "-c", START, *slow.options, "cc", "-c", "plain.c"]
    with subprocess.Popen(command, cwd=project.folder) as process:
        _wait_for(project.folder / "started")
        time.sleep(0.2)
        process.terminate()
        assert process.wait(20) == 9
    assert (project.folder / "ended").exists()


def _wait_for(path: Path) -> None:
    limit = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < limit
        time.sleep(0.02)


# Start


def test_the_plain_way_imports_none_of_what_is_slow(project: Project) -> None:
    project.made("-c", "plain.c")
    probe = "import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules))); " + START
    done = run([sys.executable, "-c", probe, *project.options, "cc", "-c", "plain.c"], cwd=project.folder)
    loaded = set(done.stdout.split())
    assert "plugin.wrap.cc" in loaded
    assert not loaded & {"argparse", "dataclasses", "json", "llvmlite", "pathlib", "pydantic", "re", "subprocess", "tomlkit", "typing"}


@pytest.mark.needs("make")
def test_a_makefile_gets_a_derivative_by_its_compiler_alone(project: Project) -> None:
    project.write({"Makefile": "CFLAGS = -O2 -MMD\nprogram: main.o call.o\n\t$(CC) $(LDFLAGS) -o $@ $^\n-include main.d call.d\n"})
    script = project.folder / "holoenzyme"
    script.write_text(f"#!{sys.executable}\n{START}\n")
    script.chmod(0o755)
    compiler = " ".join([str(script), *(f"'{each}'" for each in project.options), "cc"])
    done = run(["make", f"CC={compiler}"], cwd=project.folder)
    assert done.status == 0, done.stderr
    assert project.output("program") == "12\n"
    assert "entry.h" in (project.folder / "call.d").read_text()
