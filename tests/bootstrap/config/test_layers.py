"""The law of the merge."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bootstrap.config.layers import Layer, Source, flatten, merge, unflatten, winners

NAMES = st.sampled_from(["llvm", "unit", "a", "b"])
LEAVES: st.SearchStrategy[Any] = st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=3) | st.just({})
TABLES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8).filter(
    lambda each: isinstance(each, dict)
)


def layer(data: Any, source: Source = Source.FILE) -> Layer:
    return Layer(source=source, name="x", data=data)


def merged(*tables: Any) -> dict[Any, Any]:
    """What wins, leaf by leaf; the later table is the stronger one."""
    return {path: origins[0].value for path, origins in merge(map(layer, tables)).items()}


@given(TABLES, TABLES, TABLES)
def test_merging_is_associative(a: Any, b: Any, c: Any) -> None:
    left = {**merged(a, b), **flatten(c)}
    right = {**flatten(a), **merged(b, c)}
    assert merged(a, b, c) == left == right


@given(TABLES, TABLES)
def test_the_later_layer_wins_each_leaf_and_loses_none(a: Any, b: Any) -> None:
    result = merged(a, b)
    assert flatten(b).items() <= result.items()
    assert all(result[path] == value for path, value in flatten(a).items() if path not in flatten(b))


@given(TABLES)
def test_an_empty_layer_changes_nothing(a: Any) -> None:
    assert merged(a, {}) == merged({}, a) == merged(a, a) == flatten(a)


@given(TABLES)
def test_unflatten_undoes_flatten(a: Any) -> None:
    assert unflatten(flatten(a)) == a


def test_a_list_is_replaced_as_a_whole() -> None:
    assert winners(merge([layer({"cfg": {"set": ["a", "b"]}}), layer({"cfg": {"set": ["c"]}})])) == {"cfg": {"set": ["c"]}}


def test_an_array_of_tables_is_replaced_as_a_whole() -> None:
    first = {"unit": {"u": {"autodiff": [{"source": "f"}, {"source": "g"}]}}}
    second = {"unit": {"u": {"autodiff": [{"source": "h"}]}}}
    assert winners(merge([layer(first), layer(second)])) == second


def test_every_value_keeps_its_losers_strongest_first() -> None:
    layers = [layer({"build": {"jobs": number}}, source) for number, source in enumerate([Source.PROFILE, Source.FILE, Source.SET])]
    origins = merge(layers)[("build", "jobs")]
    assert [(each.layer.source, each.value) for each in origins] == [(Source.SET, 2), (Source.FILE, 1), (Source.PROFILE, 0)]


def test_merging_leaves_the_layers_as_they_are() -> None:
    low: dict[str, Any]
    low, high = {"unit": {"u": {}}}, {"unit": {"u": {"kind": "ir"}}}
    winners(merge([layer(low), layer(high)]))["unit"]["u"]["more"] = 1
    assert (low, high) == ({"unit": {"u": {}}}, {"unit": {"u": {"kind": "ir"}}})
