"""Levels: the last one that names a finding wins."""

import pytest

from bootstrap.cfg.levels import apply, code_of
from bootstrap.cfg.rules import RULES
from bootstrap.diagnostics import Diagnostic, Failure, Severity

WARNING = Diagnostic(code="E0156", message="w", severity=Severity.WARNING)
ERROR = Diagnostic(code="E0151", message="e")


@pytest.mark.parametrize(
    ("given", "severities"),
    [
        ([], ["warning", "error"]),
        ([("-D", "warnings")], ["error", "error"]),
        ([("-A", "warnings")], ["error"]),
        ([("-A", "E0151")], ["warning"]),
        ([("-D", "warnings"), ("-A", "E0156")], ["error"]),
        ([("-A", "E0156"), ("-W", "E0156"), ("-W", "E0151")], ["warning", "warning"]),
    ],
)
def test_levels(given: list[tuple[str, str]], severities: list[str]) -> None:
    assert [each.severity.value for each in apply([WARNING, ERROR], given)] == severities


def test_what_is_no_lint_keeps_its_severity() -> None:
    broken = Diagnostic(code="E0250", message="syntax")
    assert apply([broken], [("-A", "E0250"), ("-A", "warnings")]) == [broken]


def test_names() -> None:
    assert code_of("C1") == "E0151"
    assert code_of("C31") == "E0181"
    assert code_of("unexpected_cfgs") == code_of("unexpected-cfgs") == code_of("E0259") == "E0259"
    assert code_of("explicit_builtin_cfgs_in_flags") == "E0258"
    assert {code_of(each.name) for each in RULES} == {each.code for each in RULES}


@pytest.mark.parametrize("name", ["C0", "C32", "E0500", "unknown", ""])
def test_a_name_that_there_is_not(name: str) -> None:
    with pytest.raises(Failure) as failure:
        code_of(name)
    assert failure.value.diagnostics[0].code == "E0257"
