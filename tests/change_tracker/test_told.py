"""The record of what was told: it counts for its own file and its own `change-id`, and garbage counts for nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from change_tracker import told


@pytest.mark.parametrize("change_id", [3, 0, None])
def test_what_was_written_is_read(change_id: int | None) -> None:
    assert told.read(told.written("/a/config.toml", change_id, 7), "/a/config.toml", change_id) == 7


def test_another_file_or_another_id_is_told_anew() -> None:
    record = told.written("/a/config.toml", 3, 7)
    assert told.read(record, "/b/config.toml", 3) == 0
    assert told.read(record, "/a/config.toml", 2) == 0
    assert told.read(record, "/a/config.toml", None) == 0


def test_each_file_has_a_record_of_its_own() -> None:
    assert told.name("/a") != told.name("/b")
    assert told.name("/\udcff").endswith(".json")


@pytest.mark.parametrize("value", ["true", "-1", '"7"', "7.0", "null", "[]"])
def test_a_record_of_another_kind_counts_for_nothing(value: str) -> None:
    assert told.read(f'{{"config": "/a", "change-id": 1, "told": {value}}}', "/a", 1) == 0


@settings(deadline=None)
@given(text=st.text() | st.just("[" * 100_000) | st.just('{"config": "/a", "change-id": 1}'))
def test_garbage_counts_for_nothing(text: str) -> None:
    assert told.read(text, "/a", 1) == 0
