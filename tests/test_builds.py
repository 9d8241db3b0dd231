"""The builds of the gallery: a derivative for a change of the compiler, or of what the build requires, and of nothing else."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.process import Completed, run
from tests.plugin.wrap.project import START

ROOT = Path(__file__).parents[1]
PROGRAMS = ("holoenzyme", "holoenzyme-cc", "holoenzyme-c++", "holoenzyme-rustc")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with what pip installs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text(f"#!{sys.executable}\n{START}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    for variable in ("CC", "CXX", "CFLAGS", "LDFLAGS", "RUSTC_WRAPPER", "HOLOENZYME_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def example(programs: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a copy of a build, in which the compiler can be changed."""
    assert programs.is_dir()

    def copied(name: str) -> Path:
        ignored = shutil.ignore_patterns("build", "target")
        return Path(shutil.copytree(ROOT / "examples" / "builds" / name, tmp_path / name, ignore=ignored))

    return copied


def done(folder: Path, *command: str, **environment: str) -> Completed:
    """A command that must go well."""
    ended = run(command, cwd=folder, env=environment)
    assert ended.status == 0, ended.stdout + ended.stderr
    return ended


@pytest.mark.needs("make", "cc")
def test_make(example: Callable[[str], Path]) -> None:
    folder = example("make")
    plain = run(["make", "CC=cc"], cwd=folder)
    assert plain.status != 0
    assert "__enzyme_autodiff" in plain.stderr
    done(folder, "make", "clean")
    done(folder, "make", "CC=holoenzyme cc")
    assert done(folder, "./root").stdout == "x = 0.610031284, x cos x = 0.500000000\n"
    assert "up to date" in done(folder, "make", "CC=holoenzyme cc").stdout


@pytest.mark.needs("cmake", "ninja", "cc")
def test_cmake_by_its_compiler(example: Callable[[str], Path]) -> None:
    folder = example("cmake")
    done(folder, "cmake", "-S", ".", "-B", "build", "-G", "Ninja", CC="holoenzyme cc")
    done(folder, "cmake", "--build", "build")
    assert done(folder, "build/line").stdout == "y = 2.00 x - 1.00\n"
    done(folder, "ctest", "--test-dir", "build")


@pytest.mark.needs("cmake", "make", "c++")
def test_cmake_by_enzymes_package(example: Callable[[str], Path]) -> None:
    folder = example("cmake-enzyme")
    told = json.loads(done(folder, "holoenzyme", "env", "--format", "json").stdout)
    done(folder, "cmake", "-S", ".", "-B", "build", f"-DEnzyme_ROOT={told['cmake']}", f"-DHOLOENZYME_PROGRAM={shutil.which('holoenzyme')}")
    done(folder, "cmake", "--build", "build")
    assert done(folder, "build/orbit").stdout == "after a year: 1.000 0.000\n"


@pytest.mark.needs("cmake", "ninja", "cc")
def test_cmake_by_a_toolchain_file(example: Callable[[str], Path]) -> None:
    folder = example("cmake")
    (folder / "toolchain.cmake").write_text(done(folder, "holoenzyme", "env", "--format", "cmake").stdout)
    done(folder, "cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DCMAKE_TOOLCHAIN_FILE=toolchain.cmake")
    done(folder, "cmake", "--build", "build")
    assert done(folder, "build/line").stdout == "y = 2.00 x - 1.00\n"


@pytest.mark.needs("meson", "ninja", "cc")
def test_meson(example: Callable[[str], Path]) -> None:
    folder = example("meson")
    (folder / "native.ini").write_text(done(folder, "holoenzyme", "env", "--format", "meson").stdout)
    done(folder, "meson", "setup", "build", "--native-file", "native.ini")
    done(folder, "meson", "test", "-C", "build")
    assert done(folder, "build/climate").stdout == "288.1 K\nalbedo + 0.01: -1.03 K\ngreenhouse + 0.01: +0.59 K\n"


@pytest.mark.needs("cargo", "rustc")
def test_cargo(example: Callable[[str], Path]) -> None:
    folder = example("cargo")
    environment = {"RUSTC_WRAPPER": "holoenzyme-rustc", "CARGO_NET_OFFLINE": "true"}
    assert "2 passed" in done(folder, "cargo", "test", **environment).stdout
    assert done(folder, "cargo", "run", "--quiet", **environment).stdout == "the classes meet at 1.48\n"


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    done(ROOT, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    return folder


def built(folder: Path, wheelhouse: Path) -> Path:
    """What is installed of a Python project that pip builds in an environment of its own, as it was cloned."""
    pip = [sys.executable, "-m", "pip"]
    done(folder, *pip, "wheel", "--quiet", "--no-deps", "--find-links", str(wheelhouse), "--wheel-dir", "wheels", ".")
    [wheel] = (folder / "wheels").iterdir()
    done(folder, *pip, "install", "--quiet", "--no-index", "--no-deps", "--target", "site", str(wheel))
    return folder / "site"


@pytest.mark.needs("cc", "cmake", "ninja")
def test_an_extension_module_by_scikit_build_core(example: Callable[[str], Path], wheelhouse: Path) -> None:
    site = built(example("scikit-build-core"), wheelhouse)
    code = """if True:
        from pendulum import energy, gradient
        state, step = (0.3, 0.1, 0.5, -0.2), 1e-6
        for index, found in enumerate(gradient(*state)):
            up, down = (energy(*(each + sign * step * (place == index) for place, each in enumerate(state))) for sign in (1, -1))
            assert abs(found - (up - down) / 2 / step) < 1e-8
    """
    done(site, sys.executable, "-c", code, PYTHONPATH=str(site))


@pytest.mark.needs("cc")
def test_an_extension_module_by_setuptools(example: Callable[[str], Path], wheelhouse: Path) -> None:
    site = built(example("setuptools"), wheelhouse)
    code = "import spring; print(spring.energy_and_forces(0, 1.5, 2))"
    assert done(site, sys.executable, "-c", code, PYTHONPATH=str(site)).stdout == "(0.25, (0.5, -1.0, 0.5))\n"


def test_the_manual_has_a_recipe_for_every_build() -> None:
    manual = (ROOT / "docs" / "builds.md").read_text(encoding="utf-8")
    assert [each.name for each in (ROOT / "examples" / "builds").iterdir() if f"examples/builds/{each.name}`" not in manual] == []
