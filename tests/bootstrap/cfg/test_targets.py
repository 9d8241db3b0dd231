"""The table of targets and rustc say the same."""

import json

import pytest

from bootstrap.cfg import targets
from bootstrap.diagnostics import Failure

SET = {
    ("target_os", "linux"),
    ("target_arch", "x86_64"),
    ("target_env", "gnu"),
    ("target_abi", ""),
    ("unix", None),
    ("target_pointer_width", "64"),
}


def test_a_common_target_is_known_without_rustc() -> None:
    assert targets.of("x86_64-unknown-linux-gnu") >= SET
    assert ("target_os", "macos") in targets.of("arm64-apple-darwin23.5.0")
    assert targets.of("x86_64-apple-darwin20") == targets.of("x86_64-apple-darwin")
    assert {name for name, _ in targets.of("wasm32-unknown-unknown")}.isdisjoint(targets.NOT_OF_THE_TARGET | {"unix"})


def test_every_common_target_is_in_the_table_and_its_values_are_known() -> None:
    for triple in targets.COMMON:
        for name, value in targets.of(triple):
            assert value is None or name == "target_feature" or value in targets.values(name)


def test_an_unknown_target_says_what_is_known() -> None:
    with pytest.raises(Failure) as failure:
        targets.of("z80-unknown-none", rustc="/nonexistent/rustc")
    assert failure.value.diagnostics[0].code == "E0253"
    assert "x86_64-unknown-linux-gnu" in failure.value.diagnostics[0].notes[0]


@pytest.mark.needs("rustc")
@pytest.mark.parametrize("triple", targets.COMMON)
def test_the_table_is_what_rustc_says(triple: str) -> None:
    """Features of a target come and go with versions of rustc, the rest does not."""
    asked = targets.ask("rustc", triple)
    if asked is None:
        pytest.skip(f"this rustc has no target {triple}")
    stable = {each for each in targets.of(triple) if each[0] != "target_feature"}
    assert {each for each in asked if each[0] != "target_feature"} == stable
    assert targets.of(triple, "rustc") == asked


@pytest.mark.needs("rustc")
def test_the_table_can_be_made_anew() -> None:
    made = json.loads(targets.generate("rustc"))
    assert {"linux", "windows", "macos"} <= set(made["values"]["target_os"])
    assert "target_feature" not in made["values"]
    assert set(made["targets"]) <= set(targets.COMMON)
