"""Runs Enzyme's pass over a module, in a child process: Enzyme may abort, and often says why only on the way down.

Facts about the driver were measured on catalyst 0.15.0: it optimises, runs `preserve-nvvm` and `enzyme`, and generates code. The code
is not wanted: `--stop-before` the first pass of code generation leaves only the module.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from bootstrap import process
from bootstrap.diagnostics import fail, program
from plugin import complaints

_FIRST_CODEGEN_PASS = "pre-isel-intrinsic-lowering"


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
            *_flags(options),
        ]
        try:
            done = process.run(command)
        except OSError as error:
            raise fail(
                "E0404", f"the engine {self.path} cannot be started: {error.strerror}", help=[f"run `{program()} fetch --verify`"]
            ) from None
        if done.status == 0 and output.is_file():
            return output
        raise complaints.refusal(done, module, folder, root)


def _start_enzyme(module: Path) -> None:
    """The driver runs Enzyme only where some function's name begins with `__enzyme_autodiff`: forward mode alone needs one too."""
    with module.open("r+", encoding="utf-8") as file:
        if not re.search(r'^(declare|define)\b.* @"?__enzyme_autodiff', file.read(), re.MULTILINE):
            file.write("\ndeclare void @__enzyme_autodiff_starts(...)\n")


def _flags(options: EngineOptions) -> list[str]:
    # Vectorised or unrolled code makes Enzyme's derivatives slower and, in places, makes it abort.
    switches = {
        "vectorize-loops": False,
        "vectorize-slp": False,
        # What Enzyme computes again instead of keeping it may have been overwritten: Runge and Kutta's method on small arrays was wrong.
        "enzyme-rematerialize": False,
        "enzyme-strict-aliasing": options.strict_aliasing,
        "enzyme-loose-types": options.loose_types,
    }
    # The driver has no switch for its unrolling; with this size no loop is small enough.
    passes = ["--unroll-threshold=0", f"--stop-before={_FIRST_CODEGEN_PASS}"]
    return [*passes, *(f"--{name}={str(value).lower()}" for name, value in switches.items())]
