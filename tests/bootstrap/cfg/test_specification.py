"""check-cfg specifications and the argument of --cfg, against the tables of what rustc takes and refuses, and against rustc."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.cfg.specification import BARE, Expected, Values, expected_of, parse, parse_cfg
from bootstrap.diagnostics import Failure

X = frozenset({"x"})
ACCEPTED = {
    "cfg()": Expected(),
    "cfg(a)": Expected(names={"a": BARE}),
    "cfg(a,)": Expected(names={"a": BARE}),
    "cfg(a, a)": Expected(names={"a": BARE}),
    "cfg(a, values(none()))": Expected(names={"a": BARE}),
    "cfg(a, values())": Expected(names={"a": Values()}),
    'cfg(a, values("x","y",))': Expected(names={"a": Values(listed=frozenset({"x", "y"}))}),
    'cfg(a, values(none(),"x"))': Expected(names={"a": Values(listed=X | {None})}),
    "cfg(a, values(any()))": Expected(names={"a": Values(anything=True)}),
    'cfg(a, b, values("x"))': Expected(names={"a": Values(listed=X), "b": Values(listed=X)}),
    'cfg(a, values(""))': Expected(names={"a": Values(listed=frozenset({""}))}),
    "cfg(any())": Expected(any_name=True),
    "cfg(any, values)": Expected(names={"any": BARE, "values": BARE}),
    "cfg(r#fn)": Expected(names={"fn": BARE}),
    "r#cfg(a)": Expected(names={"a": BARE}),
    'cfg(a, values(r"x"))': Expected(names={"a": Values(listed=X)}),
}
REFUSED = {
    "": "ends too early",
    "cfg": "a specification is cfg(...)",
    "anything(a)": "a specification is cfg(...)",
    "cfg(": "a bracket is never closed",
    "cfg(...)": "expected a name",
    "cfg(a) b": "expected the end",
    "cfg(a,,b)": "expected a name",
    "cfg(a b)": "expected `,` or `)`",
    "cfg(fn)": "expected a name",
    'cfg("a")': "a name is expected, found a string",
    'cfg(a, "b", c)': "a name is expected, found a string",
    'cfg(a = "x")': "expected `,` or `)`",
    "cfg(not(a))": "`not(...)` is not known here",
    "cfg(none())": "`none(...)` is not known here",
    'cfg(a, values("x"), b)': "a name stands after `values(...)`",
    'cfg(values("x"))': "`values(...)` stands before the names",
    "cfg(a, values(), values())": "`values(...)` is given twice",
    "cfg(any(a))": "`any()` takes nothing",
    "cfg(any(), any())": "`any()` is given twice",
    "cfg(a, any())": "`cfg(any())` can only be given alone",
    "cfg(any(), a)": "`cfg(any())` can only be given alone",
    "cfg(any(), values())": "`values(...)` stands before the names",
    "cfg(a, values(any(b)))": "`any()` takes nothing",
    "cfg(a, values(any(), any()))": "`any()` is given twice",
    'cfg(a, values(none("x")))': "`none()` takes nothing",
    'cfg(a, values("x", any()))': "`values(...)` takes strings and none(), or any() alone",
    "cfg(a, values(any(), none()))": "`values(...)` takes strings and none(), or any() alone",
    "cfg(a, values(x))": "`values(...)` takes a string, none() or any()",
    "cfg(a, values(1))": "`values(...)` takes a string, none() or any()",
    'cfg(a, values(b"x"))': "`values(...)` takes a string, none() or any()",
    "cfg(a, values(test()))": "`values(...)` takes a string, none() or any()",
    "unsafe(cfg(a))": "expected a name",
    "cfg(a(b(c(d(e(f))))))": "lists are nested more than",
}
CFGS = {"a": ("a", None), 'a="x"': ("a", "x"), 'a = ""': ("a", ""), "r#fn": ("fn", None), 'a=r"x"': ("a", "x"), "é": ("é", None)}
NO_CFGS = {
    "": 1,
    "a b": 3,
    "a::b": 2,
    "a(b)": 2,
    '"a"': 1,
    "fn": 1,
    "true": 1,
    "a=x": 3,
    "a=1": 3,
    "a=true": 3,
    "a=": 3,
    'a="x': 3,
    'a="x"y': 6,
    'a=b"x"': 3,
    "=a": 1,
}


@pytest.mark.parametrize(("written", "meant"), ACCEPTED.items())
def test_what_a_specification_expects(written: str, meant: Expected) -> None:
    assert parse(written) == meant
    assert expected_of(map(parse, meant.specifications())) == meant


@pytest.mark.parametrize(("written", "message"), REFUSED.items())
def test_each_fatal_error(written: str, message: str) -> None:
    with pytest.raises(Failure) as failure:
        parse(written)
    (found,) = failure.value.diagnostics
    assert (found.code, failure.value.exit_status) == ("E0251", 2)
    assert found.message.startswith("invalid `--check-cfg`: ")
    assert message in found.message
    assert found.span


@pytest.mark.parametrize(("written", "cfg"), CFGS.items())
def test_a_cfg_to_set(written: str, cfg: tuple[str, str | None]) -> None:
    assert parse_cfg(written) == cfg


@pytest.mark.parametrize(("written", "column"), NO_CFGS.items())
def test_what_cannot_be_set(written: str, column: int) -> None:
    with pytest.raises(Failure) as failure:
        parse_cfg(written)
    (found,) = failure.value.diagnostics
    assert found.code == "E0252"
    assert found.span
    assert found.span.column == column


def test_lost_quotes_are_given_back() -> None:
    with pytest.raises(Failure) as failure:
        parse_cfg("solver=cg")
    assert failure.value.diagnostics[0].help == ("a shell takes quotes away: write 'solver=\"cg\"'",)


VALUES = st.builds(Values, listed=st.frozensets(st.none() | st.sampled_from(["", "x", "y"]))) | st.just(Values(anything=True))
EXPECTED = st.builds(Expected, names=st.dictionaries(st.sampled_from(["a", "b", "fn"]), VALUES), any_name=st.booleans())


@given(EXPECTED, EXPECTED, EXPECTED)
def test_merging_is_a_union(one: Expected, two: Expected, three: Expected) -> None:
    assert one | one == one
    assert one | two == two | one
    assert (one | two) | three == one | (two | three)


@given(VALUES, VALUES, st.none() | st.sampled_from(["", "x", "y", "z"]))
def test_any_wins_over_every_list(one: Values, other: Values, value: str | None) -> None:
    assert (value in (one | other)) == (value in one or value in other)


@given(EXPECTED)
def test_what_is_printed_is_read_back(expected: Expected) -> None:
    assert expected_of(map(parse, expected.specifications())) == expected


@pytest.mark.needs("rustc")
def test_rustc_takes_and_refuses_the_same(tmp_path: Path) -> None:
    (tmp_path / "empty.rs").write_text("")

    def accepted(*words: str) -> bool:
        command = ["rustc", "--crate-type=lib", "--emit=metadata", *words, "empty.rs"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    for written in [*ACCEPTED, *REFUSED]:
        assert accepted("--check-cfg", written) == (written in ACCEPTED), written
    for written in [*CFGS, *NO_CFGS]:
        assert accepted("--cfg", written) == (written in CFGS), written
