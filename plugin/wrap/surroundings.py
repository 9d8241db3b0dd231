"""What another build needs to use this toolchain, in the words of its build system."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from bootstrap.diagnostics import fail
from plugin.wrap.door import STAND_INS

CHECKOUT = Path(__file__).parents[2]
CMAKE_PACKAGE = Path(__file__).with_name("cmake")
"""Where `find_package(Enzyme CONFIG)` looks."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The program itself, that of each stand-in, and the configuration file that they are to read, None where each looks for its own."""

    program: Path
    programs: dict[str, Path]
    config: Path | None

    def command(self, name: str) -> list[str]:
        """The words that start a stand-in with the configuration, for build systems that take several."""
        return [str(self.program), "--config", str(self.config), name] if self.config else [str(self.programs[name])]


def surroundings(config: Path | None) -> Surroundings:
    """What there is here: the programs that were installed, or in a checkout x.py and links to it, made if need be.

    Raises `Failure` (E0265) when there are none.
    """
    program, *others = (_installed(name) or _linked(name) for name in ("holoenzyme", *(f"holoenzyme-{each}" for each in STAND_INS)))
    return Surroundings(program=program, programs=dict(zip(STAND_INS, others, strict=True)), config=config)


def _installed(name: str) -> Path | None:
    places = [Path(sys.argv[0]).absolute().parent, Path(sys.executable).parent]
    return next((place / name for place in places if (place / name).is_file()), None)


def _linked(name: str) -> Path:
    door = CHECKOUT / "x.py"
    if not door.is_file():
        path = shutil.which(name)
        if path is None:
            raise fail("E0265", f"there is no program `{name}` beside this one or on PATH", help=["install holoenzyme anew: it brings it"])
        return Path(path).absolute()
    link = CHECKOUT / "build" / "stand-ins" / name
    if not link.is_symlink() or link.readlink() != door:
        link.parent.mkdir(parents=True, exist_ok=True)
        new = link.with_name(f".{name}")
        new.unlink(missing_ok=True)
        new.symlink_to(door)
        new.replace(link)
    return link


def for_shell(build: Surroundings) -> str:
    """Assignments for a POSIX shell, to `eval`; make, autoconf, setuptools and cargo read these variables."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in _variables(build).items()]
    return "\n".join(lines) + "\n"


def for_cmake(build: Surroundings) -> str:
    """A file for `cmake -C FILE` or CMAKE_TOOLCHAIN_FILE."""
    values = {
        "CMAKE_C_COMPILER": (";".join(build.command("cc")), "holoenzyme cc"),
        "CMAKE_CXX_COMPILER": (";".join(build.command("c++")), "holoenzyme c++"),
        "Enzyme_ROOT": (CMAKE_PACKAGE, "where find_package(Enzyme) looks"),
        "holoenzyme_ROOT": (CMAKE_PACKAGE, "where find_package(holoenzyme) looks"),
        "HOLOENZYME_PROGRAM": (build.program, "what these packages start"),
        **({"HOLOENZYME_CONFIG": (build.config, "the configuration that it reads")} if build.config else {}),
    }
    return "".join(f'set({name} "{_quoted(str(value))}" CACHE STRING "{about}")\n' for name, (value, about) in values.items())


def for_meson(build: Surroundings) -> str:
    """A native file for `meson setup --native-file FILE`."""
    binaries = {"c": build.command("cc"), "cpp": build.command("c++"), "rust": [*build.command("rustc"), "rustc"]}
    lines = [f"{name} = [{', '.join(map(_in_meson, words))}]" for name, words in binaries.items()]
    return "\n".join(["[binaries]", *lines]) + "\n"


def for_scripts(build: Surroundings) -> str:
    """All of it as JSON: variables, the words of each stand-in, the folder of the CMake package."""
    commands = {name: build.command(name) for name in STAND_INS}
    return json.dumps({"environment": _variables(build), "commands": commands, "cmake": str(CMAKE_PACKAGE)}, indent=1) + "\n"


FORMATS: dict[str, Callable[[Surroundings], str]] = {"sh": for_shell, "cmake": for_cmake, "meson": for_meson, "json": for_scripts}


def _variables(build: Surroundings) -> dict[str, str]:
    # make hands the first two to a shell, cargo starts the third as it is.
    compilers = {name: shlex.quote(str(build.programs[stand_in])) for name, stand_in in (("CC", "cc"), ("CXX", "c++"))}
    variables = {**compilers, "RUSTC_WRAPPER": str(build.programs["rustc"])}
    return variables | ({"HOLOENZYME_CONFIG": str(build.config)} if build.config else {})


def _quoted(words: str) -> str:
    return words.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")


def _in_meson(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
