"""Baselines: accepted findings have a reason, new ones fail, and what is gone is told."""

from pathlib import Path

import pytest

from bootstrap.cfg import baseline
from bootstrap.diagnostics import Diagnostic, Failure

ONE = Diagnostic(code="E0165", message="C15: one", key="one")
QUOTED = Diagnostic(code="E0159", message="C9: two", key='panic="odd\\"')
GAP = Diagnostic(code="E0182", message="missing")


def test_what_is_accepted_stays_quiet_and_new_findings_do_not(tmp_path: Path) -> None:
    path = tmp_path / "baseline.toml"
    assert baseline.write(path, [ONE, QUOTED, GAP], "known upstream") == 2
    accepted = baseline.read(path)
    assert [(each.code, each.about, each.reason) for each in accepted] == [
        ("E0165", "one", "known upstream"),
        ("E0159", 'panic="odd\\"', "known upstream"),
    ]
    new = Diagnostic(code="E0165", message="C15: new", key="new")
    assert baseline.accepting([ONE, QUOTED, GAP, new], accepted, path) == [GAP, new]


def test_reasons_stay_and_new_findings_need_one(tmp_path: Path) -> None:
    path = tmp_path / "baseline.toml"
    baseline.write(path, [ONE], "first")
    with pytest.raises(Failure) as failure:
        baseline.write(path, [ONE, QUOTED], "")
    assert failure.value.diagnostics[0].code == "E0257"
    baseline.write(path, [ONE, QUOTED], "second")
    assert [each.reason for each in baseline.read(path)] == ["first", "second"]
    baseline.write(path, [QUOTED], "")
    assert [each.reason for each in baseline.read(path)] == ["second"]


def test_an_entry_without_a_reason_and_one_that_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "baseline.toml"
    path.write_text(
        '[[accepted]]\ncode = "E0165"\nabout = "one"\nreason = " "\n[[accepted]]\ncode = "E0165"\nabout = "gone"\nreason = "r"\n'
    )
    found = baseline.accepting([ONE], baseline.read(path), path)
    assert [(each.code, each.severity.value) for each in found] == [("E0187", "error"), ("E0188", "warning")]


@pytest.mark.parametrize(
    "text",
    ["accepted = 1", "[[accepted]]\ncode = 'E0165'", "[[accepted]]\ncode = 1\nabout = 2\nreason = 3", "not toml", "accepted = ['x']"],
)
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.toml"
    path.write_text(text)
    with pytest.raises(Failure) as failure:
        baseline.read(path)
    assert (failure.value.diagnostics[0].code, failure.value.exit_status) == ("E0257", 2)


def test_a_baseline_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Failure):
        baseline.read(tmp_path / "missing.toml")
