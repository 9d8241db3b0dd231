"""Our table: its lists agree, with each other, with the gates and with rustc."""

import pytest

from bootstrap import gates
from bootstrap.cfg import table
from bootstrap.cfg.audit import audit, own
from bootstrap.cfg.rules.rule import INTERNAL, TOOLS, USER_SPACE
from bootstrap.cfg.rust.binary import Compiler
from plugin.engines.choice import PIPELINE_LLVM

OURS = {"llvm_enzyme", "autodiff_fallback", "llvm_version_major"}


def test_our_lists_agree() -> None:
    assert audit(own()) == []


def test_our_three_cfgs_are_in_every_list_that_they_belong_to() -> None:
    lists = table.lists()
    for which in ("default", "well_known", "disallowed"):
        assert set(lists.forms(which)) >= OURS
    assert {each.name: each.feature for each in lists.entries("gated") if each.name in OURS} == {
        "llvm_enzyme": "autodiff",
        "autodiff_fallback": "autodiff",
    }


@pytest.mark.needs("rustc")
def test_what_rustc_expects_is_expected_here() -> None:
    """The cfgs of rustc, of whichever version."""
    compiler = Compiler.of("rustc", allow_bootstrap=True)
    done = compiler.run("-Zunstable-options", "--print=check-cfg", "--check-cfg=cfg()", "-", unstable=True)
    specifications = [line for line in done.stdout.splitlines() if line.startswith("cfg(")]  # before 1.89 a name, or a name and a value
    names = {line.split("(")[1].split(",")[0].rstrip(")") for line in specifications} or {
        line.split("=")[0] for line in done.stdout.split()
    }
    assert len(names) > 25
    assert names <= set(table.well_known().names)


def test_what_is_internal_is_expected_by_nobody() -> None:
    internal = {each.name for each in table.ROWS if each.internal}
    assert internal == INTERNAL
    assert not internal & set(table.well_known().names)
    assert all(table.disallowed((name, None)) for name in internal)


def test_what_others_set_is_allowed_for_everyone() -> None:
    assert {each.name for each in table.ROWS if each.yours} == TOOLS | USER_SPACE
    assert all(table.disallowed((name, None)) is None for name in TOOLS | USER_SPACE | {"mine"})
    assert table.disallowed(("unix", None)) == table.disallowed(("unix", "strange")) == table.by_name()["unix"]


def test_the_gates_and_the_table_name_the_same_cfgs() -> None:
    gated = {(name, feature.name) for feature in gates.FEATURES for name in feature.cfgs}
    assert gated == {(each.name, each.feature) for each in table.ROWS if each.name in OURS and each.feature}


def test_each_row_says_who_sets_it_and_what_controls_it() -> None:
    names = [each.name for each in table.ROWS]
    assert names == sorted(set(names))
    for row in table.ROWS:
        assert row.when
        assert row.controlled_by
        assert row.bare or row.values is None or row.values


def test_the_version_of_llvm_is_that_of_the_pipeline() -> None:
    assert table.LLVM_MAJOR == PIPELINE_LLVM
    assert str(PIPELINE_LLVM) in table.well_known().names["llvm_version_major"]


def test_the_default_is_what_the_target_sets() -> None:
    assert ("unix", None) in table.default("x86_64-unknown-linux-gnu")
    assert ("windows", None) in table.default("x86_64-pc-windows-msvc")
    assert {name for name, _ in table.default("x86_64-unknown-linux-gnu")} <= {
        each.name for each in table.ROWS if each.set_by is table.SetBy.TARGET
    }
