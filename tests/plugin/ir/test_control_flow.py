"""Loops with one way in, and those with more."""

import pytest

from plugin.ir.control_flow import irreducible, successors

HEAD = "define double @f(i1 %c) {\n"
JUMP = "  br i1 %c, label %left, label %right, !dbg !7\n"


def body(**blocks: str) -> str:
    lines = (f"{name}:\n  {last}\n" for name, last in blocks.items())
    return HEAD + JUMP + "".join(lines) + "}\n"


def test_blocks_are_followed_by_those_that_they_name() -> None:
    text = body(left="br label %right", right="ret double 0.0")
    first, *rest = successors(text).items()
    assert first[1] == {"left", "right"}
    assert rest == [("left", {"right"}), ("right", set())]


@pytest.mark.parametrize(
    ("blocks", "is_irreducible"),
    [
        ({"left": "br label %right", "right": "br label %left"}, True),
        ({"left": "br i1 %c, label %right, label %end", "right": "br label %left", "end": "ret double 0.0"}, True),
        ({"left": "br label %right", "right": "ret double 0.0"}, False),
        ({"left": "br i1 %c, label %left, label %right", "right": "ret double 0.0"}, False),
        (
            {
                "left": "br label %head",
                "right": "br label %head",
                "head": "switch i32 0, label %turn [ i32 1, label %end ]",
                "turn": "br i1 %c, label %head, label %inner",
                "inner": "br i1 %c, label %inner, label %turn2",
                "turn2": "br label %head",
                "end": "ret double 0.0",
            },
            False,
        ),
        ({"left": "ret double 0.0", "right": "ret double 0.0", "dead1": "br label %dead2", "dead2": "br label %dead1"}, False),
    ],
)
def test_a_loop_with_two_ways_in_is_found(blocks: dict[str, str], *, is_irreducible: bool) -> None:
    assert bool(irreducible(body(**blocks))) is is_irreducible


def test_the_line_is_one_with_a_place() -> None:
    assert irreducible(body(left="br label %right", right="br label %left")) == JUMP.rstrip("\n")


def test_a_function_of_one_block_has_no_loop() -> None:
    assert not irreducible(HEAD + "  ret double 0.0\n}\n")
