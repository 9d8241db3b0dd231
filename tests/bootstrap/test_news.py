"""Why a key is not known, and which keys a configuration sets; what is told is tested with the commands that tell it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import news
from change_tracker import history

RENAMED = """
severity = "warning"
kind = "renamed"
keys = ["build.old", "build.jobs"]
summary = "s"
since = "0.2.0"
[[migration]]
rename = "build.old"
to = "build.jobs"
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """The history is read anew for each test, and after it."""
    news.past.cache_clear()
    yield
    news.past.cache_clear()


def test_why_a_key_is_not_known_is_read_from_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history.read, "__defaults__", (tmp_path,))
    (tmp_path / "0004-x.toml").write_text(RENAMED)
    assert news.explained(("build", "old")) == "`build.old` was renamed to `build.jobs` in change 4 (0.2.0)"
    assert news.explained(("build", "odl")) is None


def test_a_change_id_in_a_table_is_said_to_belong_to_the_top() -> None:
    assert news.explained(("build", "change-id"), 3) == "`change-id` is about the whole file, and belongs to its top"
    assert news.explained(("change-id",), -3) is None


def test_a_history_that_cannot_be_read_explains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history.read, "__defaults__", (tmp_path / "nothing",))
    assert news.explained(("build", "old")) is None


def test_the_keys_that_are_set_are_found_in_arrays_too() -> None:
    data = {"build": {"jobs": 1}, "cfg": {}, "unit": {"a.b": {"autodiff": [{"mode": "reverse"}, {}], "flags": ["x"]}}}
    assert set(news.leaves(data)) == {
        ("build", "jobs"),
        ("cfg",),
        ("unit", "a.b", "autodiff"),
        ("unit", "a.b", "autodiff", "mode"),
        ("unit", "a.b", "flags"),
    }
