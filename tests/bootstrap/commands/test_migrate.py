"""`config migrate`: a diff first, the file with a backup on request, and nothing by halves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import news
from bootstrap.commands import migrate
from bootstrap.config import load
from bootstrap.diagnostics import Failure
from change_tracker import history
from tests.bootstrap.commands.running import run

FIRST = 'severity = "info"\nkind = "behaviour"\nsummary = "s"\nsince = "0.1.0"\n'
RENAMED = """
severity = "warning"
kind = "renamed"
keys = ["build.workers", "build.jobs"]
summary = "s"
since = "0.2.0"
[[migration]]
rename = "build.workers"
to = "build.jobs"
"""
DEFAULT = """
severity = "warning"
kind = "default-changed"
keys = ["llvm.link-shared"]
summary = "s"
since = "0.2.0"
[[migration]]
pin = "llvm.link-shared"
value = false
"""
OLD = "# mine\nchange-id = 1\n\n[build]\nworkers = 3 # not too many\n"
NEW = "# mine\nchange-id = 3\n\n[build]\njobs = 3 # not too many\n\n[llvm]\nlink-shared = false\n"


@pytest.fixture(autouse=True)
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A history in which a key was renamed and a default changed, and an empty folder to work in."""
    folder = tmp_path / "changes"
    folder.mkdir()
    for number, text in enumerate((FIRST, RENAMED, DEFAULT), start=1):
        (folder / f"{number:04}-x.toml").write_text(text)
    monkeypatch.setattr(history.read, "__defaults__", (folder,))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("HOLOENZYME_CONFIG", raising=False)
    (work / "config.toml").write_text(OLD)
    news.past.cache_clear()
    yield work
    news.past.cache_clear()


