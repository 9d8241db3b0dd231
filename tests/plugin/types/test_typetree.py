"""Trees as Enzyme reads and prints them; the strings are those that its plugin for LLVM 15 printed."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given

from bootstrap import process
from plugin.engines.engine import Engine, PluginEngine
from plugin.types.type_language import parse
from plugin.types.typetree import DEEPEST, FARTHEST, Conflict, FncTree, Kind, TypeTree, joined, tree_of
from tests.plugin.types.test_type_language import TYPES


def parameter(text: str) -> TypeTree:
    """The tree of a parameter of a type."""
    [tree] = FncTree.of([parse(text)]).args
    return tree


SPOKEN = {
    "f64": "{[-1]:Float@double}",
    "f32": "{[-1]:Float@float}",
    "i64": "{[-1]:Integer}",
    "*f64": "{[-1]:Pointer, [-1,-1]:Float@double}",
    "*f16": "{[-1]:Pointer, [-1,-1]:Float@half}",
    "*bf16": "{[-1]:Pointer, [-1,-1]:Float@bf16}",
    "*f80": "{[-1]:Pointer, [-1,-1]:Float@fp80}",
    "*f128": "{[-1]:Pointer, [-1,-1]:Float@fp128}",
    "**f64": "{[-1]:Pointer, [-1,-1]:Pointer, [-1,-1,-1]:Float@double}",
    "*[f64; 3]": "{[-1]:Pointer, [-1,-1]:Float@double}",
    "*[f64; 1000000]": "{[-1]:Pointer, [-1,-1]:Float@double}",
    "*{f64, f64}": "{[-1]:Pointer, [-1,-1]:Float@double}",
    "*{f64, i16}": "{[-1]:Pointer, [-1,0]:Float@double, [-1,8]:Integer, [-1,9]:Integer}",
    "*{f64@0, f64@16}": "{[-1]:Pointer, [-1,0]:Float@double, [-1,16]:Float@double}",
    "*{*f64, *f32}": "{[-1]:Pointer, [-1,-1]:Pointer, [-1,0,-1]:Float@double, [-1,8,-1]:Float@float}",
    "*[{f32, f64}; 2]": "{[-1]:Pointer, [-1,0]:Float@float, [-1,8]:Float@double, [-1,16]:Float@float, [-1,24]:Float@double}",
    "{f64, f64}": "{[-1]:Float@double}",
    "{f64, i64}": "{}",
    "*[f64; 0]": "{[-1]:Pointer}",
    "*{}": "{[-1]:Pointer}",
}


@pytest.mark.parametrize(("type_", "spoken"), SPOKEN.items())
def test_a_parameter_is_told_as_enzyme_says_it(type_: str, spoken: str) -> None:
    assert parameter(type_).attribute() == spoken
    assert TypeTree.read(spoken) == parameter(type_)


def test_a_slice_is_two_parameters_and_an_unknown_type_is_one_that_says_nothing() -> None:
    trees = FncTree.of([parse("[f64]"), None, parse("*i8")]).args
    told = ["{[-1]:Pointer, [-1,-1]:Float@double}", "{[-1]:Integer}", "{}", "{[-1]:Pointer, [-1,-1]:Integer}"]
    assert [each.attribute() for each in trees] == told


def read_metadata(lines: list[str]) -> dict[tuple[int, ...], str]:
    """The entries of a tree in the metadata form."""
    nodes = dict(line.split(" = ", 1) for line in lines)

    def below(name: str, path: tuple[int, ...]) -> dict[tuple[int, ...], str]:
        words = re.findall(r'!"([^"]*)"|i32 (-?\d+)|(!\d+)', nodes[name])
        kind, operands = words[0][0], [each[1] or each[2] for each in words[1:]]
        found = {path: kind} if path else {}
        for offset, child in zip(operands[::2], operands[1::2], strict=True):
            found |= below(child, (*path, int(offset)))
        return found

    first = lines[0].split(" ", 1)[0]
    assert nodes[first].startswith('!{!"Unknown"')
    return below(first, ())


@given(TYPES)
def test_every_type_has_a_tree_that_both_forms_can_say(type_: Any) -> None:
    for tree in FncTree.of([type_]).args:
        assert TypeTree.of(dict(tree.entries)) == tree
        assert TypeTree.read(tree.attribute()) == tree
        assert tree.fits_any_value
        assert all(len(path) <= DEEPEST and max(path) < FARTHEST for path, _ in tree.entries)
        spoken = read_metadata(tree.metadata(7))
        # A path whose own pointer is said with -1 has a node of its own on the way, which says nothing new.
        assert {path: str(kind) for path, kind in tree.entries}.items() <= spoken.items()


def test_the_metadata_is_what_enzyme_prints() -> None:
    tree = TypeTree.read("{[-1]:Pointer, [-1,0]:Float@double, [-1,8]:Integer}")
    assert tree.metadata(0) == [
        '!0 = !{!"Unknown", i32 -1, !1}',
        '!1 = !{!"Pointer", i32 0, !2, i32 8, !3}',
        '!2 = !{!"Float@double"}',
        '!3 = !{!"Integer"}',
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[-1]:Pointer",
        "{[-1]}",
        "{[-1]:}",
        "{[-1,-1]:double}",
        "{[-1]:Float}",
        "{[-1]:Float@quad}",
        "{[-2]:Integer}",
        "{[]:Integer}",
        "{[500]:Integer}",
        "{[-1,-1]:Integer}",
        "{[-1]:Float@double, [-1,-1]:Integer}",
        "{[-1]:Pointer, [-1]:Integer}",
        "{[x]:Pointer}",
        "{[-1]:Pointer, [-1,-1,-1,-1,-1,-1,-1]:Integer}",
    ],
)
def test_what_would_end_enzyme_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"type tree|path|leads|two things"):
        TypeTree.read(text)


def test_spaces_do_not_matter() -> None:
    assert TypeTree.read("{ [-1] : Pointer , [ -1 , 0 ] : Integer }").attribute() == "{[-1]:Pointer, [-1,0]:Integer}"


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("{}", "{[-1]:Pointer}", "{[-1]:Pointer}"),
        ("{[-1]:Pointer}", "{[-1]:Pointer, [-1,-1]:Integer}", "{[-1]:Pointer, [-1,-1]:Integer}"),
        ("{[-1]:Pointer, [-1,0]:Integer}", "{[-1]:Pointer, [-1,-1]:Integer}", "{[-1]:Pointer, [-1,-1]:Integer}"),
        ("{[-1]:Pointer, [-1,0]:Integer}", "{[-1]:Pointer, [-1,8]:Float@float}", "{[-1]:Pointer, [-1,0]:Integer, [-1,8]:Float@float}"),
        ("{[-1]:Pointer, [-1,0]:Integer}", "{[-1]:Pointer, [-1,0]:Float@float}", None),
        ("{[-1]:Pointer, [-1,0]:Integer}", "{[-1]:Pointer, [-1,-1]:Float@float}", None),
        ("{[-1]:Pointer}", "{[-1]:Integer}", None),
    ],
)
def test_trees_are_merged_or_contradict_each_other(first: str, second: str, together: str | None) -> None:
    a, b = TypeTree.read(first), TypeTree.read(second)
    for one, other in ((a, b), (b, a)):
        if together is None:
            with pytest.raises(Conflict, match="Integer"):
                one.merged(other)
        else:
            assert one.merged(other).attribute() == together


def test_parts_that_share_a_byte_contradict_each_other() -> None:
    with pytest.raises(Conflict, match="Float@double and Integer at"):
        joined([tree_of(parse("f64")), tree_of(parse("i64"))])


def test_a_tree_that_is_too_large_loses_its_deepest_part() -> None:
    pointers = ", ".join(["*{" + ", ".join(["*f64", "i64"] * 20) + "}"] * 20)
    tree = parameter(f"*{{{pointers}}}")
    assert len(tree.entries) <= 512
    assert max(len(path) for path, _ in tree.entries) < 4
    assert dict(tree.entries)[(-1, -1)] is Kind.POINTER


@pytest.mark.needs("opt-15", "clang-15")
@pytest.mark.parametrize("type_", [name for name, spoken in SPOKEN.items() if name.startswith("*") and name != "*[f64; 0]"])
def test_enzyme_takes_each_tree_for_what_it_says(plugin_engine: Engine, tmp_path: Path, type_: str) -> None:
    told = parameter(type_).attribute()
    module = tmp_path / "module.ll"
    metadata = "\n".join(parameter(type_).metadata(0))
    module.write_text(
        f'declare void @take(ptr "enzyme_type"="{told}")\ndeclare ptr @make()\n'
        "define void @f(ptr %p) {\n  call void @take(ptr %p)\n  %q = call ptr @make(), !enzyme_type !0\n  ret void\n}\n" + metadata + "\n",
        encoding="utf-8",
    )
    engine = cast("PluginEngine", plugin_engine)
    options = ["-passes=print-type-analysis", "-type-analysis-func=f", "-opaque-pointers", "-o", "/dev/null"]
    done = process.run([str(engine.opt), "-load", str(engine.path), f"-load-pass-plugin={engine.path}", *options, str(module)])
    assert done.status == 0, done.stderr
    assert f"ptr %p: {told}\n" in done.stderr + done.stdout
    assert re.search(rf"%q = call ptr @make\(\).*: {re.escape(told)}\n", done.stderr + done.stdout)
