"""Expressions: what rustc takes and refuses, carets, and the laws of evaluation."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.cfg.expression import DEEPEST, Cfg, Expression, Literal, Option, Predicate, holds, options, parse, shown
from bootstrap.cfg.specification import parse_cfg
from bootstrap.diagnostics import Failure, Span, text

TRUE = {
    "all()": "all()",
    "cfg(all())": "all()",
    "not(any())": "not(any())",
    "true": "true",
    "not( false , )": "not(false)",
    "a": "a",
    "cfg(a,)": "a",
    'b = "x"': 'b="x"',
    'all(a, b = "x", not(c))': 'all(a, b="x", not(c))',
    "any(c, a)": "any(c, a)",
    "r#fn": "r#fn",
    "r#true": "r#true",
    'quote = "\\"\\u{41}\\x42\\\n   c"': 'quote="\\"ABc"',
    'raw = r#"a"b"#': 'raw="a\\"b"',
    "all /* a comment */ (a) // and another": "all(a)",
    "all": "all",
}
ACTIVE: frozenset[Cfg] = frozenset(
    {("a", None), ("b", "x"), ("fn", None), ("true", None), ("quote", '"ABc'), ("raw", 'a"b'), ("all", None)}
)
REFUSED = {
    "": ("a predicate is missing", 1),
    "a b": ("expected the end, found `b`", 3),
    "a, b": ("expected the end, found `,`", 2),
    "cfg()": ("`cfg` takes one predicate, found 0", 1),
    "cfg(a, b)": ("`cfg` takes one predicate, found 2", 1),
    "not()": ("`not` takes one predicate, found 0", 1),
    "all(not(a, b))": ("`not` takes one predicate, found 2", 5),
    "all(a,,b)": ("expected a predicate", 7),
    "all(a": ("a bracket is never closed", 4),
    "all(a b)": ("expected `,` or `)`, found `b`", 7),
    "all(cfg(a))": ("there is no predicate `cfg`", 5),
    "al(a)": ("there is no predicate `al`", 1),
    'version("1.2")': ("`version(...)` is experimental", 1),
    "fn": ("`fn` is a keyword; write `r#fn`", 1),
    "self": ("`self` is a keyword", 1),
    "r#self": ("`self` cannot be a raw identifier", 1),
    '"a"': ("a string alone is no predicate", 1),
    "a = b": ("the value of `a` must be a string", 5),
    "a = 1": ("the value of `a` must be a string", 5),
    "a = true": ("the value of `a` must be a string", 5),
    'a = b"x"': ("the value of `a` must be a string", 5),
    'a == "x"': ("the value of `a` must be a string", 4),
    'a = "x': ("a quoted text has no end", 5),
    'a = "\\q"': ("an escape that Rust does not have", 6),
    'a = "\\u{d800}"': ("an escape that Rust does not have", 6),
    'true = "x"': ("expected the end, found `=`", 6),
    "a::b": ("expected the end, found `:`", 2),
    "1a": ("expected a predicate", 1),
}


@pytest.mark.parametrize(("written", "canonical"), TRUE.items())
def test_what_is_accepted_is_read_as_it_is_meant(written: str, canonical: str) -> None:
    tree = parse(written)
    assert str(tree) == canonical
    assert parse(str(tree)) == tree
    assert holds(written, ACTIVE)
    assert not holds(Predicate(kind="not", operands=(tree,)), ACTIVE)


@pytest.mark.parametrize(("written", "message", "column"), [(written, *expected) for written, expected in REFUSED.items()])
def test_what_is_refused_has_a_caret(written: str, message: str, column: int) -> None:
    with pytest.raises(Failure) as failure:
        parse(written, origin="--check")
    (found,) = failure.value.diagnostics
    assert (found.code, failure.value.exit_status) == ("E0250", 2)
    assert found.message.startswith(message)
    assert found.span
    assert (str(found.span.path), found.span.column) == ("--check", column)


def test_a_near_match_of_a_predicate() -> None:
    with pytest.raises(Failure) as failure:
        parse("all(ani(a))")
    assert "did you mean `any`?" in text(failure.value.diagnostics[0])


def test_the_caret_stands_in_the_file_where_the_text_stands_there_as_it_is() -> None:
    source = "when = 'all(unix,, a)'  # here"
    span = Span(path=Path("config.toml"), line=7, column=8, end_column=23, source=source)
    with pytest.raises(Failure) as failure:
        parse("all(unix,, a)", origin="unit.a.when", span=span)
    found = failure.value.diagnostics[0]
    assert found.span
    assert (found.span.line, found.span.column, source[found.span.column - 1]) == (7, 18, ",")
    assert not found.related


def test_the_caret_stands_in_the_text_where_the_file_has_it_otherwise() -> None:
    span = Span(path=Path("config.toml"), line=7, column=8, end_column=20, source='when = "a\\u0020b"')
    with pytest.raises(Failure) as failure:
        parse("a b", origin="unit.a.when", span=span)
    found = failure.value.diagnostics[0]
    assert found.span
    assert (str(found.span.path), found.span.column, found.related[0].span) == ("unit.a.when", 3, span)


def test_depth_and_length_are_limited() -> None:
    assert holds("all(" * DEEPEST + ")" * DEEPEST, frozenset())
    for hostile in ("not(" * 5000 + "a" + ")" * 5000, "a" * 100_000, "/*" * 4000, '"' * 8000, "all(" * (DEEPEST + 2)):
        with pytest.raises(Failure):
            parse(hostile)


NAMES = st.sampled_from(["a", "b", "unix", "fn", "true", "all", "é"])
VALUES = (
    st.none()
    | st.sampled_from(["", "x", "y"])
    | st.text(max_size=5).filter(lambda each: not any("\ud800" <= char <= "\udfff" for char in each))
)
TREES: st.SearchStrategy[Expression] = st.recursive(
    st.builds(Option, name=NAMES, value=VALUES) | st.builds(Literal, value=st.booleans()),
    lambda inner: st.one_of(
        st.builds(Predicate, kind=st.sampled_from(["all", "any"]), operands=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Predicate, kind=st.just("not"), operands=st.tuples(inner)),
    ),
)
CFGS = st.frozensets(st.tuples(NAMES, VALUES), max_size=6)


@given(TREES)
def test_what_is_shown_is_read_back(tree: Expression) -> None:
    assert parse(str(tree)) == tree
    assert parse(f"cfg({tree})") == tree


@given(TREES, TREES, CFGS)
def test_the_laws_of_de_morgan(one: Expression, other: Expression, active: frozenset[Cfg]) -> None:
    neither = Predicate(kind="not", operands=(Predicate(kind="any", operands=(one, other)),))
    both = Predicate(kind="all", operands=tuple(Predicate(kind="not", operands=(each,)) for each in (one, other)))
    assert holds(neither, active) == holds(both, active)


@given(TREES, CFGS)
def test_only_the_options_of_an_expression_decide(tree: Expression, active: frozenset[Cfg]) -> None:
    asked = {(each.name, each.value) for each in options(tree)}
    assert holds(tree, active) == holds(tree, active & asked)


@given(st.tuples(NAMES, VALUES))
def test_a_cfg_is_read_back(cfg: Cfg) -> None:
    assert parse_cfg(shown(cfg)) == cfg


@pytest.mark.needs("rustc")
def test_rustc_takes_and_refuses_the_same(tmp_path: Path) -> None:
    """Trailing commas aside, which only an attribute may have, and the two predicates that are experimental."""
    for written in [*TRUE, *REFUSED]:
        if written.startswith(("cfg(", "version")):
            continue
        source = tmp_path / "crate.rs"
        source.write_text(f"#[cfg(\n{written}\n)] fn f() {{}}\n")
        command = ["rustc", "--edition=2021", "--crate-type=lib", "--emit=metadata", "-Aunexpected_cfgs", "-Adead_code", "crate.rs"]
        accepted = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
        assert accepted == (written in TRUE), written