def test_the_diff_is_shown_and_nothing_is_written(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(migrate) == 0
    said = capsys.readouterr()
    assert "-workers = 3 # not too many\n+jobs = 3 # not too many\n" in said.out
    assert "`build.workers` is `build.jobs` (change 2)" in said.err
    assert "nothing is written; `holoenzyme config migrate --write` does it" in said.err
    assert (past / "config.toml").read_text() == OLD
    assert [each.name for each in past.iterdir()] == ["config.toml"]


def test_the_file_is_written_with_a_backup_and_is_valid(past: Path) -> None:
    assert run(migrate, "--write") == 0
    assert (past / "config.toml").read_text() == NEW
    assert (past / "config.toml.orig").read_text() == OLD
    assert load(past / "config.toml").config.build.jobs == 3


def test_a_second_time_there_is_nothing_to_do(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(migrate, "--write")
    capsys.readouterr()
    assert run(migrate, "--write") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "nothing to do" in said.err
    assert sorted(each.name for each in past.iterdir()) == ["config.toml", "config.toml.orig"]


def test_a_backup_is_never_overwritten(past: Path) -> None:
    (past / "config.toml.orig").write_text("precious")
    run(migrate, "--write")
    assert (past / "config.toml.orig").read_text() == "precious"
    assert (past / "config.toml.orig.1").read_text() == OLD


def test_new_defaults_can_be_taken(past: Path) -> None:
    run(migrate, "--write", "--accept-defaults")
    assert "link-shared" not in (past / "config.toml").read_text()


def test_what_an_included_file_sets_needs_no_pin(past: Path) -> None:
    (past / "site.toml").write_text("[llvm]\nlink-shared = true\n")
    (past / "config.toml").write_text('change-id = 2\ninclude = ["site.toml"]\n')
    run(migrate, "--write")
    assert (past / "config.toml").read_text() == 'change-id = 3\ninclude = ["site.toml"]\n'


def test_a_dry_run_writes_nothing(past: Path) -> None:
    assert run(migrate, "--write", "--dry-run") == 0
    assert (past / "config.toml").read_text() == OLD


def test_the_mode_the_mark_and_the_link_stay(past: Path) -> None:
    real = past / "real.toml"
    real.write_bytes(b"\xef\xbb\xbf" + OLD.encode())
    real.chmod(0o600)
    (past / "config.toml").unlink()
    (past / "config.toml").symlink_to("real.toml")
    run(migrate, "--write")
    assert (past / "config.toml").is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbf" + NEW.encode()
    assert (past / "real.toml.orig").read_bytes() == b"\xef\xbb\xbf" + OLD.encode()
    assert real.stat().st_mode & 0o777 == 0o600


def test_json_says_what_was_done(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(migrate, "--write", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["written"] is True
    assert Path(said["backup"]).read_text() == OLD
    assert [each["change"] for each in said["applied"]] == [2, 3, None]
    assert os.fspath(past) in os.fspath(Path(said["file"]).resolve())


@pytest.mark.parametrize(
    "text", ["[build]\njobs = 3\nchange-id = 3\n", 'change-id = "3"\n[build]\njobs = 3\n', "change-id = 3.0\n[build]\njobs = 3\n"]
)
def test_a_change_id_in_another_place_or_form_is_put_right(past: Path, text: str) -> None:
    (past / "config.toml").write_text(text)
    run(migrate, "--write")
    assert load(past / "config.toml").config.change_id == 3


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("change-id = 1\n[build]\nworkers = 3\njobs = 4\n", "E0289", "and the file sets both"),
        ("change-id = 9\n", "E0289", "the file knows change 9, and this version of holoenzyme only 3"),
        ("change-id = \n", "E0205", "not valid TOML"),
    ],
)
def test_what_cannot_be_carried_over_stays_as_it_is(past: Path, text: str, code: str, message: str) -> None:
    (past / "config.toml").write_text(text)
    with pytest.raises(Failure, match=message) as caught:
        run(migrate, "--write")
    assert caught.value.diagnostics[0].code == code
    assert caught.value.diagnostics[0].span is not None
    assert (past / "config.toml").read_text() == text


def test_without_a_file_there_is_nothing_to_carry_over(past: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (past / "config.toml").unlink()
    monkeypatch.setattr("bootstrap.config.files.CHECKOUT", past)
    with pytest.raises(Failure, match="E0201"):
        run(migrate)


KINDS = {
    "renamed": (
        'kind = "renamed"\nkeys = ["build.workers", "build.jobs"]\n[[migration]]\nrename = "build.workers"\nto = "build.jobs"\n',
        "[build]\nworkers = 3\n",
        ("build", "workers"),
        "`build.workers` was renamed to `build.jobs` in change 2 (0.2.0)",
        ("build.jobs", 3),
    ),
    "moved": (
        'kind = "moved"\nkeys = ["llvm.jobs", "build.jobs"]\n[[migration]]\nrename = "llvm.jobs"\nto = "build.jobs"\n',
        "[llvm]\njobs = 3\n",
        ("llvm", "jobs"),
        "`llvm.jobs` was moved to `build.jobs` in change 2 (0.2.0)",
        ("build.jobs", 3),
    ),
    "removed": (
        'kind = "removed"\nkeys = ["rust.parallel"]\n[[migration]]\nremove = "rust.parallel"\n',
        "[rust]\nparallel = true\n[build]\njobs = 3\n",
        ("rust", "parallel"),
        "`rust.parallel` was removed in change 2 (0.2.0)",
        ("build.jobs", 3),
    ),
    "value-changed": (
        (
            'kind = "value-changed"\nkeys = ["enzyme.provider"]\n'
            '[[migration]]\nrewrite = "enzyme.provider"\nfrom = "download"\nto = "pinned"\n'
        ),
        '[enzyme]\nprovider = "download"\n',
        ("enzyme", "provider"),
        "`enzyme.provider` says `pinned` instead of `download` in change 2 (0.2.0)",
        ("enzyme.provider", "pinned"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_file_is_explained_and_carried_over(past: Path, kind: str) -> None:
    entry, text, path, words, (name, value) = KINDS[kind]
    changes = past.parent / "changes"
    (changes / "0002-x.toml").write_text(f'severity = "warning"\nsummary = "s"\nsince = "0.2.0"\n{entry}')
    (changes / "0003-x.toml").unlink()
    (past / "config.toml").write_text(f"change-id = 1\n{text}")
    with pytest.raises(Failure) as caught:
        load(past / "config.toml")
    assert caught.value.diagnostics[0].code in {"E0204", "E0206"}
    assert news.explained(path, "download") == words
    run(migrate, "--write")
    table, _, last = name.partition(".")
    config = load(past / "config.toml").config
    assert getattr(getattr(config, table), last) == value
    assert config.change_id == 2


def test_a_default_that_changed_is_told_and_the_old_one_is_kept(past: Path) -> None:
    (past / "config.toml").write_text("change-id = 2\n")
    found = news.news_of(2, {})
    assert [each.id for each in found.concerning] == [3]
    run(migrate, "--write")
    assert load(past / "config.toml").config.llvm.link_shared is False
