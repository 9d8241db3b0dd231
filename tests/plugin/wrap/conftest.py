"""The projects in which the compilers' stand-ins are tested."""

import dataclasses
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugin.wrap.project import CLANG, FILES, START, TRIPLE, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose compiler is clang-15."""
    made = Project(tmp_path / "project", ("--set", f'target.{TRIPLE}.cc="{CLANG}"', "--set", f'target.{TRIPLE}.cxx="{CLANG}"'))
    made.write(FILES)
    return made


@pytest.fixture
def beside(tmp_path: Path) -> Project:
    """The same project in another folder, for what the compiler does by itself."""
    made = Project(tmp_path / "beside")
    made.write(FILES)
    return made


@pytest.fixture
def stand_in_program(project: Project, tmp_path: Path) -> Path:
    """`holoenzyme-cc` as a file, in front of the project's compiler."""
    words = shlex.join([sys.executable, "-c", START, *project.options, "cc"])
    path = tmp_path / "bin" / "holoenzyme-cc"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def configured(project: Project) -> Callable[[str], Project]:
    """The project with a configuration of its own that turns Enzyme on."""

    def with_text(text: str) -> Project:
        head = f'[llvm]\nenzyme = true\n[rust]\nchannel = "nightly"\n[target.{TRIPLE}]\ncc = "{CLANG}"\ncxx = "{CLANG}"\n'
        project.write({"config.toml": head + text})
        return dataclasses.replace(project, options=())

    return with_text
