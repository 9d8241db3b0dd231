"""How diagnostics look, for people and for machines."""

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap import diagnostics
from bootstrap.diagnostics import Diagnostic, Failure, Related, Severity, Span
from tests.sarif import sarif_schema


def span(source: str, start: str, path: str = "config.toml", line: int = 6) -> Span:
    column = source.index(start) + 1
    return Span(path=Path(path), line=line, column=column, end_column=column + len(start), source=source)


YES = Diagnostic(
    code="E0203",
    message="`llvm.enzyme` expects a boolean, found a string",
    span=span('enzyme = "yes"  # comment', '"yes"'),
    label="write `true`",
    notes=("default is false",),
)


@pytest.fixture(autouse=True)
def as_x_py(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["x.py"])
    monkeypatch.chdir(tmp_path)


def test_the_form_for_a_person() -> None:
    assert diagnostics.text(YES).splitlines() == [
        "error[E0203]: `llvm.enzyme` expects a boolean, found a string",
        "  --> config.toml:6:10",
        "   |",
        ' 6 | enzyme = "yes"  # comment',
        "   |          ^^^^^ write `true`",
        "   = note: default is false",
        "   = help: run `./x.py explain E0203`",
    ]


def test_a_second_place_stands_below_the_first() -> None:
    found = Diagnostic(
        code="E0999",
        severity=Severity.WARNING,
        message="two places",
        span=span("b = 1", "1", line=12),
        related=(Related(span=span("a = 2", "2", path="site.toml"), message="and here"),),
    )
    assert diagnostics.text(found).splitlines() == [
        "warning[E0999]: two places",
        "   --> config.toml:12:5",
        "    |",
        " 12 | b = 1",
        "    |     ^",
        "   ::: site.toml:6:5",
        "    |",
        "  6 | a = 2",
        "    |     - and here",
    ]


def test_without_a_place_the_label_is_a_note() -> None:
    assert diagnostics.text(Diagnostic(code="E0999", message="m", label="l", help=("one\ntwo",))).splitlines() == [
        "error[E0999]: m",
        "   = note: l",
        "   = help: one",
        "           two",
    ]


def test_the_page_of_a_code_is_named_once() -> None:
    assert diagnostics.text_of_all([YES, YES]).count("explain E0203") == 1


def test_color_wraps_and_changes_nothing_else() -> None:
    import re  # noqa: PLC0415

    colored = diagnostics.text(YES, color=True)
    assert "\x1b[1;31merror[E0203]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == diagnostics.text(YES)


def test_a_long_line_is_cut_around_its_place() -> None:
    lines = diagnostics.text(Diagnostic(code="E0999", message="m", span=span("x" * 5000 + "HERE" + "y" * 5000, "HERE"))).splitlines()
    assert max(map(len, lines)) < 200
    assert lines[3].index("HERE") == lines[4].index("^^^^")


@pytest.mark.parametrize("before", ["\t", "日本", "é", "e\u0301", "\x1b[31m"])
def test_the_caret_stands_below_its_place(before: str) -> None:
    lines = diagnostics.text(Diagnostic(code="E0999", message="m", span=span(f"{before}X", "X"))).splitlines()
    width = diagnostics.columns(lines[3].partition("| ")[2].partition("X")[0])
    assert lines[4].partition("| ")[2].index("^") == width


@given(st.text())
def test_no_control_character_of_a_file_reaches_the_terminal(words: str) -> None:
    shown = diagnostics.text(
        Diagnostic(code="E0999", message=words, label=words, span=Span(path=Path("c"), line=1, column=1, end_column=2, source=words))
    )
    assert all(each.isprintable() or each == "\n" for each in shown)


def test_json_has_every_field() -> None:
    (found,) = json.loads(diagnostics.json_of_all([YES]))
    assert found == {
        "code": "E0203",
        "message": YES.message,
        "severity": "error",
        "span": {"path": "config.toml", "line": 6, "column": 10, "end_column": 15, "source": 'enzyme = "yes"  # comment'},
        "label": "write `true`",
        "related": [],
        "notes": ["default is false"],
        "help": [],
        "key": "",
    }


