"""Reading a rust tree: its history, its option structs, its example, its profiles and the defaults in its code."""

from __future__ import annotations

import sys

import pytest

from change_tracker import rust
from change_tracker.rust import NotATree, NoTreeSitter, read
from tests.change_tracker.rust_tree import CONFIG, EXAMPLE, TRACKER, files


def test_the_history_is_read_in_its_order() -> None:
    found = read(files()).history
    assert [(each.id, each.severity) for each in found] == [(100, "Info"), (102, "Warning"), (101, "Warning")]
    assert found[0].summary == 'New option `rust.lto` added. It says "yes" or no.'
    assert found[1].summary == 'Default value of `build.jobs` was changed to "all"'


def test_the_place_of_an_entry_is_where_it_stands() -> None:
    place = read(files()).history[2].place
    assert TRACKER.encode()[place.start : place.end].startswith(b"ChangeInfo { change_id: 101")


def test_the_keys_of_the_structs_are_those_of_the_configuration() -> None:
    options = read(files()).options
    assert {".".join(each) for each in options} == {
        "change-id",
        "profile",
        "build.jobs",
        "build.submodules",
        "build.docs",
        "rust.lto",
        "rust.std-features",
        "target.*.cc",
    }
    place = options["build", "jobs"].place
    assert CONFIG.encode()[place.start : place.end] == b'jobs: Option<u32> = "jobs"'
    assert options["rust", "std-features"].type == "BTreeSet<String>"


TOOL = """
define_config! {
    struct Tool {
        features: Option<Vec<String>> = "features",
    }
}
"""
"""A struct that stands by a name of the user's in another one, as newer trees have it."""


def test_a_table_of_tables_has_the_keys_of_its_struct() -> None:
    config = CONFIG.replace(
        '    docs: Option<bool> = "docs",', '    docs: Option<bool> = "docs",\n        tool: Option<HashMap<String, Tool>> = "tool",'
    )
    tree = read(files(config=config + TOOL, example=EXAMPLE.replace("#docs = true", "#docs = true\n#build.tool.TOOL_NAME.features = [A]")))
    assert tree.options.keys() - read(files()).options.keys() == {("build", "tool", "*", "features")}
    assert tree.example.keys() - read(files()).example.keys() == {("build", "tool", "*", "features")}


def test_the_keys_of_the_example_are_read_with_their_defaults() -> None:
    example = read(files()).example
    assert {".".join(key): each.value for key, each in example.items()} == {
        "profile": None,
        "change-id": None,
        "build.jobs": 0,
        "build.submodules": ["a", "b"],
        "build.docs": True,
        "rust.lto": "thin",
        "rust.std-features": ["panic-unwind"],
        "target.*.cc": None,
    }
    place = example["rust", "lto"].place
    assert EXAMPLE.encode()[place.start : place.end] == b"lto"


def test_an_example_with_dotted_keys_is_read_as_well() -> None:
    tree = files(example="#build.jobs = 4\n#target.x86_64-unknown-linux-gnu.cc = 3\n[target.x86_64-unknown-linux-gnu]\n#cc = 5\n")
    assert {".".join(key): each.value for key, each in read(tree).example.items()} == {"build.jobs": 4, "target.*.cc": 3}


def test_the_defaults_in_the_code_are_found_by_their_form() -> None:
    found = read(files()).defaults
    assert {".".join(key): [each.value for each in given] for key, given in found.items()} == {
        "build.jobs": [None, 0],
        "build.submodules": [None],
        "build.docs": [True],
        "rust.lto": ["thin"],
        "rust.std-features": [["panic-unwind"]],
    }


def test_the_keys_that_a_profile_sets_are_read() -> None:
    (keys,) = read(files()).profiles.values()
    assert keys == {("build", "jobs"): 1, ("target", "*", "cc"): "c"}


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ('ChangeInfo { change_id: ID, severity: ChangeSeverity::Info, summary: "" }', "no `change_id` that is a number"),
        ('ChangeInfo { change_id: 7, severity: Severe, summary: "" }', "no `severity` that is `Info` or `Warning`"),
        ("ChangeInfo { change_id: 7, severity: ChangeSeverity::Info, summary: SUMMARY }", "no `summary` that is a string"),
        ("make(7)", "this is no `ChangeInfo { ... }`"),
        ("ChangeInfo { change_id: 7, severity: ", "this is no `ChangeInfo { ... }`"),
    ],
)
def test_an_entry_that_does_not_parse_is_told_and_the_others_are_read(element: str, message: str) -> None:
    tree = read(files(tracker=TRACKER.replace("    // a comment\n", f"    {element},\n")))
    assert any(message in each.message for each in tree.unparsed)
    assert 100 in [each.id for each in tree.history]


def test_a_profile_that_does_not_parse_is_told() -> None:
    assert "not valid TOML" in read(files(profile="[build")).unparsed[0].message


def test_what_is_no_tree_is_refused() -> None:
    with pytest.raises(NotATree, match=r"change_tracker\.rs"):
        read(files(tracker=None))


def test_the_extra_is_asked_for_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    with pytest.raises(NoTreeSitter):
        rust.read(files())


@pytest.mark.parametrize("text", ["", "\x00", "fn main() {", "define_config! {", "🦀" * 1000])
def test_any_source_can_be_read(text: str) -> None:
    assert read(files(tracker=text, config=text, llvm=text, example=text)).history == ()
