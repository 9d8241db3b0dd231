"""The history as files: gathered in order, faults set aside, entries that were taken back no longer told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from change_tracker.change import Change, Kind, Severity
from change_tracker.history import MAX_BYTES, History, read
from change_tracker.numbers import CHANGES, latest, listed

ENTRY = 'severity = "info"\nkind = "behaviour"\nsummary = "s"\nsince = "0.1.0"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("0002-b.toml", "0001-a.toml", "0010-c.toml"):
        (tmp_path / name).write_text(ENTRY)
    return tmp_path


def test_entries_are_gathered_in_the_order_of_their_ids(folder: Path) -> None:
    found = read(folder)
    assert [each.id for each in found.changes] == [1, 2, 10]
    assert found.latest == 10
    assert found.faults == ()


def test_of_old_entries_no_file_is_opened(folder: Path) -> None:
    (folder / "0001-a.toml").write_bytes(b"\xff")
    found = read(folder, after=2)
    assert [each.id for each in found.changes] == [10]
    assert (found.latest, found.faults) == (10, ())


@pytest.mark.parametrize("content", [b"\xff", b"severity = ", b"#" * (MAX_BYTES + 1)])
def test_an_entry_that_cannot_be_read_is_a_fault_and_the_others_are_read(folder: Path, content: bytes) -> None:
    (folder / "0011-d.toml").write_bytes(content)
    found = read(folder)
    assert [each.id for each in found.changes] == [1, 2, 10]
    assert [each.path.name for each in found.faults] == ["0011-d.toml"]
    assert found.latest == 11


def test_two_files_with_one_id_are_both_there(folder: Path) -> None:
    (folder / "0002-other.toml").write_text(ENTRY)
    assert [each.name for each in listed(folder)[2]] == ["0002-b.toml", "0002-other.toml"]


def test_the_latest_is_known_by_names_alone(folder: Path) -> None:
    (folder / "0011-broken.toml").write_bytes(b"\xff")
    assert latest(folder) == 11
    assert latest(folder / "..") == 0


def test_a_toml_file_with_a_strange_name_is_a_fault_and_other_files_are_not(folder: Path) -> None:
    (folder / "three.toml").write_text(ENTRY)
    (folder / "README.md").write_text("words")
    assert [each.path.name for each in read(folder).faults] == ["three.toml"]


def change(number: int, **more: Any) -> Change:
    return Change(id=number, severity=Severity.INFO, kind=Kind.BEHAVIOUR, summary="s", since="0.1.0", **more)


def told(*changes: Change, after: int = 0) -> list[int]:
    return [each.id for each in History(changes=changes).told(after)]


def test_what_was_taken_back_is_not_told_and_its_reversal_only_to_those_who_knew_it() -> None:
    changes = (change(1), change(2), change(3, reverts=(2,)), change(4))
    assert told(*changes) == [1, 4]
    assert told(*changes, after=1) == [4]
    assert told(*changes, after=2) == [3, 4]
    assert told(*changes, after=3) == [4]


def test_a_reversal_that_was_itself_taken_back_does_not_count() -> None:
    changes = (change(1), change(2, reverts=(1,)), change(3, reverts=(2,)))
    assert told(*changes) == [1]
    assert told(*changes, after=1) == []
    assert told(*changes, after=2) == [3]


def test_what_is_superseded_is_told_by_its_successor() -> None:
    changes = (change(1), change(2), change(3, supersedes=(1, 2)))
    assert told(*changes) == [3]
    assert told(*changes, after=1) == [3]


def test_our_own_history_can_be_read() -> None:
    found = read()
    assert found.faults == ()
    assert [each.id for each in found.changes] == list(range(1, found.latest + 1))
    assert CHANGES.is_dir()
