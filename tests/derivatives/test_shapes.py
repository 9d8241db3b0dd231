"""Functions of every shape, each derivative against central differences: structs, slices, lanes, split mode, and what C makes of them."""

import ctypes
import functools
import itertools
import math
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.config import load
from bootstrap.diagnostics import Failure
from plugin.build import Options, Report, build
from plugin.native import load as load_library
from plugin.plan import Plan

HERE = Path(__file__).parent
ENGINES: dict[str, tuple[str, ...]] = {"driver-22": (), "plugin-15": ("opt-15", "clang-15")}
"""The engines of the pinned list, and what each needs of the machine."""

X = "[0.7, -0.4, 1.3, 2.1]"
ZEROS = "[0.0, 0.0, 0.0, 0.0]"


def typed(activity: str, type_: str) -> str:
    return f'{{ activity = "{activity}", type = "{type_}" }}'


PAIR, POINT, SMALL, THREE = "{f64, f64}", "{f64, f64, f64}", "{f32, f32}", "{f32, f32, f32}"
Item = tuple[str, str, str | list[str], str, str, dict[str, object]]
"""Primal, mode, inputs, ret, the arguments of the check, further keys of the item."""

C: list[Item] = [
    ("of_pair", "reverse", [typed("Active", PAIR), "Active"], "Active", "[[1.5, 0.3], 2.0]", {}),
    ("of_pair", "reverse", "Active Active Const", "ActiveOnly", "[1.5, 0.3, 2.0]", {}),
    ("of_pair", "forward", [typed("Dual", PAIR), "Dual"], "Dual", "[[1.5, 0.3], 2.0]", {}),
    ("of_pair", "forward", [typed("Dual", PAIR), "Const"], "Dual", "[[1.5, 0.3], 2.0]", {"width": 3}),
    ("of_pair", "reverse", [typed("Const", PAIR), "Active"], "Active", "[[1.5, 0.3], 2.0]", {"augmented": "of_pair_augmented"}),
    ("of_pair", "reverse", [typed("Active", PAIR), "Active"], "Active", "[[1.5, 0.3], 2.0]", {"augmented": "of_pair_augmented2"}),
    ("narrow_of_small", "reverse", [typed("Active", SMALL)], "Active", "[[1.5, 0.25]]", {}),
    ("narrow_of_small", "forward", [typed("Dual", SMALL)], "Dual", "[[1.5, 0.25]]", {}),
    ("narrow_of_small", "forward", [typed("Dual", SMALL)], "DualOnly", "[[1.5, 0.25]]", {"width": 10}),
    ("with_count", "forward", "Dual Const", "Dual", "[1.5, 3]", {"width": 3}),
    ("with_count", "reverse", "Active Const", "Active", "[1.5, 3]", {"width": 3}),
    ("narrow_of_three", "reverse", [typed("Active", THREE)], "ActiveOnly", "[[1.5, 0.25, 0.5]]", {}),
    ("narrow_of_three", "forward", [typed("DualOnly", THREE)], "DualOnly", "[[1.5, 0.25, 0.5]]", {"width": 2}),
    ("of_triple", "reverse", "Active Const", "Active", "[[1.5, 0.3, 0.8], 3]", {}),
    ("of_triple", "reverse", "Active Const", "Active", "[[1.5, 0.3, 0.8], 3]", {"augmented": "of_triple_augmented"}),
    ("of_triple", "forward", "Dual Const", "Dual", "[[1.5, 0.3, 0.8], 3]", {"width": 2}),
    ("of_counted", "reverse", [typed("Active", "{f64, i32}")], "Active", "[[1.5, 3]]", {}),
    ("of_counted", "forward", [typed("Dual", "{f64, i32}")], "Dual", "[[1.5, 3]]", {}),
    ("of_nested", "reverse", "Active", "Active", "[[1.5, 0.3, 0.5, 2.0, 3]]", {}),
    ("of_nested", "forward", [typed("Dual", "{[f64; 2], {f32, f32}, i64}")], "Dual", "[[1.5, 0.3, 0.5, 2.0, 3]]", {}),
    ("crowded", "reverse", ["Active"] * 6 + [typed("Active", PAIR)], "Active", "[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, [7.0, 8.0]]", {}),
    ("crowded", "forward", ["Dual"] * 6 + [typed("Dual", PAIR)], "Dual", "[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, [7.0, 8.0]]", {}),
    ("crowded", "forward", ["Dual"] * 6 + [typed("Const", PAIR)], "Dual", "[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, [7.0, 8.0]]", {}),
    ("beside_constant", "reverse", [typed("Active", PAIR), typed("Const", PAIR)], "Active", "[[1.5, 0.3], [2.0, 0.7]]", {}),
    ("turned", "reverse", ["Active", typed("Active", PAIR)], "Active", "[0.4, [1.5, 0.3]]", {}),
    ("turned", "reverse", ["Active", typed("Active", PAIR)], "Active", "[0.4, [1.5, 0.3]]", {"augmented": "turned_augmented"}),
    ("turned", "forward", ["Dual", typed("Dual", PAIR)], "Dual", "[0.4, [1.5, 0.3]]", {"width": 2}),
    ("turned", "forward", ["Dual", typed("Dual", PAIR)], "Const", "[0.4, [1.5, 0.3]]", {}),
    ("cross", "reverse", "Active Active", "Active", "[[1.5, 0.3, -0.7], [0.2, 1.1, 0.9]]", {}),
    ("cross", "reverse", "Active Const", "ActiveOnly", "[[1.5, 0.3, -0.7], [0.2, 1.1, 0.9]]", {"augmented": "cross_augmented"}),
    ("cross", "forward", "Dual Dual", "DualOnly", "[[1.5, 0.3, -0.7], [0.2, 1.1, 0.9]]", {"width": 4}),
    ("narrow_squares", "reverse", "Active Active", "Active", "[0.5, 0.25]", {}),
    ("narrow_squares", "forward", "Dual Dual", "Dual", "[0.5, 0.25]", {}),
    ("with_count", "reverse", "Active Const", "Active", "[1.5, 3]", {}),
    ("with_count", "forward", "Dual Const", "Dual", "[1.5, 3]", {}),
    ("of_array", "reverse", "Duplicated Const", "Active", f"[{X}, 4]", {}),
    ("of_array", "reverse", "Duplicated Const", "Active", f"[{X}, 4]", {"augmented": "of_array_augmented"}),
    ("of_array", "forward", "Dual Const", "Dual", f"[{X}, 4]", {"width": 3}),
    ("cubes", "reverse", [typed("Duplicated", "[f64]")], "Active", f"[{X}]", {}),
    ("cubes", "reverse", [typed("Duplicated", "[f64]")], "Active", f"[{X}]", {"width": 3}),
    ("cubes", "reverse", [typed("Duplicated", "[f64]")], "Active", f"[{X}]", {"width": 2, "augmented": "cubes_augmented2"}),
    ("cubes", "forward", [typed("Dual", "[f64]")], "Dual", f"[{X}]", {"width": 2}),
    ("cubes", "forward", [typed("Dualv", "[f64]")], "Dual", f"[{X}]", {"width": 3}),
    ("cubes", "forward", [typed("DualvOnly", "[f64]")], "DualvOnly", f"[{X}]", {"width": 4}),
    ("cubes", "forward", [typed("Dualv", "[f64]")], "Dual", f"[{X}]", {}),
    ("products", "reverse", [typed("Duplicated", "[f64]")] * 2, "None", f"[{X}, {ZEROS}]", {}),
    ("products", "reverse", [typed("Duplicated", "[f64]")] * 2, "None", f"[{X}, {ZEROS}]", {"augmented": "products_augmented"}),
    ("products", "forward", [typed("Dualv", "[f64]"), typed("Dual", "[f64]")], "None", f"[{X}, {ZEROS}]", {"width": 2}),
    ("products", "forward", [typed("DualOnly", "[f64]"), typed("DualvOnly", "[f64]")], "None", f"[{X}, {ZEROS}]", {"width": 3}),
    ("narrow_slice", "reverse", [typed("Duplicated", "[f32]")], "Active", "[[0.5, 0.25, 1.0]]", {}),
    ("narrow_slice", "forward", [typed("Dualv", "[f32]")], "Dual", "[[0.5, 0.25, 1.0]]", {"width": 2}),
    ("four", "forward", [typed("Dualv", "*[f64; 4]")], "Dual", f"[{X}]", {"width": 2}),
    ("four", "forward", "Dual", "Dual", f"[{X}]", {"width": 4}),
    ("nothing", "forward", "Dual Dual", "None", "[[1.5], 0.4]", {"width": 2}),
    ("nothing", "reverse", "Duplicated Active", "None", "[[1.5], 0.4]", {"width": 2}),
    ("nothing", "reverse", "Duplicated Active", "None", "[[1.5], 0.4]", {"augmented": "nothing_augmented"}),
    ("next", "forward", "Dual", "Dual", "[[1.5, 0.4]]", {}),
    ("next", "forward", "Dual", "DualOnly", "[[1.5, 0.4]]", {}),
    ("next", "forward", "Dual", "Dual", "[[1.5, 0.4]]", {"width": 2}),
    ("next", "reverse", "Duplicated", "Const", "[[1.5, 0.4]]", {}),
    ("next", "reverse", "Duplicated", "Const", "[[1.5, 0.4]]", {"augmented": "next_augmented"}),
    ("counter", "reverse", "Duplicated Duplicated", "Const", "[[1.5], [0.0]]", {"augmented": "counter_augmented"}),
    ("counter", "forward", "Dual Dual", "Const", "[[1.5], [0.0]]", {"width": 2}),
    ("scaled_sum", "reverse", [typed("Duplicated", "[f64]"), "Active"], "Active", f"[{X}, 0.6]", {"width": 2}),
    ("scaled_sum", "reverse", [typed("Duplicated", "[f64]"), "Active"], "Active", f"[{X}, 0.6]", {"augmented": "scaled_sum_augmented"}),
    ("scaled_sum", "forward", [typed("Dual", "[f64]"), "Dual"], "Dual", f"[{X}, 0.6]", {"width": 5}),
]
CXX: list[Item] = [
    ("of_array", "reverse", "Active", "Active", "[[1.5, 0.3, 0.8]]", {}),
    ("of_array", "forward", "Dual", "Dual", "[[1.5, 0.3, 0.8]]", {"width": 2}),
    ("scaled", "reverse", "Active Active", "Active", "[[1.5, 0.3, 0.8], 0.7]", {}),
    ("scaled", "reverse", "Active Active", "ActiveOnly", "[[1.5, 0.3, 0.8], 0.7]", {"augmented": "scaled_augmented"}),
    ("scaled", "forward", "Dual Const", "DualOnly", "[[1.5, 0.3, 0.8], 0.7]", {"width": 3}),
    ("of_reference", "reverse", "Duplicated", "Active", "[[1.5, 0.3, 0.8]]", {}),
    ("of_reference", "forward", [typed("Dualv", "*[f64; 3]")], "Dual", "[[1.5, 0.3, 0.8]]", {"width": 2}),
    ("product_grad", "reverse", "Active Active Active", "Active", "[1.5, 0.3, 0.8]", {}),
    ("product_grad", "forward", "Dual Dual Dual", "Dual", "[1.5, 0.3, 0.8]", {"width": 2}),
    ("product_all", "reverse", "Active Active Active", "Active", "[1.5, 0.3, 0.8]", {}),
    ("product_all", "forward", "Dual Dual Dual", "DualOnly", "[1.5, 0.3, 0.8]", {}),
]
RUST: list[Item] = [
    ("norm_of_slice", "reverse", [typed("Duplicated", "[f64]")], "Active", f"[{X}]", {}),
    ("norm_of_slice", "forward", [typed("Dualv", "[f64]")], "Dual", f"[{X}]", {"width": 2}),
    ("cumulative", "reverse", [typed("Duplicated", "[f64]")] * 2, "None", f"[{X}, {ZEROS}]", {}),
    ("cumulative", "forward", [typed("Dual", "[f64]")] * 2, "None", f"[{X}, {ZEROS}]", {}),
    ("dot", "reverse", [typed("Duplicated", "[f64]"), typed("Const", "[f64]"), "Active"], "Active", f"[{X}, {X}, 0.5]", {}),
    ("dot", "reverse", [typed("Duplicated", "[f64]")] * 2 + ["Active"], "Active", f"[{X}, {X}, 0.5]", {"augmented": "dot_augmented"}),
    ("narrow_mean", "reverse", [typed("Duplicated", "[f32]")], "Active", "[[0.5, 0.25, 1.0]]", {}),
    ("swapped", "reverse", [typed("Active", PAIR)], "Active", "[[0.5, 0.25]]", {}),
    ("swapped", "forward", [typed("Dual", PAIR)], "Dual", "[[0.5, 0.25]]", {"width": 2}),
    ("of_point", "reverse", [typed("Active", POINT)], "Active", "[[0.5, 0.25, 2.0]]", {}),
    (
        "moved",
        "reverse",
        [typed("Active", POINT), "Active"],
        "Active",
        "[[0.5, 0.25, 2.0], 3.0]",
        {"ret-type": POINT},
    ),
    ("moved", "forward", [typed("Dual", POINT), "Dual"], "Dual", "[[0.5, 0.25, 2.0], 3.0]", {"ret-type": POINT}),
]
CALLED: dict[str, list[tuple[Item, str]]] = {
    "c": [
        (("halves", "reverse", "Active Active", "Active", "", {}), "halves_grad"),
        (("quads", "reverse", "Active Active", "Active", "", {}), "quads_grad"),
        (("quads", "forward", "Dual Const", "Dual", "", {"width": 2}), "quads_jvp"),
        (("longs", "reverse", "Active Active", "Active", "", {}), "longs_grad"),
        (("cubes", "forward", [typed("Dualv", "[f64]")], "Dual", "", {"width": 4}), "cubes_lanes"),
        (("cubes", "reverse", [typed("Duplicated", "[f64]")], "Active", "", {"augmented": "cubes_augmented"}), "cubes_reverse"),
        (("cubes", "reverse", [typed("Duplicated", "[f64]")], "Active", "", {}), "cubes_grad"),
        (("cubes", "forward", [typed("Dual", "[f64]")], "DualOnly", "", {"width": 2}), "cubes_jvp"),
        (("cubes_grad", "forward", [typed("Dual", "[f64]")] * 2 + ["Const"], "Const", "", {}), "cubes_hvp"),
        (("turned", "reverse", ["Active", typed("Active", PAIR)], "Active", "", {}), "turned_grad"),
        (("crowded", "forward", ["Dual", "Dual", *["Const"] * 4, typed("Dual", PAIR)], "DualOnly", "", {}), "crowded_jvp"),
    ],
    "cxx": [
        (("of_view", "reverse", [typed("Duplicated", "{*f64, usize}")], "Active", "", {}), "of_view_grad"),
        (("of_view", "forward", [typed("Dual", "{*f64, usize}")], "DualOnly", "", {}), "of_view_jvp"),
        (("product", "reverse", "Active Active", "ActiveOnly", "", {}), "product_grad"),
        (("product", "reverse", "Active Active", "Active", "", {}), "product_all"),
    ],
    "rust": [
        (
            ("norm_of_slice", "reverse", [typed("Duplicated", "[f64]")], "Active", "", {"on-short-shadow": "short_shadow"}),
            "norm_or_panic",
        )
    ],
}
"""Items that functions of the sources call, with their targets."""
UNITS = {"c": ("shapes.c", C), "cxx": ("shapes.cpp", CXX), "rust": ("shapes.rs", RUST)}


