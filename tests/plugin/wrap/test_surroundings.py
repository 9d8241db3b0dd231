"""`env`: what it prints is what builds need, held against real builds."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.process import run
from plugin.wrap import surroundings
from tests.plugin.wrap.project import CLANG, ROOT, START, Project


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the programs that an installation has."""
    folder = tmp_path / "an installation"
    folder.mkdir()
    for name in ("holoenzyme", "holoenzyme-cc", "holoenzyme-c++", "holoenzyme-rustc"):
        (folder / name).write_text(f"#!{sys.executable}\n{START}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def env(installed: Path, *words: str, cwd: Path) -> str:
    done = run([installed / "holoenzyme", "env", *words], cwd=cwd)
    assert done.status == 0, done.stderr
    return done.stdout


@pytest.mark.needs(CLANG, "make")
def test_a_shell(configured: Callable[[str], Project], installed: Path) -> None:
    project = configured("")
    project.write({"Makefile": "program: main.o call.o\n\t$(CC) -o $@ $^\n"})
    (project.folder / "assignments").write_text(env(installed, cwd=project.folder))
    done = run(["sh", "-c", ". ./assignments; make -s && ./program"], cwd=project.folder)
    assert (done.stdout, done.status) == ("12\n", 0), done.stderr


CMAKE = """
cmake_minimum_required(VERSION 3.19)
project(demo C CXX)
add_executable(program main.c call.c)
"""


@pytest.mark.needs(CLANG, "cmake")
@pytest.mark.parametrize("is_configured", [True, False])
def test_cmake(configured: Callable[[str], Project], installed: Path, *, is_configured: bool) -> None:
    project = configured("")
    if not is_configured:
        (project.folder / "config.toml").unlink()
    project.write({"CMakeLists.txt": CMAKE})
    (project.folder / "cache.cmake").write_text(env(installed, "--format", "cmake", cwd=project.folder))
    for words in (["-S", ".", "-B", "out", "-C", "cache.cmake"], ["--build", "out"]):
        done = run(["cmake", *words], cwd=project.folder)
        assert done.status == 0, done.stdout + done.stderr
    assert project.output("out/program") == "12\n"


@pytest.mark.needs(CLANG, "meson", "ninja")
def test_meson(configured: Callable[[str], Project], installed: Path) -> None:
    project = configured("")
    project.write({"meson.build": "project('demo', 'c')\nexecutable('program', 'main.c', 'call.c')\n"})
    (project.folder / "native.ini").write_text(env(installed, "--format", "meson", cwd=project.folder))
    for words in (["setup", "out", "--native-file", "native.ini"], ["compile", "-C", "out"]):
        done = run(["meson", *words], cwd=project.folder)
        assert done.status == 0, done.stdout + done.stderr
    assert project.output("out/program") == "12\n"


def test_json(tmp_path: Path, installed: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    told = json.loads(env(installed, "--format", "json", cwd=tmp_path))
    assert told["environment"]["RUSTC_WRAPPER"] == str(installed / "holoenzyme-rustc")
    assert told["environment"]["HOLOENZYME_CONFIG"] == str(tmp_path / "config.toml")
    assert told["commands"]["c++"] == [str(installed / "holoenzyme"), "--config", str(tmp_path / "config.toml"), "c++"]
    assert told["cmake"] == str(ROOT / "plugin" / "wrap" / "cmake")


def test_a_checkout_has_links_to_its_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "CHECKOUT", tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "x.py")])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    shutil.copy(ROOT / "x.py", tmp_path)
    for _ in range(2):
        made = surroundings.surroundings(None)
        assert made.programs["c++"] == tmp_path / "build" / "stand-ins" / "holoenzyme-c++"
        assert made.programs["c++"].resolve() == tmp_path / "x.py"
