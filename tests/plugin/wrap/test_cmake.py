"""The CMake packages in projects of CMake's."""

import dataclasses
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.process import Completed, run
from plugin import wrap
from plugin.engines.choice import PIPELINE_LLVM
from tests.plugin.wrap.project import CLANG, FILES, START

pytestmark = pytest.mark.needs("cc", "cmake", "make", "ninja")

PACKAGE = Path(wrap.__file__).parent / "cmake"
HEAD = "cmake_minimum_required(VERSION 3.25)\nproject(tested C CXX)\n"
DERIVATIVE = (
    "holoenzyme_add_derivative(TARGET program SOURCE energy DERIVATIVE energy_grad MODE reverse INPUTS Duplicated Const RET Active)\n"
)
ENERGY = """
#include <stddef.h>
double energy(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}
"""
MAIN = """
#include <stdio.h>
#include <stddef.h>
double energy_grad(const double *, double *, size_t, double);
int main(void) {
    double x[] = {1, 2}, dx[] = {0, 0};
    double value = energy_grad(x, dx, 2, 1);
    return printf("%g %g %g\\n", value, dx[0], dx[1]) < 0;
}
"""


@dataclasses.dataclass(frozen=True)
class Build:
    """A project of CMake's, and the program that stands for the installed `holoenzyme`."""

    folder: Path
    program: Path

    def configure(self, *words: str, generator: str = "Ninja") -> Completed:
        command = [
            "cmake",
            "-S",
            ".",
            "-B",
            "build",
            "-G",
            generator,
            f"-DHOLOENZYME_PROGRAM={self.program}",
            f"-DCMAKE_PREFIX_PATH={PACKAGE}",
        ]
        return run([*command, *words], cwd=self.folder)

    def made(self, *words: str, generator: str = "Ninja") -> str:
        """Configure and build, which must go well; gives what the build said."""
        done = self.configure(*words, generator=generator)
        assert done.status == 0, done.stderr
        done = run(["cmake", "--build", "build", "-v"], cwd=self.folder)
        assert done.status == 0, done.stdout + done.stderr
        return done.stdout

    def output(self, program: str = "program") -> str:
        done = run([self.folder / "build" / program])
        assert done.status == 0
        return done.stdout


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Build]:
    """Makes a project of a CMakeLists.txt and further files."""
    program = tmp_path / "bin" / "holoenzyme"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{START}\n", encoding="utf-8")
    program.chmod(0o755)

    def make(lists: str, **files: str) -> Build:
        folder = tmp_path / "project"
        folder.mkdir()
        written = {
            "CMakeLists.txt": HEAD + lists,
            "energy.c": ENERGY,
            "use.c": MAIN,
            **FILES,
            **{k.replace("_c", ".c"): v for k, v in files.items()},
        }
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
        return Build(folder, program)

    return make


@pytest.mark.parametrize("generator", ["Ninja", "Unix Makefiles"])
def test_what_links_upstreams_target_is_differentiated(build: Callable[..., Build], generator: str) -> None:
    project = build("""
        add_library(slope STATIC call.c)
        find_package(Enzyme REQUIRED CONFIG)
        target_link_libraries(slope PRIVATE ClangEnzymeFlags LLDEnzymeLooseTypeFlags LLDEnzymeNoStrictAliasingFlags)
        add_executable(program main.c)
        target_link_libraries(program slope)
    """)
    said = project.made(generator=generator).splitlines()
    assert project.output() == "12\n"
    [derived] = [line for line in said if "-c " in line and line.endswith("call.c")]
    [plain] = [line for line in said if "-c " in line and line.endswith("main.c")]
    assert "--set=enzyme.loose-types=true cc --launch=0" in derived
    assert "holoenzyme" not in plain


@pytest.mark.needs(CLANG)
def test_one_module_is_differentiated_when_it_is_linked(build: Callable[..., Build]) -> None:
    project = build(
        """
        find_package(Enzyme REQUIRED CONFIG)
        add_executable(program main.c away.c cube.c)
        target_link_libraries(program PRIVATE LLDEnzymeFlags LLDEnzymeLooseTypeFlags)
        """,
        away_c='#include "entry.h"\ndouble cube(double);\ndouble slope(double x) { return __enzyme_autodiff((void *)cube, x); }\n',
        cube_c="double cube(double x) { return x * x * x; }\n",
    )
    project.made(f"-DCMAKE_C_COMPILER={CLANG}")
    assert project.output() == "12\n"


@pytest.mark.parametrize("name", ["LLDEnzymePrintFlags", "LLDEnzymePrintTypeFlags", "LLDEnzymeAssumeUnknownNoFree"])
def test_what_this_toolchain_cannot_do_is_said_when_it_is_configured(build: Callable[..., Build], name: str) -> None:
    unused = build("find_package(Enzyme REQUIRED CONFIG)\nadd_executable(program hello.c)\n")
    unused.made()
    lists = unused.folder / "CMakeLists.txt"
    lists.write_text(lists.read_text() + f"target_link_libraries(program PRIVATE {name})\n")
    done = unused.configure()
    assert done.status != 0
    assert "holoenzyme::cannot_" in done.stderr


def test_the_package_tells_the_llvm_that_it_works_with(build: Callable[..., Build]) -> None:
    done = build('find_package(Enzyme REQUIRED CONFIG)\nmessage(STATUS "LLVM ${Enzyme_LLVM_VERSION_MAJOR}.")\n').configure()
    assert f"LLVM {PIPELINE_LLVM}." in done.stdout


