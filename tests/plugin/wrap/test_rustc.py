"""`rustc` as cargo's RUSTC_WRAPPER: crates without derivatives pass through, and those with them do what cargo expects."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bootstrap.llvm import find_rustc
from bootstrap.process import Completed, run
from tests.plugin.wrap.project import START

pytestmark = pytest.mark.needs("rustc")

GRADIENT = """
use std::ffi::c_void;
extern "C" {
    fn __enzyme_autodiff(f: *const c_void, ...) -> f64;
    static enzyme_dup: i32;
    static enzyme_const: i32;
}
extern "C" fn rosenbrock(x: *const f64, n: usize) -> f64 {
    let x = unsafe { std::slice::from_raw_parts(x, n) };
    x.windows(2).map(|w| (1.0 - w[0]).powi(2) + 100.0 * (w[1] - w[0] * w[0]).powi(2)).sum()
}
pub fn gradient(x: &[f64]) -> Vec<f64> {
    let mut dx = vec![0.0; x.len()];
    unsafe { __enzyme_autodiff(rosenbrock as *const c_void, enzyme_dup, x.as_ptr(), dx.as_mut_ptr(), enzyme_const, x.len()); }
    dx
}
"""
PRINTED = "[356, 73, 69, 382]\n"
PRINT = 'fn main() { println!("{:?}", gradient(&[1.2, 0.7, -0.3, 2.0]).iter().map(|g| g.round() as i64).collect::<Vec<_>>()); }\n'
PACKAGE = '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'
WORKSPACE = PACKAGE.format(name="demo") + '[dependencies]\nkernel = {{ path = "kernel" }}\n'.replace("{{", "{").replace("}}", "}")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Writes files into a folder."""

    def written(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return written


def rustc(folder: Path, *words: str) -> Completed:
    """Start the stand-in for rustc as cargo does."""
    return run([sys.executable, "-c", START, "rustc", find_rustc(99).command[0], *words], cwd=folder)


def cargo(folder: Path, *words: str) -> Completed:
    """Start cargo with the stand-in as its wrapper."""
    wrapper = folder / "holoenzyme-rustc"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-c", START])} rustc "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    environment = {"RUSTC_WRAPPER": str(wrapper), "CARGO_NET_OFFLINE": "true", "CARGO_TARGET_DIR": str(folder / "target")}
    return run(["cargo", *words], cwd=folder, env=environment)


def test_without_a_compiler_one_is_told_how_it_is_meant() -> None:
    done = run([sys.executable, "-c", START, "rustc"])
    assert (done.status, "error[E0200]" in done.stderr) == (2, True)


def test_what_is_no_crate_passes_through(tmp_path: Path) -> None:
    assert rustc(tmp_path, "-vV").stdout == run([*find_rustc(99).command, "-vV"]).stdout
    assert rustc(tmp_path, "--print", "sysroot").stdout == run([*find_rustc(99).command, "--print", "sysroot"]).stdout


def test_a_crate_without_derivatives_is_the_compilers(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({"src/lib.rs": "pub fn twice(x: i32) -> i32 { 2 * x }\n", "src/wrong.rs": "fn broken() -> i32 { missing }\n"})
    words = ["--crate-type=lib", "--crate-name=twice", "src/lib.rs", "-Copt-level=2", "--out-dir"]
    assert rustc(folder, *words, "ours").status == 0
    assert run([*find_rustc(99).command, *words, "theirs"], cwd=folder).status == 0
    assert (folder / "ours/libtwice.rlib").read_bytes() == (folder / "theirs/libtwice.rlib").read_bytes()
    done, expected = rustc(folder, "src/wrong.rs"), run([*find_rustc(99).command, "src/wrong.rs"], cwd=folder)
    assert (done.status, done.stderr) == (expected.status, expected.stderr)


@pytest.mark.parametrize("level", ["0", "2", "3", "s"])
def test_a_program(write: Callable[[Mapping[str, str]], Path], level: str) -> None:
    folder = write({"src/main.rs": GRADIENT + PRINT})
    done = rustc(folder, "--edition=2021", "src/main.rs", f"-Copt-level={level}", "-o", "program")
    assert done.status == 0, done.stderr
    assert run([folder / "program"]).stdout == PRINTED


def test_a_mention_is_no_derivative(write: Callable[[Mapping[str, str]], Path]) -> None:
    folder = write({"src/main.rs": '// __enzyme_autodiff is not called\nfn main() { println!("hello"); }\n'})
    done = rustc(folder, "src/main.rs", "-o", "program")
    assert (done.status, done.stderr) == (0, "")
    assert run([folder / "program"]).stdout == "hello\n"


@pytest.mark.needs("cargo")
@pytest.mark.parametrize("profile", [[], ["--release"]], ids=["dev", "release"])
def test_a_library_of_a_cargo_workspace(write: Callable[[Mapping[str, str]], Path], profile: list[str]) -> None:
    folder = write(
        {
            "Cargo.toml": WORKSPACE,
            "src/main.rs": "use kernel::gradient;\n" + PRINT,
            "kernel/Cargo.toml": PACKAGE.format(name="kernel"),
            "kernel/src/lib.rs": "mod inner;\npub use inner::gradient;\n",
            "kernel/src/inner.rs": GRADIENT,
        }
    )
    done = cargo(folder, "run", "-q", *profile)
    assert (done.stdout, done.status) == (PRINTED, 0), done.stderr
    again = cargo(folder, "build", *profile)
    assert "Compiling" not in again.stderr


@pytest.mark.needs("cargo")
def test_cargos_tests_and_check(write: Callable[[Mapping[str, str]], Path]) -> None:
    case = "#[test]\nfn slope() { assert_eq!(gradient(&[1.0, 1.0])[0], 0.0); }\n"
    folder = write({"Cargo.toml": PACKAGE.format(name="kernel"), "src/lib.rs": GRADIENT + case})
    done = cargo(folder, "test", "-q")
    assert done.status == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert cargo(folder, "check", "-q").status == 0


ITEM = """
[llvm]
enzyme = true
[rust]
channel = "nightly"
[unit.kernel]
sources = ["src/lib.rs"]
[[unit.kernel.autodiff]]
source = "cube"
target = "slope"
mode = "reverse"
inputs = ["Active"]
ret = "ActiveOnly"
"""


@pytest.mark.needs("cargo")
def test_a_crate_that_the_configuration_names(write: Callable[[Mapping[str, str]], Path]) -> None:
    library = '#[no_mangle]\npub extern "C" fn cube(x: f64) -> f64 { x * x * x }\n'
    program = (
        'extern "C" { fn slope(x: f64, seed: f64) -> f64; }\nfn main() { kernel::cube(1.0); println!("{}", unsafe { slope(2.0, 1.0) }); }\n'
    )
    package = PACKAGE.format(name="kernel")
    folder = write({"Cargo.toml": package, "config.toml": ITEM, "src/lib.rs": library, "src/main.rs": program})
    done = cargo(folder, "run", "-q")
    assert (done.stdout, done.status) == ("12\n", 0), done.stderr


@pytest.mark.needs("cargo")
def test_what_enzyme_cannot_do_is_told_at_its_place(write: Callable[[Mapping[str, str]], Path]) -> None:
    text = GRADIENT.replace('extern "C" {\n', 'extern "C" {\n    fn unknown(x: f64) -> f64;\n').replace(
        ".powi(2) +", ".powi(2) + unsafe { unknown(w[0]) } +"
    )
    for name, extra in (("src/lib.rs", ""), ("src/main.rs", PRINT)):
        folder = write({"Cargo.toml": PACKAGE.format(name="kernel"), name: text + extra})
        done = cargo(folder, "build", "-q")
        assert done.status != 0
        assert "error[E0507]" in done.stderr
        assert f"--> {name}:1" in done.stderr
        (folder / name).unlink()


@pytest.mark.needs("cargo")
def test_rustcs_own_lto_is_refused(write: Callable[[Mapping[str, str]], Path]) -> None:
    package = PACKAGE.format(name="kernel") + "[profile.release]\nlto = true\n"
    folder = write({"Cargo.toml": package, "src/main.rs": GRADIENT + PRINT})
    done = cargo(folder, "build", "-q", "--release")
    assert done.status != 0
    assert "error[E0420]" in done.stderr


def test_a_library_without_the_tool_to_change_it(write: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write({"src/lib.rs": GRADIENT})
    compiler = find_rustc(99).command[0]
    monkeypatch.setenv("PATH", os.devnull)
    command = [sys.executable, "-c", START, "rustc", compiler, "--crate-type=lib", "--crate-name=lib", "--edition=2021", "src/lib.rs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "error[E0421]" in done.stderr
