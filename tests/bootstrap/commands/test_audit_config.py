"""`audit config`: our own model and history in a git checkout of a test's, and the file to write when something is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bootstrap.commands import audit_config
from bootstrap.config.export import exported
from bootstrap.diagnostics import Failure
from change_tracker import history, schema_diff
from change_tracker.change import key
from change_tracker.numbers import CHANGES
from tests.bootstrap.commands.running import run


def test_our_own_history_tells_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit_config, "--since", str(CHANGES.parent)) == 0, capsys.readouterr().out


@pytest.mark.needs("git")
def test_everything_since_the_last_release_or_the_parent_has_its_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit_config) == 0, capsys.readouterr().out


def test_the_exported_model_is_fresh() -> None:
    fresh = "run `./x.py audit config --export > change_tracker/model.json`"
    assert (CHANGES.parent / "model.json").read_text(encoding="utf-8") == schema_diff.written(exported()), fresh


def test_the_model_is_exported(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit_config, "--export") == 0
    assert schema_diff.parsed(capsys.readouterr().out) == schema_diff.parsed(schema_diff.written(exported()))


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, "-C", root, *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with today's model and history, committed once."""
    root = tmp_path / "checkout"
    (root / "change_tracker").mkdir(parents=True)
    shutil.copytree(CHANGES, root / "change_tracker" / "changes")
    (root / "change_tracker" / "model.json").write_text(schema_diff.written(exported()))
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    monkeypatch.setattr(audit_config, "ROOT", root)
    monkeypatch.setattr(history.read, "__defaults__", (root / "change_tracker" / "changes",))
    return root


def commit(root: Path) -> None:
    git(root, "commit", "-q", "--allow-empty", "-m", "more")


def add_key(monkeypatch: pytest.MonkeyPatch) -> None:
    model = {**exported(), key("build.log"): schema_diff.Entry(type="string", doc="where to write")}
    monkeypatch.setattr(audit_config, "exported", lambda: model)


@pytest.mark.needs("git")
def test_a_key_without_a_change_fails_with_the_file_to_write(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(checkout)
    add_key(monkeypatch)
    assert run(audit_config) == 1
    said = capsys.readouterr().out
    latest = history.read().latest
    assert "error[E0121]: `build.log` was added since HEAD^, and no change says so" in said
    assert f"write `change_tracker/changes/{latest + 1:04}-build-log-added.toml`:" in said
    text = 'severity = "info"\nkind = "added"\nkeys = ["build.log"]\nsummary = "`build.log`: where to write"\nsince = "0.2.0"\n'
    (checkout / "change_tracker" / "changes" / f"{latest + 1:04}-build-log-added.toml").write_text(text)
    assert run(audit_config) == 0


@pytest.mark.needs("git")
def test_a_change_that_was_deleted_fails_with_how_to_bring_it_back(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(checkout)
    path = next((checkout / "change_tracker" / "changes").iterdir())
    path.unlink()
    assert run(audit_config) == 1
    said = capsys.readouterr().out
    assert "was deleted" in said
    assert f"git checkout HEAD^ -- change_tracker/changes/{path.name}" in said


@pytest.mark.needs("git")
def test_the_last_release_is_compared_with_where_there_is_one(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git(checkout, "tag", "v0.1.0")
    git(checkout, "tag", "other")
    commit(checkout)
    add_key(monkeypatch)
    assert run(audit_config) == 1
    assert "since v0.1.0" in capsys.readouterr().out
    assert run(audit_config, "--since", "HEAD") == 1


@pytest.mark.needs("git")
def test_the_first_commit_is_held_against_the_model_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checkout.is_dir()
    add_key(monkeypatch)
    assert run(audit_config) == 1
    said = capsys.readouterr()
    assert "`build.log` was added, and no change says so" in said.out
    assert "there is no release and no parent to compare with" in said.err


@pytest.mark.needs("git")
def test_a_finding_in_a_file_has_its_place(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'severity = "info"\nkind = "removed"\nkeys = ["build.nothing"]\nsummary = "s"\nsince = "0.2.0"\n'
    latest = history.read().latest
    for number in (latest + 1, latest + 1):
        (checkout / "change_tracker" / "changes" / f"{number:04}-x.toml").write_text(text)
    (checkout / "change_tracker" / "changes" / f"{latest + 1:04}-y.toml").write_text("severity = \n")
    assert run(audit_config, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    by_code = {each["code"]: each for each in (found if isinstance(found, list) else found["diagnostics"])}
    assert {"E0122", "E0123", "E0124", "E0125", "E0127"} <= by_code.keys()


@pytest.mark.needs("git")
def test_a_key_without_a_change_is_shown_where_it_is_declared(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(checkout)
    changed = {**exported(), key("build.jobs"): schema_diff.Entry(type="integer >= 0 <= 4096", default=1)}
    monkeypatch.setattr(audit_config, "exported", lambda: changed)
    assert run(audit_config) == 1
    said = capsys.readouterr().out
    assert "config/model.py:" in said
    assert "    jobs: Annotated" in said
    assert 'pin = "build.jobs"' in said


@pytest.mark.needs("git")
def test_the_levels_of_the_command_line_count(checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert checkout.is_dir()
    add_key(monkeypatch)
    assert run(audit_config, "-W", "E0121") == 0
    assert "warning[E0121]" in capsys.readouterr().out
    assert run(audit_config, "-A", "E0121") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.needs("git")
@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_every_form_is_printed(checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert checkout.is_dir()
    add_key(monkeypatch)
    assert run(audit_config, "--format", form) == 1
    assert "E0121" in capsys.readouterr().out


@pytest.mark.needs("git")
@pytest.mark.parametrize("name", ["nosuch", "--upload-pack=x", "", "HEAD:change_tracker", "\udcff"])
def test_what_cannot_be_compared_with_is_an_error(checkout: Path, name: str) -> None:
    assert checkout.is_dir()
    with pytest.raises(Failure, match="E0286") as caught:
        run(audit_config, f"--since={name}")
    assert caught.value.exit_status == 2


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    for name in (tmp_path, tmp_path / "model.json"):
        with pytest.raises(Failure, match="holds no model of the configuration"):
            run(audit_config, "--since", str(name))
    (tmp_path / "model.json").write_bytes(b"\xff")
    with pytest.raises(Failure, match="cannot be read"):
        run(audit_config, "--since", str(tmp_path))
