"""A pass plugin from its source: a CMake project, configured against an LLVM's CMake package and built with Ninja.

What was built is known by its *stamp*: the state of the source, the identity of the LLVM, and the options. Each LLVM and each set of
options has a build folder of its own, because CMake keeps what it once found; a change of the source builds again in that folder.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bootstrap import llvm_tools, process
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, fail
from bootstrap.files import raise_if_full, write_atomically
from bootstrap.llvm_tools import LlvmTools
from bootstrap.steps import digest
from plugin.engines import link

SECONDS = 6 * 3600.0
"""How long a build may take: Enzyme takes minutes on many processors, and hours on one."""

_LEFT_OUT = frozenset({".git", ".hg", ".svn"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceBuild:
    """The project in the folder `source`, to be built for the LLVM `tools` with `flags` for CMake, `jobs` at once (0: Ninja's choice)."""

    source: Path
    tools: LlvmTools
    flags: tuple[str, ...]
    jobs: int

    def plugin(self, folder: Path) -> Path:
        """The plugin, built below `folder` if it is not there yet: `LLVMEnzyme-N.so`, beside it `libEnzyme-N.so` when there is one.

        Raises `Failure`: E0415 (no CMake or no Ninja), E0416 (the build fails), E0417 (it makes no plugin).
        """
        import filelock  # noqa: PLC0415 - takes 20 ms to import, and only a build needs it

        home = folder / digest(self._options())[:16]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        installed, stamp = home / f"LLVMEnzyme-{self.tools.major}.so", home / "stamp"
        with filelock.FileLock(home / ".lock", mode=0o600):
            wanted = digest({**self._options(), "source": state(self.source)})
            if installed.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
                return installed
            stamp.unlink(missing_ok=True)
            self._build(home / "build", home / "build.log")
            self._install(home / "build", installed)
            # The state before: what was written while it was built is built again.
            write_atomically(stamp, wanted)
        return installed

    def _options(self) -> Mapping[str, object]:
        """All that decides what is built, but for the source."""
        files = [self.tools.opt, self.tools.cmake / "LLVMConfig.cmake", *([self.tools.library[1]] if self.tools.library else [])]
        identity = [(str(each), each.stat().st_size, each.stat().st_mtime_ns) for each in files]
        return {"folder": self.source, "llvm": [self.tools.version, identity], "flags": self.flags}

    def _build(self, folder: Path, log: Path) -> None:
        missing = [name for name in ("cmake", "ninja") if shutil.which(name) is None]
        if missing:
            names = " and ".join(f"`{each}`" for each in missing)
            remedies = ["install them (Debian: `cmake`, `ninja-build`)", "or use an engine that is built already"]
            raise fail("E0415", f"building the engine from source needs {names}, which is not on PATH", help=remedies)
        options = ["-GNinja", "-DCMAKE_BUILD_TYPE=Release", f"-DLLVM_DIR={self.tools.cmake}", *self.flags]
        console.status(f"building {self.source} for LLVM {self.tools.version}; {log} has all that is said")
        log.unlink(missing_ok=True)
        self._run(["cmake", "-S", self.source, "-B", folder, *options], log, "configured")
        jobs = [f"-j{self.jobs}"] if self.jobs else []
        self._run(["ninja", "-C", folder, *jobs], log, "built")

    def _run(self, command: Sequence[str | os.PathLike[str]], log: Path, what: str) -> None:
        done = process.run(command, seconds=SECONDS)
        with log.open("a", encoding="utf-8") as file:
            file.write(done.stdout + done.stderr)
        if done.status == 0:
            return
        raise_if_full(done.stderr)
        words = [line for line in (done.stderr + done.stdout).splitlines() if "rror" in line][:4]
        raise fail("E0416", f"the engine in {self.source} cannot be {what}", notes=[*words, f"all that was said is in {log}"])

    def _install(self, folder: Path, installed: Path) -> None:
        """Copy what was built to its place: the plugin, and the library for other programs when there is one."""
        plugins = [each for each in _libraries(folder) if _is_plugin(each)]
        named = [each for each in plugins if each.stem == installed.stem] or plugins
        if len(named) != 1:
            found = ", ".join(str(each.relative_to(folder)) for each in named) or "none"
            remedies = [f"let it build one library that exports `{link.ENTRY}`, or one of the name `{installed.stem}`"]
            raise fail("E0417", f"the project in {self.source} builds no one pass plugin", notes=[f"built: {found}"], help=remedies)
        _copy(named[0], installed)
        library = f"libEnzyme-{self.tools.major}"
        for each in _libraries(folder):
            if each.stem == library:
                _copy(each, installed.with_name(each.name))


def of_configuration(source: Path, llvm_config: str | None, flags: tuple[str, ...], jobs: int, newest: int) -> SourceBuild:
    """The build of the project in `source` for the LLVM of the configuration, or for the newest installed one up to `newest`.

    Raises `Failure`: E0262 when the folder has no CMake project, E0406 and E0414 when there is no LLVM to build it for.
    """
    if not (source / "CMakeLists.txt").is_file():
        message = f"`{source}` has no CMake project: there is no `CMakeLists.txt`"
        help_ = ("name the folder that has it; in a checkout of Enzyme that is the folder `enzyme`",)
        raise Failure(Diagnostic(code="E0262", message=message, key="enzyme.source", help=help_))
    found = [llvm_tools.configured(llvm_config)] if llvm_config else llvm_tools.installed()
    fits = [each for each in found if (each.cmake / "LLVMConfig.cmake").is_file() and each.major <= newest]
    if not fits:
        raise fail(
            "E0414",
            "there is no LLVM that an engine can be built for",
            notes=[f"LLVM {each.version}: {_unfit(each, newest)}" for each in found],
            help=["install the development files of an LLVM (Debian: `llvm-15-dev`), or name its `llvm-config` in `[target.TRIPLE]`"],
        )
    return SourceBuild(source=source, tools=fits[0], flags=flags, jobs=jobs)


def _unfit(tools: LlvmTools, newest: int) -> str:
    return f"newer than {newest}" if tools.major > newest else f"no `LLVMConfig.cmake` in {tools.cmake}"


def state(source: Path) -> str:
    """The digest of the names, sizes and times of a folder's files; what a version control system keeps for itself does not count."""
    return digest({"files": sorted(_files(source))})


def _files(source: Path) -> Iterator[tuple[str, int, int]]:
    for parent, folders, names in os.walk(source):
        folders[:] = [each for each in folders if each not in _LEFT_OUT]
        for name in names:
            path = Path(parent, name)
            stat = path.lstat()
            yield str(path.relative_to(source)), stat.st_size, stat.st_mtime_ns


def _libraries(folder: Path) -> list[Path]:
    return sorted(each for pattern in ("*.so", "*.dylib") for each in folder.rglob(pattern) if each.is_file())


def _is_plugin(path: Path) -> bool:
    try:
        return link.is_mach_o(path) or link.needs(path).has_entry
    except Failure:
        return False


def _copy(built: Path, installed: Path) -> None:
    """A whole copy or none."""
    write_atomically(installed, built.read_bytes(), mode=0o700)
