"""What a step does to a table, and the law: a file that was carried over needs no carrying, and means what it meant."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from change_tracker.change import Change, Key, Kind, Pin, Remove, Rename, Rewrite, Severity, Step, key
from change_tracker.history import History
from change_tracker.migrate import Applied, Conflict, carry, due, known_id


def change(number: int, kind: Kind, *steps: Step, **more: Any) -> Change:
    keys = tuple(dict.fromkeys(each for step in steps for each in (step.key, *([step.to] if isinstance(step, Rename) else []))))
    return Change(id=number, severity=Severity.WARNING, kind=kind, summary="s", since="0.2.0", keys=keys, migration=steps, **more)


def history(*changes: Change, latest: int = 0) -> History:
    last = max([latest, *(each.id for each in changes)])
    return History(changes=changes, latest=last, files=dict.fromkeys(range(1, last + 1), ()))


def everything(path: tuple[str, ...], value: object) -> bool:
    del path, value
    return True


def carried(data: dict[str, Any], *changes: Change, **more: Any) -> dict[str, Any]:
    result = copy.deepcopy(data)
    carry(result, history(*changes), **{"accepts": everything, **more})
    return result


def test_a_rename_takes_the_value_along() -> None:
    step = Rename(key=key("build.old"), to=key("build.new"))
    assert carried({"change-id": 1, "build": {"old": 3}}, change(2, Kind.RENAMED, step)) == {"change-id": 2, "build": {"new": 3}}


def test_a_move_opens_the_table_that_is_missing() -> None:
    step = Rename(key=key("rust.description"), to=key("build.description"))
    done = carried({"change-id": 1, "rust": {"channel": "dev", "description": "d"}}, change(2, Kind.MOVED, step))
    assert done == {"change-id": 2, "rust": {"channel": "dev"}, "build": {"description": "d"}}


def test_a_table_that_the_model_lost_goes_when_nothing_is_left_in_it() -> None:
    step = Rename(key=key("pgo.use"), to=key("rust.profile-use"))
    done = carried({"change-id": 1, "pgo": {"use": "p"}}, change(2, Kind.MOVED, step), accepts=lambda path, _: path[0] != "pgo")
    assert done == {"change-id": 2, "rust": {"profile-use": "p"}}


def test_a_key_that_is_removed_takes_its_empty_table_along_when_the_model_lost_it() -> None:
    gone = change(2, Kind.REMOVED, Remove(key=key("pgo.use")))
    data = {"change-id": 1, "pgo": {"use": "p"}}
    assert carried(data, gone, accepts=lambda path, _: path[0] != "pgo") == {"change-id": 2}
    assert carried(data, gone) == {"change-id": 2, "pgo": {}}


def test_every_name_of_the_users_is_carried_over_and_every_table_of_an_array() -> None:
    step = Rename(key=key("unit.*.autodiff.from"), to=key("unit.*.autodiff.source"))
    data = {"change-id": 1, "unit": {"a": {"autodiff": [{"from": "f"}, {"source": "g"}]}, "b": {"autodiff": [{"from": "h"}]}}}
    done = carried(data, change(2, Kind.RENAMED, step))
    assert done["unit"] == {"a": {"autodiff": [{"source": "f"}, {"source": "g"}]}, "b": {"autodiff": [{"source": "h"}]}}


def test_keys_can_change_places() -> None:
    steps = (Rename(key=key("a.x"), to=key("a.y")), Rename(key=key("a.y"), to=key("a.x")))
    assert carried({"change-id": 1, "a": {"x": 1, "y": 2}}, change(2, Kind.RENAMED, *steps))["a"] == {"x": 2, "y": 1}


def test_values_can_change_places_and_an_array_is_rewritten_item_by_item() -> None:
    steps = (Rewrite(key=key("a.x"), old="on", new="off"), Rewrite(key=key("a.x"), old="off", new="on"))
    assert carried({"change-id": 1, "a": {"x": "on"}}, change(2, Kind.VALUE, *steps))["a"] == {"x": "off"}
    assert carried({"change-id": 1, "a": {"x": ["on", "off", "z"]}}, change(2, Kind.VALUE, *steps))["a"] == {"x": ["off", "on", "z"]}


def test_a_rewrite_tells_one_from_true() -> None:
    step = Rewrite(key=key("a.x"), old=1, new=2)
    assert carried({"change-id": 1, "a": {"x": True}}, change(2, Kind.VALUE, step))["a"] == {"x": True}
    assert carried({"change-id": 1, "a": {"x": 1.0}}, change(2, Kind.VALUE, step))["a"] == {"x": 1.0}


def test_a_file_that_relied_on_a_default_says_so_and_one_that_did_not_is_left_alone() -> None:
    changed = change(2, Kind.DEFAULT, Pin(key=key("a.x"), value="old"))
    assert carried({"change-id": 1}, changed) == {"change-id": 2, "a": {"x": "old"}}
    assert carried({"change-id": 1, "a": {"x": "mine"}}, changed)["a"] == {"x": "mine"}
    assert carried({"change-id": 1}, changed, elsewhere=[("a", "x")]) == {"change-id": 2}
    assert carried({"change-id": 1}, changed, pins=False) == {"change-id": 2}


def test_a_default_of_a_unit_is_said_in_each_unit_and_nowhere_else() -> None:
    changed = change(2, Kind.DEFAULT, Pin(key=key("unit.*.kind"), value="object"))
    assert carried({"change-id": 1}, changed) == {"change-id": 2}
    done = carried({"change-id": 1, "unit": {"a": {}, "b": {"kind": "ir"}}}, changed)
    assert done["unit"] == {"a": {"kind": "object"}, "b": {"kind": "ir"}}


def test_where_no_table_can_be_opened_nothing_is_pinned() -> None:
    changed = change(2, Kind.DEFAULT, Pin(key=key("a.x"), value=1))
    assert carried({"change-id": 1, "a": 3}, changed) == {"change-id": 2, "a": 3}
    deep = change(2, Kind.DEFAULT, Pin(key=key("a.b.c.d"), value=1))
    for data in ({"a": 3}, {"a": {"b": 3}}, {"a": {"b": [1]}}, {"a": {"b": {"c": "d"}}}):
        assert carried({"change-id": 1, **data}, deep) == {"change-id": 2, **data}


def test_both_the_old_and_the_new_key_are_a_conflict() -> None:
    renamed = change(2, Kind.RENAMED, Rename(key=key("a.x"), to=key("a.y")))
    moved = change(2, Kind.MOVED, Rename(key=key("a.x"), to=key("b.y")))
    with pytest.raises(Conflict, match=r"change 2 made `a\.x` `a\.y`"):
        carried({"change-id": 1, "a": {"x": 1, "y": 2}}, renamed)
    for other in ({"y": 2}, 5):
        with pytest.raises(Conflict, match=r"`b\.y`"):
            carried({"change-id": 1, "a": {"x": 1}, "b": other}, moved)


def test_changes_that_the_file_knows_are_not_applied() -> None:
    assert carried({"change-id": 2, "a": {"x": 1}}, change(2, Kind.REMOVED, Remove(key=key("a.x")))) == {"change-id": 2, "a": {"x": 1}}


def test_a_change_and_its_reversal_cancel_unless_the_file_knew_the_first() -> None:
    there = change(2, Kind.RENAMED, Rename(key=key("a.x"), to=key("a.y")))
    back = change(3, Kind.RENAMED, Rename(key=key("a.y"), to=key("a.x")), reverts=(2,))
    assert carried({"change-id": 1, "a": {"x": 1}}, there, back)["a"] == {"x": 1}
    assert carried({"change-id": 2, "a": {"y": 1}}, there, back)["a"] == {"x": 1}
    assert due(history(there, back), 1) == ()


def test_a_superseded_change_is_carried_over_by_the_one_that_supersedes_it() -> None:
    first = change(2, Kind.RENAMED, Rename(key=key("a.x"), to=key("a.y")))
    again = change(3, Kind.RENAMED, Rename(key=key("a.x"), to=key("a.z")), Rename(key=key("a.y"), to=key("a.z")), supersedes=(2,))
    assert carried({"change-id": 1, "a": {"x": 1}}, first, again)["a"] == {"z": 1}
    assert carried({"change-id": 2, "a": {"y": 1}}, first, again)["a"] == {"z": 1}


@pytest.mark.parametrize("said", [{}, {"change-id": "ignore"}, {"change-id": -1}])
def test_a_file_that_says_no_number_gets_the_steps_that_it_needs_and_no_pins(said: dict[str, Any]) -> None:
    changes = (
        change(2, Kind.RENAMED, Rename(key=key("a.old"), to=key("a.new"))),
        change(3, Kind.DEFAULT, Pin(key=key("a.pinned"), value=1)),
        change(4, Kind.VALUE, Rewrite(key=key("a.kept"), old="fine", new="other")),
        change(5, Kind.VALUE, Rewrite(key=key("a.mode"), old="gone", new="here")),
    )
    done = carried(
        {**said, "a": {"old": 1, "kept": "fine", "mode": "gone"}},
        *changes,
        accepts=lambda path, value: path != ("a", "old") and value != "gone",
    )
    assert done == {"change-id": "ignore" if said.get("change-id") == "ignore" else 5, "a": {"new": 1, "kept": "fine", "mode": "here"}}


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ({"change-id": 3}, 3),
        ({"change-id": "ignore"}, "ignore"),
        ({"change-id": "3"}, 3),
        ({"change-id": 3.0}, 3),
        ({"change-id": "3.0"}, 3),
        ({"build": {"change-id": 3}}, 3),
        ({"unit": {"a": {"change-id": 3}}}, 3),
        ({"unit": {"a": {"verify": [{"target": "f"}, {"change-id": 3}]}}}, 3),
        ({"change-id": 4, "build": {"change-id": 3}}, 4),
        ({"change-id": -3, "build": {"change-id": 3}}, 3),
        ({}, None),
        ({"change-id": -3}, None),
        ({"change-id": 3.5}, None),
        ({"change-id": float("inf")}, None),
        ({"change-id": "9" * 5000}, None),
        ({"change-id": True}, None),
        ({"change-id": [3]}, None),
        ({"change-id": "²"}, None),
        ({"unit": {"change-id": {"sources": ["a.c"]}}}, None),
    ],
)
def test_the_change_that_a_file_knows_is_read_as_it_was_meant(data: dict[str, Any], known: int | str | None) -> None:
    assert known_id(data) == known


def test_a_change_id_in_a_table_is_moved_to_the_top_and_raised() -> None:
    data = {"build": {"jobs": 1, "change-id": 1}}
    done = carry(data, history(latest=4), accepts=everything)
    assert data == {"build": {"jobs": 1}, "change-id": 4}
    assert done == [
        Applied(change=None, words="`build.change-id` belongs at the top of the file"),
        Applied(change=None, words="`change-id` is 4"),
    ]


# The law. A model has concepts; each has a key, words for its values, and a default. What a file means is the value of each concept.

VALUES = (0, 1, 2)
TABLES = ("a", "b", "unit")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Concept:
    key: Key
    words: tuple[str, ...]
    default: int


Model = dict[str, Concept]


@dataclasses.dataclass(kw_only=True)
class Evolution:
    """A history, and the model after each of its changes; `models[0]` is that of the first change."""

    changes: list[Change]
    models: list[Model]


NAMES = ("k0", "k1", "k2", "k3", "k4", "k5")


def free(model: Model, data: st.DataObject, table: str | None = None) -> Key:
    taken = {each.key for each in model.values()}
    tables = [table] if table else TABLES
    candidates = [(each, *(("*",) if each == "unit" else ()), name) for each in tables for name in NAMES]
    return data.draw(st.sampled_from([each for each in candidates if each not in taken]))


def evolved(data: st.DataObject) -> Evolution:
    model: Model = {}
    for number in range(3):
        model[f"c{number}"] = Concept(key=free(model, data), words=("x", "y", "z"), default=data.draw(st.sampled_from(VALUES)))
    found = Evolution(changes=[change(1, Kind.ADDED)], models=[dict(model)])
    for number in range(2, data.draw(st.integers(2, 7)) + 1):
        found.changes.append(next_change(number, model, data))
        found.models.append(dict(model))
    return found


def next_change(number: int, model: Model, data: st.DataObject) -> Change:
    name = data.draw(st.sampled_from(sorted(model)))
    old = model[name]
    kind = data.draw(st.sampled_from([Kind.RENAMED, Kind.VALUE, Kind.DEFAULT, Kind.REMOVED, Kind.ADDED]))
    if kind is Kind.ADDED or (kind is Kind.REMOVED and len(model) == 1):
        model[f"c{number}+"] = Concept(key=free(model, data), words=("x", "y", "z"), default=0)
        return change(number, Kind.ADDED)
    if kind is Kind.REMOVED:
        del model[name]
        return change(number, kind, Remove(key=old.key))
    if kind is Kind.RENAMED:
        new = free(model, data, "unit" if old.key[0] == "unit" else data.draw(st.sampled_from(("a", "b"))))
        model[name] = dataclasses.replace(old, key=new)
        return change(number, kind, Rename(key=old.key, to=new))
    if kind is Kind.VALUE:
        words = tuple(data.draw(st.permutations(old.words)))
        model[name] = dataclasses.replace(old, words=words)
        return change(
            number, kind, *(Rewrite(key=old.key, old=old.words[each], new=words[each]) for each in VALUES if words[each] != old.words[each])
        )
    model[name] = dataclasses.replace(old, default=(old.default + 1) % len(VALUES))
    return change(number, kind, Pin(key=old.key, value=old.words[old.default]))


def places(concept: Concept) -> list[tuple[str, ...]]:
    return [tuple(name if part == "*" else part for part in concept.key) for name in (("u", "v") if "*" in concept.key else ("",))]


def written(model: Model, version: int, data: st.DataObject) -> dict[str, Any]:
    file: dict[str, Any] = {"change-id": version, "unit": {"u": {}, "v": {}}}
    for concept in model.values():
        for place in places(concept):
            if data.draw(st.booleans()):
                table = file
                for part in place[:-1]:
                    table = table.setdefault(part, {})
                table[place[-1]] = concept.words[data.draw(st.sampled_from(VALUES))]
    return file


def meaning(file: dict[str, Any], model: Model) -> dict[tuple[str, str], int]:
    found = {}
    for name, concept in model.items():
        for place in places(concept):
            table: Any = file
            for part in place[:-1]:
                table = table.get(part, {})
            value = table.get(place[-1])
            found[name, place[1]] = concept.default if value is None else concept.words.index(value)
    return {(name, place if place in ("u", "v") else ""): value for (name, place), value in found.items()}


def known_keys(file: dict[str, Any], model: Model) -> bool:
    places_now = {place for concept in model.values() for place in places(concept)}
    leaves: list[tuple[str, ...]] = [(table, name) for table in ("a", "b") for name in file.get(table, {})]
    leaves += [("unit", unit, name) for unit in ("u", "v") for name in file["unit"].get(unit, {})]
    return set(leaves) <= places_now


@settings(deadline=None)
@given(data=st.data())
def test_a_file_that_was_carried_over_means_what_it_meant_and_needs_no_carrying(data: st.DataObject) -> None:
    evolution = evolved(data)
    version = data.draw(st.integers(1, len(evolution.changes)))
    old, new = evolution.models[version - 1], evolution.models[-1]
    file = written(old, version, data)
    before = meaning(file, old)
    past = history(*evolution.changes)
    carry(file, past, accepts=everything)
    after = meaning(file, new)
    assert {name: after[name] for name in before if name in after} == {name: before[name] for name in before if name in after}
    assert known_keys(file, new)
    again = copy.deepcopy(file)
    assert carry(again, past, accepts=everything) == []
    assert again == file
