"""The gates answer in both directions."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap import gates
from bootstrap.channel import Channel
from bootstrap.config import keys
from bootstrap.diagnostics import Severity, Span
from bootstrap.gates import Feature, Gate, Status, Use

A, C = Gate(key=("a", "on"), value=True), Gate(key=("c", "on"), value=True)
WORDS = "for tests"
DUMMIES = (
    Feature(name="gated", summary=WORDS, status=Status.UNSTABLE, since="1.0", issue=7, enabled_by=A, gates=(A, Gate(key=("b",)))),
    Feature(name="landed", summary=WORDS, status=Status.STABLE, since="1.2", enabled_by=C, gates=(C, Gate(key=("d",)))),
    Feature(name="gone", summary=WORDS, status=Status.REMOVED, since="1.3", gates=(Gate(key=("e",)),), note="use `d` instead"),
)
STABLE, NIGHTLY = Channel(name="stable"), Channel(name="nightly")


def ask(data: dict[str, Any], channel: Channel, conditional: str | None = None) -> list[tuple[str, Severity, str, tuple[str, ...]]]:
    uses = list(gates.uses(data, conditional=conditional, features=DUMMIES))
    found = gates.require_all(uses, channel, span_of=lambda _: None, features=DUMMIES)
    return [(each.code, each.severity, each.message, each.help) for each in found]


def test_on_stable_the_remedy_is_the_channel() -> None:
    ((code, severity, message, remedy),) = ask({"a": {"on": True}}, STABLE)
    assert (code, severity) == ("E0208", Severity.ERROR)
    assert message == "`a.on = true` needs the feature `gated` (for tests), which is unstable"
    assert remedy == ('set `channel = "nightly"` under `[rust]`',)


def test_on_stable_a_use_that_is_not_switched_on_says_both() -> None:
    ((*_, remedy),) = ask({"b": 1}, STABLE)
    assert remedy == ('set `channel = "nightly"` under `[rust]`', "then add `on = true` under `[a]`")


def test_on_nightly_the_remedy_is_what_to_add() -> None:
    ((_, severity, message, remedy),) = ask({"b": 1}, NIGHTLY)
    assert severity is Severity.ERROR
    assert message == "`b` needs the feature `gated` (for tests), which is not switched on"
    assert remedy == ("add `on = true` under `[a]`",)
    assert ask({"a": {"on": True}, "b": 1}, NIGHTLY) == []


def test_once_stable_asking_is_no_longer_needed() -> None:
    ((_, severity, message, _),) = ask({"c": {"on": True}, "d": 1}, STABLE)
    assert severity is Severity.WARNING
    assert message == "the feature `landed` is stable since 1.2, `c.on = true` is no longer needed"
    assert ask({"d": 1}, STABLE) == []


def test_a_removed_feature_says_what_came_in_its_place() -> None:
    use = Use(feature="gone", what="`e`")
    found = gates.require(use, NIGHTLY, features=DUMMIES)
    assert found
    assert found.notes == ("use `d` instead",)


def test_a_key_with_another_value_is_not_gated() -> None:
    assert ask({"a": {"on": False}}, STABLE) == []
    assert ask({"a": {"on": 1}}, STABLE) == []


def test_a_stable_feature_lets_through_what_it_gated() -> None:
    assert ask({"c": {"on": True}}, NIGHTLY)[0][1] is Severity.WARNING


def test_minus_one_says_what_to_unset() -> None:
    ((*_, remedy),) = ask({"a": {"on": True}}, Channel(name="nightly", bootstrap="-1"))
    assert remedy == ("unset HOLOENZYME_BOOTSTRAP",)


def test_each_feature_is_told_once_with_its_places() -> None:
    data = {"llvm": {"enzyme": True}, "unit": {name: {"autodiff": [{}, {"mode": "forward"}]} for name in "abc"}}
    spans = {
        path: Span(path=Path("c"), line=line, column=1, end_column=2) for line, path in enumerate(each.path for each in gates.uses(data))
    }
    spans["rust", "channel"] = Span(path=Path("c"), line=99, column=1, end_column=2)
    found = gates.require_all(list(gates.uses(data)), STABLE, span_of=spans.get, channel_key=("rust", "channel"))
    assert [each.message.split("`")[3] for each in found] == ["autodiff", "forward"]
    assert [each.span for each in found] == [spans["llvm", "enzyme"], spans["unit", "a", "autodiff", 1, "mode"]]
    assert [each.message for each in found[0].related] == ["the channel is set here", "and here", "and here", "and here"]
    assert found[0].notes[-1] == "and in 3 more places"


def test_names_allow_only_their_units() -> None:
    data = {"llvm": {"enzyme": True}, "unit": {"gmm": {"autodiff": [{}]}, "other": {"autodiff": [{}]}}}
    found = gates.require_all(list(gates.uses(data)), Channel(name="stable", bootstrap="gmm"), span_of=lambda _: None)
    assert [each.message for each in found] == [
        "`unit.other.autodiff` needs the feature `autodiff` (derivatives by Enzyme), which is unstable"
    ]
    assert "HOLOENZYME_BOOTSTRAP=gmm" in found[0].notes[1]


def test_a_conditional_unit_counts_when_it_is_named() -> None:
    data = {"unit": {"gmm": {"when": "cfg(unix)", "autodiff": [{}]}}}
    assert not list(gates.uses(data))
    assert [each.unit for each in gates.uses(data, conditional="gmm")] == ["gmm"]


@pytest.mark.parametrize("feature", gates.FEATURES, ids=lambda each: each.name)
def test_every_gated_key_and_value_is_in_the_model(feature: Feature) -> None:
    for gate in feature.gates:
        key = keys.keys()[gate.key]
        if isinstance(gate.value, str):
            assert gate.value in list(keys.choices(key.field.annotation))


@pytest.mark.parametrize(
    ("data", "features"),
    [
        ({"llvm": {"enzyme": True}}, ["autodiff"]),
        ({"enzyme": {"provider": "source"}}, ["source-build"]),
        ({"unit": {"u": {"autodiff": [{"mode": "forward", "inputs": ["Dualv"]}]}}}, ["autodiff", "forward", "batch"]),
        (
            {"unit": {"u": {"autodiff": [{"mode": "reverse", "inputs": [{"activity": "DualvOnly"}], "ret": "Dualv"}]}}},
            ["autodiff", "batch", "batch"],
        ),
        ({"unit": {"u": {"autodiff": [{"mode": "reverse", "inputs": ["Dual"]}]}}}, ["autodiff"]),
    ],
)
def test_the_features_that_start_unstable(data: dict[str, Any], features: list[str]) -> None:
    assert [each.feature for each in gates.uses(data)] == features
