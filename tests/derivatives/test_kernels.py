"""Many small functions, in every language, mode and activity, each derivative against central differences."""

import ctypes
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.config import load
from bootstrap.diagnostics import Failure
from plugin.build import Options, Report, build
from plugin.items.activity import DiffMode
from plugin.native import Arguments, Call
from plugin.native import load as load_library
from plugin.plan import Plan

HERE = Path(__file__).parent

X = "[0.7, -0.4, 1.3, 2.1]"
POSITIVE = "[0.7, 0.4, 1.3, 2.1]"
Item = tuple[str, str, list[Any], str, str]
"""Primal, mode, inputs, ret, and the arguments of the check in TOML."""

FLOATS = {"activity": "Duplicated", "type": "*f32"}

C: list[Item] = [
    ("product", "reverse", ["Active", "Active"], "Active", "[1.5, 0.3]"),
    ("product", "reverse", ["Active", "Const"], "Active", "[1.5, 0.3]"),
    ("product", "reverse", ["ActiveOnly", "Active"], "ActiveOnly", "[1.5, 0.3]"),
    ("product", "reverse", ["Const", "Active"], "ActiveOnly", "[1.5, 0.3]"),
    ("product", "forward", ["Dual", "Dual"], "Dual", "[1.5, 0.3]"),
    ("product", "forward", ["DualOnly", "Const"], "DualOnly", "[1.5, 0.3]"),
    ("product", "forward", ["Dual", "Dual"], "Const", "[1.5, 0.3]"),
    ("norm", "reverse", ["Duplicated", "Const"], "Active", f"[{X}, 4]"),
    ("norm", "reverse", ["Duplicated", "Const"], "ActiveOnly", f"[{X}, 4]"),
    ("norm", "reverse", ["DuplicatedOnly", "Const"], "Active", f"[{X}, 4]"),
    ("norm", "forward", ["Dual", "Const"], "Dual", f"[{X}, 4]"),
    ("narrow", "reverse", ["Active", "Active"], "Active", "[1.5, 0.25]"),
    ("narrow", "forward", ["Dual", "Dual"], "Dual", "[1.5, 0.25]"),
    ("narrow_sum", "reverse", [FLOATS, "Const"], "Active", f"[{X}, 4]"),
    ("wide", "reverse", ["Active"], "ActiveOnly", "[1.5]"),
    ("mixed", "reverse", ["Active", "Const", "Active"], "Active", "[1.5, 3, 0.25]"),
    ("squares", "reverse", ["Duplicated", "Duplicated", "Const"], "None", f"[{X}, [0.0, 0.0, 0.0, 0.0], 4]"),
    ("squares", "reverse", ["Duplicated", "DuplicatedOnly", "Const"], "None", f"[{X}, [0.0, 0.0, 0.0, 0.0], 4]"),
    ("squares", "forward", ["Dual", "Dual", "Const"], "None", f"[{X}, [0.0, 0.0, 0.0, 0.0], 4]"),
    ("in_place", "reverse", ["Duplicated", "Const"], "None", f"[{X}, 4]"),
    ("in_place", "forward", ["Dual", "Const"], "None", f"[{X}, 4]"),
    ("status", "reverse", ["Duplicated", "Duplicated"], "Const", "[[0.5, 2.0], [0.0]]"),
    ("status", "forward", ["Dual", "Dual"], "Const", "[[0.5, 2.0], [0.0]]"),
    ("value_and_output", "reverse", ["Duplicated", "Duplicated"], "Active", "[[0.5, 2.0], [0.0]]"),
    ("branches", "reverse", ["Active"], "Active", "[1.5]"),
    ("branches", "reverse", ["Active"], "Active", "[-2.5]"),
    ("branches", "forward", ["Dual"], "DualOnly", "[0.5]"),
    ("newton_root", "forward", ["Dual"], "DualOnly", "[2.0]"),
    ("newton_root", "reverse", ["Active"], "Active", "[2.0]"),
    ("early_exit", "reverse", ["Duplicated", "Const"], "Active", "[[0.5, 1.5, -1.0, 3.0], 4]"),
    ("power", "reverse", ["Active", "Const"], "Active", "[1.1, 7]"),
    ("through_helpers", "reverse", ["Active", "Active"], "Active", "[0.8, 1.7]"),
    ("switched", "reverse", ["Active", "Const"], "Active", "[0.4, 0]"),
    ("switched", "forward", ["Dual", "Const"], "Dual", "[0.4, 2]"),
    ("allocates", "reverse", ["Duplicated", "Const"], "Active", f"[{X}, 4]"),
    ("allocates", "forward", ["Dual", "Const"], "Dual", f"[{X}, 4]"),
    ("local_array", "reverse", ["Duplicated"], "Active", f"[{X}]"),
    ("through_struct", "reverse", ["Duplicated", "Const"], "Active", f"[{X}, 2]"),
    ("matrix_vector", "reverse", ["Duplicated", "Duplicated", "Const"], "Active", "[[1.0, 2.0, 3.0, 4.0], [0.5, -0.7], 2]"),
    ("matrix_vector", "reverse", ["Const", "Duplicated", "Const"], "Active", "[[1.0, 2.0, 3.0, 4.0], [0.5, -0.7], 2]"),
    ("conditional_load", "reverse", ["Duplicated", "Duplicated", "Const"], "Active", f"[{X}, {POSITIVE}, 4]"),
    ("library", "reverse", ["Active"], "Active", "[1.7]"),
    ("library", "forward", ["Dual"], "Dual", "[1.7]"),
]
CXX: list[Item] = [
    ("polynomial", "reverse", ["Duplicated", "Const", "Active"], "Active", f"[{X}, 4, 0.6]"),
    ("polynomial", "forward", ["Dual", "Const", "Dual"], "Dual", f"[{X}, 4, 0.6]"),
    ("spring", "reverse", ["Active", "Active"], "Active", "[3.0, 0.2]"),
    ("lambda", "reverse", ["Active"], "Active", "[0.9]"),
    ("rotated", "reverse", ["Duplicated"], "Active", "[[0.3, 0.6, -1.2]]"),
]
RUST: list[Item] = [
    ("logistic", "reverse", ["Active", "Active", "Const"], "Active", "[0.3, 2.5, 5]"),
    ("logistic", "forward", ["Dual", "Dual", "Const"], "Dual", "[0.3, 2.5, 5]"),
    ("variance", "reverse", ["Duplicated", "Const"], "Active", f"[{X}, 4]"),
    ("boxed", "reverse", ["Duplicated", "Const"], "Active", f"[{X}, 4]"),
]
IR: list[Item] = [
    ("select", "reverse", ["Active", "Active"], "Active", "[0.4, 0.9]"),
    ("select", "forward", ["Dual", "Dual"], "Dual", "[0.9, 0.4]"),
    ("intrinsics", "reverse", ["Active"], "Active", "[1.9]"),
    ("vector", "reverse", ["Duplicated"], "Active", f"[{X}]"),
]

