"""The lists side by side, and what changed between two of them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bootstrap.cfg.lists import BARE, Entry, Forms, Lists, as_json, differences, merged, table

LISTS = Lists(
    source="a test",
    default=(
        Entry(name="late", forms=BARE, nightly=True),
        Entry(name="late", forms=Forms(values=None)),
        Entry(name="far", forms=Forms(values=frozenset({"x"})), elsewhere=True),
    ),
    disallowed=(Entry(name="late", forms=Forms(values=frozenset({"x"})), controlled_by="--flag"),),
    gated=(Entry(name="late", forms=Forms(bare=True, values=None), feature="cfg_late"),),
)
TABLE = """\
name  D                  W  X  G
far   v*                 ?  -  -
late  b+v (nightly b)    ?  v  cfg_late
2 names: D 1, W ?, X 1, G 1"""
FORMS = st.builds(Forms, bare=st.booleans(), values=st.none() | st.frozensets(st.sampled_from("xyz")))


def test_the_table() -> None:
    assert [line.split() for line in table(LISTS).splitlines()] == [line.split() for line in TABLE.splitlines()]


def test_the_objects() -> None:
    far, late = as_json(LISTS)
    assert json.loads(json.dumps(far)) == {
        "name": "far",
        "default": [{"bare": False, "values": ["x"], "elsewhere": True}],
        "well_known": None,
        "disallowed": [],
        "gated": [],
    }
    assert late["gated"] == [{"bare": True, "values": "any", "feature": "cfg_late"}]


def test_differences() -> None:
    new = Lists(
        source="b", default=(Entry(name="late", forms=BARE),), disallowed=LISTS.disallowed, gated=(Entry(name="late", feature="late"),)
    )
    assert [str(each) for each in differences(LISTS, new)] == ["D - far v*", "D ~ late b+v (nightly b) -> b", "G ~ late cfg_late -> late"]
    assert next(str(each) for each in differences(new, LISTS)) == "D + far v*"
    assert differences(LISTS, LISTS) == []


def test_differences_of_values() -> None:
    def panics(*values: str) -> Lists:
        forms = Forms(values=frozenset(values) if values else None)
        return Lists(source="a", disallowed=(Entry(name="panic", forms=forms),))

    (found,) = differences(panics("abort", "old"), panics("abort", "new", "newer"))
    assert (str(found), found.added, found.removed) == ('X ~ panic v +"new" +"newer" -"old"', ("new", "newer"), ("old",))
    assert differences(panics("abort"), panics()) == []  # of a list that is not told, no value is known to be gone


@given(FORMS, FORMS, st.none() | st.sampled_from("xyz"))
def test_forms_unite(one: Forms, other: Forms, value: str | None) -> None:
    assert (value in (one | other)) == (value in one or value in other)
    assert merged([Entry(name="a", forms=one), Entry(name="a", forms=other)]) == {"a": one | other}
