"""`changes`: always an answer, for every `change-id` and even for a file that is not valid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.commands import changes
from bootstrap.diagnostics import Failure
from change_tracker import history, numbers
from tests.bootstrap.commands.running import run

ENTRY = 'severity = "{severity}"\nkind = "{kind}"\nkeys = {keys}\nsummary = "{summary}"\nsince = "0.2.0"\n'


@pytest.fixture(autouse=True)
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four changes, of which one concerns who sets `build.jobs`, and an empty folder to work in."""
    folder = tmp_path / "changes"
    folder.mkdir()
    told = [
        ("info", "added", '["build.jobs"]', "the first"),
        ("warning", "value-changed", '["build.jobs"]', "jobs are counted from one"),
        ("info", "added", '["build.log"]', "a log"),
        ("info", "added", '["build.more"]', "more"),
    ]
    for number, (severity, kind, keys, summary) in enumerate(told, start=1):
        text = ENTRY.format(severity=severity, kind=kind, keys=keys, summary=summary)
        (folder / f"{number:04}-x.toml").write_text(text)
    for function in (numbers.listed, history.read):
        monkeypatch.setattr(function, "__defaults__", (folder,))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("HOLOENZYME_CONFIG", raising=False)
    return work


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(changes, *words) == 0
    return capsys.readouterr().out


def test_what_concerns_the_configuration_is_told_and_the_rest_is_counted(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (past / "config.toml").write_text("change-id = 1\n[build]\njobs = 3\n")
    said = answer(capsys)
    assert "3 changes of the configuration since change 1, which `config.toml` knows" in said
    assert "  warning   2  jobs are counted from one (0.2.0)\n" in said
    assert "2 more do not concern it: `holoenzyme changes --all` shows them" in said
    assert "`holoenzyme config migrate` carries the file over" in said
    assert "write `change-id = 4` when you know them" in said
    assert "a log" not in said
    assert "a log" in answer(capsys, "--all")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("change-id = 4", "`config.toml` knows every change of the configuration, up to 4"),
        ("", "`config.toml` has no `change-id` to go by; write `change-id = 4` at its top"),
        ('change-id = "ignore"', "is told no changes; the latest is 4"),
        ("change-id = 9", "knows change 9, and this version only 4: it is older than the configuration"),
        ("change-id = 9223372036854775807", "it is older than the configuration"),
    ],
)
def test_there_is_always_an_answer(past: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    (past / "config.toml").write_text(text + "\n")
    assert said in answer(capsys)


def test_an_id_that_was_lost_is_said_and_nobody_is_flooded(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (past.parent / "changes" / "0002-x.toml").unlink()
    (past / "config.toml").write_text("change-id = 2\n")
    said = answer(capsys)
    assert "`change-id = 2`, which is no change of this version" in said
    assert "a log" not in said


@pytest.mark.parametrize("change_id", ['"1"', "1.0"])
def test_a_file_that_is_not_valid_has_news_as_well(past: Path, capsys: pytest.CaptureFixture[str], change_id: str) -> None:
    (past / "config.toml").write_text(f"change-id = {change_id}\n[build]\njobs = 3\nno-key = 1\n")
    assert "jobs are counted from one" in answer(capsys)


def test_without_a_configuration_all_changes_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(capsys)
    assert said.startswith("4 changes of the configuration\n")
    assert all(words in said for words in ("the first", "jobs are counted from one", "a log", "more"))
    assert "change-id" not in said


def test_since_beats_the_configuration(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (past / "config.toml").write_text("change-id = 1\n")
    said = json.loads(answer(capsys, "--since", "2", "--json"))
    assert [each["id"] for each in said["changes"]] == [3, 4]
    assert answer(capsys, "--since", "2").startswith("2 changes of the configuration since change 2\n")
    assert answer(capsys, "--since", "4") == "no changes of the configuration since change 4\n"


def test_json_says_what_concerns(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (past / "config.toml").write_text("change-id = 1\n[build]\njobs = 3\n")
    said = json.loads(answer(capsys, "--json"))
    assert (said["standing"], said["since"], said["latest"]) == ("behind", 1, 4)
    assert [(each["id"], each["concerns"]) for each in said["changes"]] == [(2, True), (3, False), (4, False)]
    assert said["changes"][0]["keys"] == ["build.jobs"]


@pytest.mark.parametrize("number", ["-1", "5", "99999999999999999999"])
def test_an_id_that_is_not_there_is_an_error(number: str) -> None:
    with pytest.raises(Failure, match="E0285") as caught:
        run(changes, "--since", number)
    assert caught.value.exit_status == 2


def test_all_that_was_taken_back_is_said_in_a_line(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = ENTRY.format(severity="info", kind="behaviour", keys="[]", summary="back") + "reverts = [2, 3, 4]\n"
    (past.parent / "changes" / "0005-x.toml").write_text(text)
    (past / "config.toml").write_text("change-id = 1\n")
    assert answer(capsys) == "all that changed in the configuration since change 1 was taken back\n"


def test_a_file_that_is_no_toml_is_an_error(past: Path) -> None:
    (past / "config.toml").write_text("change-id = \n")
    with pytest.raises(Failure, match="E0205"):
        run(changes)


def test_the_page_of_the_manual_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "## 2: value-changed (warning, since 0.2.0)" in answer(capsys, "--format", "markdown")