STEPS: list[Item] = [
    ("runge_kutta", "reverse", ["Duplicated", "Active", "Const", "Const", "Const"], "Active", "[[1.0, 0.7, 1.3, 0.4], 0.8, 0.05, 4, 20]"),
    ("runge_kutta", "forward", ["Dual", "Dual", "Const", "Const", "Const"], "Dual", "[[1.0, 0.7, 1.3, 0.4], 0.8, 0.05, 4, 20]"),
    ("heun", "reverse", ["Duplicated", "Active", "Const", "Const"], "Active", "[[1.0, 0.7, 1.3], 0.8, 0.05, 20]"),
]

UNITS = {
    "c": ("kernels.c", C),
    "steps": ("steps.c", STEPS),
    "cxx": ("kernels.cpp", CXX),
    "rust": ("kernels.rs", RUST),
    "ir": ("kernels.ll", IR),
}


def toml(value: object) -> str:
    """A value of an item in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f'{key} = "{each}"' for key, each in value.items()) + " }"
    return f'"{value}"'


def configuration(unit: str, artifact: str) -> str:
    """The configuration of one unit with all its items and a check for each, for an engine of the pinned list."""
    source, items = UNITS[unit]
    lines = [
        "[enzyme]",
        'provider = "pinned"',
        f'artifact = "{artifact}"',
        *(["strict-aliasing = true"] if unit == "steps" else []),
        "[llvm]",
        "enzyme = true",
        "[rust]",
        'channel = "nightly"',
        f"[unit.{unit}]",
        f'sources = ["{HERE / source}"]',
        'link-flags = ["-lm"]',
    ]
    for index, (primal, mode, inputs, ret, arguments) in enumerate(items):
        target = "product_grad" if (unit, index) == ("c", 0) else f"{primal}_{index}"
        activities = ", ".join(map(toml, inputs))
        lines += [
            f"[[unit.{unit}.autodiff]]",
            f'source = "{primal}"',
            f'target = "{target}"',
            f'mode = "{mode}"',
            f"inputs = [{activities}]",
            f'ret = "{ret}"',
        ]
        # Single precision leaves differences of a few thousandths of what the step leaves.
        tolerance = 2e-3 if primal.startswith("narrow") or primal == "mixed" else 1e-6
        lines += [f"[[unit.{unit}.verify]]", f'target = "{target}"', f"args = {arguments}", f"tolerance = {tolerance}"]
    return "\n".join(lines)


NEEDS = {"driver-22": (), "plugin-15": ("opt-15", "clang-15")}
"""The engines of the pinned list, and what each needs of the machine."""

Built = Callable[[str, str], Report]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Builds a unit with an engine, once."""

    @functools.cache
    def make(unit: str, artifact: str) -> Report:
        folder = tmp_path_factory.mktemp(unit)
        (folder / "config.toml").write_text(configuration(unit, artifact), encoding="utf-8")
        [result] = build([Plan.of(load(folder), unit)], Options(jobs=1))
        if isinstance(result, Failure):
            raise result
        return result

    return make


