"""A crate with derivatives: rustc writes its module beside its object, and the object gives way to one that has them.

In a library the object is a member of an archive. For a program or a shared library it is one of the files that rustc hands to the
linker; so a linker of ours stands there, which changes it and starts the real one. Either way rustc does all the rest, and cargo finds
what it expects. rustc's own optimisations are left out: the object that they would make is not wanted.
"""

from __future__ import annotations

import dataclasses
import pickle
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bootstrap import process
from bootstrap.diagnostics import Failure, fail
from bootstrap.llvm import find_linker
from plugin.wrap import child, resolve
from plugin.wrap.arguments import expanded
from plugin.wrap.cc import Scratch
from plugin.wrap.make import Making, Request
from plugin.wrap.rustc import pairs
from plugin.wrap.settings import ROOT, Settings
from plugin.wrap.tools import find

CODEGEN = ("-Ccodegen-units=1", "-Cno-prepopulate-passes")
ARCHIVED = {"rlib": ".rlib", "lib": ".rlib", "staticlib": ".a"}
"""The kinds of crates that become archives, and how these end."""

OWN_OBJECT = "-cgu.0.rcgu.o"
"""How the object of a crate ends that is compiled in one piece."""

_LINKER = "import sys; sys.path.insert(0, sys.argv[1]); from plugin.wrap import crate; sys.exit(crate.link(sys.argv[2], sys.argv[3:]))"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crate:
    """A call of rustc, and where the module that rustc writes and the object made of it are, in `folder`.

    `options` are ours, `words` are rustc and its arguments, `units` those with items that name a source of the crate.
    """

    options: tuple[str, ...]
    words: tuple[str, ...]
    units: tuple[str, ...]
    settings: Settings
    folder: Path

    @property
    def module(self) -> Path:
        """What rustc writes."""
        return self.folder / "crate.bc"

    @property
    def object(self) -> Path:
        """What is made of it; empty when the module turned out to ask for nothing."""
        return self.folder / "crate.o"

    @property
    def failure(self) -> Path:
        """What went wrong in the linker's place."""
        return self.folder / "failure"


def compile_crate(options: list[str], words: list[str], units: list[str], settings: Settings, scratch: Scratch) -> int:
    """Compile a crate that may ask for derivatives; gives the status. Raises `Failure` as the pipeline does, E0420 and E0421."""
    _refuse_lto(words)
    folder = Path(scratch.file("crate"))
    folder.mkdir()
    crate = Crate(options=tuple(options), words=tuple(words), units=tuple(units), settings=settings, folder=folder)
    more = [*CODEGEN, f"--emit=llvm-bc={crate.module}", f"-Clinker={_linker(crate)}"]
    status = child.run([*_without(_with_link(words), "-Cincremental", "-Ccodegen-units", "-Clinker"), *more], {})
    if crate.failure.exists():
        raise Failure(*pickle.loads(crate.failure.read_bytes()))  # noqa: S301 - our own linker wrote it
    if status:
        return status
    if not _made(crate, scratch):
        return child.run(words, {})
    for archive in _archives(words):
        _put_back(archive, crate)
    return 0


def link(folder: str, words: list[str]) -> int:
    """Stand for the linker that rustc starts: the crate's object gives way, then the real linker does its work; gives its status."""
    crate: Crate = pickle.loads((Path(folder) / "crate").read_bytes())  # noqa: S301 - `compile_crate` wrote it
    try:
        with Scratch() as scratch:
            if _made(crate, scratch):
                own = [each for each in expanded(words) if each.endswith(OWN_OBJECT)]
                for each in own:
                    shutil.copyfile(crate.object, each)
        return child.replace([*_real_linker(crate), *words], {})
    except Failure as failure:
        crate.failure.write_bytes(pickle.dumps(failure.diagnostics))
        return 1


def _made(crate: Crate, scratch: Scratch) -> bool:
    """Make the crate's object if that is not done; False when the crate asks for no derivative."""
    if not crate.object.exists():
        crate.object.touch()
        level = {"s": 2, "z": 2}
        chosen = [value for name, value in pairs(list(crate.words)) if name == "-Copt-level"] or ["3" if "-O" in crate.words else "0"]
        request = Request(modules=(crate.module,), output=str(crate.object), level=level.get(chosen[-1]) or int(chosen[-1]))
        Making(scratch, find(crate.settings, crate.options), request, resolve.plans(crate.options, crate.units)).result()
    return crate.object.stat().st_size > 0


