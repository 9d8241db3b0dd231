"""setuptools: `build_ext` of a project that asks for derivatives has `holoenzyme cc --launch` before its compilers.

A project asks by listing holoenzyme in the `requires` of its build system, or by a table `[tool.holoenzyme]` in its pyproject.toml,
which is its configuration then. setuptools calls `finalize` in every build for which holoenzyme is installed (the entry point
`setuptools.finalize_distribution_options`), so it stays out of the way of all others.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

PROJECT = Path("pyproject.toml")
NAME = re.compile(r"^holoenzyme\b", re.IGNORECASE)

COMPILERS = {
    "compiler": "cc",
    "compiler_so": "cc",
    "linker_so": "cc",
    "compiler_cxx": "c++",
    "compiler_so_cxx": "c++",
    "linker_so_cxx": "c++",
}
"""The commands of a compiler object of distutils, where it has them, each with the stand-in for it."""


def finalize(distribution: Distribution) -> None:
    """The entry point: put launchers into `build_ext` where the project in this folder asks for derivatives."""
    project = _project()
    table = project.get("tool", {}).get("holoenzyme")
    requires = project.get("build-system", {}).get("requires", [])
    if table is None and not any(NAME.match(each) for each in requires):
        return
    from plugin.wrap.resolve import DEFAULT  # noqa: PLC0415 - only for who asks

    config = DEFAULT if table is None else PROJECT.absolute()
    base = distribution.get_command_class("build_ext")
    distribution.cmdclass["build_ext"] = _launching(base, config)


def _project() -> dict[str, Any]:
    try:
        return tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _launching(base: type[build_ext], config: Path) -> type[build_ext]:
    """The command `base` with launchers before its compilers."""

    class BuildWithDerivatives(base):  # type: ignore[misc, valid-type, unused-ignore]
        def build_extensions(self) -> None:
            for name, stand_in in COMPILERS.items():
                command = getattr(self.compiler, name, None)
                if isinstance(command, list) and command:
                    setattr(self.compiler, name, launched(command, stand_in, config))
            for extension in self.extensions:
                extension.depends = [*extension.depends, *filter(Path.exists, [PROJECT])]
            super().build_extensions()

    return BuildWithDerivatives


def launched(command: Sequence[str], stand_in: str, config: Path) -> list[str]:
    """A compiler's command with a launcher before it; words before the first option are the compiler's own and another launcher's."""
    from plugin.wrap.surroundings import surroundings  # noqa: PLC0415 - only for who asks

    before = next((index for index, word in enumerate(command) if word.startswith("-")), len(command)) - 1
    return [*surroundings(config).command(stand_in), f"--launch={before}", *command]
