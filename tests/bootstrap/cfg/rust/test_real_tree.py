"""The real tree of Rust 1.85.0: its known mismatches at their places, and every name that is taken out of a list is missed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bootstrap.cfg.audit import audit, unanswered
from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import LISTS
from bootstrap.cfg.rust.compiler import CFG
from bootstrap.cfg.rust.features import GATES
from bootstrap.cfg.rust.source import read
from bootstrap.diagnostics import Diagnostic, Severity

DISALLOWED = "tests/ui/cfg/disallowed-cli-cfgs"
BOOK = "src/doc/rustc/src/check-cfg.md"
SYMBOLS = "compiler/rustc_span/src/symbol.rs"
VALUES = "tests/ui/check-cfg/well-known-values.rs"
KNOWN = [
    # 1: an orphan snapshot, of an older lint
    (
        "E0168",
        "`disallowed-cli-cfgs.test_.stderr` belongs to no revision",
        f"{DISALLOWED}.test_.stderr",
        "error: unexpected `--cfg test` flag",
    ),
    ("E0170", "does not say `#[deny(explicit_builtin_cfgs_in_flags)]`", f"{DISALLOWED}.test_.stderr", "#[deny(unexpected_builtin_cfgs)]"),
    # 2: orphan symbols
    ("E0165", "the symbol `autodiff_fallback` is used nowhere", SYMBOLS, "autodiff_fallback,"),
    ("E0165", "the symbol `cfg_autodiff_fallback` is used nowhere", SYMBOLS, "cfg_autodiff_fallback,"),
    ("E0165", "the symbol `cfg_fmt_debug` is used nowhere", SYMBOLS, "cfg_fmt_debug,"),
    # 3: bare forms that are set and not disallowed, one of them not gated either
    ("E0155", "bare `target_has_atomic` is set by default", CFG, "ins_none!(sym::target_has_atomic);"),
    ("E0155", "bare `target_has_atomic_load_store` is set by default", CFG, "ins_none!(sym::target_has_atomic_load_store);"),
    ("E0162", "bare `target_has_atomic` is only set on nightly, and no feature gates it", CFG, "ins_none!(sym::target_has_atomic);"),
    # 4: a bare form that is expected and never set
    ("E0156", "bare `target_has_atomic_equal_alignment` is expected and can never be set", CFG, "sym::target_has_atomic_equal_alignment,"),
    # 5: a value that is expected and never set
    ("E0159", '`sanitize="kernel-address"` is expected and can never be set', CFG, "if s == SanitizerSet::KERNELADDRESS {"),
    # 6: forms that are refused and do not exist, and the other way round
    *(
        ("E0157", f"C7: bare `{name}` is disallowed and is neither set nor expected", CFG, f"(sym::{name}, None | Some(_))")
        for name in ("sanitize", "target_abi", "target_env", "target_vendor", "fmt_debug")
    ),
    ("E0157", "valued `sanitizer_cfi_normalize_integers` is disallowed and is neither set", CFG, "sym::sanitizer_cfi_normalize_integers,"),
    ("E0157", "`unix` is disallowed, and yet valued `unix` is not", CFG, "(sym::unix, None)"),
    ("E0157", "`target_os` is disallowed, and yet bare `target_os` is not", CFG, "(sym::target_os, Some(_))"),
    ("E0157", "`panic` is disallowed with `abort`, `unwind`, and with no other value", CFG, "(sym::panic, Some(sym::abort | sym::unwind))"),
    # 7: names that the test of values lacks
    ("E0171", "`sanitizer_cfi_generalize_pointers` is well known, and the test of well-known values lacks it", VALUES, "#[cfg(any("),
    ("E0171", "`sanitizer_cfi_normalize_integers` is well known, and the test of well-known values lacks it", VALUES, "#[cfg(any("),
    # 8: a stale path, and a date kept by hand
    ("E0173", "names `compiler/rustc_session/src/config.rs`, which does not hold the list", BOOK, "compiler/rustc_session/src/config.rs"),
    ("E0173", "the date 2025-01-02 of the page about check-cfg is kept by hand", BOOK, "As of `2025-01-02T`"),
    # and what the comment counts wrong
    ("E0179", "the comment speaks of 4, and 5 follow", CFG, "// These four are never set"),
]
NEEDED = (
    *("src/version", "compiler/rustc_session/src", "compiler/rustc_interface/src", "compiler/rustc_feature/src", "compiler/rustc_span/src"),
    *(
        "compiler/rustc_target/src/spec/mod.rs",
        "src/bootstrap/src",
        "src/doc/rustc/src",
        "tests/ui/cfg",
        "tests/ui/check-cfg",
        "tests/ui/feature-gates",
    ),
)
"""What the audit of the lists needs; without the rest of the tree it is quick."""
REAL_CODES = {"default": "E0152", "well_known": "E0151", "disallowed": "E0153", "gated": "E0174"}


@pytest.fixture(scope="module")
def facts(rust_src: Path) -> Facts:
    return read(rust_src)


@pytest.fixture(scope="module")
def found(facts: Facts) -> list[Diagnostic]:
    return audit(facts)


def test_everything_is_understood(facts: Facts) -> None:
    assert facts.gaps == ()
    assert facts.version == (1, 85)
    assert [each.name for each in unanswered(facts)] == ["C27"]


def test_the_lists_have_their_names(facts: Facts) -> None:
    assert [len(facts.lists.own(which)) for which in LISTS] == [25, 30, 25, 11]
    names = {which: set(facts.lists.own(which)) for which in LISTS}
    assert names["well_known"] - names["disallowed"] == {"clippy", "doc", "doctest", "miri", "rustfmt"}
    assert names["default"] - names["well_known"] == {"test"}
    assert names["disallowed"] - names["default"] == {"target_feature"}
    assert names["gated"] - names["well_known"] == {"version"}
    nightly = {(each.name, str(each.forms)) for each in facts.lists.entries("default") if each.nightly}
    assert nightly == {("fmt_debug", "v"), ("relocation_model", "v"), ("target_has_atomic", "b"), ("target_has_atomic_load_store", "b")}


@pytest.mark.parametrize(("code", "said", "path", "source"), KNOWN)
def test_a_known_mismatch_is_found_at_its_place(
    rust_src: Path, found: list[Diagnostic], code: str, said: str, path: str, source: str
) -> None:
    (finding,) = [each for each in found if each.code == code and said in each.message]
    assert finding.span
    assert finding.span.path == rust_src / path
    line = finding.span.path.read_text().splitlines()[finding.span.line - 1]
    assert source in line
    assert finding.span.source == line
    assert line[finding.span.column - 1 :].strip()


def test_no_error_is_found_that_is_not_known(found: list[Diagnostic]) -> None:
    known = [(code, said) for code, said, *_ in KNOWN]
    errors = [each for each in found if each.severity is Severity.ERROR]
    assert [each.message for each in errors if not any(each.code == code and said in each.message for code, said in known)] == []


# Mutations


@pytest.fixture(scope="module")
def part(rust_src: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the part of the tree that the lists are in."""
    root = tmp_path_factory.mktemp("rust")
    (root / "library").mkdir()
    for path in NEEDED:
        source, copy = rust_src / path, root / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copy(source, copy)
    return root


