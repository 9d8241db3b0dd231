"""Runs Enzyme's pass over a module, in a child process: Enzyme may abort, and often says why only on the way down.

Facts about the driver were measured on catalyst 0.15.0: it optimises, runs `preserve-nvvm` and `enzyme`, and generates code. The code
is not wanted: `--stop-before` the first pass of code generation leaves only the module.

The plugin runs in the `opt` of its own LLVM, which reads no module of a newer one: what it is given is linked by the `llvm-link` of that
LLVM. Its *pre* is a run of its own, because what comes of it is put in order and looked through before Enzyme reads it; *post* is not its,
because no pass takes the guard against speculation away.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path

from bootstrap import process
from bootstrap.diagnostics import Failure, fail, program
from plugin.engines import complaints

_FIRST_CODEGEN_PASS = "pre-isel-intrinsic-lowering"
_PRE = "default<O3>"
_ENZYME = "preserve-nvvm,enzyme"
_PLAIN = ("--vectorize-loops=false", "--vectorize-slp=false")
"""Vectorised or unrolled code makes Enzyme's derivatives slower and, in places, makes it abort."""
_NOT_LOADED = re.compile(r"^Error opening '.*?': (?:.*?: )?(.*)\n *-load request ignored", re.MULTILINE)
_NOT_ENZYME = re.compile(r"Unknown command line argument '[^']*'|unknown pass name '[^']*'")
_WITH_TYPED_POINTERS = range(14, 17)
"""The LLVMs that have both kinds of pointers and a switch between them."""
FIRST_OPAQUE_LLVM = 15
"""The first LLVM whose clang writes pointers without types."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Enzyme's switches that the configuration has; their meaning is in the manual's table of keys."""

    strict_aliasing: bool
    loose_types: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DriverEngine:
    """The LLVM driver with Enzyme inside, at `path`; it reads modules of LLVM `llvm` and older."""

    path: Path
    llvm: int

    def run(self, module: Path, folder: Path, root: Path, options: EngineOptions) -> Path:
        """Differentiate the IR text `module`; gives the IR text that came out, in `folder`. Places are relative to `root`.

        Raises `Failure`: E0404 when the driver does not start, E0507, E0510 and E0514 when Enzyme refuses, E0508 when it crashes. The
        module and all that the child said stay in `folder`, and the diagnostic names both.
        """
        output = folder / "enzyme.ll"
        _start_enzyme(module)
        command = [
            str(self.path),
            "--tool=llc",
            "--keep-intermediate",
            f"--workspace={folder}",
            str(module),
            "-o",
            str(output),
            # The driver has no switch for its unrolling; with this size no loop is small enough.
            "--unroll-threshold=0",
            f"--stop-before={_FIRST_CODEGEN_PASS}",
            *_switches(options),
        ]
        done = _start(command)
        if done.status == 0 and output.is_file():
            return output
        raise complaints.refusal(done, module, folder, root)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PluginEngine:
    """Enzyme's pass plugin at `path` in the program `opt` of LLVM `llvm`; `link` is the `llvm-link` beside it."""

    path: Path
    opt: Path
    link: Path
    llvm: int

    def linked(self, inputs: Sequence[Path], output: Path) -> str:
        """The modules in files of IR text or bitcode, linked into one, which is written to `output`; gives its IR text.

        Raises `Failure`: E0404 when `llvm-link` does not start, E0402 when it does not take one of them.
        """
        done = _start([self.link, "-S", *inputs, "-o", output])
        if done.status == 0:
            return output.read_text(encoding="utf-8")
        raise self._cannot_read(done)

    def with_opaque_pointers(self, source: Path, output: Path) -> Path:
        """A file with the module of `source` in which pointers have no types, as all have that it is linked with.

        That is `source` itself where LLVM knows no others, else `output`: `llvm-link` takes modules as they are. Raises `Failure` as
        `linked`.
        """
        if self.llvm not in _WITH_TYPED_POINTERS:
            return source
        done = _start([self.opt, "-opaque-pointers", "-S", source, "-o", output])
        if done.status == 0:
            return output
        raise self._cannot_read(done)

    def _cannot_read(self, done: process.Completed) -> Failure:
        return fail(
            "E0402",
            f"LLVM {self.llvm}, in which the engine runs, cannot read this unit",
            notes=[done.stderr.strip(), "LLVM reads modules of older versions, never of newer ones"],
            help=[f"write the modules in `sources` with LLVM {self.llvm} or older", "or use a newer engine: `[enzyme] artifact`"],
        )

    def optimised(self, module: Path, output: Path) -> str:
        """The IR text `module` after *pre*, which is written to `output`; raises `Failure` (E0402, E0404, E0508)."""
        flags = ["-disable-loop-unrolling", f"-passes={_PRE}", *_PLAIN]
        done = _start([self.opt, *flags, "-S", module, "-o", output])
        if done.status == 0 and output.is_file():
            return output.read_text(encoding="utf-8")
        if done.signal_name is None:
            raise self._cannot_read(done)
        raise complaints.refusal(done, module, module.parent, module.parent)

    def run(self, module: Path, folder: Path, root: Path, options: EngineOptions) -> Path:
        """Differentiate the IR text `module`; gives the bitcode that came out. All else is as `DriverEngine.run` has it."""
        output = folder / "enzyme.bc"
        # `-load` makes Enzyme's own options known before they are read, the other option its passes.
        plugin = ["-load", str(self.path), f"-load-pass-plugin={self.path}"]
        # LLVM notes of `tan` that it only writes (errno), Enzyme that it touches no memory: to LLVM 15 both together are a broken module.
        # Newer ones have one attribute for the two, and it is ours that reads, and verifies, what comes out.
        flags = ["-disable-verify", f"-passes={_ENZYME}", *_switches(options)]
        done = _start([self.opt, *plugin, *flags, module, "-o", output])
        if done.status == 0 and output.is_file():
            return output
        refused = _NOT_LOADED.search(done.stderr)
        if refused:
            raise fail("E0404", f"{self.opt} does not load {self.path}: {refused[1]}", help=[f"run `{program()} doctor`"])
        unknown = _NOT_ENZYME.search(done.stderr)
        if unknown:
            message = f"{self.path} is no Enzyme, or an old one: it does not know {unknown[0].rpartition('nown ')[2]}"
            raise fail("E0408", message, help=["use an Enzyme of 2024 or newer"])
        raise complaints.refusal(done, module, folder, root)