CASES = [
    pytest.param(
        artifact,
        unit,
        index,
        id=f"{artifact}-{unit}-{primal}-{mode}-{index}",
        marks=pytest.mark.needs(*needed, *(["rustc"] if unit == "rust" else [])),
    )
    for artifact, needed in NEEDS.items()
    for unit, (_, items) in UNITS.items()
    if (artifact, unit) != ("plugin-15", "rust")
    for index, (primal, mode, *_) in enumerate(items)
]


@pytest.mark.parametrize(("artifact", "unit", "index"), CASES)
def test_the_derivative_agrees_with_central_differences(built: Built, artifact: str, unit: str, index: int) -> None:
    verdict = built(unit, artifact).verdicts[index]
    assert verdict.error <= verdict.tolerance, verdict


@pytest.mark.needs("opt-15", "clang-15")
@pytest.mark.parametrize(
    ("unit", "index"), [pytest.param(*each.values[1:], id=str(each.id)[10:]) for each in CASES if each.values[0] == "plugin-15"]
)
def test_both_engines_give_the_same(built: Built, unit: str, index: int) -> None:
    driver, plugin = (numbers(built(unit, artifact), index) for artifact in NEEDS)
    is_narrow = UNITS[unit][1][index][0].startswith(("narrow", "mixed"))
    assert plugin == pytest.approx(driver, rel=1e-6 if is_narrow else 1e-12, abs=0)
    assert len(driver) > 0


def numbers(report: Report, index: int) -> list[float]:
    """All that a derivative gives: what it returns, and its shadows."""
    check = report.plan.checks(report.derivatives)[index]
    item, arguments = check.derivative.item, Arguments.build(check.derivative, check.arguments, check.types, check.key)
    call = Call(load_library(report.plan.library), check.derivative)
    value, _ = call.primal(arguments)
    lanes = range(item.width)
    shadows = {
        at: [[0.5 + 0.25 * lane + 0.125 * place for place, _ in enumerate(arguments.vector(at))] for lane in lanes]
        for at, activity in enumerate(item.inputs)
        if activity.has_shadow
    }
    seeds = [[1.25 + lane for _ in value] for lane in lanes] if item.mode is DiffMode.REVERSE and item.ret.is_active else []
    results, after = call.derived(arguments, shadows, seeds)
    return [number for part in (*results, *(lane for each in after.values() for lane in each)) for number in part]


@pytest.mark.needs("opt-15", "rustc")
def test_a_rust_of_a_newer_llvm_is_refused_by_the_plugin(built: Built) -> None:
    with pytest.raises(Failure, match=r"E0402.*reads LLVM 15 and older"):
        built("rust", "plugin-15")


@pytest.mark.parametrize("artifact", [pytest.param(name, marks=pytest.mark.needs(*needed)) for name, needed in NEEDS.items()])
def test_source_that_calls_enzyme_itself_needs_no_item(built: Built, artifact: str) -> None:
    library = load_library(built("c", artifact).plan.library)
    for name in ("own_reverse", "own_forward", "calls_the_placeholder"):
        function = library[name]
        function.restype = ctypes.c_double
        assert function(ctypes.c_double(1.5), ctypes.c_double(0.3)) == pytest.approx(2 * 1.5 * math.sin(0.3), rel=1e-14)