def entry(unit: str, item: Item, target: str) -> list[str]:
    primal, mode, inputs, ret, _, more = item
    activities = inputs.split() if isinstance(inputs, str) else inputs
    listed = ", ".join(each if each.startswith("{") else f'"{each}"' for each in activities)
    keys: dict[str, object] = {"source": primal, "target": target, "mode": mode, "ret": ret, **more}
    lines = [f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"' for key, value in keys.items()]
    return [f"[[unit.{unit}.autodiff]]", *lines, f"inputs = [{listed}]"]


def configuration(unit: str, artifact: str) -> str:
    """The configuration of one unit with all its items and a check for each, for an engine of the pinned list."""
    source, items = UNITS[unit]
    lines = ["[enzyme]", f'artifact = "{artifact}"', "[llvm]", "enzyme = true", "[rust]", 'channel = "nightly"', f"[unit.{unit}]"]
    lines += [f'sources = ["{HERE / source}"]', 'link-flags = ["-lm"]']
    for item, target in CALLED[unit]:
        lines += entry(unit, item, target)
    for index, item in enumerate(items):
        lines += entry(unit, item, f"{item[0]}_{index}")
        # Single precision leaves differences of a few thousandths of what the step leaves.
        tolerance = 2e-3 if item[0].startswith("narrow") or item[0] == "of_nested" else 1e-6
        lines += [f"[[unit.{unit}.verify]]", f'target = "{item[0]}_{index}"', f"args = {item[4]}", f"tolerance = {tolerance}"]
    return "\n".join(lines)


Built = Callable[[str, str], Report]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Builds a unit with an engine, once."""

    @functools.cache
    def made(unit: str, artifact: str) -> Report | Failure:
        folder = tmp_path_factory.mktemp(unit)
        (folder / "config.toml").write_text(configuration(unit, artifact), encoding="utf-8")
        [result] = build([Plan.of(load(folder), unit)], Options(jobs=1))
        return result

    def wanted(unit: str, artifact: str) -> Report:
        result = made(unit, artifact)
        if isinstance(result, Failure):
            raise result
        return result

    return wanted


def cases() -> list[Any]:
    return [
        pytest.param(
            artifact,
            unit,
            index,
            id=f"{artifact}-{unit}-{primal}-{mode}-{index}",
            marks=pytest.mark.needs(*ENGINES[artifact], *(["rustc"] if unit == "rust" else [])),
        )
        for artifact, unit in [*itertools.product(ENGINES, ["c", "cxx"]), ("driver-22", "rust")]
        for index, (primal, mode, *_) in enumerate(UNITS[unit][1])
    ]


@pytest.mark.parametrize(("artifact", "unit", "index"), cases())
def test_the_derivative_agrees_with_central_differences(built: Built, artifact: str, unit: str, index: int) -> None:
    verdict = built(unit, artifact).verdicts[index]
    assert verdict.error <= verdict.tolerance, verdict


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.needs(*needed)) for name, needed in ENGINES.items()])
def library(request: pytest.FixtureRequest, built: Built) -> Any:
    """The library of the C unit, for each engine."""
    return load_library(built("c", request.param).plan.library)


def number(function: Any, *arguments: Any) -> float:
    function.restype = ctypes.c_double
    return float(function(*(ctypes.c_double(each) if isinstance(each, float) else each for each in arguments)))


@pytest.mark.parametrize("name", ["halves", "quads", "longs"])
def test_numbers_of_every_width_have_derivatives(library: Any, name: str) -> None:
    x, y, seed = 1.5, 0.25, 2.0
    expected = x * x * y * 10000 + seed * 2 * x * y * 100 + seed * x * x
    assert number(library[f"{name}_digits"], x, y, seed) == pytest.approx(expected, rel=1e-3 if name == "halves" else 1e-15)


def test_lanes_are_what_c_declares(library: Any) -> None:
    x, tangents = [0.5, 1.0, 2.0], [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [1.0, 1.0, 1.0]]
    primal, shadow = (ctypes.c_double * 3)(*x), (ctypes.c_double * 12)(*(each for lane in tangents for each in lane))
    slopes = [math.fsum(3 * each * each * moved for each, moved in zip(x, lane, strict=True)) for lane in tangents]
    expected = math.fsum(each**3 for each in x) + math.fsum(10**lane * slope for lane, slope in enumerate(slopes))
    assert number(library["sum_of_lanes"], primal, ctypes.c_size_t(3), shadow, ctypes.c_size_t(12)) == pytest.approx(expected, rel=1e-15)


def test_structs_are_what_c_declares(library: Any) -> None:
    angle, x, y = 0.4, 1.5, 0.3
    cos, sin = math.cos(angle), math.sin(angle)
    slope = (-x * sin - y * cos) + 10 * (x * cos - y * sin)
    expected = slope * 10000 + (cos + 10 * sin) * 100 + (-sin + 10 * cos)
    assert number(library["turned_digits"], angle, x, y) == pytest.approx(expected, rel=1e-14)


def test_a_struct_for_which_registers_do_not_suffice_is_what_c_declares(library: Any) -> None:
    assert number(library["crowded_tangent"]) == 1 * 3 + 2 * 10 + 100 * 7 + 5 * 1000


def test_two_tapes_are_alive_at_once_and_take_seeds_that_are_known_late(library: Any) -> None:
    x, y = [0.5, 1.0, 2.0], [3.0, -1.0, 0.25]
    vectors = [(ctypes.c_double * 3)(*each) for each in (x, [100, 200, 300], y, [0, 0, 0])]
    library["two_tapes"](*vectors, ctypes.c_size_t(3))
    of_x, of_y = (math.fsum(each**3 for each in vector) for vector in (x, y))
    assert list(vectors[1]) == pytest.approx([base + of_y * 3 * each * each for base, each in zip((100, 200, 300), x, strict=True)])
    assert list(vectors[3]) == pytest.approx([of_x * 3 * each * each for each in y])


def test_a_tape_is_freed(built: Built) -> None:
    script = """
import resource
x, dx = (Double * 10000)(), (Double * 10000)()
def calls(count):
    for _ in range(count):
        library.two_tapes(x, dx, x, dx, Size(10000))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(calls(200), calls(2000))
"""
    before, after = map(int, run(built("c", "driver-22"), script).stdout.split())
    assert after - before < 2000 * 10000 * 8 / 1024 / 10


def test_a_derivative_with_slices_has_a_derivative(library: Any) -> None:
    x, direction, gradient, curvature = ((ctypes.c_double * 3)(*each) for each in ([1, 2, 3], [1, 10, 100], [0] * 3, [0] * 3))
    length = ctypes.c_size_t(3)
    value = number(library["cubes_hvp"], x, length, direction, length, gradient, length, curvature, length, 1.0)
    assert (value, list(gradient), list(curvature)) == (36, [3, 12, 27], [6, 120, 1800])


@pytest.mark.parametrize("artifact", [pytest.param(name, marks=pytest.mark.needs(*needed)) for name, needed in ENGINES.items()])
def test_a_struct_of_a_pointer_and_a_length_has_a_struct_as_its_shadow(built: Built, artifact: str) -> None:
    library = load_library(built("cxx", artifact).plan.library)
    x, gradient, tangent = (ctypes.c_double * 3)(1, 2, 3), (ctypes.c_double * 3)(), ctypes.c_double()
    library["gradient_of_view"](x, gradient, ctypes.c_size_t(3), ctypes.byref(tangent))
    assert list(gradient) == [6, 24, 54]
    assert tangent.value == math.fsum(3 * each * each * moved for each, moved in zip(x, gradient, strict=True))


# Shadows that are too short


def run(report: Report, call: str) -> subprocess.CompletedProcess[str]:
    """Call the library in a process of its own, with output that is no terminal and so has a buffer."""
    script = f"import ctypes\nlibrary = ctypes.CDLL({str(report.plan.library)!r})\nDouble, Size = ctypes.c_double, ctypes.c_size_t\n{call}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("artifact", [pytest.param(name, marks=pytest.mark.needs(*needed)) for name, needed in ENGINES.items()])
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            "library.cubes_grad(x, Size(4), shadow, Size(3), Double(1))",
            "holoenzyme: shadow slice 'dx' of cubes_grad has length 3, its primal has 4",
        ),
        ("library.cubes_jvp(x, Size(4), shadow, Size(4), shadow, Size(2))", "'dx_1' of cubes_jvp has length 2, its primal has 4"),
        ("library.sum_of_lanes(x, Size(4), shadow, Size(15))", "'dx' of cubes_lanes has length 15, 4 lanes of its primal have 16"),
        ("library.cubes_augmented(x, Size(4), shadow, Size(3))", "'dx' of cubes_reverse has length 3, its primal has 4"),
        ("library.cubes_grad(x, Size(4), shadow, Size(0), Double(1))", "'dx' of cubes_grad has length 0, its primal has 4"),
    ],
)
def test_a_shadow_that_is_too_short_ends_the_program_with_a_message(built: Built, artifact: str, call: str, words: str) -> None:
    setup = "x, shadow = (Double * 4)(1, 2, 3, 4), (Double * 16)()"
    done = run(built("c", artifact), f"{setup}\n{call}\nprint('went on')")
    assert done.returncode == -signal.SIGABRT
    assert words in done.stderr
    assert "went on" not in done.stdout


def test_a_shadow_that_is_too_short_is_not_written(built: Built) -> None:
    shared = "import mmap\nmemory = mmap.mmap(-1, 4096)\nshadow = (Double * 4).from_buffer(memory)\nimport os"
    child = "x = (Double * 4)(1, 2, 3, 4)\nlibrary.cubes_grad(x, Size(4), shadow, Size(3), Double(1))"
    parent = "print(os.waitpid(pid, 0)[1], list(shadow))"
    indented = child.replace("\n", "\n    ")
    done = run(built("c", "driver-22"), f"{shared}\npid = os.fork()\nif pid == 0:\n    {indented}\n{parent}")
    assert done.stdout.split(" ", 1) == [str(int(signal.SIGABRT)), "[0.0, 0.0, 0.0, 0.0]\n"]


def test_a_longer_shadow_is_taken_and_its_end_left_alone(built: Built) -> None:
    call = "x, shadow = (Double * 2)(1, 2), (Double * 3)(0, 0, 5)\nlibrary.cubes_grad(x, Size(2), shadow, Size(3), Double(1))"
    assert run(built("c", "driver-22"), f"{call}\nprint(list(shadow))").stdout == "[3.0, 12.0, 5.0]\n"


@pytest.mark.needs("rustc")
def test_a_handler_of_the_sources_is_called_instead(built: Built) -> None:
    call = "function = library.call_with_short_shadow\nfunction.restype = Double\nprint(function(Size({})))"
    done = run(built("rust", "driver-22"), call.format(2))
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == "handled: dx has 2 of 3\n"
    done = run(built("rust", "driver-22"), call.format(3))
    assert float(done.stdout) == pytest.approx(13 + 3 * 7 + 3 + 4 + 12)
