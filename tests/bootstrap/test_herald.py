"""News after a command: told once on a terminal, never elsewhere, and whatever is wrong with the record costs nothing."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from bootstrap import herald
from bootstrap.config import resolve
from bootstrap.console import Console, console
from change_tracker import history, numbers, told

ENTRY = 'severity = "warning"\nkind = "value-changed"\nkeys = ["build.jobs"]\nsummary = "change {number}"\nsince = "0.2.0"\n'


class Terminal:
    """Standard error, as a person reads it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    @property
    def text(self) -> str:
        """What was said since it was asked for last."""
        return self.capsys.readouterr().err


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A person watches."""
    monkeypatch.setattr(Console, "interactive", property(lambda self: self.verbosity >= 0))
    return Terminal(capsys)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Three changes, a state directory, a folder with a configuration that knows the first, and a console as at a start."""
    folder = tmp_path / "changes"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number:04}-x.toml").write_text(ENTRY.format(number=number))
    for function in (numbers.listed, numbers.latest, history.read):
        monkeypatch.setattr(function, "__defaults__", (folder,))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(console, "verbosity", 0)
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    write(place, "change-id = 1\n[build]\njobs = 1\n")
    yield place
    for each in (tmp_path / "state").rglob("*"):
        each.chmod(0o700)


def write(place: Path, text: str) -> None:
    (place / "config.toml").write_text(text)


def tell(place: Path, **more: Any) -> None:
    options = argparse.Namespace(**{"json": False, "dry_run": False, "command": "build", **more})
    herald.tell(resolve.read(place / "config.toml"), options)


def record(place: Path) -> Path:
    return place.parent / "state" / "holoenzyme" / "told" / told.name(os.path.realpath(place / "config.toml"))


def test_news_are_told_once(work: Path, terminal: Terminal) -> None:
    tell(work)
    said = terminal.text
    assert "2 changes of the configuration since change 1" in said
    assert "change 2 (0.2.0)" in said
    tell(work)
    assert terminal.text == ""


def test_a_later_change_is_told_alone(work: Path, terminal: Terminal) -> None:
    tell(work)
    (work.parent / "changes" / "0004-x.toml").write_text(ENTRY.format(number=4))
    assert "change 4" not in terminal.text
    tell(work)
    said = terminal.text
    assert "1 change of the configuration since change 3, which you were told of" in said
    assert "change 4 (0.2.0)" in said
    assert "change 3 (0.2.0)" not in said


def test_what_was_taken_back_again_is_not_told_at_all(work: Path, terminal: Terminal) -> None:
    tell(work)
    assert terminal.text
    for number, more in ((4, ""), (5, "reverts = [4]\n")):
        (work.parent / "changes" / f"{number:04}-x.toml").write_text(ENTRY.format(number=number) + more)
    tell(work)
    assert terminal.text == ""


@pytest.mark.parametrize("text", ["change-id = 3\n", 'change-id = "ignore"\n'])
def test_who_knows_all_or_wants_none_is_told_nothing(work: Path, terminal: Terminal, text: str) -> None:
    write(work, text)
    tell(work)
    assert terminal.text == ""
    assert not record(work).exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "has no `change-id` to go by; write `change-id = 3`"), ("change-id = 8\n", "it is older than the configuration")],
)
def test_a_standing_is_told_once_as_well(work: Path, terminal: Terminal, text: str, words: str) -> None:
    write(work, text)
    tell(work)
    assert words in terminal.text
    tell(work)
    assert terminal.text == ""


@pytest.mark.parametrize("more", [{"json": True}, {"dry_run": True}])
def test_programs_and_dry_runs_are_told_nothing(work: Path, terminal: Terminal, more: dict[str, bool]) -> None:
    tell(work, **more)
    assert terminal.text == ""
    assert not record(work).exists()


@pytest.mark.parametrize("value", ["true", "1", "yes"])
def test_ci_is_told_nothing(work: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CI", value)
    tell(work)
    assert terminal.text == ""
    assert not record(work).exists()


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_a_variable_that_says_no_is_no_ci(value: str) -> None:
    assert not herald.in_ci({"CI": value})


def test_a_quiet_run_is_told_nothing(work: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "verbosity", -1)
    tell(work)
    assert terminal.text == ""


def test_a_pipe_is_told_nothing_and_nothing_is_remembered(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell(work)
    assert capsys.readouterr().err == ""
    assert not record(work).exists()


def test_a_configuration_that_moved_is_told_anew(work: Path, terminal: Terminal) -> None:
    tell(work)
    assert terminal.text
    other = work.parent / "other"
    work.rename(other)
    tell(other)
    assert "2 changes" in terminal.text


def test_another_configuration_in_its_place_is_told_anew(work: Path, terminal: Terminal) -> None:
    write(work, "change-id = 2\n")
    tell(work)
    assert terminal.text
    write(work, "change-id = 1\n")
    tell(work)
    assert "2 changes" in terminal.text


@pytest.mark.parametrize("garbage", [b"", b"\xff\x00", b"{}", b"[" * 9000, b'{"told": 3}', b"3\n"])
def test_a_record_that_is_garbage_is_written_anew(work: Path, terminal: Terminal, garbage: bytes) -> None:
    record(work).parent.mkdir(parents=True)
    record(work).write_bytes(garbage)
    tell(work)
    assert "2 changes" in terminal.text
    tell(work)
    assert terminal.text == ""


def test_a_record_that_is_a_directory_is_no_obstacle(work: Path, terminal: Terminal) -> None:
    record(work).mkdir(parents=True)
    tell(work)
    assert "2 changes" in terminal.text


def test_a_state_that_cannot_be_written_is_no_obstacle(work: Path, terminal: Terminal) -> None:
    (work.parent / "state").write_text("a file")
    tell(work)
    assert "2 changes" in terminal.text


def test_no_file_has_no_news(work: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "config.toml").unlink()
    monkeypatch.setattr("bootstrap.config.files.CHECKOUT", work)
    herald.tell(resolve.read(None), argparse.Namespace(json=False, dry_run=False, command="build"))
    assert terminal.text == ""


def test_a_history_that_cannot_be_read_is_no_obstacle(work: Path, terminal: Terminal) -> None:
    for path in (work.parent / "changes").iterdir():
        path.unlink()
    (work.parent / "changes").rmdir()
    tell(work)
    assert terminal.text == ""


@pytest.mark.parametrize("module", ["change_tracker.change", "change_tracker.tracker", "bootstrap.news", "change_tracker.told"])
def test_who_knows_every_change_imports_nothing_for_it(module: str) -> None:
    code = f"""
import argparse, sys
from types import SimpleNamespace
from pathlib import Path
from bootstrap import herald
from bootstrap.console import Console
from change_tracker import numbers
Console.interactive = property(lambda self: True)
resolved = SimpleNamespace(file=Path("config.toml"), environment={{}}, data={{}}, config=SimpleNamespace(change_id=numbers.latest()))
herald.tell(resolved, argparse.Namespace(json=False, dry_run=False, command="build"))
sys.exit({module!r} in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


@pytest.mark.parametrize("variable", ["", "relative/state"])
def test_without_the_variable_the_records_are_where_platformdirs_has_them(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    expected = Path(platformdirs.user_state_dir("holoenzyme", appauthor=False), "told")
    monkeypatch.setenv("XDG_STATE_HOME", variable)
    assert herald.records() == expected
