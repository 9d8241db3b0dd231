"""When a step counts as done: what was asked, what was read and what was written are all as they were."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.steps import FileState, Record, digest, digest_file, states

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
texts = st.text(st.characters(codec="utf-8"))
file_states = st.builds(FileState, path=texts, size=st.integers(0), mtime_ns=st.integers(0), sha256=st.text("0123456789abcdef"))
records = st.builds(
    Record,
    request=texts,
    inputs=st.lists(file_states).map(tuple),
    outputs=st.lists(file_states).map(tuple),
    value=st.dictionaries(texts, json_values),
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "f.c"
    path.write_text("double f;\n", encoding="utf-8")
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "f.o"
    path.write_bytes(bytes(16))
    return path


@pytest.fixture
def record(source: Path, output: Path) -> Record:
    return Record(request=digest({"flags": ["-O3"]}), inputs=states([source]), outputs=states([output]), value={"seconds": 0.5})


def later(path: Path) -> None:
    """As if the file had been written a second later."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))


def rewritten(path: Path) -> None:
    """Another content of the same length."""
    path.write_bytes(path.read_bytes()[::-1])
    later(path)


def grown(path: Path) -> None:
    """Another length, and the time that it had: an archive unpacked over it."""
    stat = path.stat()
    path.write_bytes(path.read_bytes() + b"\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_a_step_is_fresh_while_nothing_changes(record: Record) -> None:
    assert record.is_fresh(digest({"flags": ["-O3"]}))


def test_a_step_that_was_asked_another_thing_is_not_fresh(record: Record) -> None:
    assert not record.is_fresh(digest({"flags": ["-O2"]}))
    assert not record.is_fresh("")


@pytest.mark.parametrize("name", ["f.c", "f.o"])
@pytest.mark.parametrize("change", [grown, Path.unlink, into_folder])
def test_a_step_whose_file_changed_is_not_fresh(record: Record, tmp_path: Path, name: str, change: Callable[[Path], None]) -> None:
    change(tmp_path / name)
    assert not record.is_fresh(record.request)


def test_a_content_of_the_same_length_is_told_by_its_digest(record: Record, source: Path) -> None:
    rewritten(source)
    assert not record.is_fresh(record.request)


def test_a_file_that_was_only_touched_is_the_same(record: Record, source: Path) -> None:
    later(source)
    assert record.is_fresh(record.request)


def test_a_tool_that_was_only_touched_is_another_one(source: Path) -> None:
    state = FileState.of(source, is_tool=True)
    assert state.sha256 == ""
    assert state.holds()
    later(source)
    assert not state.holds()


def test_the_state_of_a_file_has_its_digest(source: Path) -> None:
    state = FileState.of(source)
    assert (state.path, state.size) == (str(source), 10)
    assert state.sha256 == hashlib.sha256(b"double f;\n").hexdigest() == digest_file(source)


def test_a_file_that_is_missing_has_no_state(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileState.of(tmp_path / "none.c")


def test_files_have_each_one_state_in_order(source: Path, output: Path) -> None:
    assert [each.path for each in states([output, source, output])] == sorted([str(source), str(output)])


@given(records)
def test_a_record_comes_back_from_its_json(record: Record) -> None:
    assert Record.from_json(json.loads(json.dumps(record.as_json()))) == record


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Record)])
def test_json_that_lacks_something_is_no_record(record: Record, field: str) -> None:
    data = record.as_json()
    del data[field]
    with pytest.raises(KeyError):
        Record.from_json(data)


@pytest.mark.parametrize("inputs", [[{"path": "f.c"}], [{"path": "f.c", "size": 1, "mtime_ns": 2, "owner": "me"}], ["f.c"], 7])
def test_json_of_another_form_is_no_record(record: Record, inputs: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Record.from_json({**record.as_json(), "inputs": inputs})


@given(st.dictionaries(st.text(), json_values))
def test_a_digest_does_not_depend_on_the_order_of_keys(request: dict[str, object]) -> None:
    assert digest(request) == digest(dict(reversed(request.items())))


def test_a_digest_tells_requests_apart() -> None:
    requests: list[dict[str, Any]] = [
        {},
        {"a": 1},
        {"a": "1"},
        {"a": [1]},
        {"b": 1},
        {"a": 1, "b": None},
        {"a": Path("x")},
        {"a": Path("y")},
    ]
    assert len({digest(request) for request in requests}) == len(requests)
