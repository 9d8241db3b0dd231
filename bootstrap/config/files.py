"""The layers that are files: the configuration, what it includes, and the profiles."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.config import faults
from bootstrap.config.layers import Layer, Source
from bootstrap.config.toml import MAX_BYTES, Document, KeyPath, read
from bootstrap.diagnostics import Diagnostic, Failure, Span, fail, program

FILE = "config.toml"
PROJECT, TABLE = "pyproject.toml", ("tool", "holoenzyme")
"""A Python project's own file has a configuration in this table."""
VARIABLE = "HOLOENZYME_CONFIG"
PROFILES = Path(__file__).parent / "profiles"
CHECKOUT = Path(__file__).parents[2]
MAX_INCLUDES = 100
"""How many files one configuration may include, however deeply."""
CIRCLE = "E0210"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A place that names a file or a profile; its span is found only when something must be said."""

    document: Document
    path: KeyPath

    @property
    def span(self) -> Span | None:
        """Where it stands."""
        return self.document.value_span(self.path)


@dataclasses.dataclass(slots=True)
class Gatherer:
    """The layers found so far, the strongest first, and the faults on the way."""

    layers: list[Layer] = dataclasses.field(default_factory=list)
    faults: list[Diagnostic] = dataclasses.field(default_factory=list)
    named: int = 0
    size: int = 0

    def file(self, path: Path, *, chain: tuple[Path, ...] = (), mention: Mention | None = None) -> None:
        """Add the file at `path` and, below it, what it includes: the last one named is the strongest.

        `mention` is where it is included, `chain` the files from the first one to there.
        """
        try:
            document = self._read(path, chain)
        except Failure as failure:
            self.faults += [_at(each, mention) for each in failure.diagnostics]
            return
        if document is None:
            return
        source = Source.INCLUDE if mention else Source.FILE
        self.size += len(document.text)
        self.layers.append(Layer(source=source, name=str(path), data=document.data, document=document))
        names = document.data.get("include")
        for index, name in reversed(list(enumerate(names if isinstance(names, list) else []))):
            self.named += 1
            if self.named > MAX_INCLUDES:
                mention = Mention(document=document, path=("include", index))
                self.faults.append(_at(Diagnostic(code=CIRCLE, message=f"more than {MAX_INCLUDES} files are included"), mention))
                return
            if isinstance(name, str):
                self.file(path.parent / name, chain=(*chain, path), mention=Mention(document=document, path=("include", index)))

    def _read(self, path: Path, chain: tuple[Path, ...]) -> Document | None:
        """The file, or None when it is a layer already. Raises `Failure` when it includes itself."""
        place = _real(path)
        places = [_real(each) for each in chain]
        if place in places:
            circle = [*chain[places.index(place) :], path]
            raise fail(CIRCLE, "a file includes itself: " + " -> ".join(str(each) for each in circle))
        if any(each.document and _real(each.document.path) == place for each in self.layers):
            return None
        document = read(path, room=MAX_BYTES - self.size)
        return _table_of_project(document) if path.name == PROJECT else document

    def profiles(self, name: object, mention: Mention | None) -> None:
        """Add the profile `name` and those that it starts from; each is weaker than the one that names it."""
        seen: list[str] = []
        while isinstance(name, str):
            if name in seen or name not in available_profiles():
                self.faults.append(_at(_circle([*seen, name]) if name in seen else no_profile(name), mention))
                return
            seen.append(name)
            document = read(PROFILES / f"{name}.toml")
            data = {key: value for key, value in document.data.items() if key != "profile"}
            self.layers.append(Layer(source=Source.PROFILE, name=name, data=data, document=document))
            name, mention = document.data.get("profile"), Mention(document=document, path=("profile",))


def locate(path: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The configuration file: `path`, HOLOENZYME_CONFIG, ./config.toml, the checkout's; None when there is none.

    A directory stands for the `config.toml` in it. Raises `Failure` with E0201 when one that is named is not there.
    """
    variable = environment.get(VARIABLE)
    named = path if path is not None else Path(variable) if variable else None
    if named is None:
        places = [Path.cwd() / FILE, *([CHECKOUT / FILE] if (CHECKOUT / "x.py").is_file() else [])]
        return next((each for each in places if os.path.lexists(each)), None)
    if "\0" in str(named):
        return named
    file = named / FILE if named.is_dir() else named
    if not os.path.lexists(file):
        notes = () if path is not None else (f"{VARIABLE} names it",)
        raise fail("E0201", f"the configuration file `{file}` does not exist", notes=notes, help=[f"`{program()} setup` writes one"])
    return file


def to_write(named: Path | None) -> Path:
    """The file that a change goes to: `named` (or the `config.toml` in it), the one in force, or a new ./config.toml.

    Raises `Failure` (E0216) for a pyproject.toml: it is not ours to change.
    """
    file = (named / FILE if named.is_dir() else named) if named is not None else locate(None, os.environ) or Path.cwd() / FILE
    if file.name == PROJECT:
        raise fail("E0216", f"`{file}` is changed by hand", help=[f"write under `[{'.'.join(TABLE)}]` what a `{FILE}` would have"])
    return file


def _table_of_project(document: Document) -> Document:
    found = document.table(TABLE)
    if found is None:
        message = f"`{document.path}` has no table `[{'.'.join(TABLE)}]`"
        raise fail("E0274", message, help=["write the configuration there, or name another file"])
    return found


def available_profiles() -> list[str]:
    """The names of the profiles that come with holoenzyme."""
    return sorted(each.stem for each in PROFILES.glob("*.toml"))


def _at(diagnostic: Diagnostic, mention: Mention | None) -> Diagnostic:
    """`diagnostic` at the place that asked for what it is about, unless it has a place of its own."""
    return diagnostic if diagnostic.span or not mention else dataclasses.replace(diagnostic, span=mention.span)


def _real(path: Path) -> str:
    return os.path.realpath(path) if "\0" not in str(path) else str(path)


def _circle(names: Sequence[str]) -> Diagnostic:
    return Diagnostic(code=CIRCLE, message="a profile starts from itself: " + " -> ".join(names))


def no_profile(name: str) -> Diagnostic:
    """What to say of a profile that is not there."""
    close = difflib.get_close_matches(name[:100], available_profiles(), n=1)
    listed = "one of " + ", ".join(f"`{each}`" for each in available_profiles())
    label = f"did you mean `{close[0]}`? {listed}" if close else listed
    return Diagnostic(code=faults.VALUE, message=f"there is no profile {faults.quoted(name)}", label=label)
