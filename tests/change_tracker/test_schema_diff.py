"""Two models, and what became different between them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from change_tracker.change import key
from change_tracker.schema_diff import (
    DefaultChanged,
    Entry,
    GateChanged,
    KeyAdded,
    KeyRemoved,
    KeyRenamed,
    NotASchema,
    Schema,
    TypeChanged,
    differences,
    parsed,
    written,
)


def schema(**entries: Any) -> Schema:
    return {
        key(name.replace("__", ".")): each if isinstance(each, Entry) else Entry(type="integer", default=each)
        for name, each in entries.items()
    }


KEYS = st.lists(st.from_regex(r"[a-z]{1,5}(-[a-z]{1,3})?", fullmatch=True), min_size=1, max_size=3).map(tuple)
ENTRIES = st.builds(
    Entry,
    type=st.text(max_size=5),
    default=st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=3),
    required=st.booleans(),
    gate=st.none() | st.text(min_size=1, max_size=5),
    since=st.text(max_size=5),
)


@settings(deadline=None)
@given(model=st.dictionaries(KEYS, ENTRIES, max_size=6))
def test_what_is_written_is_read_and_differs_in_nothing(model: Schema) -> None:
    again = parsed(written(model))
    assert again == model
    assert list(again) == list(model)
    assert list(differences(model, again)) == []


def test_the_meaning_of_a_key_is_not_a_part_of_it() -> None:
    assert list(differences(schema(a=Entry(type="t", doc="one")), schema(a=Entry(type="t", doc="two")))) == []
    assert "doc" not in written(schema(a=Entry(type="t", doc="one")))


def test_every_kind_of_difference() -> None:
    one, other = Entry(type="boolean", default=False), Entry(type="boolean", default=True)
    gated = Entry(type="boolean", default=False, gate="autodiff")
    assert list(differences(schema(a__x=1), schema(a__x=1, b__y=one))) == [KeyAdded(key=("b", "y"), entry=one)]
    assert list(differences(schema(a__x=1, b__y=one), schema(a__x=1))) == [KeyRemoved(key=("b", "y"), entry=one)]
    assert list(differences(schema(a__x=one), schema(a__x=other))) == [DefaultChanged(key=("a", "x"), old=one, new=other)]
    assert list(differences(schema(a__x=one), schema(a__x=gated))) == [GateChanged(key=("a", "x"), old=None, new="autodiff")]
    string = Entry(type="string", default=False)
    assert list(differences(schema(a__x=one), schema(a__x=string))) == [TypeChanged(key=("a", "x"), old="boolean", new="string")]


def test_one_and_true_and_required_are_different_defaults() -> None:
    whole = Entry(type="t", default=1)
    assert list(differences(schema(a=whole), schema(a=Entry(type="t", default=True)))) != []
    assert list(differences(schema(a=Entry(type="t")), schema(a=Entry(type="t", required=True)))) != []


def test_a_key_that_is_much_alike_is_taken_for_a_new_name() -> None:
    assert list(differences(schema(build__cache=1), schema(build__cache_dir=1))) == [
        KeyRenamed(old=("build", "cache"), key=("build", "cache_dir"))
    ]
    assert list(differences(schema(rust__description=1), schema(build__description=1))) == [
        KeyRenamed(old=("rust", "description"), key=("build", "description"))
    ]
    assert [type(each) for each in differences(schema(build__cache=1), schema(build__cache_dir=2))] == [KeyAdded, KeyRemoved]


def test_a_renaming_that_the_history_knows_needs_no_likeness() -> None:
    found = list(differences(schema(a__x=1), schema(b__other=2), {("a", "x"): ("b", "other")}))
    assert [type(each) for each in found] == [KeyRenamed, DefaultChanged]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{}",
        '{"format": 2, "keys": {}}',
        '{"format": 1, "keys": []}',
        '{"format": 1, "keys": {"a": 1}}',
        '{"format": 1, "keys": {"a": {}}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_exported_model_is_refused(text: str) -> None:
    with pytest.raises(NotASchema):
        parsed(text)


def test_what_a_later_version_says_besides_is_passed_over() -> None:
    assert parsed('{"format": 1, "keys": {"a": {"type": "t", "colour": "red"}}}') == {("a",): Entry(type="t")}
