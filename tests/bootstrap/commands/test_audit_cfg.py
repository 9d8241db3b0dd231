"""`audit cfg`: sources, formats, levels, baselines, comparisons."""

import json
import sys
from pathlib import Path

import pytest

from bootstrap.commands import audit
from bootstrap.diagnostics import Failure
from bootstrap.process import run as run_child
from tests.bootstrap.cfg.rust.small_tree import NAMES, SmallTree
from tests.bootstrap.commands.running import run

MISSING = frozenset({("disallowed", NAMES[0])})


@pytest.fixture
def tree(tmp_path: Path) -> str:
    """A tree in which one name is not disallowed."""
    return str(SmallTree(without=MISSING).write(tmp_path / "rust"))


def test_our_own_table_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit, "cfg") == run(audit, "cfg", "--own") == 0
    assert capsys.readouterr().out.count("nothing found") == 2


def test_findings_are_told_and_end_with_1(tree: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit, "cfg", "--rust-src", tree) == 1
    out = capsys.readouterr().out
    assert f"error[E0153]: C3: `{NAMES[0]}` is set by default and `--cfg` may set it too" in out
    assert "compiler/rustc_session/src/config/cfg.rs:" in out
    assert out.splitlines()[-1].endswith(": 2 errors, 13 notes")


@pytest.mark.parametrize("form", ["json", "github", "sarif"])
def test_each_format_has_the_place(tree: str, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert run(audit, "cfg", "--rust-src", tree, "--format", form) == 1
    out = capsys.readouterr().out
    assert "E0153" in out
    assert "cfg.rs" in out
    if form == "json":
        first = next(each for each in json.loads(out) if each["code"] == "E0153")
        assert first["span"]["line"] > 1
    elif form == "sarif":
        assert {each["ruleId"] for each in json.loads(out)["runs"][0]["results"]} >= {"E0153", "E0168"}
    else:
        assert "::error file=" in out


def test_levels(tree: str) -> None:
    assert run(audit, "cfg", "--rust-src", tree, "-A", "C3", "-A", "E0168") == 0
    assert run(audit, "cfg", "--rust-src", tree, "-W", "C3", "-W", "C18") == 0
    assert run(audit, "cfg", "--rust-src", tree, "-W", "C3", "-W", "C18", "-D", "C7") == 1


def test_a_baseline_accepts_and_new_findings_fail(tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "baseline.toml")
    assert run(audit, "cfg", "--rust-src", tree, "--write-baseline", file, "--reason", "a test") == 0
    assert run(audit, "cfg", "--rust-src", tree, "--baseline", file) == 0
    more = SmallTree(without=MISSING | {("disallowed", NAMES[1])}).write(tmp_path / "more")
    capsys.readouterr()
    assert run(audit, "cfg", "--rust-src", str(more), "--baseline", file) == 1
    out = capsys.readouterr().out
    assert f"`{NAMES[1]}`" in out
    assert f"`{NAMES[0]}`" not in out


def test_the_lists(tree: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(audit, "cfg", "--rust-src", tree, "--list") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "16 names: D 14, W 15, X 12, G 12"
    assert run(audit, "cfg", "--rust-src", tree, "--list", "--json") == 0
    rows = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert rows[NAMES[0]]["disallowed"] == []
    assert rows[NAMES[0]]["gated"][0]["feature"] == f"cfg_{NAMES[0]}"


def test_two_sources_are_compared(tree: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = str(SmallTree().write(tmp_path / "whole"))
    assert run(audit, "cfg", "--diff", tree, whole) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"X + {NAMES[0]} b"
    assert run(audit, "cfg", "--diff", whole, tree, "--json") == 0
    assert json.loads(capsys.readouterr().out)["differences"] == [
        {"which": "disallowed", "name": NAMES[0], "before": "b", "after": None, "added": [], "removed": []}
    ]
    assert run(audit, "cfg", "--diff", whole, whole) == 0
    assert capsys.readouterr().out.startswith("no difference\n")


def test_a_gap_fails_the_list_too(tree: str, capsys: pytest.CaptureFixture[str]) -> None:
    (Path(tree) / "compiler/rustc_feature/src/builtin_attrs.rs").unlink()
    assert run(audit, "cfg", "--rust-src", tree, "--list") == 1
    assert "E0182" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--rust-src", "/nonexistent"], "E0255"),
        (["--rustc", "/nonexistent"], "E0256"),
        (["--diff", "own", "/nonexistent"], "E0255"),
        (["-A", "C99"], "E0257"),
    ],
)
def test_what_cannot_be_used(words: list[str], code: str) -> None:
    with pytest.raises(Failure) as failure:
        run(audit, "cfg", *words)
    assert (failure.value.diagnostics[0].code, failure.value.exit_status) == (code, 2)


def test_our_own_table_needs_neither_the_model_nor_a_parser_of_rust() -> None:
    code = (
        "import sys, argparse; from bootstrap.commands import audit_cfg as c; p = argparse.ArgumentParser(); c.arguments(p);"
        "c.run(p.parse_args(['--own'], argparse.Namespace(json=False, color='never', jobs=None)));"
        "print(sorted({'tree_sitter', 'pydantic', 'tomlkit', 'rich', 'llvmlite'} & set(sys.modules)))"
    )
    done = run_child([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
