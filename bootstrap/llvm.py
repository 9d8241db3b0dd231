"""Which compilers are on this machine, and which LLVM each of them writes.

A *compiler* here is a command that turns a source into LLVM bitcode: clang, Zig's clang, or rustc.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import platform
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from bootstrap import process
from bootstrap.diagnostics import fail

OLDEST_CLANG = 13
"""The first clang whose flags are known to do what the front end asks; Debian 12's oldest."""


class Kind(enum.StrEnum):
    """Whose command line it is."""

    CLANG = "clang"
    ZIG = "zig"
    RUSTC = "rustc"
    CC = "cc"
    """Any C compiler's driver, used only to link."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A compiler's command, without arguments; `llvm` is the major version of LLVM that it writes, 0 for one that only links."""

    kind: Kind
    command: tuple[str, ...]
    version: str
    llvm: int

    @property
    def executable(self) -> Path:
        """The file that is run, for its identity."""
        return Path(self.command[0])


def host_triple() -> str:
    """The target triple of this machine, in LLVM's spelling."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Darwin":
        return f"{'arm64' if machine == 'aarch64' else machine}-apple-darwin{platform.release()}"
    libc = "musl" if platform.libc_ver()[0] != "glibc" else "gnu"
    return f"{machine}-unknown-linux-{libc}"


def find_clang(newest: int, configured: str | None = None) -> tuple[Compiler | None, list[str]]:
    """The first clang that writes an LLVM not newer than `newest`, and for each that was passed over the reason.

    `configured` is the command that the configuration names; then no other is looked for, and one that is missing or too new raises
    `Failure` (E0401).
    """
    reasons: list[str] = []
    for name in [configured] if configured else _clang_names(newest):
        path = _which(name)
        if path is None:
            reasons.append(f"`{name}` is not on PATH")
            continue
        version = clang_version(path)
        if version is None:
            reasons.append(f"`{path}` is not clang, or is Apple's, whose version does not tell its LLVM")
        elif not OLDEST_CLANG <= version[1] <= newest:
            reasons.append(f"`{path}` writes LLVM {version[1]}; {OLDEST_CLANG} to {newest} can be used")
        else:
            return Compiler(kind=Kind.CLANG, command=(path,), version=version[0], llvm=version[1]), reasons
    if configured:
        message = f"the C compiler of the configuration cannot be used: {reasons[0]}"
        raise fail("E0401", message, help=["name a clang in `cc`, or remove the key"])
    return None, reasons


def _clang_names(newest: int) -> Iterable[str]:
    yield "clang"
    for major in range(newest, OLDEST_CLANG - 1, -1):
        if shutil.which(f"clang-{major}"):
            yield f"clang-{major}"


def clang_version(path: str) -> tuple[str, int] | None:
    """The first line of `--version` and the LLVM major; None when it is no clang, or Apple's, which has numbers of its own."""
    words = _answer([path, "--version"]).stdout
    found = re.search(r"^(?!Apple).*clang version (\d+)\.", words)
    return (words.splitlines()[0], int(found[1])) if found else None


def find_rustc(newest: int, configured: str | None = None) -> Compiler:
    """The rustc of the configuration, or the first of PATH that works: rustup's stand-in does not where no toolchain is chosen.

    Raises `Failure` when there is none (E0403) or its LLVM is newer than `newest` (E0402).
    """
    reasons = [f"there is no `{configured or 'rustc'}` on PATH"]
    for path in _all_on_path(configured or "rustc"):
        done = _answer([path, "-vV"])
        found = re.search(r"^LLVM version: (\d+)\.", done.stdout, re.MULTILINE)
        if found is None:
            said = done.stderr.strip().splitlines() or ["it does not say which LLVM it has"]
            reasons = [f"`{path} -vV` fails: {said[0]}"]
            continue
        version = done.stdout.splitlines()[0]
        if int(found[1]) > newest:
            message = f"{version} writes LLVM {found[1]}, the engine reads LLVM {newest} and older"
            raise fail("E0402", message, help=["name an older rustc in `[target.TRIPLE] rustc`"])
        return Compiler(kind=Kind.RUSTC, command=(path,), version=version, llvm=int(found[1]))
    remedies = ["install Rust, or name its compiler in `[target.TRIPLE] rustc`"]
    raise fail("E0403", "a Rust source needs rustc, and there is none that works", notes=reasons, help=remedies)


def _which(name: str) -> str | None:
    """The program of that name, absolute: a compiler is run from another folder than this."""
    path = shutil.which(name)
    return path and str(Path(path).absolute())


def _all_on_path(name: str) -> Iterable[str]:
    """Every program of that name that PATH has, in its order; `name` itself when it is a path."""
    if os.sep in name:
        return [found] if (found := _which(name)) else []
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return dict.fromkeys(found for folder in folders if (found := shutil.which(name, path=folder)))


def find_linker(configured: str | None = None) -> Compiler | None:
    """A C compiler's driver to link with, of the configuration or of PATH; None when there is none."""
    for name in [configured] if configured else ["cc", "gcc", "clang"]:
        path = _which(name)
        if path is not None:
            return Compiler(kind=Kind.CC, command=(path,), version=name, llvm=0)
    if configured:
        message = f"the linker of the configuration, `{configured}`, is not on PATH"
        raise fail("E0401", message, help=["name a C compiler in `linker`, or remove the key"])
    return None


def _answer(command: list[str]) -> process.Completed:
    """What a program says of itself; nothing when it cannot be started or hangs."""
    try:
        return process.run(command, seconds=30)
    except (OSError, process.TimedOut) as error:
        return process.Completed(command=tuple(command), status=1, stdout="", stderr=str(error))


def host_cpu() -> str:
    """What tells this machine's processor from another's, for code that is made for `cpu = "native"`."""
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as lines:
            return next((line for line in lines if line.startswith(("flags", "Features"))), os.uname().machine)
    except OSError:
        return platform.processor() or platform.machine()
