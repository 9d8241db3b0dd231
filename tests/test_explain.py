"""The pages of `explain`: each code that is raised has one, and none is left of a code that is not raised any more."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.diagnostics import page
from bootstrap.process import run

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"\b(?:E0[1-5]\d\d|E7000)\b")
"""What our codes look like; rustc's, which some sources name too, begin with E06 and more."""
PAGES = sorted(page("").parent.glob("*.md"))


def sources() -> Iterator[Path]:
    """Our own sources, without the tests."""
    yield from (ROOT / "x.py", ROOT / "holoenzyme.py")
    for package in ("bootstrap", "change_tracker", "plugin"):
        yield from (ROOT / package).rglob("*.py")


def codes(source: Path) -> set[str]:
    """The codes in the string literals of a source; docstrings only talk about them."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    literals = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose]
    return {code for literal in literals if isinstance(literal, str) for code in CODE.findall(literal)}


RAISED = {code: source for source in sources() for code in codes(source)}


@pytest.mark.parametrize("code", sorted(RAISED))
def test_each_code_that_is_raised_has_a_page(code: str) -> None:
    assert page(code).is_file(), f"{RAISED[code].relative_to(ROOT)} raises it"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_each_page_is_of_a_code_that_is_raised_and_has_its_form(path: Path) -> None:
    assert path.stem in RAISED, "no source raises it"
    text = path.read_text(encoding="utf-8")
    first, second, *rest = text.splitlines()
    assert re.fullmatch(rf"# {path.stem}: [^ ].{{5,90}}[^.]", first)
    assert second == ""
    headings = [line for line in rest if line.startswith("## ")]
    assert headings == ["## Example", "## How to fix"]
    assert 10 <= len(text.splitlines()) <= 40
    assert text.count("```") % 2 == 0
    assert text.count("```") >= 2, "an example is shown"
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_a_page_that_names_a_code_names_one_that_there_is() -> None:
    named = {code for path in PAGES for code in CODE.findall(path.read_text(encoding="utf-8"))}
    assert named <= set(RAISED)


def test_explain_prints_the_page_and_the_list() -> None:
    command = [sys.executable, str(ROOT / "holoenzyme.py"), "explain"]
    assert run([*command, "E0503"]).stdout == page("E0503").read_text(encoding="utf-8")
    assert run([*command, "503"]).stdout == run([*command, "e0503"]).stdout
    assert run([*command, "c27"]).stdout == page("E0177").read_text(encoding="utf-8")
    assert run([*command, "unexpected-cfgs"]).stdout == page("E0259").read_text(encoding="utf-8")
    assert "E0503  there is no such function\n" in run(command).stdout
    unknown = run([*command, "E0666"])
    assert unknown.status == 2
    assert "there is no page for `E0666`" in unknown.stderr