Engine = DriverEngine | PluginEngine
"""What runs Enzyme: `path` is its file, `llvm` the LLVM that it is; `run` differentiates the module in a file."""


def _start(command: Sequence[str | os.PathLike[str]]) -> process.Completed:
    """A child's end; raises `Failure` (E0404) when it has no beginning."""
    try:
        return process.run(command)
    except OSError as error:
        message = f"the engine {command[0]} cannot be started: {error.strerror}"
        raise fail("E0404", message, help=[f"run `{program()} fetch --verify`"]) from None


def _start_enzyme(module: Path) -> None:
    """The driver runs Enzyme only where some function's name begins with `__enzyme_autodiff`: forward mode alone needs one too."""
    with module.open("r+", encoding="utf-8") as file:
        if not re.search(r'^(declare|define)\b.* @"?__enzyme_autodiff', file.read(), re.MULTILINE):
            file.write("\ndeclare void @__enzyme_autodiff_starts(...)\n")


def _switches(options: EngineOptions) -> list[str]:
    switches = {
        # What Enzyme computes again instead of keeping it may have been overwritten: Runge and Kutta's method on small arrays was wrong.
        "enzyme-rematerialize": False,
        "enzyme-strict-aliasing": options.strict_aliasing,
        "enzyme-loose-types": options.loose_types,
    }
    return [*_PLAIN, *(f"--{name}={str(value).lower()}" for name, value in switches.items())]
