"""Before a pass plugin is loaded: would it be right in the `opt` that is to load it? And after: the folder in which it finds its libLLVM.

A plugin is a shared library that takes LLVM's functions from the libLLVM of the program that loads it. Of another major version, or
with a second libLLVM beside the first, the program crashes or, worse, goes on. All that the *preflight* looks at stands in the file's
ELF header and its dynamic section; nothing is loaded. macOS has Mach-O files, and those are not checked.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import glibc, llvm_tools
from bootstrap.console import console
from bootstrap.diagnostics import Failure, fail, program
from bootstrap.llvm_tools import LIBRARY, LlvmTools

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

ENTRY = "llvmGetPassPluginInfo"
OWN_LLVM = "LLVMContextCreate"
"""A function that only a libLLVM defines."""

_MACH_O = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a plugin's file says of itself. `versions` are the symbol versions that it asks of each library it needs."""

    machine: str
    needed: tuple[str, ...]
    versions: tuple[str, ...]
    has_entry: bool
    has_llvm: bool

    @property
    def library(self) -> str | None:
        """The name by which it needs libLLVM; None when it takes LLVM's functions from whoever has them."""
        return next((name for name in self.needed if LIBRARY.match(name)), None)

    @property
    def major(self) -> int | None:
        """The LLVM that it was built for, as far as the file tells."""
        names = [*(each for each in self.versions if each.startswith("LLVM_")), *filter(None, [self.library])]
        found = [int(major) for each in names for major in re.findall(r"^(?:LLVM_|libLLVM-|libLLVM\.so\.)(\d+)", each)]
        return found[0] if found else None

    @property
    def glibc(self) -> str | None:
        """The oldest glibc that it runs with."""
        found = [each.removeprefix("GLIBC_") for each in self.versions if re.fullmatch(r"GLIBC_\d+(\.\d+)+", each)]
        return max(found, key=glibc.numbers, default=None)


