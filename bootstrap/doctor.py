"""What is on this machine: the programs that a build could use, each with its version, and why it is used or not."""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from bootstrap import llvm, process
from bootstrap.diagnostics import Failure
from bootstrap.llvm import Compiler
from bootstrap.llvm_tools import LlvmTools

SECONDS = 10.0
VERSION = re.compile(r"\d+(\.\d+)+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was found, or is missing: `why` says why it is not used; it is empty for what is used."""

    name: str
    version: str = ""
    place: str = ""
    used: bool = False
    why: str = ""

    def as_json(self) -> dict[str, object]:
        """The item for a script."""
        return dataclasses.asdict(self)


def on_path(pattern: str) -> Iterator[Path]:
    """The programs of PATH whose whole name fits the regular expression, in PATH's order; one that is there twice comes once."""
    seen: set[str] = set()
    for folder in os.get_exec_path():
        try:
            names = sorted(each.name for each in Path(folder or ".").iterdir())
        except OSError:
            continue
        for name in names:
            path = Path(folder, name)
            real = os.path.realpath(path)
            if re.fullmatch(pattern, name) and real not in seen and shutil.which(path):
                seen.add(real)
                yield path


def version(path: Path, argument: str = "--version") -> str:
    """The version that a program says it has; empty when it says none."""
    try:
        done = process.run([path, argument], seconds=SECONDS)
    except (OSError, process.TimedOut):
        return ""
    found = VERSION.search(done.stdout)
    return found[0] if found and done.status == 0 else ""


def compilers(pattern: str, find: Callable[[str], Compiler | None], chosen: Compiler | None, name: str) -> list[Item]:
    """Every compiler of PATH whose name fits; `find` gives the compiler for a command or raises `Failure`, `chosen` is the one in use."""
    items = []
    used = chosen.command[0] if chosen else ""
    for path in on_path(pattern):
        try:
            found, why = find(str(path)), ""
        except Failure as failure:
            found, why = None, _reason(failure)
        is_used = bool(used) and os.path.realpath(path) == os.path.realpath(used)
        items.append(
            Item(
                name=path.name,
                version=", ".join(filter(None, [version(path), f"LLVM {found.llvm}" if found else ""])),
                place=str(path),
                used=is_used,
                why=why or ("" if is_used else f"another {name} comes first" if chosen else "not needed"),
            )
        )
    return items


def _reason(failure: Failure) -> str:
    """The shortest true reason of a failure: its last note, or its message."""
    diagnostic = failure.diagnostics[0]
    return (diagnostic.notes[-1] if diagnostic.notes else diagnostic.message).rpartition("cannot be used: ")[2]


def llvms(used: LlvmTools | None) -> list[Item]:
    """The LLVMs of the system, told by their `opt` and `llvm-config`; `used` is the one that the engine runs in, if it does."""
    return [_llvm(path, used) for path in on_path(r"(opt|llvm-config)(-\d+)?")]


def _llvm(path: Path, used: LlvmTools | None) -> Item:
    is_used = used is not None and path.resolve() == used.opt.resolve()
    why = f"the engine runs in LLVM {used.version}" if used else "the engine has an LLVM of its own inside"
    return Item(name=path.name, version=version(path), place=str(path), used=is_used, why="" if is_used else why)


def machine() -> str:
    """This machine in a line: triple, processors, Python, C library."""
    libc = " ".join(filter(None, platform.libc_ver()))
    words = [llvm.host_triple(), f"{os.cpu_count() or 1} processors", f"Python {platform.python_version()}", libc]
    return ", ".join(filter(None, words))


def room(folder: Path) -> int:
    """The free bytes on the disk of `folder`, or of the closest folder above it that is there."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free
