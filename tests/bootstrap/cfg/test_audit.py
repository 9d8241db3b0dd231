"""The audit as a whole: its rules, their pages, the manual and the hook agree."""

from pathlib import Path

import pytest

from bootstrap.cfg.rules import RULES, Rule, difference
from bootstrap.diagnostics import page

ROOT = Path(__file__).parents[3]
EVERY = sorted([*RULES, *(each for each, _ in difference.RULES)], key=lambda rule: rule.code)


def test_there_is_each_rule_once() -> None:
    assert [each.name for each in EVERY] == [f"C{number}" for number in range(1, 32)]


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: str(rule.name))
def test_a_rule_is_in_the_manual_and_has_a_page(rule: Rule) -> None:
    manual = (ROOT / "docs" / "cfg.md").read_text()
    assert f"| {rule.name} | {rule.title} | {rule.code} | {rule.severity.value} |\n" in manual
    text = page(rule.code).read_text()
    assert f"Rule {rule.name} of `audit cfg`" in text
    assert f"{rule.severity.value}[{rule.code}]" in text


def test_the_hook_runs_the_audit() -> None:
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "entry: holoenzyme audit cfg --rust-src .\n" in hook
    assert "pass_filenames: false\n" in hook
