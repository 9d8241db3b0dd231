"""Whether an expression can be true at all; what is called impossible is false for every target that the table knows."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.cfg import targets
from bootstrap.cfg.expression import Cfg, Expression, Literal, Option, Predicate, holds, parse
from bootstrap.cfg.possible import possible


@pytest.mark.parametrize(
    "text",
    [
        "any()",
        "false",
        "not(all())",
        "all(unix, windows)",
        "all(unix, not(unix))",
        'all(unix, target_family = "windows")',
        'all(windows, target_os = "linux")',
        'all(target_os = "macos", not(unix))',
        'all(target_os = "linux", target_os = "macos")',
        'all(not(target_endian = "big"), not(target_endian = "little"))',
        "target_os",
        'unix = "x"',
        "all(llvm_enzyme, autodiff_fallback)",
        "all(mine, not(mine))",
        "all(any(unix, windows), not(unix), not(windows))",
        "not(any(mine, not(mine)))",
    ],
)
def test_impossible(text: str) -> None:
    assert not possible(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "not(any())",
        "any(all(unix, windows), llvm_enzyme)",
        'all(unix, target_family = "wasm")',
        'all(target_os = "brand-new", unix)',
        'target_os = "brand-new"',
        'all(target_feature = "avx", target_feature = "fma")',
        'all(mine = "a", mine = "b")',
        "not(all(unix, windows))",
    ],
)
def test_possible(text: str) -> None:
    assert possible(parse(text))


def test_what_is_given_counts() -> None:
    tree = parse("all(fast, not(slow))")
    assert possible(tree)
    assert possible(tree, {("fast", None): True})
    assert not possible(tree, {("fast", None): False})
    assert not possible(tree, {("slow", None): True})
    assert not possible(parse("windows"), {("unix", None): True})


CFGS: list[Cfg] = [
    *(("target_os", value) for value in ("linux", "windows", "macos", "none", "wasi", "emscripten")),
    *(("target_family", value) for value in ("unix", "windows", "wasm")),
    *(("target_endian", value) for value in ("big", "little")),
    *(("target_env", value) for value in ("", "gnu", "musl", "msvc")),
    ("unix", None),
    ("windows", None),
]
TREES: st.SearchStrategy[Expression] = st.recursive(
    st.sampled_from(CFGS).map(lambda cfg: Option(name=cfg[0], value=cfg[1])) | st.booleans().map(lambda value: Literal(value=value)),
    lambda below: (
        st.builds(Predicate, kind=st.sampled_from(["all", "any"]), operands=st.lists(below, max_size=4).map(tuple))
        | st.builds(Predicate, kind=st.just("not"), operands=below.map(lambda each: (each,)))
    ),
    max_leaves=12,
)


@given(TREES)
def test_what_holds_for_a_target_is_possible(tree: Expression) -> None:
    if any(holds(tree, targets.of(triple)) for triple in targets.COMMON):
        assert possible(tree)
    assert possible(tree) or possible(Predicate(kind="not", operands=(tree,)))


def test_a_search_without_end_is_given_up() -> None:
    # Eight pigeons in seven holes, no two in one: found out only by trying every way.
    cells = [[f"c{pigeon}{hole}" for hole in range(7)] for pigeon in range(8)]
    somewhere = [f"any({', '.join(row)})" for row in cells]
    alone = [f"not(all({a}, {b}))" for hole in zip(*cells, strict=True) for index, a in enumerate(hole) for b in hole[:index]]
    start = time.monotonic()
    assert possible(parse(f"all({', '.join([*somewhere, *alone])})"))
    assert time.monotonic() - start < 2
