"""Copies that Enzyme cannot do without being told types: right with them, refused without, on every engine."""

import ctypes
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
BOTH = '["Duplicated", "Duplicated", "Const"]'
PAIR = '["Duplicated", "Duplicated"]'
FOUR = "[[1.0, 2.0, 3.0, 4.0], [0.5, 0.5, 0.5, 0.5], 4]"
ENGINES = [
    pytest.param("driver-22", id="driver"),
    pytest.param("plugin-15", id="plugin", marks=pytest.mark.needs("opt-15", "clang-15")),
]

Run = Callable[..., Report]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Builds one derivative of a source, and checks it where there are arguments."""

    def made(artifact: str, source: str, primal: str, inputs: str, args: str = "", ret: str = "None", **enzyme: Any) -> Report:
        options = "".join(f"{name.replace('_', '-')} = {str(value).lower()}\n" for name, value in enzyme.items())
        item = f'source = "{primal}"\ntarget = "{primal}_d"\nmode = "reverse"\ninputs = {inputs}\nret = "{ret}"\n'
        check = f'[[unit.u.verify]]\ntarget = "{primal}_d"\nargs = {args}\ntolerance = 1e-4\n' if args else ""
        (tmp_path / "config.toml").write_text(
            f'[llvm]\nenzyme = true\n[rust]\nchannel = "nightly"\n[enzyme]\nartifact = "{artifact}"\n{options}'
            f'[unit.u]\nsources = ["{HERE / source}"]\nlink-flags = ["-lm"]\n[[unit.u.autodiff]]\n{item}{check}',
            encoding="utf-8",
        )
        [result] = build([Plan.of(load(tmp_path), "u")], Options(jobs=1))
        if isinstance(result, Failure):
            raise result
        assert all(each.passed for each in result.verdicts), result.verdicts
        return result

    return made


FLOATS = BOTH.replace('"Duplicated"', '{ activity = "Duplicated", type = "*f32" }')
ONE = '["Duplicated", "Const"]'
KERNELS = {
    "c-copied": ("types.c", "copied", BOTH, FOUR, "None"),
    "c-points": ("types.c", "copied_points", BOTH, FOUR, "None"),
    "c-moved": ("types.c", "moved", ONE, "[[1.0, 2.0, 3.0, 4.0], 4]", "None"),
    "c-allocated": ("types.c", "through_memory", BOTH, FOUR, "None"),
    "cxx-struct": ("types.cpp", "bodies", BOTH, FOUR, "None"),
    "cxx-array": ("types.cpp", "array", PAIR, FOUR.replace(", 4]", "]"), "None"),
    "rust-pointers": ("types.rs", "pointers", BOTH, FOUR, "None"),
    "rust-slices": ("types.rs", "slices", BOTH, FOUR, "None"),
    "rust-points": ("types.rs", "points", BOTH, FOUR, "None"),
    "rust-vec": ("types.rs", "vector", ONE, "[[1.0, 2.0, 3.0, 4.0], 4]", "Active"),
}
CASES = [
    pytest.param(artifact, *kernel, id=f"{artifact}-{name}", marks=pytest.mark.needs(*needed, *(["rustc"] if is_rust else [])))
    for artifact, needed in {"driver-22": [], "plugin-15": ["opt-15", "clang-15"]}.items()
    for name, kernel in KERNELS.items()
    if not (is_rust := name.startswith("rust")) or artifact != "plugin-15"  # rustc writes a newer LLVM than the plugin reads
]


@pytest.mark.parametrize(("artifact", "source", "primal", "inputs", "args", "ret"), CASES)
def test_debug_information_tells_what_is_copied(
    run: Run, artifact: str, source: str, primal: str, inputs: str, args: str, ret: str
) -> None:
    assert run(artifact, source, primal, inputs, args, ret).verdicts
    with pytest.raises(Failure, match="E0514"):
        run(artifact, source, primal, inputs, args, ret, debug_types=False)


@pytest.mark.parametrize("artifact", ENGINES)
def test_the_configuration_tells_what_is_copied(run: Run, artifact: str) -> None:
    run(artifact, "types.c", "copied_floats", FLOATS, FOUR, debug_types=False)
    with pytest.raises(Failure, match="E0514"):
        run(artifact, "types.c", "unsaid", BOTH, FOUR)
    said = BOTH.replace('"Duplicated"', '{ activity = "Duplicated", type = "*f64" }', 1)
    run(artifact, "types.c", "unsaid", said, FOUR)


class Counted(ctypes.Structure):
    _fields_ = [("count", ctypes.c_long), ("value", ctypes.c_double)]


@pytest.mark.parametrize("artifact", ENGINES)
def test_a_struct_of_several_kinds_keeps_its_whole_numbers(run: Run, artifact: str) -> None:
    library = load_library(run(artifact, "types.c", "counted_one", PAIR).plan.library)
    x, dx, y, dy = Counted(7, 1.5), Counted(7, 0.25), Counted(0, 0.0), Counted(9, 2.0)
    library.counted_one_d(*map(ctypes.byref, (x, dx, y, dy)))
    assert (y.count, y.value) == (7, 1.5)
    assert (dx.value, dy.value) == (2.25, 0.0)
    assert dx.count == 7, "of a whole number there is no gradient to be added"


@pytest.mark.parametrize("artifact", ENGINES)
def test_a_row_of_structs_of_several_kinds_is_refused_and_not_silently_wrong(run: Run, artifact: str) -> None:
    with pytest.raises(Failure, match="E0514"):
        run(artifact, "types.c", "counted_rows", BOTH)


class Vector(ctypes.Structure):
    _fields_ = [("numbers", ctypes.POINTER(ctypes.c_double)), ("count", ctypes.c_size_t)]


def vector(*numbers: float) -> tuple[Vector, Any]:
    array = (ctypes.c_double * len(numbers))(*numbers)
    return Vector(array, len(numbers)), array


@pytest.mark.parametrize("artifact", ENGINES)
def test_types_behind_a_pointer_of_a_struct_are_told(run: Run, artifact: str) -> None:
    with pytest.raises(Failure, match="E0514"):
        run(artifact, "types.c", "from_struct", PAIR, debug_types=False)
    library = load_library(run(artifact, "types.c", "from_struct", PAIR).plan.library)
    (x, _), (dx, gradient) = vector(1, 2, 3), vector(10, 10, 10)
    y, dy = (ctypes.c_double * 3)(), (ctypes.c_double * 3)(1, 2, 3)
    library.from_struct_d(ctypes.byref(x), ctypes.byref(dx), y, dy)
    assert list(y) == [1, 2, 3]
    assert list(gradient) == [11, 12, 13]
