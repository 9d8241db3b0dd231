"""What is built again and what is left alone."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.config import load
from bootstrap.diagnostics import Failure
from plugin.build import Options, Report, build
from plugin.items.signature import Derivative
from plugin.plan import Plan
from plugin.types.type_language import Scalar

SOURCE = """
#include "power.h"
double power(double x) { return POWER(x); }
"""
HEADER = "#define POWER(x) ((x) * (x) * (x))\n"
CONFIG = """
[llvm]
enzyme = true
[rust]
channel = "nightly"
[unit.power]
sources = ["power.c"]
[[unit.power.autodiff]]
source = "power"
target = "power_grad"
mode = "reverse"
inputs = ["Active"]
ret = "Active"
[[unit.power.verify]]
target = "power_grad"
args = [1.5]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with one unit, its source and a header."""
    for name, text in {"config.toml": CONFIG, "power.c": SOURCE, "power.h": HEADER}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def made(project: Path, options: Options | None = None) -> Report:
    """Builds the unit; the report says in `seconds` which stages ran."""
    [result] = build([Plan.of(load(project), "power")], options or Options(jobs=1))
    if isinstance(result, Failure):
        raise result
    return result


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Changes a file, as an editor does a moment later."""
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")


def test_a_fresh_unit_is_left_alone(project: Path) -> None:
    first = made(project)
    assert set(first.seconds) >= {"frontend", "enzyme", "verify"}
    again = made(project)
    assert again.seconds == {}
    assert again.verdicts == first.verdicts
    assert again.derivatives == tuple(_without_index(each) for each in first.derivatives)


def _without_index(derivative: Derivative) -> Derivative:
    return Derivative.from_json(derivative.as_json())


@pytest.mark.parametrize("name", ["power.c", "power.h"])
def test_a_changed_source_or_header_is_built_again(project: Path, name: str) -> None:
    made(project)
    rewrite(project / name, lambda text: text + "\n/* more */\n")
    assert "enzyme" in made(project).seconds
    assert made(project).seconds == {}


def test_a_header_that_changes_the_function_changes_the_derivative(project: Path) -> None:
    assert made(project).verdicts[0].passed
    rewrite(project / "power.h", lambda text: text.replace("(x) * (x) * (x)", "(x) * (x)"))
    [verdict] = made(project).verdicts
    assert verdict.passed


def test_a_touched_source_with_the_same_content_is_left_alone(project: Path) -> None:
    made(project)
    os.utime(project / "power.c", (time.time() + 5, time.time() + 5))
    assert made(project).seconds == {}


@pytest.mark.parametrize(
    "change",
    [
        ('sources = ["power.c"]', 'sources = ["power.c"]\nflags = ["-DN=2"]'),
        ('sources = ["power.c"]', 'sources = ["power.c"]\nkind = "object"'),
        ("[rust]", "[enzyme]\nstrict-aliasing = true\n[rust]"),
        ("power_grad", "power_gradient"),
    ],
)
def test_a_changed_configuration_is_built_again(project: Path, change: tuple[str, str]) -> None:
    made(project)
    rewrite(project / "config.toml", lambda text: text.replace(*change))
    assert "enzyme" in made(project).seconds


def test_changed_checks_are_only_checked_again(project: Path) -> None:
    made(project)
    rewrite(project / "config.toml", lambda text: text.replace("[1.5]", "[2.5]"))
    assert set(made(project).seconds) == {"verify"}
    assert set(made(project, Options(jobs=1, verify_again=True)).seconds) == {"verify"}


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_an_output_that_was_changed_or_removed_is_made_again(project: Path, damage: Callable[[Path], object]) -> None:
    output = made(project).plan.output
    good = output.read_bytes()
    damage(output)
    assert "link" in made(project).seconds
    assert output.read_bytes() == good


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"steps": {"compile": {}}}', '{"steps": 3}'])
def test_a_damaged_record_is_as_none(project: Path, garbage: str) -> None:
    record = made(project).plan.record_path
    record.write_text(garbage, encoding="utf-8")
    assert "enzyme" in made(project).seconds
    assert made(project).seconds == {}