def test_a_program_is_not_told_a_long_line_with_every_finding() -> None:
    line = "x" * (diagnostics.LONGEST + 1)
    found = Diagnostic(code="E0999", message="m", span=span(line, "x"), related=(Related(span=span(line, "x"), message="r"),))
    assert line[: diagnostics.LONGEST] not in diagnostics.json_of_all([found]) + diagnostics.sarif_of_all([found], version="0")
    (told,) = json.loads(diagnostics.json_of_all([found]))
    assert (told["span"]["line"], told["related"][0]["span"]["column"]) == (6, 1)


def test_github_annotations_are_escaped() -> None:
    found = Diagnostic(code="E0999", severity=Severity.NOTE, message="100%", label="b", span=span("a", "a", path="x,y:z.toml"))
    assert diagnostics.github_of_all([found, YES]).splitlines() == [
        "::notice file=x%2Cy%3Az.toml,line=6,col=1,endColumn=2,title=E0999::100%25%0Ab",
        "::error file=config.toml,line=6,col=10,endColumn=15,title=E0203::" + "%0A".join([YES.message, YES.label, *YES.notes]),
    ]


def test_sarif_is_valid_and_stable(tmp_path: Path) -> None:
    elsewhere = Diagnostic(
        code="E0208",
        severity=Severity.WARNING,
        message="m",
        span=Span(path=tmp_path.parent / "a b.toml", line=1, column=1, end_column=2),
        related=(Related(span=span("a", "a"), message="r"),),
    )
    nowhere = Diagnostic(code="E0203", severity=Severity.NOTE, message="n")
    log = json.loads(diagnostics.sarif_of_all([YES, elsewhere, nowhere], version="0.1.0"))
    jsonschema.validate(log, sarif_schema())
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E0203", "E0208"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    assert "# E0203" in rules[0]["help"]["markdown"]
    assert rules[0]["shortDescription"]["text"] == "a value has the wrong type"
    uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]]
    assert uris == ["config.toml", f"file://{tmp_path.parent}/a%20b.toml", "config.toml"]
    fingerprint = hashlib.sha256(b"\0".join([b"E0203", b"config.toml", b'enzyme = "yes"  # comment', YES.message.encode()])).hexdigest()
    assert run["results"][0]["partialFingerprints"] == {"holoenzyme/v1": fingerprint}


def test_the_fingerprint_survives_a_move_within_the_file() -> None:
    import dataclasses  # noqa: PLC0415

    assert YES.span
    moved = dataclasses.replace(YES, span=dataclasses.replace(YES.span, line=60))
    first, second = (json.loads(diagnostics.sarif_of_all([each], version="0"))["runs"][0]["results"][0] for each in (YES, moved))
    assert first["partialFingerprints"] == second["partialFingerprints"]


@pytest.mark.parametrize("form", diagnostics.FORMATS)
def test_every_form_takes_bytes_that_are_no_text(form: str) -> None:
    odd = "\udcff"
    found = Diagnostic(code="E0999", message=odd, span=Span(path=Path(odd), line=1, column=1, end_column=2, source=odd))
    diagnostics.rendered([found], form).encode("utf-8", "surrogateescape")


def test_the_exit_status_is_that_of_the_first_error() -> None:
    warning = Diagnostic(code="E0301", message="w", severity=Severity.WARNING)
    assert Failure(warning, Diagnostic(code="E0401", message="e"), YES).exit_status == 4
    assert Failure(warning).exit_status == 0
    assert Failure(Diagnostic(code="E7000", message="e")).exit_status == 70


@pytest.mark.parametrize("page", sorted(diagnostics.page("").parent.glob("*.md")), ids=lambda each: each.stem)
def test_every_page_has_its_form(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {page.stem}: ")
    assert any(line.startswith("## Example") for line in lines)
    assert any(line.startswith("## How to fix") for line in lines)
    assert diagnostics.title(page.stem) in lines[0]
    assert max(map(len, lines)) <= 160


def test_a_code_without_a_page_is_its_own_title() -> None:
    assert diagnostics.title("E0999") == "E0999"
