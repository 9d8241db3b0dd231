"""What rustc allows, written out: `valid_input_activity` and `valid_ret_activity` of compiler/rustc_ast/src/expand/autodiff_attrs.rs."""

from collections.abc import Callable

import pytest

from plugin.items.activity import AutoDiffItem, DiffActivity, DiffMode

INPUTS = {
    DiffMode.FORWARD: {"Dual", "DualOnly", "Dualv", "DualvOnly", "Const"},
    DiffMode.REVERSE: {"Active", "ActiveOnly", "Duplicated", "DuplicatedOnly", "Const"},
}
RETURNS = {
    DiffMode.FORWARD: {"Dual", "DualOnly", "Dualv", "DualvOnly", "Const", "None"},
    DiffMode.REVERSE: {"Active", "ActiveOnly", "Const", "None"},
}
TRAITS = {
    # activity: marker, has a shadow, gradient by value, returns the primal's value
    "None": ("", False, False, False),
    "Const": ("enzyme_const", False, False, True),
    "Active": ("enzyme_out", False, True, True),
    "ActiveOnly": ("enzyme_out", False, True, False),
    "Dual": ("enzyme_dup", True, False, True),
    "DualOnly": ("enzyme_dupnoneed", True, False, False),
    "Dualv": ("enzyme_dupv", True, False, True),
    "DualvOnly": ("enzyme_dupnoneedv", True, False, False),
    "Duplicated": ("enzyme_dup", True, False, False),
    "DuplicatedOnly": ("enzyme_dupnoneed", True, False, False),
}


@pytest.fixture(params=DiffMode)
def mode(request: pytest.FixtureRequest) -> DiffMode:
    chosen: DiffMode = request.param
    return chosen


@pytest.fixture
def item(mode: DiffMode, forward: Callable[..., AutoDiffItem], reverse: Callable[..., AutoDiffItem]) -> Callable[..., AutoDiffItem]:
    return forward if mode is DiffMode.FORWARD else reverse


@pytest.mark.parametrize("activity", DiffActivity)
def test_an_input_is_valid_where_rustc_says_so(mode: DiffMode, item: Callable[..., AutoDiffItem], activity: DiffActivity) -> None:
    faults = list(item("f", "df", f"Const {activity}", "Const").faults_of_mode())
    if activity in INPUTS[mode]:
        assert not faults
        return
    [(part, message, remedy)] = faults
    assert part == "inputs.1"
    assert message == f"input 2 is {activity}, which {mode} mode does not know"
    assert set(remedy.removeprefix("write one of ").split(", ")) == INPUTS[mode]


@pytest.mark.parametrize("activity", DiffActivity)
def test_a_return_is_valid_where_rustc_says_so(mode: DiffMode, item: Callable[..., AutoDiffItem], activity: DiffActivity) -> None:
    faults = list(item("f", "df", "Const", activity).faults_of_mode())
    if activity in RETURNS[mode]:
        assert not faults
        return
    [(part, message, remedy)] = faults
    assert part == "ret"
    assert message == f"the return is {activity}, which {mode} mode does not know"
    assert set(remedy.removeprefix("write one of ").split(", ")) == RETURNS[mode]


def test_every_fault_of_an_item_is_told_at_once(reverse: Callable[..., AutoDiffItem]) -> None:
    faults = list(reverse("f", "df", "Dual Active DualOnly None", "Dual").faults_of_mode())
    assert [part for part, _, _ in faults] == ["inputs.0", "inputs.2", "inputs.3", "ret"]


@pytest.mark.parametrize("activity", DiffActivity)
def test_an_activity_has_its_marker_and_traits(activity: DiffActivity) -> None:
    assert (activity.marker, activity.has_shadow, activity.is_active, activity.returns_primal) == TRAITS[activity]


def test_a_mode_has_the_entry_point_that_enzyme_knows() -> None:
    assert {mode.value: mode.entry_point for mode in DiffMode} == {"forward": "__enzyme_fwddiff", "reverse": "__enzyme_autodiff"}
