"""The audit of a tree: whatever a list lacks is found at its place, and what cannot be understood is said."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.cfg.audit import audit, compare, differences, unanswered
from bootstrap.cfg.lists import table
from bootstrap.cfg.rust.source import read
from bootstrap.diagnostics import FORMATS, Diagnostic, Failure, Severity, rendered
from tests.bootstrap.cfg.rust.small_tree import LISTS, NAMES, LaterTree, SmallTree

CFG = "compiler/rustc_session/src/config/cfg.rs"
CONTROLLED = "config `panic` is only supposed to be controlled by `-C panic`"
SNIPPETS = [b'"', b"(", b")", b"{", b"}", b"::", b",", b"`", b"\0", b"sym::x", b"//@ [", b"0x1u8", b'""', b"\xff\xfe"]
NOT_NEEDED = {"tests/ui/check-cfg/names.rs", "library/core.rs"}
RULES = {
    "default": {"E0152"},
    "well_known": {"E0151", "E0160", "E0171", "E0172", "E0173"},
    "disallowed": {"E0153", "E0168"},
    "gated": {"E0162", "E0163", "E0167", "E0174"},
    "feature": {"E0163"},
    "option": {"E0167"},
    "revision": {"E0168"},
    "flag": {"E0169"},
    "snapshot": {"E0168"},
    "tested": {"E0171"},
    "expectation": {"E0171"},
    "listing": {"E0172"},
    "book": {"E0173"},
    "gate_test": {"E0174"},
}
"""Which rules find what is left out of which list."""


def audited(root: Path) -> list[Diagnostic]:
    return [each for each in audit(read(root)) if each.severity is not Severity.NOTE]


def edit(root: Path, path: str, before: str, after: str) -> None:
    file = root / path
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_tree_whose_lists_agree_has_no_findings(small_tree: Path) -> None:
    facts = read(small_tree)
    assert [each.code for each in audit(facts) if each.code != "E0157"] == []
    assert facts.version == (1, 85)
    assert len(facts.lists.own("default")) == len(NAMES) + 2
    assert table(facts.lists).splitlines()[-1] == "16 names: D 14, W 15, X 13, G 12"


def test_a_later_tree_whose_lists_agree_has_no_findings(tmp_path: Path) -> None:
    facts = read(LaterTree().write(tmp_path))
    assert [each.message for each in audit(facts) if each.code != "E0157"] == []
    assert unanswered(facts) == []
    assert table(facts.lists).splitlines()[-1] == "18 names: D 16, W 17, X 15, G 12"


@pytest.mark.parametrize("name", NAMES[:10])
@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("shape", [SmallTree, LaterTree])
def test_a_name_that_is_missing_in_one_list_is_found(tmp_path: Path, shape: type[SmallTree], which: str, name: str) -> None:
    tree = shape(without=frozenset({(which, name)})).write(tmp_path)
    found = [each for each in audit(read(tree)) if each.code != "E0157"]
    assert {each.code for each in found} == RULES[which]
    assert any(each.severity is Severity.ERROR for each in found)
    for each in found:
        assert name in each.message
        assert each.span
        assert each.span.path.is_relative_to(tree)
        assert each.span.source == each.span.path.read_text().splitlines()[each.span.line - 1]


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ("(sym::alpha, None)", "(sym::alpha, Some(_))", "E0155", "bare `alpha` is set by default"),
        ("ins!(sym::alpha, no_values)", "ins!(sym::alpha, empty_values)", "E0156", "valued `alpha` is expected and can never be set"),
        ("sym::abort | sym::unwind", "sym::abort", "E0158", '`panic="unwind"` is not disallowed'),
        ("sym::abort | sym::unwind", "sym::abort | sym::unwind | sym::test", "E0158", '`panic="test"` is disallowed'),
        ("(sym::alpha, None)", "(sym::doc | sym::alpha, None)", "E0154", "`doc` is disallowed, and yet it is others' to set"),
        ('"-Z alpha"', '"-Z nothing"', "E0167", "`alpha` is said to be controlled by `-Z nothing`"),
        ("ins_none!(sym::test)", "ins_none!(sym::unheard)", "E0151", "`unheard` is set by default and is not well known"),
        ("sess.is_nightly_build() && sess.opts.alpha", "sess.opts.alpha", "E0160", "`alpha` is gated, and yet it is set on every channel"),
    ],
)
def test_forms_values_and_flags(small_tree: Path, before: str, after: str, code: str, said: str) -> None:
    edit(small_tree, CFG, before, after)
    assert [each for each in audited(small_tree) if each.code == code and each.message.split(": ", 1)[1].startswith(said)]


def test_an_internal_cfg_that_is_gated_is_set(small_tree: Path) -> None:
    edit(
        small_tree,
        "compiler/rustc_feature/src/builtin_attrs.rs",
        "// (name, feature, function)",
        "(sym::emscripten_wasm_eh, sym::cfg_alpha, f),",
    )
    said = "C10: `emscripten_wasm_eh` is gated, and is neither set nor well known"
    assert said in {each.message for each in audited(small_tree) if each.severity is Severity.ERROR}
    edit(
        small_tree,
        CFG,
        "    ins_sym!(sym::panic,",
        "    if sess.is_nightly_build() {\n        ins_none!(sym::emscripten_wasm_eh);\n    }\n    ins_sym!(sym::panic,",
    )
    assert said not in {each.message for each in audited(small_tree)}


def test_what_nightly_alone_sets_is_gated(tmp_path: Path) -> None:
    name = NAMES[0]
    root = SmallTree(without=frozenset({("gated", name), ("feature", name), ("gate_test", name)})).write(tmp_path)
    (found,) = [each for each in audited(root) if each.code == "E0162"]
    assert found.message == f"C12: bare `{name}` is only set on nightly, and no feature gates it"


def test_rules_about_tests_and_the_build(small_tree: Path) -> None:
    (small_tree / "tests/ui/other.rs").write_text("//@ revisions: fine Panic\n// revisions: doc\nfn main() {}\n")
    (small_tree / "tests/ui/cfg/disallowed-cli-cfgs.orphan_.stderr").write_text("error: old\n")
    edit(small_tree, "tests/ui/cfg/disallowed-cli-cfgs.panic_.stderr", "-C panic", "-C abort")
    edit(small_tree, "src/bootstrap/src/lib.rs", '"bootstrap"', '"clippy"')
    edit(small_tree, "compiler/rustc_span/src/symbol.rs", "        test,", "        cfg_forgotten,\n        test,")
    edit(small_tree, "src/doc/rustc/src/check-cfg.md", "config/cfg.rs", "config.rs")
    found = {(each.code, each.message.split(": ", 1)[1]) for each in audited(small_tree)}
    assert found >= {
        ("E0178", "the revision `Panic` of `other.rs` is called like a built-in cfg"),
        ("E0168", "the snapshot `disallowed-cli-cfgs.orphan_.stderr` belongs to no revision"),
        (
            "E0170",
            "the snapshot `disallowed-cli-cfgs.panic_.stderr` does not say `" + CONTROLLED + "`",
        ),
        ("E0175", "`clippy` is expected by EXTRA_CHECK_CFGS for None, and rustc expects it anyway"),
        ("E0176", "bootstrap passes `--cfg bootstrap`, and nothing declares it"),
        ("E0165", "the symbol `cfg_forgotten` is used nowhere, and no feature has its name"),
        ("E0173", "the page about check-cfg names `compiler/rustc_session/src/config.rs`, which does not hold the list"),
    }
    assert not [each for each in found if "`doc` of `other.rs`" in each[1]]


def test_an_extra_cfg_that_nothing_asks_for(small_tree: Path) -> None:
    edit(small_tree, "library/core.rs", "#[cfg(not(extra))]", "// #[cfg(not(extra))]\n#[inline(extra)]")
    assert [each.message for each in audited(small_tree)] == [
        "C25: `extra` is expected by EXTRA_CHECK_CFGS for Some(Mode::Std), and no source asks for it"
    ]
    edit(small_tree, "library/core.rs", "fn f() {}", "fn f() -> bool { cfg!(extra) }")
    assert audited(small_tree) == []


def test_a_symbol_in_a_comment_is_not_used(small_tree: Path) -> None:
    edit(small_tree, "compiler/rustc_span/src/symbol.rs", "        test,", "        cfg_forgotten,\n        test,")
    other = small_tree / "compiler/other.rs"
    other.write_text("// sym::cfg_forgotten\nfn f() {}\n")
    assert "E0165" in {each.code for each in audited(small_tree)}
    other.write_text("fn f() { ask(sym::cfg_forgotten); }\n")
    assert "E0165" not in {each.code for each in audited(small_tree)}


def test_hidden_values_and_tables(small_tree: Path) -> None:
    """What is rewritten before it is set cannot be set; a table of target values is what the compiler prints."""
    edit(
        small_tree,
        CFG,
        "    ins_sym!(sym::panic",
        "    for mut s in all() {\n        if s == Kind::ODD {\n            s = Kind::UNWIND;\n        }\n    }\n    ins_sym!(sym::panic",
    )
    spec = small_tree / "compiler/rustc_target/src/spec/mod.rs"
    spec.parent.mkdir(parents=True)
    spec.write_text('fn name(k: Kind) -> &str { match k { Kind::ODD => "odd", Kind::UNWIND => "unwind" } }\n')
    edit(small_tree, "tests/ui/check-cfg/well-known-values.stderr", "`abort` and", "`abort`, `odd`, and")
    edit(small_tree, CFG, "        // Set by tools.", "        const VALUES: [&Symbol; 1] = [&sym::panic];\n        // Set by tools.")
    (small_tree / CFG).write_text(
        (small_tree / CFG).read_text() + 'const BUILTIN_TARGET_CFG_VALUES: [&[&str]; 1] = [&["abort", "strange"]];\n'
    )
    found = {each.message for each in audited(small_tree)}
    assert {
        'C9: `panic="odd"` is expected and can never be set',
        'C27: `panic="odd"` is expected, and no built-in target has it',
        'C27: `panic="strange"` is what a built-in target has, and is not expected',
    } <= found


@pytest.mark.parametrize(
    ("path", "before", "after", "said"),
    [
        (
            CFG,
            '    &["big", "little"]',
            '    &["big"]',
            'C27: `target_endian="little"` is expected, and no built-in target has it',
        ),
        (
            CFG,
            '        "gnu",',
            '        "gnu",\n        "musl",',
            'C27: `target_env="musl"` is what a built-in target has, and is not',
        ),
        (CFG, " | sym::at_once", "", 'C8: `panic="at-once"` is not disallowed, other values of `panic` are'),
        (
            "tests/ui/check-cfg/short.stderr",
            "17 more",
            "16 more",
            "C22: the expected names in `short.stderr` are 16 more than it shows, and 17",
        ),
        (
            "compiler/rustc_span/src/symbol.rs",
            "gamma,\n        iota",
            "iota,\n        gamma",
            "C16: the symbol `gamma` stands after `iota`",
        ),
    ],
)
def test_what_moved_in_later_versions(tmp_path: Path, path: str, before: str, after: str, said: str) -> None:
    root = LaterTree().write(tmp_path)
    edit(root, path, before, after)
    (found,) = [each for each in audit(read(root)) if each.code != "E0157"]
    assert found.message.startswith(said)
    assert found.span


def test_a_revision_is_judged_by_the_cfg_that_it_sets(small_tree: Path) -> None:
    name = NAMES[0]
    for file in (f"disallowed-cli-cfgs.{name}_.stderr", "disallowed-cli-cfgs.rs"):
        path = small_tree / "tests/ui/cfg" / file
        path.write_text(path.read_text().replace(f"{name}_", "short_"))
    (small_tree / f"tests/ui/cfg/disallowed-cli-cfgs.{name}_.stderr").rename(small_tree / "tests/ui/cfg/disallowed-cli-cfgs.short_.stderr")
    assert [each.message for each in audited(small_tree)] == [f"C19: the revision `short_` sets `{name}`"]


def test_what_tools_and_the_build_system_set_need_not_be_asked_for(small_tree: Path) -> None:
    edit(small_tree, "library/core.rs", "#![cfg_attr(bootstrap, feature(old))]\n", "")
    assert audited(small_tree) == []


@pytest.mark.parametrize(("version", "notes"), [("1.80.0", 1), ("1.78.0", 2), ("1.82.0", 0)])
def test_versions_before_the_list_of_disallowed_cfgs(small_tree: Path, version: str, notes: int) -> None:
    (small_tree / "src/version").write_text(version)
    if notes:
        edit(small_tree, CFG, "fn disallow_cfgs", "fn nothing")
        for path in (small_tree / "tests/ui/cfg").iterdir():
            path.unlink()
    found = audit(read(small_tree))
    assert [each.severity for each in found if each.code == "E0185"] == [Severity.NOTE] * notes
    assert [each.message for each in found if each.severity is not Severity.NOTE] == []
    skipped = {each.name for each in unanswered(read(small_tree))}
    assert {"C3", "C18"} <= skipped if notes else not skipped & {"C3", "C18"}


def test_counts_and_order(small_tree: Path) -> None:
    edit(
        small_tree,
        CFG,
        f"        ins!(sym::{NAMES[1]}, no_values);\n",
        f"\n        // These three are special.\n        ins!(sym::{NAMES[1]}, no_values);\n\n",
    )
    edit(
        small_tree,
        CFG,
        f"        ins!(sym::{NAMES[2]}, no_values);\n        ins!(sym::{NAMES[3]}, no_values);\n",
        f"        ins!(sym::{NAMES[3]}, no_values);\n        ins!(sym::{NAMES[2]}, no_values);\n",
    )
    notes = {each.message for each in audit(read(small_tree)) if each.code in {"E0166", "E0179"}}
    assert f"C29: the comment speaks of 3, and 1 follow: {NAMES[1]}" in notes
    assert f"C16: `{NAMES[2]}` stands after `{NAMES[3]}` in the well-known list" in notes


def test_two_versions_are_compared(tmp_path: Path) -> None:
    whole = read(SmallTree().write(tmp_path / "whole"))
    left = read(SmallTree(without=frozenset({("default", NAMES[0]), ("gated", NAMES[0])})).write(tmp_path / "left"))
    assert [str(each) for each in differences(whole, left)] == [
        f"D - {NAMES[0]} b (nightly b)",
        f"G - {NAMES[0]} cfg_{NAMES[0]}",
    ]
    gone = {each.message for each in compare(whole, left)}
    assert f"C30: `{NAMES[0]}` is no longer set, and is still in the list W" in gone
    assert f"C30: `{NAMES[0]}` is gone, and its feature `cfg_{NAMES[0]}` is still unstable" in gone
    assert compare(left, whole) == []
    root = SmallTree(without=frozenset({("gated", NAMES[0])})).write(tmp_path / "ungated")
    assert compare(left, read(root)) == []
    edit(root, CFG, f"sess.is_nightly_build() && sess.opts.{NAMES[0]}", f"sess.opts.{NAMES[0]}")
    (found,) = compare(left, read(root))
    assert (found.code, found.span and found.span.path) == ("E0161", tmp_path / "ungated" / CFG)
    edit(
        root,
        "compiler/rustc_feature/src/accepted.rs",
        "(accepted, if_let,",
        f'(accepted, cfg_{NAMES[0]}, "1.80.0", Some(7)),\n    (accepted, if_let,',
    )
    edit(root, "compiler/rustc_feature/src/unstable.rs", f"cfg_{NAMES[0]},", "cfg_other,")
    assert compare(left, read(root)) == []


# Bad input


def test_a_folder_that_is_no_tree(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(Failure) as failure:
            read(folder)
        assert (failure.value.diagnostics[0].code, failure.value.exit_status) == ("E0255", 2)


@pytest.mark.parametrize("path", [each for each in SmallTree().files() if each.endswith((".rs", ".md")) and each not in NOT_NEEDED])
def test_a_missing_file_is_said_and_the_rest_is_audited(small_tree: Path, path: str) -> None:
    (small_tree / path).unlink()
    gaps = [each for each in audited(small_tree) if each.code.startswith("E018") and each.code >= "E0182"]
    if path.startswith("src/bootstrap/src/core"):
        return
    assert any(path in each.message for each in gaps)
    orphan = small_tree / "tests/ui/cfg/disallowed-cli-cfgs.orphan_.stderr"
    if "disallowed" not in path:
        orphan.write_text("error\n")
        assert [each for each in audited(small_tree) if "orphan" in each.message and each.code == "E0168"] or path == CFG


@pytest.mark.parametrize(
    ("path", "before", "after", "code"),
    [
        (CFG, "fn default_configuration(sess: &Session) -> Cfg {", "fn default_configuration(sess: &Session) -> Cfg { let = ;", "E0183"),
        (CFG, "fn disallow_cfgs", "fn other", "E0185"),
        (CFG, "ins_sym!(sym::panic,", "ins_sym!(key,", "E0184"),
        (CFG, "for tool in [sym::clippy, sym::doc]", "for tool in tools()", "E0184"),
        (CFG, "[sym::clippy, sym::doc]", "[sym::clippy, other()]", "E0184"),
        (CFG, 'disallow(cfg, "-C panic")', "disallow(cfg, flag)", "E0184"),
        ("tests/ui/cfg/disallowed-cli-cfgs.rs", "--cfg panic", "--cfg =panic", "E0184"),
        ("src/bootstrap/src/lib.rs", '"bootstrap"', "name()", "E0184"),
        ("src/bootstrap/src/lib.rs", "const EXTRA_CHECK_CFGS", "const ] EXTRA_CHECK_CFGS", "E0183"),
        ("src/bootstrap/src/core/cargo.rs", '.arg("extra")', '.arg(name); c.arg("extra")', "E0184"),
        ("src/bootstrap/src/core/cargo.rs", "--cfg=bootstrap", "--cfg={name}", "E0184"),
        ("compiler/rustc_feature/src/builtin_attrs.rs", f"sym::{NAMES[0]},", "name(),", "E0184"),
        (CFG, "(sym::panic, Some(sym::abort | sym::unwind))", "(name, Some(_))", "E0184"),
        ("compiler/rustc_feature/src/builtin_attrs.rs", "GATED_CFGS", "OTHERS", "E0185"),
        ("compiler/rustc_feature/src/unstable.rs", "declare_features", "declare", "E0185"),
        ("compiler/rustc_span/src/symbol.rs", "Symbols {", "Others {", "E0184"),
        ("src/doc/rustc/src/check-cfg.md", "is as follows", "follows", "E0185"),
    ],
)
def test_what_is_not_understood_is_said_with_its_place(small_tree: Path, path: str, before: str, after: str, code: str) -> None:
    edit(small_tree, path, before, after)
    found = [each for each in audited(small_tree) if each.code == code]
    assert found
    for each in found:
        assert each.severity is Severity.ERROR
        assert code == "E0185" or (each.span and each.span.path == small_tree / path)


def test_bytes_that_are_no_text_links_pipes_and_hostile_names(small_tree: Path, tmp_path: Path) -> None:
    (small_tree / "src/doc/rustc/src/check-cfg.md").write_bytes(b"\xff\xfe\0 As of")
    ui = small_tree / "tests/ui"
    hostile = os.fsencode(ui) + b"/a\n\x1b[31m\xff .rs"
    Path(os.fsdecode(hostile)).write_text("//@ revisions: panic\nfn main() {}\n")
    os.mkfifo(ui / "pipe.rs")
    (ui / "loop").symlink_to(ui)
    (ui / "away.rs").symlink_to(tmp_path / "nowhere")
    found = audited(small_tree)
    assert "E0185" in {each.code for each in found}
    assert len([each for each in found if each.code == "E0178"]) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(small_tree: Path) -> None:
    (small_tree / CFG).chmod(0)
    assert "E0183" in {each.code for each in audited(small_tree)}


def test_a_file_that_is_too_large(small_tree: Path) -> None:
    with (small_tree / "src/doc/rustc/src/check-cfg.md").open("r+b") as file:
        file.truncate(1 << 24)
    assert [each.code for each in audited(small_tree) if "larger" in each.message] == ["E0183"]


def test_a_tree_without_tests(small_tree: Path) -> None:
    shutil.rmtree(small_tree / "tests")
    missing = {each.message.split("`")[1] for each in audited(small_tree) if each.code == "E0182"}
    assert {"tests/ui/cfg/disallowed-cli-cfgs.rs", "tests/ui/check-cfg", "tests/ui/feature-gates"} <= missing


@given(
    st.sampled_from(sorted(SmallTree().files())),
    st.integers(0, 4000),
    st.integers(0, 60),
    st.binary(max_size=12) | st.sampled_from(SNIPPETS),
)
@settings(max_examples=60, deadline=None)
def test_no_damage_to_a_file_ends_the_audit(path: str, start: int, length: int, put: bytes) -> None:
    """Whatever bytes are cut out and put in: there are findings, or gaps, or nothing, and each can be printed."""
    with tempfile.TemporaryDirectory() as folder:
        root = SmallTree().write(Path(folder))
        data = (root / path).read_bytes()
        (root / path).write_bytes(data[:start] + put + data[start + length :])
        found = audit(read(root))
        for form in FORMATS:
            assert isinstance(rendered(found, form), str)
