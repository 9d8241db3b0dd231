"""An engine from source: a small plugin of our own, built against the LLVM 15 of this machine, and built again when it has to be."""

import ctypes
import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import holoenzyme
from bootstrap import llvm_tools, process
from bootstrap.diagnostics import Failure
from bootstrap.llvm_tools import LlvmTools
from plugin.engines import link, source_build
from plugin.engines.source_build import SourceBuild

PROJECT = Path(__file__).parents[2] / "data" / "plugin"
FLAGS = ("-DNAME=StandIn", "-DANSWER=42")
SMALL = """
cmake_minimum_required(VERSION 3.18)
project(small LANGUAGES C)
add_compile_definitions(ANSWER=${ANSWER})
add_library(${NAME} MODULE plugin.c)
set_target_properties(${NAME} PROPERTIES PREFIX "")
"""
CONFIG = """
[rust]
channel = "nightly"
[llvm]
enzyme = true
[enzyme]
provider = "source"
source = "plugin"
cmake-flags = ["-DNAME=StandIn", "-DANSWER=42", "-DCMAKE_CXX_FLAGS=-DNDEBUG"]
[unit.u]
sources = ["u.c"]
[[unit.u.autodiff]]
source = "f"
target = "df"
mode = "reverse"
inputs = ["Active"]
ret = "ActiveOnly"
"""

pytestmark = pytest.mark.needs("opt-15", "clang-15", "llvm-15-dev", "cmake", "ninja", "c++")


@pytest.fixture(scope="module")
def tools() -> LlvmTools:
    return llvm_tools.find(15)


@pytest.fixture
def build(tools: LlvmTools, tmp_path: Path) -> SourceBuild:
    """The build of a project that takes no time: its plugin has the entry, and nothing behind it."""
    (source := tmp_path / "plugin").mkdir()
    (source / "CMakeLists.txt").write_text(SMALL)
    (source / "plugin.c").write_text("int llvmGetPassPluginInfo(void) { return ANSWER; }\n")
    return SourceBuild(source=source, tools=tools, flags=FLAGS, jobs=1)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that are run, as they are run."""
    seen: list[str] = []
    run = process.run

    def noted(command: list[str], **rest: Any) -> process.Completed:
        seen.append(str(command[0]))
        return run(command, **rest)

    monkeypatch.setattr(process, "run", noted)
    return seen


def test_a_project_becomes_a_plugin_that_passes_the_preflight(build: SourceBuild, tmp_path: Path) -> None:
    plugin = build.plugin(tmp_path / "engine")
    assert plugin.name == "LLVMEnzyme-15.so"
    found = link.preflight(plugin, build.tools)
    assert found is not None
    assert found.has_entry
    assert (tmp_path / "engine").stat().st_mode & 0o077 == 0


def test_what_is_built_is_known_by_source_llvm_and_options(build: SourceBuild, tmp_path: Path, commands: list[str]) -> None:
    first = build.plugin(tmp_path / "engine")
    assert commands == ["cmake", "ninja"]
    assert build.plugin(tmp_path / "engine") == first
    assert commands == ["cmake", "ninja"]
    (build.source / "plugin.c").write_text("int llvmGetPassPluginInfo(void) { return -ANSWER; }\n")
    assert build.plugin(tmp_path / "engine") == first
    assert commands == ["cmake", "ninja"] * 2
    other_options = dataclasses.replace(build, flags=("-DNAME=StandIn", "-DANSWER=43"))
    other_llvm = dataclasses.replace(build, tools=dataclasses.replace(build.tools, version="15.0.7"))
    places = {each.plugin(tmp_path / "engine").parent for each in (build, other_options, other_llvm)}
    assert len(places) == 3
    assert commands == ["cmake", "ninja"] * 4


def test_a_library_for_other_programs_is_installed_beside_the_plugin(build: SourceBuild, tmp_path: Path) -> None:
    with (build.source / "CMakeLists.txt").open("a") as file:
        file.write("add_library(Enzyme-15 SHARED plugin.c)\n")
    plugin = dataclasses.replace(build, flags=("-DNAME=LLVMEnzyme-15", "-DANSWER=42")).plugin(tmp_path / "engine")
    assert sorted(each.name for each in plugin.parent.glob("*.so")) == ["LLVMEnzyme-15.so", "libEnzyme-15.so"]


def test_two_plugins_of_other_names_are_one_too_many(build: SourceBuild, tmp_path: Path) -> None:
    with (build.source / "CMakeLists.txt").open("a") as file:
        file.write("add_library(Other MODULE plugin.c)\n")
    with pytest.raises(Failure, match="E0417") as caught:
        build.plugin(tmp_path / "engine")
    assert caught.value.diagnostics[0].notes == ("built: StandIn.so, libOther.so",)


@pytest.mark.parametrize(("file", "text", "what"), [("CMakeLists.txt", "nonsense(\n", "configured"), ("plugin.c", "nonsense\n", "built")])
def test_a_build_that_fails_shows_the_first_errors_and_keeps_all(
    build: SourceBuild, tmp_path: Path, file: str, text: str, what: str
) -> None:
    (build.source / file).write_text(text)
    with pytest.raises(Failure, match=f"E0416.*cannot be {what}") as caught:
        build.plugin(tmp_path / "engine")
    words, log = caught.value.diagnostics[0].notes[0], caught.value.diagnostics[0].notes[-1]
    assert "rror" in words
    assert words in Path(log.removeprefix("all that was said is in ")).read_text()


def test_what_is_missing_on_path_is_named(build: SourceBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match=r"E0415.*needs `cmake` and `ninja`"):
        build.plugin(tmp_path / "engine")


def test_a_folder_without_a_project_and_an_llvm_without_its_files_are_told(tools: LlvmTools, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="E0262"):
        source_build.of_configuration(tmp_path, None, (), 0, 22)
    with pytest.raises(Failure, match="E0414") as caught:
        source_build.of_configuration(PROJECT, str(tools.bin / "llvm-config"), (), 0, 14)
    assert caught.value.diagnostics[0].notes == (f"LLVM {tools.version}: newer than 14",)


def test_the_state_is_that_of_all_files_but_of_the_version_control(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a").write_text("1")
    before = source_build.state(tmp_path)
    (tmp_path / ".git" / "index").write_text("1")
    assert source_build.state(tmp_path) == before
    (tmp_path / "a").write_text("12")
    assert source_build.state(tmp_path) != before


@pytest.fixture
def slope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """Builds a unit with the engine of the source beside it, and calls its derivative."""
    shutil.copytree(PROJECT, tmp_path / "plugin")
    (tmp_path / "u.c").write_text("double f(double x) { return x * x; }\n")
    (tmp_path / "config.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)

    def called() -> float:
        assert holoenzyme.main(["build", "-q"]) == 0
        [library] = tmp_path.glob("build/*/u/libu.so")
        copy = shutil.copy(library, tmp_path / f"{os.urandom(4).hex()}.so")  # the loader gives what it has for a path that it knows
        function = ctypes.CDLL(str(copy))["df"]
        function.restype = ctypes.c_double
        return float(function(ctypes.c_double(3), ctypes.c_double(1)))

    return called


def test_a_unit_is_built_with_it_and_again_when_its_source_has_changed(slope: Callable[[], float], tmp_path: Path) -> None:
    assert slope() == 42
    source = tmp_path / "plugin" / "stand_in.cpp"
    source.write_text(source.read_text().replace("getType(), ANSWER)", "getType(), ANSWER + 1)"))
    assert slope() == 43
