"""`x.py test`, with programs that stand in for the tools: they write down how they were called, and fail when they are told to."""

import argparse
from pathlib import Path

import pytest

from bootstrap import environment, installation
from bootstrap.commands import test as command

TOOL = """#!/bin/sh
echo "${0##*/} $*" >> {calls}
case " $FAILING " in *" ${0##*/} "*) echo "${0##*/} is not content"; exit 3;; esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the tools write down their calls."""
    written = tmp_path / "calls"
    (tmp_path / "bin").mkdir()
    for name in ("ruff", "mypy", "lint-imports", "python"):
        (tmp_path / "bin" / name).write_text(TOOL.replace("{calls}", str(written)))
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setattr(environment, "location", lambda _: str(tmp_path))
    monkeypatch.setattr(installation, "provide", lambda lock: written.write_text(f"provide {lock}\n"))
    return written


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.arguments(parser.add_subparsers().add_parser("test"))
    return parser.parse_args(["test", *words])


def test_every_check_is_run_in_order_and_pytest_last(calls: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command.run(parsed()) == 0
    assert calls.read_text().splitlines() == [
        "provide requirements-dev.lock",
        "ruff check",
        "ruff format --check",
        "mypy ",
        "lint-imports ",
        "python -m pytest",
    ]
    lines = capfd.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["ruff check", "ruff format", "mypy", "import-linter", "pytest"]
    assert all("passed" in line for line in lines)


@pytest.mark.parametrize("tool", ["mypy", "python"])
def test_one_that_fails_stops_no_other_and_is_named(
    calls: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    monkeypatch.setenv("FAILING", tool)
    assert command.run(parsed()) == 1
    assert len(calls.read_text().splitlines()) == 6
    said = capfd.readouterr()
    assert f"{tool} is not content" in said.out + said.err
    assert said.err.splitlines()[-1] == f"failed: {'pytest' if tool == 'python' else tool}"


@pytest.mark.parametrize("words", [["tests/plugin", "-k", "foo"], ["-x"], ["-v", "-k", "foo", "--json"]])
def test_words_are_for_pytest_alone(calls: Path, words: list[str]) -> None:
    assert command.run(parsed(*words)) == 0
    assert calls.read_text().splitlines()[1:] == [f"python -m pytest {' '.join(words)}"]
