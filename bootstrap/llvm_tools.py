"""An LLVM of this machine: its programs, its shared library, its CMake package. Facts were seen with Debian's packages `llvm-N`."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from bootstrap import process
from bootstrap.diagnostics import fail

LIBRARY = re.compile(r"libLLVM(-\d.*)?\.(so|dylib)\b")
"""The name of a libLLVM, whoever gave it: `libLLVM-15.so.1`, `libLLVM.so.22.1`, `libLLVM-15-a95c9aa1.so.1`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LlvmTools:
    """The LLVM `major`, such as 15, of the exact `version`, with its programs in the folder `bin`.

    `library` is the name by which its programs need libLLVM, and the file that they get; None when LLVM is linked into them.
    """

    major: int
    version: str
    bin: Path
    library: tuple[str, Path] | None

    @property
    def opt(self) -> Path:
        """The program that runs passes."""
        return self.bin / "opt"

    @property
    def link(self) -> Path:
        """The program that links modules."""
        return self.bin / "llvm-link"

    @property
    def cmake(self) -> Path:
        """Where LLVM's CMake package is, when its development files are installed."""
        return self.bin.parent / "lib" / "cmake" / "llvm"


def configured(llvm_config: str) -> LlvmTools:
    """The LLVM whose `llvm-config` the configuration names; raises `Failure` (E0406) when it cannot be used."""
    path = shutil.which(llvm_config)
    words = _answer([path, "--bindir"]).strip() if path else ""
    found = _in_folder(Path(words)) if words else None
    if found is not None:
        return found
    why = f"`{llvm_config}` is not there, or may not be run" if path is None else f"`{llvm_config} --bindir` names no folder with `opt`"
    remedies = ["name the `llvm-config` of a whole LLVM in `[target.TRIPLE] llvm-config`", "or remove the key"]
    raise fail("E0406", f"the LLVM of the configuration cannot be used: {why}", help=remedies)


def installed() -> list[LlvmTools]:
    """The LLVMs whose `opt` is on PATH, the newest first; of several of one version the first on PATH."""
    found: dict[int, LlvmTools] = {}
    for path in _opts():
        tools = _in_folder(path.resolve().parent)
        if tools is not None:
            found.setdefault(tools.major, tools)
    return [found[major] for major in sorted(found, reverse=True)]


def find(major: int, llvm_config: str | None = None) -> LlvmTools:
    """The LLVM of that version: the one of the configuration, or the first on PATH; raises `Failure` (E0406)."""
    if llvm_config:
        tools = configured(llvm_config)
        if tools.major == major:
            return tools
        found = f"the configuration names LLVM {tools.version}"
    else:
        all_ = installed()
        fits = [each for each in all_ if each.major == major]
        if fits:
            return fits[0]
        found = f"found: {', '.join(each.version for each in all_)}" if all_ else "there is no `opt` on PATH"
    raise fail(
        "E0406",
        f"the engine is a plugin for LLVM {major}, and there is no LLVM {major} to run it in",
        notes=[found],
        help=[f"install it (Debian: `llvm-{major}`), or name its `llvm-config` in `[target.TRIPLE] llvm-config`", "or use another engine"],
    )


def _opts() -> Iterator[Path]:
    for folder in os.get_exec_path():
        try:
            names = sorted(each.name for each in Path(folder or ".").iterdir())
        except OSError:
            continue
        yield from (Path(folder, name) for name in names if re.fullmatch(r"opt(-\d+)?", name))


@functools.cache
def _in_folder(folder: Path) -> LlvmTools | None:
    """The LLVM whose programs are in a folder; None when they are not all there, or do not work."""
    opt = folder / "opt"
    if not (shutil.which(opt) and shutil.which(folder / "llvm-link")):
        return None
    found = re.search(r"LLVM version ((\d+)\.\S+)", _answer([str(opt), "--version"]))
    if found is None:
        return None
    libraries = [(name, path) for name, path in loaded(opt).items() if path and LIBRARY.match(name)]
    return LlvmTools(major=int(found[2]), version=found[1], bin=folder, library=libraries[0] if libraries else None)


def loaded(program: Path, preloaded: Path | None = None) -> dict[str, Path | None]:
    """The shared libraries that the loader gives a program, with `preloaded` beside it: the name that is asked for, and the file.

    Nothing of them is run: it is what `ldd` shows. A library that is missing has no file.
    """
    environment = {"LD_TRACE_LOADED_OBJECTS": "1", **({"LD_PRELOAD": str(preloaded)} if preloaded else {})}
    lines = re.findall(r"(?m)^\s*(\S+) => (?:(/.*) \(0x|not found)", _answer([str(program)], environment))
    return {name: Path(path) if path else None for name, path in lines}


def _answer(command: list[str], environment: dict[str, str] | None = None) -> str:
    """What a program says; nothing when it cannot be started or hangs."""
    try:
        return process.run(command, env=environment, seconds=30).stdout
    except (OSError, process.TimedOut):
        return ""