def test_a_derivative_is_added_to_a_target_and_made_again_when_it_changes(build: Callable[..., Build]) -> None:
    lists = "find_package(holoenzyme 0.1 REQUIRED)\nadd_executable(program use.c energy.c)\nadd_library(other OBJECT plain.c)\n"
    project = build(lists + DERIVATIVE)
    project.made()
    assert project.output() == "5 2 4\n"
    assert "no work to do" in project.made()
    only = DERIVATIVE.replace("RET Active", "RET ActiveOnly").replace("DERIVATIVE energy_grad", "DERIVATIVE energy_add")
    (project.folder / "CMakeLists.txt").write_text(HEAD + lists + DERIVATIVE + only)
    said = project.made()
    assert "energy.c" in said
    assert "plain.c" not in said
    assert b"energy_add" in (project.folder / "build" / "CMakeFiles" / "program.dir" / "energy.c.o").read_bytes()


@pytest.mark.needs(CLANG)
def test_unity_builds_and_the_link_step_leave_a_target_with_derivatives_alone(build: Callable[..., Build]) -> None:
    lists = "find_package(holoenzyme)\nadd_library(kernels STATIC energy.c plain.c)\nadd_executable(program use.c)\n"
    project = build(lists + "target_link_libraries(program kernels)\n" + DERIVATIVE.replace("TARGET program", "TARGET kernels"))
    wide = [f"-DCMAKE_{each}=ON" for each in ("UNITY_BUILD", "INTERPROCEDURAL_OPTIMIZATION", "INTERPROCEDURAL_OPTIMIZATION_RELEASE")]
    project.made(f"-DCMAKE_C_COMPILER={CLANG}", "-DCMAKE_BUILD_TYPE=Release", *wide)
    assert project.output() == "5 2 4\n"


def test_a_configuration_is_started_from(build: Callable[..., Build]) -> None:
    project = build("find_package(holoenzyme)\nadd_executable(program use.c energy.c)\n" + DERIVATIVE)
    (project.folder / "site.toml").write_text('[rust]\nchannel = "stable"\n')
    done = project.configure(f"-DHOLOENZYME_CONFIG={project.folder}/site.toml")
    assert done.status != 0
    assert "error[E0208]" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Duplicated", "Duplicate", "Duplicated"),
        ("Duplicated", "Dual", "E0230"),
        ("MODE reverse", "", "MODE is missing"),
        ("RET", "RETURN", "`RETURN`"),
        ("TARGET program", "TARGET nothing", "there is no target nothing"),
        ("MODE", "WITH MODE", "WITH cannot be understood"),
    ],
)
def test_a_mistake_is_told_when_it_is_configured(build: Callable[..., Build], old: str, new: str, expected: str) -> None:
    project = build("find_package(holoenzyme)\nadd_executable(program use.c energy.c)\n" + DERIVATIVE.replace(old, new))
    done = project.configure()
    assert done.status != 0
    assert expected in done.stderr
    assert "CMake Error at" in done.stderr


def test_another_launcher_stands_behind(build: Callable[..., Build]) -> None:
    project = build("find_package(holoenzyme)\nadd_executable(program use.c energy.c)\nadd_library(other OBJECT plain.c)\n" + DERIVATIVE)
    logging = project.program.with_name("logging")
    logging.write_text(f'#!/bin/sh\necho "$@" >> {project.folder}/log\nexec "$@"\n')
    logging.chmod(0o755)
    project.made(f"-DCMAKE_C_COMPILER_LAUNCHER={logging}")
    assert project.output() == "5 2 4\n"
    log = (project.folder / "log").read_text()
    assert "use.c" in log
    assert "plain.c" in log
    assert "--launch" not in log


def test_what_env_prints_is_a_toolchain_file_and_finds_the_packages(build: Callable[..., Build]) -> None:
    project = build("find_package(holoenzyme REQUIRED)\nadd_executable(program use.c energy.c)\n" + DERIVATIVE)
    (project.folder / "site.toml").write_text("[llvm]\nenzyme = true\n[rust]\nchannel = 'nightly'\n[enzyme]\nloose-types = true\n")
    for options in ([], ["--config", "site.toml"]):
        told = run([project.program, *options, "env", "--format", "cmake"], cwd=project.folder)
        assert told.status == 0, told.stderr
        (project.folder / "toolchain.cmake").write_text(told.stdout)
        done = run(["cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DCMAKE_TOOLCHAIN_FILE=toolchain.cmake"], cwd=project.folder)
        assert done.status == 0, done.stderr
        assert run(["cmake", "--build", "build"], cwd=project.folder).status == 0
        assert project.output() == "5 2 4\n"
        assert ("site.toml" in (project.folder / "build" / "holoenzyme" / "program.toml").read_text()) == bool(options)
        shutil.rmtree(project.folder / "build")


def test_a_version_that_is_not_this_one_is_not_found(build: Callable[..., Build]) -> None:
    done = build("find_package(holoenzyme 99 REQUIRED)\n").configure()
    assert done.status != 0
    assert 'compatible with requested version "99"' in " ".join(done.stderr.split())


def test_a_program_that_is_missing_is_told(build: Callable[..., Build], tmp_path: Path) -> None:
    shipped = tmp_path / "site-packages" / "plugin" / "wrap" / "cmake"
    shutil.copytree(PACKAGE, shipped)
    project = dataclasses.replace(build("find_package(holoenzyme)\n"), program=Path())
    done = run(["cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={shipped}"], cwd=project.folder, env={"PATH": "/usr/bin:/bin"})
    assert done.status != 0
    assert "the program `holoenzyme` is not on PATH" in done.stderr
