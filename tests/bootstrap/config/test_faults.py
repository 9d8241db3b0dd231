"""What a person reads for each kind of fault: golden files in tests/data/config, made anew with HOLOENZYME_BLESS=1."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.config import faults, keys, load
from bootstrap.config.layers import Layer, Source, unflatten
from bootstrap.diagnostics import Failure, text_of_all

CASES = sorted((Path(__file__).parents[2] / "data" / "config").glob("*.toml"))
BLESS = bool(os.environ.get("HOLOENZYME_BLESS"))


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.stem)
def test_the_words_for_a_faulty_file(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    monkeypatch.setattr("sys.argv", ["x.py"])
    with pytest.raises(Failure) as caught:
        load(Path(case.name), environment={})
    words = text_of_all(caught.value.diagnostics) + "\n"
    golden = case.with_suffix(".txt")
    if BLESS:
        golden.write_text(words)
    assert words == golden.read_text(), "if the new words are right, run the test with HOLOENZYME_BLESS=1"


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.stem)
def test_every_fault_has_a_place_in_order(case: Path) -> None:
    with pytest.raises(Failure) as caught:
        load(case, environment={})
    places = [(each.span.line, each.span.column) for each in caught.value.diagnostics if each.span]
    assert len(places) == len(caught.value.diagnostics)
    assert places == sorted(places)


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [True, 0, 1.5, "x", [], ["x"], [[1]], {}, {"x": 1}, [{}], -1, 2**70, "", "\0", float("inf"), None]
)
MODEL_PATHS = st.sampled_from([tuple("name" if part == keys.NAMED else part for part in path) for path in list(keys.keys())])


@given(MODEL_PATHS, VALUES)
def test_any_value_anywhere_is_taken_or_told(path: Any, value: object) -> None:
    layer = Layer(source=Source.SET, name="", data=unflatten({path[:3]: value}), names={path[:3]: "words"})
    for found in faults.check(layer):
        assert found.code in ("E0203", "E0204", "E0206")
        assert found.message
        assert found.notes[0] == "set by --set words"


@given(st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)))
def test_no_data_breaks_the_messages(value: object) -> None:
    faults.check(
        Layer(
            source=Source.SET,
            name="",
            data={"unit": {"a": {"verify": [{"args": value}], "autodiff": value, "sources": value}}, "llvm": value},
        )
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("llvm.enzime", "llvm.enzyme"),
        ("rust.chanel", "rust.channel"),
        ("build.build_dir", "build.build-dir"),
        ("build.job", "build.jobs"),
        ("enzyme.loose_type", "enzyme.loose-types"),
        ("LLVM", "llvm"),
    ],
)
def test_a_newcomers_first_wrong_key_is_mended_by_the_message(wrong: str, right: str) -> None:
    path = tuple(wrong.split("."))
    (found,) = faults.check(Layer(source=Source.SET, name="", data=unflatten({path: 0})))
    assert found.label.startswith("did you mean")
    assert f"`{right.rpartition('.')[2]}`" in found.label
