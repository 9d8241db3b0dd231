"""What setuptools is told: only who asks has launchers before the compilers. The builds themselves are in tests/test_builds.py."""

import types
from pathlib import Path

import pytest
from setuptools import Distribution

from plugin.wrap import extensions
from plugin.wrap.resolve import DEFAULT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "project",
    [
        None,
        "not TOML",
        '[build-system]\nrequires = ["setuptools"]\n',
        '[build-system]\nrequires = ["setuptools", "holoenzymes"]\n',
        '[tool.other]\nname = "holoenzyme"\n',
    ],
)
def test_who_does_not_ask_is_left_alone(folder: Path, project: str | None) -> None:
    distribution = Distribution()
    if project is not None:
        (folder / "pyproject.toml").write_text(project)
    before = distribution.get_command_class("build_ext")
    extensions.finalize(distribution)
    assert distribution.get_command_class("build_ext") is before


@pytest.mark.parametrize(
    ("project", "is_own"),
    [
        ('[build-system]\nrequires = ["setuptools", "holoenzyme>=0.1"]\n', False),
        ('[build-system]\nrequires = ["setuptools", "Holoenzyme"]\n[tool.holoenzyme.llvm]\nenzyme = true\n', True),
        ("[tool.holoenzyme.llvm]\nenzyme = true\n", True),
    ],
)
def test_who_asks_has_launchers_with_the_configuration(
    folder: Path, project: str, *, is_own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text(project)
    (folder / "holoenzyme").touch()
    monkeypatch.setattr("sys.argv", [str(folder / "setup.py")])
    distribution = Distribution({"name": "tested", "ext_modules": []})
    extensions.finalize(distribution)
    command = distribution.get_command_obj("build_ext")
    command.extensions = []
    command.compiler = types.SimpleNamespace(compiler_so=["ccache", "gcc", "-O2"], linker_so=["gcc", "-shared"])
    command.build_extensions()
    start = [str(folder / "holoenzyme"), "--config", str(folder / "pyproject.toml" if is_own else DEFAULT), "cc"]
    assert command.compiler.compiler_so == [*start, "--launch=1", "ccache", "gcc", "-O2"]
    assert command.compiler.linker_so == [*start, "--launch=0", "gcc", "-shared"]
