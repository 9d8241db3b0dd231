"""Compilers are found by what they say of themselves; the ones here are shell scripts that say it."""

import os
import platform
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import llvm
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.llvm import Kind, find_clang, find_linker, find_rustc, host_triple
from bootstrap.process import run

DEBIAN = "Debian clang version 15.0.6\nTarget: x86_64-pc-linux-gnu\nThread model: posix"
PLAIN = "clang version 22.1.8 (https://github.com/llvm/llvm-project ab4b5a2db5)"
OLD = "clang version 11.0.1-2\nTarget: x86_64-pc-linux-gnu"
NEW = "Ubuntu clang version 23.0.0 (++20260901)"
APPLE = "Apple clang version 16.0.0 (clang-1600.0.26.3)\nTarget: arm64-apple-darwin24.0.0"
GCC = "cc (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc."
RUSTC = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nrelease: 1.95.0\nLLVM version: 22.1.2"

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program that says something into a folder of PATH, which has nothing else."""
    monkeypatch.setenv("PATH", "")

    def put(name: str, says: str, *, status: int = 0, error: str = "", folder: str = "bin") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{says}\nEND\necho '{error}' >&2\nexit {status}\n", encoding="utf-8")
        path.chmod(0o755)
        if str(path.parent) not in os.environ["PATH"].split(os.pathsep):
            monkeypatch.setenv("PATH", str(path.parent), prepend=None if not os.environ["PATH"] else os.pathsep)
        return path

    return put


def only(failure: pytest.ExceptionInfo[Failure]) -> Diagnostic:
    [diagnostic] = failure.value.diagnostics
    return diagnostic


@pytest.mark.parametrize(("says", "version"), [(DEBIAN, 15), (PLAIN, 22), (OLD.replace("11.0.1", "13.0.0"), 13)])
def test_a_clang_of_path_is_taken_with_the_llvm_that_it_names(install: Install, says: str, version: int) -> None:
    path = install("clang", says)
    found, reasons = find_clang(22)
    assert found is not None
    assert (found.kind, found.command, found.version, found.llvm) == (Kind.CLANG, (str(path),), says.splitlines()[0], version)
    assert found.executable == path
    assert reasons == []


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (OLD, "writes LLVM 11; 13 to 22 can be used"),
        (NEW, "writes LLVM 23; 13 to 22 can be used"),
        (APPLE, "is not clang, or is Apple's, whose version does not tell its LLVM"),
        (GCC, "is not clang"),
        ("", "is not clang"),
    ],
)
def test_a_clang_that_does_not_suit_is_passed_over_with_the_reason(install: Install, says: str, reason: str) -> None:
    path = install("clang", says)
    found, [told] = find_clang(22)
    assert found is None
    assert told.startswith(f"`{path}` {reason}")


def test_without_a_clang_on_path_none_is_found(install: Install) -> None:
    install("cc", GCC)
    assert find_clang(22) == (None, ["`clang` is not on PATH"])


def test_the_newest_versioned_clang_that_suits_is_taken_where_the_plain_one_does_not(install: Install) -> None:
    install("clang", NEW)
    for name, says in {"clang-23": NEW, "clang-15": DEBIAN, "clang-14": DEBIAN.replace("15", "14"), "clang-11": OLD}.items():
        install(name, says)
    found, [reason] = find_clang(22)
    assert found is not None
    assert (found.executable.name, found.llvm) == ("clang-15", 15)
    assert "LLVM 23" in reason


def test_a_clang_that_cannot_be_started_is_passed_over(install: Install) -> None:
    path = install("clang", DEBIAN)
    path.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    found, [reason] = find_clang(22)
    assert found is None
    assert "is not clang" in reason


@pytest.mark.parametrize(("says", "reason"), [(OLD, "writes LLVM 11"), (NEW, "writes LLVM 23"), (GCC, "is not clang"), (APPLE, "Apple's")])
def test_a_configured_clang_that_does_not_suit_is_an_error_that_says_why(install: Install, says: str, reason: str) -> None:
    install("clang", DEBIAN)
    install("mine", says)
    with pytest.raises(Failure) as failure:
        find_clang(22, "mine")
    assert only(failure).code == "E0401"
    assert reason in only(failure).message
    assert only(failure).help == ("name a clang in `cc`, or remove the key",)


def test_a_configured_clang_is_taken_before_the_one_of_path(install: Install) -> None:
    install("clang", DEBIAN)
    path = install("mine", PLAIN)
    found, _ = find_clang(22, "mine")
    assert found is not None
    assert (found.executable, found.llvm) == (path, 22)
    elsewhere, _ = find_clang(22, str(install("clang", OLD.replace("11", "17"), folder="opt")))
    assert elsewhere is not None
    assert elsewhere.llvm == 17


def test_a_configured_clang_that_is_missing_is_an_error(install: Install) -> None:
    install("clang", DEBIAN)
    with pytest.raises(Failure) as failure:
        find_clang(22, "clang-99")
    assert only(failure).code == "E0401"
    assert "`clang-99` is not on PATH" in only(failure).message


def test_rustc_is_taken_with_the_llvm_that_it_names(install: Install) -> None:
    path = install("rustc", RUSTC)
    found = find_rustc(22)
    assert (found.kind, found.command, found.llvm) == (Kind.RUSTC, (str(path),), 22)
    assert found.version == "rustc 1.95.0 (59807616e 2026-04-14)"


def test_a_rustc_of_a_newer_llvm_is_an_error_that_names_both(install: Install) -> None:
    install("rustc", RUSTC.replace("22.1.2", "23.0.1"))
    with pytest.raises(Failure) as failure:
        find_rustc(22)
    assert only(failure).code == "E0402"
    assert "writes LLVM 23, the engine reads LLVM 22 and older" in only(failure).message
    assert "rustc 1.95.0" in only(failure).message


def test_without_rustc_the_error_says_what_to_do(install: Install) -> None:
    install("cc", GCC)
    with pytest.raises(Failure) as failure:
        find_rustc(22)
    assert only(failure).code == "E0403"
    assert "there is no `rustc` on PATH" in "\n".join([only(failure).message, *only(failure).notes])
    assert "install Rust" in only(failure).help[0]


def test_the_stand_in_of_a_rustup_without_toolchain_is_passed_over_for_the_next_of_path(install: Install) -> None:
    behind = install("rustc", RUSTC, folder="behind")
    install("rustc", "", status=1, error="error: rustup could not choose a version of rustc to run", folder="rustup")
    assert find_rustc(22).executable == behind


def test_a_rustc_that_does_not_answer_is_an_error_with_its_words(install: Install) -> None:
    path = install("mine", "", status=1, error="error: no default toolchain")
    with pytest.raises(Failure) as failure:
        find_rustc(22, "mine")
    assert only(failure).code == "E0403"
    assert f"`{path} -vV` fails: error: no default toolchain" in only(failure).notes


@pytest.mark.parametrize(("there", "taken"), [(["gcc", "cc", "clang"], "cc"), (["clang", "gcc"], "gcc"), (["clang"], "clang"), ([], None)])
def test_the_linker_is_the_usual_c_compiler(install: Install, there: list[str], taken: str | None) -> None:
    for name in there:
        install(name, GCC)
    found = find_linker()
    assert (found and found.executable.name) == taken
    assert found is None or (found.kind, found.llvm) == (Kind.CC, 0)


def test_a_configured_linker_is_taken_or_missed_by_name(install: Install) -> None:
    path = install("my-cc", GCC)
    found = find_linker("my-cc")
    assert found is not None
    assert found.command == (str(path),)
    with pytest.raises(Failure) as failure:
        find_linker("other-cc")
    assert only(failure).code == "E0401"
    assert "`other-cc`, is not on PATH" in only(failure).message


@pytest.mark.parametrize(
    ("system", "machine", "libc", "triple"),
    [
        ("Linux", "x86_64", "glibc", "x86_64-unknown-linux-gnu"),
        ("Linux", "AMD64", "", "x86_64-unknown-linux-musl"),
        ("Linux", "aarch64", "glibc", "aarch64-unknown-linux-gnu"),
        ("Linux", "riscv64", "glibc", "riscv64-unknown-linux-gnu"),
        ("Darwin", "arm64", "", "arm64-apple-darwin24.1.0"),
    ],
)
def test_a_machine_has_the_triple_of_llvm(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str, triple: str) -> None:
    for name, value in {"system": system, "machine": machine, "release": "24.1.0", "libc_ver": (libc, "")}.items():
        monkeypatch.setattr(platform, name, lambda value=value: value)
    assert host_triple() == triple


@pytest.mark.needs("rustc")
def test_the_triple_of_this_machine_is_the_one_of_rustc() -> None:
    assert f"host: {host_triple()}\n" in run(["rustc", "-vV"]).stdout


def test_the_processor_of_this_machine_has_a_name_that_stays() -> None:
    assert llvm.host_cpu()
    assert llvm.host_cpu() == llvm.host_cpu()


@pytest.mark.needs("clang-15")
def test_a_real_clang_is_found_by_its_versioned_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = shutil.which("clang-15")
    assert real
    (tmp_path / "clang-15").symlink_to(real)
    monkeypatch.setenv("PATH", str(tmp_path))
    found, _ = find_clang(22)
    assert found is not None
    assert found.llvm == 15
    assert re.search(r"clang version 15\.", found.version)
