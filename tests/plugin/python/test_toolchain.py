"""Building from Python: what is kept, what is made anew, and how what is wrong is told."""

import concurrent.futures
import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bootstrap.diagnostics import Failure
from plugin import worker
from plugin.python.library import Library
from plugin.python.toolchain import AutoDiff, Toolchain

ROOT = Path(__file__).parents[3]
X = np.array([1.2, 0.7, -0.3, 2.0])
GRADIENT = AutoDiff("rosenbrock", "rosenbrock_grad", "reverse", ["Duplicated", "Const"], "Active")


def folders(cache: Path) -> set[Path]:
    """What was built: a folder for each unit."""
    return {each.parent for each in cache.glob("*/*.json")}


def test_what_was_built_is_only_loaded_afterwards(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    first = Toolchain(cache=cache).build([source], [GRADIENT])
    monkeypatch.setattr(worker, "run", lambda *_, **__: pytest.fail("it was compiled again"))
    again = Toolchain(cache=cache).build([source], [GRADIENT])
    assert again.path == first.path
    assert again.rosenbrock_grad(X, np.zeros(4), 4, 1.0) == pytest.approx(483.8)


def test_all_that_decides_about_the_result_decides_about_its_folder(source: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    Toolchain(cache=cache).build([source])
    Toolchain(cache=cache).build([source], flags=["-DN=1"])
    Toolchain(cache=cache).build([source], [GRADIENT])
    Toolchain(cache=cache, settings=["enzyme.runtime-activity=true"]).build([source], [GRADIENT])
    assert len(folders(cache)) == 4


def test_a_changed_source_or_header_gives_another_library_in_the_same_process(tmp_path: Path) -> None:
    header, source = tmp_path / "factor.h", tmp_path / "f.c"
    header.write_text("#define FACTOR 2\n")
    source.write_text('#include "factor.h"\ndouble f(double x) { return FACTOR * x; }\n')
    toolchain = Toolchain(cache=tmp_path / "cache")
    first = toolchain.build([source])
    header.write_text("#define FACTOR 30\n")
    second = toolchain.build([source])
    source.write_text('#include "factor.h"\ndouble f(double x) { return FACTOR * x + 1; }\n')
    third = toolchain.build([source])
    assert [each.f(1.0) for each in (first, second, third)] == [2.0, 30.0, 31.0]


def test_the_cache_is_private(tmp_path: Path) -> None:
    cache = tmp_path / "a" / "cache"
    Toolchain(cache=cache).compile("double f(double x) { return x; }")
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_relative_sources_are_those_of_the_folder_in_which_build_was_called(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugin.python.transforms import grad  # noqa: PLC0415 - beside what it is about

    monkeypatch.chdir(source.parent)
    library = Toolchain(cache=tmp_path / "cache").build([source.name])
    monkeypatch.chdir("/")
    assert grad(library.power)(3.0, 2.0, 2) == 12.0


def test_a_configuration_gives_its_settings_and_its_units(tmp_path: Path) -> None:
    (tmp_path / "f.c").write_text("double f(double x) { return FACTOR * x * x; }\n")
    (tmp_path / "config.toml").write_text(
        """
        change-id = "ignore"
        llvm.enzyme = true
        rust.channel = "nightly"
        [unit.f]
        sources = ["f.c"]
        kind = "object"
        flags = ["-DFACTOR=5"]
        autodiff = [{ source = "f", target = "f_grad", mode = "reverse", inputs = ["Active"], ret = "ActiveOnly" }]
        """
    )
    toolchain = Toolchain.from_config(tmp_path, cache=tmp_path / "cache")
    assert toolchain.unit("f").f_grad(3.0, 1.0) == 30.0
    assert toolchain.build(["f.c"], flags=["-DFACTOR=7"]).f(1.0) == 7.0
    with pytest.raises(Failure, match="there is no unit `g`") as caught:
        toolchain.unit("g")
    assert caught.value.code == "E0234"


def test_gates_hold_here_too(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('change-id = "ignore"\nllvm.enzyme = true\nrust.channel = "stable"\n')
    with pytest.raises(Failure, match="nightly"):
        Toolchain.from_config(tmp_path)


def test_many_threads_build_the_same_once(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, jobs, run = tmp_path / "cache", [], worker.run

    def counted(job: Any, **options: Any) -> Any:
        jobs.append(job)
        return run(job, **options)

    monkeypatch.setattr(worker, "run", counted)

    def gradient(_: int) -> float:
        library = Toolchain(cache=cache).build([source], [GRADIENT])
        return float(library.rosenbrock_grad(X, np.zeros(4), 4, 1.0))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(gradient, range(4))) == pytest.approx([483.8] * 4)
    assert len(jobs) == 1


def test_a_crash_of_llvm_is_an_exception(tmp_path: Path) -> None:
    source = 'void f(void) { __asm__ volatile(".this_is_no_directive"); }'
    with pytest.raises(Failure) as caught:
        Toolchain(cache=tmp_path).compile(source)
    assert caught.value.code == "E0512"
    assert Toolchain(cache=tmp_path).compile("int two(void) { return 2; }").two() == 2, "the interpreter lives"


def test_after_an_interrupt_the_next_build_works(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    toolchain = Toolchain(cache=tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(worker, "_events", interrupted)
        with pytest.raises(KeyboardInterrupt):
            toolchain.build([source])
    assert toolchain.build([source]).power(3.0, 2.0, 2) == 18.0


@pytest.mark.parametrize(
    ("code", "sources", "items"),
    [
        ("E0206", ["KERNELS"], [AutoDiff("power", "power_grad", inputs=["Activ", "Const", "Const"], ret="Active")]),
        ("E0232", ["nowhere.c"], []),
        ("E0233", ["kernels.py"], []),
        ("E0503", ["KERNELS"], [AutoDiff("powder", "power_grad", inputs=["Active"], ret="Active")]),
        ("E0504", ["KERNELS"], [AutoDiff("power", "power_grad", inputs=["Active"], ret="Active")]),
    ],
)
def test_what_is_wrong_with_a_build_is_told_with_its_code(
    source: Path, toolchain: Toolchain, code: str, sources: list[str], items: list[AutoDiff]
) -> None:
    (source.parent / "kernels.py").touch()
    with pytest.raises(Failure) as caught:
        toolchain.build([source if each == "KERNELS" else source.parent / each for each in sources], items)
    assert caught.value.code == code


def test_a_source_that_does_not_compile_or_whose_language_is_not_known(toolchain: Toolchain) -> None:
    with pytest.raises(Failure, match="expected ';'"):
        toolchain.compile("double f(double x) { return x }")
    with pytest.raises(Failure, match="write one of C, C\\+\\+, Rust, LLVM IR"):
        toolchain.compile("", "Fortran")


def test_an_error_survives_the_way_between_processes(toolchain: Toolchain) -> None:
    with pytest.raises(Failure) as caught:
        toolchain.compile("", "Fortran")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made here
    assert (again.code, str(again)) == (caught.value.code, str(caught.value))


def test_a_library_lists_its_functions_and_knows_near_names(kernels: Library) -> None:
    assert {"rosenbrock", "power", "path"} <= set(dir(kernels))
    assert kernels["power"](3.0, 2.0, 2) == 18.0
    assert kernels.power is kernels.power
    with pytest.raises(AttributeError, match="has no function rosenbrok; did you mean rosenbrock"):
        _ = kernels.rosenbrok
    with pytest.raises(KeyError):
        kernels["nothing.like.it"]


def test_two_processes_share_the_cache(source: Path, tmp_path: Path) -> None:
    program = (
        "import sys, json, holoenzyme, numpy as np\n"
        "library = holoenzyme.Toolchain(cache=sys.argv[2]).build([sys.argv[1]])\n"
        "gradient = holoenzyme.grad(library.rosenbrock)(np.array([1.2, 0.7, -0.3, 2.0]), 4)\n"
        "print(json.dumps([list(gradient), str(library.path)]))\n"
    )
    command = [sys.executable, "-P", "-c", program, str(source), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(each.communicate(timeout=120)[0]) for each in running]
    assert said[0] == said[1]
    assert said[0][0] == pytest.approx([355.6, 72.6, 68.6, 382.0])
    assert len(folders(tmp_path / "cache")) == 2
