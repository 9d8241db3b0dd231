"""`audit changes` and `changes --rust-src`: a small rust tree as a folder, as a checkout, and against another revision."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from bootstrap import rust_tree
from bootstrap.commands import audit_changes, changes
from bootstrap.diagnostics import Failure
from tests.bootstrap.commands.running import run
from tests.change_tracker.rust_tree import CONFIG, EXAMPLE, TRACKER, files

RIGHT = {"example": EXAMPLE.replace('#submodules = [\n#    "a",\n#    "b",\n#]', "#submodules = where it is a checkout")}
WRONG = {"example": RIGHT["example"].replace('#lto = "thin"', '#lto = "fat"')}


def lay(root: Path, **changed: str | None) -> Path:
    """The small tree in the folder `root`."""
    for name, content in files(**changed).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return lay(tmp_path / "rust", **RIGHT)


def test_a_tree_that_is_right_is_summed_up(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit_changes, "--rust-src", str(tree)) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "3 entries, 1 info, 2 warning" in said.err
    assert "no complete git checkout" in said.err


def test_a_finding_shows_both_places(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tree, **WRONG)
    assert run(audit_changes, "--rust-src", str(tree)) == 1
    said = capsys.readouterr().out
    line = WRONG["example"].splitlines().index('#lto = "fat"') + 1
    assert "error[E0137]: the default of `rust.lto` is documented as" in said
    assert f"config.example.toml:{line}:2" in said
    assert "        None => " in said


def test_hints_are_warnings(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tree, **RIGHT, tracker=TRACKER.replace("Removed `rust.old`", "Removed `rust.old`, see `rust.lot`"))
    assert run(audit_changes, "--rust-src", str(tree)) == 0
    lay(tree, **RIGHT, tracker=TRACKER.replace("New option", "Default value changed. See `rust.lot`. New option"))
    assert run(audit_changes, "--rust-src", str(tree)) == 0
    said = capsys.readouterr().out
    assert "warning[E0133]" in said
    assert "warning[E0134]" in said


def test_the_levels_of_the_command_line_count(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay(tree, **RIGHT, tracker=TRACKER.replace("New option", "Default value changed. New option"))
    assert run(audit_changes, "--rust-src", str(tree), "-D", "E0133") == 1
    assert "error[E0133]" in capsys.readouterr().out
    assert run(audit_changes, "--rust-src", str(tree), "-A", "E0133") == 0
    assert capsys.readouterr().out == ""
    with pytest.raises(Failure, match="E0257"):
        run(audit_changes, "--rust-src", str(tree), "-A", "E9999")


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_every_form_is_printed(tree: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    lay(tree, **WRONG)
    assert run(audit_changes, "--rust-src", str(tree), "--format", form) == 1
    assert "E0137" in capsys.readouterr().out


def git(root: Path, *words: str, at: int = 0) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"@{1700000000 + at} +0000") if at else {}
    subprocess.run(["git", *identity, "-C", root, *words], check=True, capture_output=True, env={**os.environ, **dates})


@pytest.fixture
def checkout(tree: Path) -> Path:
    """The tree as a checkout, its entries landed in their order."""
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "first", at=100)
    return tree


def with_entry(text: str, place: str) -> str:
    entry = '    ChangeInfo {\n        change_id: 200,\n        severity: ChangeSeverity::Info,\n        summary: "s",\n    },\n'
    return text.replace(place, entry + place)


@pytest.mark.needs("git")
def test_an_entry_that_landed_later_and_stands_before_others_is_found(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit_changes, "--rust-src", str(checkout)) == 0
    assert "no complete git checkout" not in capsys.readouterr().err
    lay(checkout, **RIGHT, tracker=with_entry(TRACKER, "    // a comment\n"))
    git(checkout, "commit", "-q", "-a", "-m", "second", at=200)
    assert run(audit_changes, "--rust-src", str(checkout)) == 1
    said = capsys.readouterr().out
    assert "error[E0132]: 102 landed before 200 and stands behind it" in said
    lay(checkout, **RIGHT, tracker=with_entry(TRACKER, "];"))
    git(checkout, "commit", "-q", "-a", "-m", "third", at=300)
    assert run(audit_changes, "--rust-src", str(checkout)) == 0


@pytest.mark.needs("git")
def test_two_revisions_and_two_trees_are_compared(checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = lay(tmp_path / "old", **RIGHT)
    config = CONFIG.replace('docs: Option<bool> = "docs",', 'docs: Option<bool> = "docs",\n        ccache: Option<bool> = "ccache",')
    example = RIGHT["example"].replace("#docs = true", "#docs = true\n#ccache = false")
    lay(checkout, config=config, example=example)
    for base in ("HEAD", str(old)):
        assert run(audit_changes, "--rust-src", str(checkout), "--since", base) == 1
        assert "error[E0139]: `build.ccache` was added, and no entry says so" in capsys.readouterr().out
    lay(checkout, config=config, example=example, tracker=with_entry(TRACKER, "];").replace('"s"', '"New option `build.ccache`."'))
    assert run(audit_changes, "--rust-src", str(checkout), "--since", "HEAD") == 0


@pytest.mark.needs("git")
@pytest.mark.parametrize("name", ["nosuch", "--output=x", "HEAD:src"])
def test_a_revision_that_is_none_is_an_error(checkout: Path, name: str) -> None:
    with pytest.raises(Failure, match="E0286"):
        run(audit_changes, "--rust-src", str(checkout), f"--since={name}")


def test_what_is_no_tree_is_an_error(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(Failure, match="E0287") as caught:
            run(audit_changes, "--rust-src", str(name))
        assert caught.value.exit_status == 2
    with pytest.raises(Failure, match="E0200"):
        run(audit_changes)


def test_the_extra_is_asked_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tree_sitter", None)
    with pytest.raises(Failure, match="needs tree-sitter"):
        rust_tree.read(tree)


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(changes, *words) == 0
    return capsys.readouterr().out


def test_a_distributor_hears_what_concerns_the_keys_that_are_set(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bootstrap.toml").write_text("change-id = 100\n[build]\njobs = 3\n")
    said = answer(capsys, "--rust-src", str(tree), "--config", str(tmp_path))
    assert "warning    102  Default value of `build.jobs` was changed" in said
    assert "rust.old" not in said
    assert "1 more name no key that" in said
    assert "rust.old" in answer(capsys, "--rust-src", str(tree), "--config", str(tmp_path), "--all")
    found = json.loads(answer(capsys, "--rust-src", str(tree), "--config", str(tmp_path), "--json"))
    assert [(each["id"], each["concerns"]) for each in found["changes"]] == [(102, True), (101, False)]


def test_since_beats_the_file_and_needs_none(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "--rust-src", str(tree), "--since", "102").split()[:2] == ["warning", "101"]
    assert "no changes since 101" in answer(capsys, "--rust-src", str(tree), "--since", "101")
    assert "no changes since 999" in answer(capsys, "--rust-src", str(tree), "--since", "999")
    assert len(answer(capsys, "--rust-src", str(tree)).splitlines()) == 3


def test_an_id_that_is_no_entry_is_an_error_and_no_flood(tree: Path) -> None:
    with pytest.raises(Failure, match="99 is no entry of this tree's history") as caught:
        run(changes, "--rust-src", str(tree), "--since", "99")
    assert caught.value.diagnostics[0].code == "E0285"