def test_a_source_written_during_the_build_is_not_taken_for_built(project: Path) -> None:
    plan = Plan.of(load(project), "power")
    os.utime(project / "power.h", (time.time() + 60, time.time() + 60))
    [result] = build([plan], Options(jobs=1))
    assert isinstance(result, Report)
    assert plan.records()["compile"].request == ""


def test_the_modules_between_the_stages_are_kept_when_asked_for(project: Path) -> None:
    plan = made(project, Options(jobs=1, keep_ir=True)).plan
    assert {each.name for each in (plan.folder / "ir").iterdir()} == {"lowered.ll", "pre.ll", "enzyme.ll"}
    assert "__enzyme_autodiff.power_grad" in (plan.folder / "ir" / "lowered.ll").read_text(encoding="utf-8")


def test_a_wrong_derivative_is_reported_each_time(project: Path) -> None:
    rewrite(project / "power.c", lambda text: text + "double power_rule(double x, double s) { return 1000 * s; }\n")
    rewrite(project / "config.toml", lambda text: text.replace("[1.5]", "[1.5]\ntolerance = 1e-300"))
    for _ in range(2):
        [verdict] = made(project).verdicts
        assert not verdict.passed


def test_units_are_built_side_by_side_and_reported_in_order(project: Path) -> None:
    more = CONFIG[CONFIG.index("[unit") :]
    rewrite(project / "config.toml", lambda text: text + more.replace("unit.power", "unit.other").replace("power_grad", "other_grad"))
    resolved = load(project)
    results = build([Plan.of(resolved, name) for name in resolved.config.unit], Options(jobs=2))
    assert [each.plan.name for each in results if isinstance(each, Report)] == ["power", "other"]


def test_a_failure_of_one_unit_leaves_the_others(project: Path) -> None:
    (project / "broken.c").write_text("int f( {", encoding="utf-8")
    rewrite(project / "config.toml", lambda text: text + '[unit.broken]\nsources = ["broken.c"]\n')
    resolved = load(project)
    good, bad = build([Plan.of(resolved, name) for name in resolved.config.unit], Options(jobs=1))
    assert isinstance(good, Report)
    assert isinstance(bad, Failure)
    assert [each.code for each in bad.diagnostics] == ["E0501"]


def test_nothing_but_the_output_its_description_and_the_record_is_left(project: Path) -> None:
    plan = made(project).plan
    described = {"power.h", "power.pc"}
    assert {each.name for each in plan.folder.iterdir()} == {"libpower.so", "power.json", ".lock", *described}


def test_a_plan_knows_what_is_wrong_before_anything_runs(project: Path) -> None:
    rewrite(
        project / "config.toml",
        lambda text: text.replace('["power.c"]', '["power.c", "gone.c", "notes.txt"]').replace('"Active"]', '"Dual"]'),
    )
    (project / "notes.txt").touch()
    with pytest.raises(Failure) as caught:
        Plan.of(load(project), "power")
    found = [(each.code, each.span and (each.span.line, each.span.source.strip())) for each in caught.value.diagnostics]
    line = 'sources = ["power.c", "gone.c", "notes.txt"]'
    assert found == [("E0232", (7, line)), ("E0233", (7, line)), ("E0230", (12, 'inputs = ["Dual"]'))]


def test_a_type_that_cannot_be_read_is_shown_in_the_configuration(project: Path) -> None:
    line = 'inputs = [{ activity = "Active", type = "*[f64; 3" }]'
    rewrite(project / "config.toml", lambda text: text.replace('inputs = ["Active"]', line))
    with pytest.raises(Failure) as caught:
        Plan.of(load(project), "power")
    [told] = caught.value.diagnostics
    assert told.code == "E0249"
    assert told.span
    assert (told.span.source, told.span.line, told.span.column) == (line, 12, line.index("*[") + 2)


def test_an_item_knows_the_types_of_its_inputs(project: Path) -> None:
    rewrite(
        project / "config.toml",
        lambda text: text.replace(
            'inputs = ["Active"]', 'inputs = ["Const", { activity = "Active", type = "f64" }, { activity = "Const" }]'
        ),
    )
    [item] = Plan.of(load(project), "power").items
    assert [item.type_of(number) for number in range(4)] == [None, Scalar(name="f64"), None, None]
