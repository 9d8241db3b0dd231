"""The rules for a rust tree, each broken once in a small tree; the real one is audited where there is one."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest

from bootstrap import rust_tree
from change_tracker.rust import EXAMPLES, Files, RustChange, read
from change_tracker.rust_audit import Rule, audit, compare, concerning, since
from tests.change_tracker.rust_tree import CONFIG, EXAMPLE, PROFILE, TRACKER, files


def told(**changed: str | None) -> list[tuple[Rule, str]]:
    return [(each.rule, each.message) for each in audit(read(files(**changed)))]


FINE = {"example": EXAMPLE.replace('#submodules = [\n#    "a",\n#    "b",\n#]', "#submodules = where it is a checkout")}


def test_a_tree_that_is_right_has_no_findings() -> None:
    assert told(**FINE) == []


def entry(number: int, severity: str, summary: str) -> str:
    return TRACKER.replace(
        "];", f'    ChangeInfo {{ change_id: {number}, severity: ChangeSeverity::{severity}, summary: "{summary}" }},\n];'
    )


@pytest.mark.parametrize(
    ("tracker", "rule", "message"),
    [
        (entry(100, "Info", "again"), Rule.DUPLICATE, "the id 100 is there twice"),
        (entry(9, "Info", "Removed the old things."), Rule.SEVERITY, "9 is marked `Info`: something is removed, so it is a `Warning`"),
        (entry(9, "Info", "`x` is now enabled by default."), Rule.SEVERITY, "9 is marked `Info`: a default changes, so it is a `Warning`"),
        (entry(9, "Warning", "New option `rust.lto` added."), Rule.SEVERITY, "9 is marked `Warning`: something is added and nothing else"),
        (entry(9, "Info", "See `rust.lot` for more."), Rule.NAMED, "9 names `rust.lot`, and there is no such key"),
        (entry(9, "Info", "A new `submodule` option."), Rule.NAMED, "9 names `submodule`, and there is no such key"),
        (entry(9, "Info", "See `target.<triple>.cxx`."), Rule.NAMED, "9 names `target.<triple>.cxx`, and there is no such key"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_found(tracker: str, rule: Rule, message: str) -> None:
    ((found, words),) = told(**FINE, tracker=tracker)
    assert found is rule
    assert message in words


@pytest.mark.parametrize(
    "summary", ['Set `rust.lto = \\"thin\\"`.', "See `library.rs` and `std.io`.", "A new `rust.lto` option.", "`target.*.cc` is read."]
)
def test_an_entry_that_is_right_is_not_found(summary: str) -> None:
    assert told(**FINE, tracker=entry(9, "Info", summary)) == []


def test_a_key_that_a_later_entry_removes_was_one() -> None:
    gone = entry(9, "Info", "New option `rust.brief`.").replace(
        "];", 'ChangeInfo { change_id: 10, severity: ChangeSeverity::Warning, summary: "Removed `rust.brief`." },\n];'
    )
    assert told(**FINE, tracker=gone) == []


def test_entries_that_landed_in_another_order_are_found() -> None:
    tree = read(files(**FINE))
    assert audit(tree, landed={100: 1, 102: 2, 101: 3}) == []
    (finding,) = audit(tree, landed={100: 1, 102: 3, 101: 2})
    assert (finding.rule, finding.message.split(";")[0]) == (Rule.ORDER, "101 landed before 102 and stands behind it")
    assert audit(tree, landed={102: 3, 7: 1}) == []


def test_keys_that_only_one_side_knows_are_found() -> None:
    example = FINE["example"].replace("#docs = true", "#dogs = true")
    assert told(example=example) == [
        (Rule.UNDOCUMENTED, "`build.docs` is a key, and the example configuration does not show it"),
        (Rule.PHANTOM, "`build.dogs` is in the example configuration, and no struct has it: setting it is an error"),
    ]
    assert told(**FINE, profile=PROFILE + "[rust]\nlot = 1\n") == [
        (Rule.PHANTOM, "the profile `src/bootstrap/defaults/config.dist.toml` sets `rust.lot`, and no struct has it")
    ]


def test_an_old_name_that_still_works_needs_no_place_in_the_example() -> None:
    config = CONFIG.replace('docs: Option<bool> = "docs",', 'docs: Option<bool> = "docs",\n        docs_legacy: Option<bool> = "doc",')
    assert told(**FINE, config=config) == [(Rule.UNDOCUMENTED, "`build.doc` is a key, and the example configuration does not show it")]
    assert told(**FINE, config=config, tracker=entry(103, "Warning", "`build.doc` was renamed to `build.docs`")) == []


def test_a_new_section_is_no_key() -> None:
    assert told(**FINE, tracker=entry(103, "Info", "There is a new `rust` section")) == []
    assert told(**FINE, tracker=entry(103, "Info", "There is a new `rusty` section")) == [
        (Rule.NAMED, "103 names `rusty`, and there is no such key")
    ]


def test_what_the_default_of_a_type_is_is_not_known() -> None:
    config = CONFIG.replace("unwrap_or(self.info.is_managed())", "unwrap_or(Mode::default())")
    assert told(example=FINE["example"].replace("#submodules = where it is a checkout", "#submodules = false"), config=config) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('#lto = "thin"', '#lto = "fat"', 'the default of `rust.lto` is documented as `"fat"`, and the code takes `"thin"`'),
        ("#docs = true", "#docs = 1", "the default of `build.docs` is documented as `1`, and the code takes `true`"),
        (
            "#submodules = where it is a checkout",
            "#submodules = true",
            "the default of `build.submodules` is documented as `true`, and the code asks `self.info.is_managed()`",
        ),
        (
            "panic-unwind",
            "panic_unwind",
            'the default of `rust.std-features` is documented as `["panic_unwind"]`, and the code takes `["panic-unwind"]`',
        ),
    ],
)
def test_a_default_that_is_documented_otherwise_is_found(old: str, new: str, message: str) -> None:
    assert told(example=FINE["example"].replace(old, new)) == [(Rule.DEFAULT, message)]


def test_a_default_that_is_computed_twice_is_found() -> None:
    config = CONFIG.replace("impl Config {", "impl Config {\n    fn more() { config.lto = rust_lto.unwrap_or(other()); }")
    assert told(**FINE, config=config) == [
        (Rule.TWICE, 'the default of `rust.lto` is computed twice, as `"thin"` and as `other()`')
    ] or told(**FINE, config=config) == [(Rule.TWICE, 'the default of `rust.lto` is computed twice, as `other()` and as `"thin"`')]


def test_an_option_that_is_never_read_is_found() -> None:
    config = CONFIG.replace("pub jobs: Option<u32>,\n", "pub jobs: Option<u32>,\n    pub error_format: Option<String>,\n")
    assert told(**FINE, config=config) == [
        (Rule.IGNORED, "`--error-format` is accepted on the command line, and the configuration never reads it")
    ]
    taken_apart = config + "fn take(flags: Flags) { let Flags { error_format, jobs: _ } = flags; }"
    assert told(**FINE, config=taken_apart) == []


def test_the_differences_between_two_trees_need_entries() -> None:
    new = CONFIG.replace('docs: Option<bool> = "docs",', 'docs: Option<String> = "docs",\n        ccache: Option<bool> = "ccache",')
    new = new.replace('lto: Option<String> = "lto",', "")
    example = EXAMPLE.replace("#jobs = 0", "#jobs = 1")
    found = compare(read(files()), read(files(config=new, example=example)))
    assert [each.message for each in found] == [
        "`build.docs` takes `String` instead of `bool`, and no entry says so",
        "`build.ccache` was added, and no entry says so",
        "`rust.lto` was removed, and no entry says so",
        "the default of `build.jobs` is documented as `1` instead of `0`, and no entry says so",
    ]
    assert "severity: ChangeSeverity::Info" in found[1].remedy
    tracker = entry(200, "Warning", "`build.docs`, ccache, rust.lto and `jobs` are different.")
    assert compare(read(files()), read(files(config=new, example=example, tracker=tracker))) == []
    assert compare(read(files(tracker=tracker)), read(files(config=new, example=example, tracker=tracker))) != []


HISTORY = read(files()).history


@pytest.mark.parametrize(("number", "ids"), [(100, [102, 101]), (102, [101]), (101, []), (103, []), (99, None), (0, None)])
def test_the_news_of_a_rust_tree_are_what_stands_behind_an_id(number: int, ids: list[int] | None) -> None:
    found = since(HISTORY, number)
    assert (None if found is None else [each.id for each in found]) == ids


def test_the_news_are_limited_to_the_keys_of_a_configuration() -> None:
    assert [each.id for each in concerning(HISTORY, [("build", "jobs")])] == [102]
    assert [each.id for each in concerning(HISTORY, [("rust", "jobs")])] == []
    place = HISTORY[0].place
    other = RustChange(id=1, severity="Info", summary="`target.<triple>.cc` and `lto = 'off'` and rust.std_features", place=place)
    for key in (("target", "*", "cc"), ("rust", "lto"), ("rust", "std-features")):
        assert concerning([other], [key]) == (other,)


@pytest.fixture(scope="module")
def real(rust_src: Path) -> Files:
    """The files of the real tree of 1.85."""
    return rust_tree.read(rust_src).files


def test_the_numbers_of_1_85(real: Files) -> None:
    tree = read(real)
    assert collections.Counter(each.severity for each in tree.history) == {"Info": 31, "Warning": 18}
    sections = collections.Counter(key[0] for key in tree.options)
    assert sections == {"llvm": 29, "build": 47, "rust": 53, "dist": 7, "install": 7, "target": 22, "change-id": 1, "profile": 1}
    assert [len(since(tree.history, number) or ()) for number in (129176, 134650, 134809, 134810)] == [15, 0, 1, 0]
    assert [since(tree.history, number) for number in (0, 130060, 134651)] == [None, None, None]


def test_the_drift_of_1_85_is_found(real: Files) -> None:
    if not any(each in real for each in EXAMPLES):
        pytest.skip("the tree was unpacked without its example configuration")
    found = collections.defaultdict(list)
    for each in audit(read(real)):
        found[each.rule].append(each.message.split("`")[1] if "`" in each.message else "")
    wrong = [each.message.split()[0] for each in audit(read(real)) if each.rule is Rule.SEVERITY]
    assert sorted(wrong) == ["116998", "118703", "120593", "123337", "130202", "130529", "132494", "133207", "133853"]
    assert found[Rule.UNDOCUMENTED] == ["rust.profile-generate", "rust.profile-use", "target.*.default-linker"]
    assert found[Rule.PHANTOM] == ["rust.split-debuginfo", "rust.parallel-compiler"]
    assert sorted(found[Rule.DEFAULT]) == ["build.submodules", "llvm.experimental-targets", "rust.std-features"]
    assert found[Rule.TWICE] == ["llvm.enzyme"]
    assert found[Rule.IGNORED] == ["--build", "--src", "--error-format"]
    assert found[Rule.NAMED] == ["boostrap-cache-path", "llvm.lld"]
    assert not found[Rule.DUPLICATE]
    assert not found[Rule.UNPARSED]