def needs(plugin: Path) -> Needs:
    """Read a plugin's needs; raises `Failure` (E0408) when it is no shared library of ELF."""
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 - only a plugin needs it
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    try:
        with plugin.open("rb") as file:
            return _needs(ELFFile(file))
    except (ELFError, OSError, AssertionError, AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        # What pyelftools raises where a file is cut off or has nonsense in it is any of these.
        reason = (error.strerror if isinstance(error, OSError) else str(error)) or "its tables are damaged"
        raise _no_plugin(plugin, reason) from None


def _needs(elf: ELFFile) -> Needs:
    from elftools.elf.dynamic import DynamicSegment  # noqa: PLC0415 - as above

    dynamic: Any = next((each for each in elf.iter_segments() if isinstance(each, DynamicSegment)), None)
    if dynamic is None:
        raise ValueError("it is not linked for the loader")
    exported = _exported(elf, dynamic)
    return Needs(
        machine=_machine(elf),
        needed=tuple(tag.needed for tag in dynamic.iter_tags("DT_NEEDED")),
        versions=tuple(_versions(elf)),
        has_entry=ENTRY in exported,
        has_llvm=OWN_LLVM in exported,
    )


def _machine(elf: ELFFile) -> str:
    return f"{elf.get_machine_arch()} of {elf.elfclass} bits"


def _exported(elf: Any, dynamic: Any) -> set[str]:
    """Which of the two names the file defines: by its hash table, which takes no time, or else by a look at each of its symbols."""
    table = elf.get_section_by_name(".gnu.hash")
    names = (ENTRY, OWN_LLVM)
    symbols = [table.get_symbol(name) for name in names] if table else [each for each in dynamic.iter_symbols() if each.name in names]
    return {each.name for each in symbols if each is not None and each["st_shndx"] != "SHN_UNDEF"}


def _versions(elf: Any) -> Sequence[str]:
    section = elf.get_section_by_name(".gnu.version_r")
    if section is None:
        return []
    return [version.name for _, versions in section.iter_versions() for version in versions]


def preflight(plugin: Path, tools: LlvmTools) -> Needs | None:
    """See that `plugin` can be loaded by the `opt` of `tools`; gives what it needs, None for a Mach-O file.

    Raises `Failure`: E0408 (no plugin that this machine can load), E0409 (for another LLVM), E0410 (for a newer glibc), E0411 (with an
    LLVM of its own, or `opt` has one that it cannot share).
    """
    if is_mach_o(plugin):
        console.status(f"{plugin} is a Mach-O file, and those are not checked before they are loaded")
        return None
    found, own = needs(plugin), needs(tools.opt).machine
    if found.machine != own:
        raise _no_plugin(plugin, f"it is for {found.machine}, and {tools.opt} for {own}")
    if not found.has_entry:
        others = "`ClangEnzyme-N`, `LLDEnzyme-N` and `libEnzyme-N` are for other programs than `opt`"
        raise _no_plugin(plugin, f"it does not export `{ENTRY}`", others)
    if found.major is not None and found.major != tools.major:
        raise _other_llvm(plugin, found.major, tools)
    _check_glibc(plugin, found)
    if found.has_llvm:
        raise _second_llvm(plugin, "it has an LLVM inside", tools)
    if tools.library is None:
        raise _second_llvm(plugin, f"{tools.opt} is linked with LLVM statically and has no libLLVM to share", tools)
    return found


def is_mach_o(plugin: Path) -> bool:
    """Whether a plugin is a file of macOS; raises `Failure` (E0408) when it cannot be read."""
    try:
        with plugin.open("rb") as file:
            return file.read(4) in _MACH_O
    except OSError as error:
        raise _no_plugin(plugin, error.strerror or str(error)) from None


def _no_plugin(plugin: Path, why: str, *notes: str) -> Failure:
    remedies = ["name an `LLVMEnzyme-N.so` that was built for this machine and the LLVM of the configuration"]
    return fail("E0408", f"{plugin} is no plugin that can be loaded: {why}", notes=notes, help=remedies)


def _other_llvm(plugin: Path, major: int, tools: LlvmTools) -> Failure:
    remedies = [f"use an LLVM {major}: name its `llvm-config` in `[target.TRIPLE] llvm-config`", f"or a plugin for LLVM {tools.major}"]
    return fail("E0409", f"{plugin} was built for LLVM {major}, and {tools.opt} is LLVM {tools.version}", help=remedies)


def _check_glibc(plugin: Path, found: Needs) -> None:
    if found.glibc is None or glibc.has(found.glibc):
        return
    has = f"this machine has {glibc.installed() or 'another C library'}"
    raise fail("E0410", f"{plugin} needs glibc {found.glibc}, {has}", help=["use a plugin that was built on an older system"])


def _second_llvm(plugin: Path, why: str, tools: LlvmTools) -> Failure:
    remedies = [
        f"use a plugin that was linked with a shared libLLVM {tools.major}, and an `opt` that is",
        f"`{program()} explain E0411` tells how to see it",
    ]
    return fail("E0411", f"{plugin} would bring a second LLVM into `opt`: {why}", help=remedies)


def place(plugin: Path, found: Needs, tools: LlvmTools, folder: Path) -> Path:
    """The path to load `plugin` by, so that it finds the libLLVM that `opt` has: below `folder`, when the file asks for another name.

    The file is not changed, so its digest still vouches for it. It is loaded through a link from `D/enzyme`, and the name that it asks
    for is a link in `D/lib`, where the run path of the published plugin leads; the loader sees that it has this file already. Raises
    `Failure`: E0411 when the loader would take another one, E0408 when it finds none, or not another library.
    """
    assert tools.library is not None  # noqa: S101 - the preflight has seen it
    name, library = tools.library
    wanted = found.library
    placed = plugin if wanted is None or wanted == name else _linked(plugin, wanted, library, folder)
    objects = llvm_tools.loaded(tools.opt, placed)
    missing = sorted(each for each, path in objects.items() if path is None)
    if missing:
        raise _no_plugin(plugin, f"the loader does not find {', '.join(f'`{each}`' for each in missing)}, which it needs")
    files = {path.resolve() for each, path in objects.items() if path and LIBRARY.match(each)}
    if files != {library.resolve()}:
        raise _second_llvm(plugin, f"the loader gives {', '.join(map(str, sorted(files)))}", tools)
    return placed


def _linked(plugin: Path, wanted: str, library: Path, folder: Path) -> Path:
    """The plugin through a link in a folder of its own, beside one with the name that it asks for."""
    key = hashlib.sha256("\0".join([str(plugin), wanted, str(library)]).encode()).hexdigest()[:16]
    home = folder / f"{plugin.stem}-{key}"
    placed = home / "enzyme" / plugin.name
    if placed.exists() and (home / "lib" / wanted).exists():
        return placed
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder))
    for place_, target in {made / "enzyme" / plugin.name: plugin, made / "lib" / wanted: library}.items():
        place_.parent.mkdir()
        place_.symlink_to(target.absolute())
    if not placed.exists():
        shutil.rmtree(home, ignore_errors=True)  # what it led to is gone
    try:
        made.rename(home)
    except OSError:  # another process was faster
        shutil.rmtree(made, ignore_errors=True)
        if not placed.exists():
            raise
    return placed
