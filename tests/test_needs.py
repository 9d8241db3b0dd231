"""The marker `needs` of conftest.py, in a pytest of its own."""

import shutil
import sys
from pathlib import Path

import pytest

from bootstrap.process import run

CASE = """
import pytest

@pytest.mark.needs("no-such-tool", "sh-that-fails")
def test_case():
    raise AssertionError("it ran")

@pytest.mark.needs("python3")
def test_other():
    pass
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with this conftest, and a tool on PATH that does not start."""
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_case.py").write_text(CASE)
    (tmp_path / "pytest.toml").write_text('[pytest]\nmarkers = ["needs(*names)"]\n')
    shim = tmp_path / "bin" / "sh-that-fails"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path


@pytest.mark.parametrize(
    ("required", "summary", "reason"),
    [
        ("", "1 passed, 1 skipped", "needs no-such-tool, sh-that-fails"),
        ("clang-15,sh-that-fails", "1 passed, 1 error", "HOLOENZYME_REQUIRE names sh-that-fails"),
    ],
)
def test_a_missing_tool_skips_a_test_unless_it_was_promised(project: Path, required: str, summary: str, reason: str) -> None:
    env = {"HOLOENZYME_REQUIRE": required, "PYTHONPATH": str(Path(__file__).parents[1])}  # the conftest imports ours
    done = run([sys.executable, "-m", "pytest", "-ra", project], cwd=project, env=env)
    assert summary in done.stdout
    assert reason in done.stdout