@pytest.fixture(scope="module")
def before(part: Path) -> set[tuple[str, str]]:
    return {(each.code, each.key) for each in audit(read(part))}


def without(text: str, which: str, name: str) -> str | None:
    """The source of a list without a name; None where the name has no lines of its own."""
    lines = text.splitlines(keepends=True)
    start, end = (0, len(lines))
    if which != "gated":
        heads = ("fn disallow_cfgs", "fn default_configuration", "fn fill_well_known")
        places = [next(number for number, line in enumerate(lines) if head in line) for head in heads]
        start, end = {"disallowed": (places[0], places[1]), "default": (places[1], places[2]), "well_known": (places[2], end)}[which]
    dropped = {number for number in range(start, end) if _alone(lines, number, which, name)}
    rows = [number for number in range(start, end) if lines[number].strip() == f"sym::{name}," and lines[number - 1].strip() == "("]
    for number in rows if which == "gated" else ():
        last = next(after for after in range(number, end) if lines[after].strip() == "),")
        dropped |= set(range(number - 1, last + 1))
    return "".join(line for number, line in enumerate(lines) if number not in dropped) if dropped else None


def _alone(lines: list[str], number: int, which: str, name: str) -> bool:
    """Whether a line is one that names the cfg in this list and nothing else."""
    line = lines[number].strip()
    return {
        "default": line.startswith((f"ins_none!(sym::{name})", f"ins_str!(sym::{name},", f"ins_sym!(sym::{name},")),
        "well_known": line in {f"ins!(sym::{name}, no_values);", f"&sym::{name},"},
        "disallowed": line.startswith(f"| (sym::{name},") or (line.startswith(f"(sym::{name},") and line.endswith("),")),
        "gated": line.startswith(f"(sym::{name},") and line.endswith("),"),
    }[which]


@pytest.mark.parametrize("which", LISTS)
def test_a_name_that_is_taken_out_of_a_list_is_missed(part: Path, before: set[tuple[str, str]], which: str) -> None:
    path = part / (GATES if which == "gated" else CFG)
    whole = path.read_text()
    names = [each for each in read(part).lists.own(which) if each not in {"test", "version"}]
    tried = 0
    for name in names:
        changed = without(whole, which, name)
        if changed is None or tried == 10:
            continue
        tried += 1
        path.write_text(changed)
        try:
            after = read(part)
            new = [each for each in audit(after) if (each.code, each.key) not in before]
        finally:
            path.write_text(whole)
        assert name not in after.lists.own(which)
        assert any(each.severity is Severity.ERROR and f"`{name}`" in each.message for each in new), (which, name)
    assert tried == 10


@pytest.mark.needs("git")
def test_a_date_that_is_older_than_the_list(part: Path, tmp_path: Path) -> None:
    root = shutil.copytree(part, tmp_path / "rust")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)
    messages = [each.message for each in audit(read(root)) if each.key == "date"]
    assert len(messages) == 1
    assert "the page about check-cfg is of 2025-01-02, and the list changed on" in messages[0]