def _linker(crate: Crate) -> Path:
    """A program to start in the linker's place."""
    (crate.folder / "crate").write_bytes(pickle.dumps(crate))
    path = crate.folder / "linker"
    path.write_text(
        f'#!/bin/sh\nexec {shlex.join([sys.executable, "-P", "-c", _LINKER, ROOT, str(crate.folder)])} "$@"\n', encoding="utf-8"
    )
    path.chmod(0o700)
    return path


def _real_linker(crate: Crate) -> list[str]:
    """The linker that rustc would have started."""
    named = [value for name, value in pairs(list(crate.words)) if name == "-Clinker"]
    found = find_linker()
    return [named[-1]] if named else [found.command[0] if found else "cc"]


def _without(words: list[str], *names: str) -> list[str]:
    """The words without the code generation options of these names."""
    left: list[str] = []
    skips = False
    for word, following in zip(words, [*words[1:], ""], strict=True):
        separate = word in {"-C", "--codegen"}
        name = f"-C{following}" if separate else word
        if skips or (name.startswith("-C") and name.partition("=")[0] in names):
            skips = separate and not skips
            continue
        left.append(word)
    return left


def _with_link(words: list[str]) -> list[str]:
    """The words with `link` said to be what is emitted, and where, so that more can be asked for."""
    emitted = [value for name, value in pairs(words) if name == "--emit"]
    if emitted and emitted != ["link"]:
        return words
    if "-o" not in words[:-1]:
        return [*words, "--emit=link"]
    place = words.index("-o")
    return [*words[:place], *words[place + 2 :], f"--emit=link={words[place + 1]}"]


def _refuse_lto(words: list[str]) -> None:
    for name, value in pairs(words):
        if name == "-Clinker-plugin-lto" or (name == "-Clto" and value not in {"off", "no", "n", "false"}):
            raise fail(
                "E0420",
                "a crate with derivatives is part of a build with rustc's LTO",
                notes=["rustc would optimise its bitcode once more, and that has no derivatives"],
                help=['set `lto = "off"` in the profile that is built, in Cargo.toml'],
            )


def _archives(words: list[str]) -> Iterator[Path]:
    """The libraries that rustc made of the crate."""
    found = dict(pairs(words))
    kinds = [kind for name, value in pairs(words) if name == "--crate-type" for kind in value.split(",")]
    if "--test" in words:
        return
    for kind in kinds:
        if kind in ARCHIVED and "-o" in words[:-1]:
            yield Path(words[words.index("-o") + 1])
        elif kind in ARCHIVED:
            name = f"lib{found.get('--crate-name', '')}{found.get('-Cextra-filename', '')}{ARCHIVED[kind]}"
            yield Path(found.get("--out-dir", ".")) / name


def _put_back(archive: Path, crate: Crate) -> None:
    """Put the crate's object in the place of the archive's own; raises `Failure` (E0421)."""
    ar = shutil.which("ar") or shutil.which("llvm-ar")
    if ar is None:
        raise fail("E0421", "there is no `ar` on PATH to put the object with derivatives into the library", help=["install binutils"])
    listed = process.run([ar, "t", archive])
    own = next((each for each in listed.stdout.splitlines() if each.endswith(OWN_OBJECT)), None)
    if own is None:
        notes = [listed.stderr.strip() or f"its members are {', '.join(listed.stdout.split())}"]
        raise fail("E0421", f"`{archive.name}` has no object of its crate", notes=notes, help=["report it with the command"])
    # Beside the library, so that the copy that is changed takes its place at once.
    changed = archive.with_name(f".{archive.name}.changed")
    shutil.copyfile(crate.object, crate.folder / own)
    shutil.copyfile(archive, changed)
    done = process.run([ar, "r", changed, crate.folder / own])
    if done.status:
        changed.unlink()
        raise fail("E0421", f"`{ar}` cannot change `{archive.name}`", notes=[done.stderr.strip()], help=["`-v` shows the command"])
    changed.replace(archive)
