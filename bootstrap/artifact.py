"""What the store holds: pinned files and trees, each taken out of a wheel.

An *artifact* is one pinned thing for one platform. Its *wheel* is the distribution file that carries it. Its *content* is what is
kept of that wheel: a *file*, one member, or a *tree*, those members below a prefix that a keep list names. Every digest is a
sha256 in lower-case hexadecimal, every size is in bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

CHUNK = 1 << 18
"""Bytes read at a time: large enough for zlib and hashlib to let other threads run, small enough to stay in the processor's cache."""

BLOCK = 4096
"""What a file takes at least on most file systems."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel as an index offers it; the last four are the tags that pip is asked for, not this machine's."""

    distribution: str
    version: str
    file: str
    sha256: str
    size: int
    platform: str
    python: str
    implementation: str
    abi: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A file at an address that the configuration names; its size and version are not known."""

    url: str
    file: str
    sha256: str
    size: int = 0
    version: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a tree: where it stands below the tree's root, whether it may be run, what is in it."""

    path: str
    executable: bool
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Content that is one member of the wheel, kept under its own name and made executable."""

    member: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """What the published file is called."""
        return PurePosixPath(self.member).name

    @property
    def files(self) -> int:
        """How many files it is."""
        return 1

    @property
    def watched(self) -> tuple[str, ...]:
        """The files whose `stat` is compared at each use, below the published path."""
        return ("",)

    def kept(self, member: str) -> str | None:
        """Where a member of the wheel stands below the published path, or None when it is left out."""
        return "" if member == self.member else None

    def digest_of(self, entries: Sequence[Entry]) -> str:
        """The digest of what was taken out of a wheel."""
        return entries[0].sha256

    def digest(self, path: Path) -> str:
        """The digest of what stands at `path`, empty when that is no file that may be run. Raises `OSError`."""
        mode = path.lstat().st_mode
        return file_digest(path) if stat.S_ISREG(mode) and mode & stat.S_IXUSR else ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Content that is many members: what `keep` names below `prefix`, a name standing for itself and all below it."""

    prefix: str
    keep: tuple[str, ...]
    executable: str
    """The file that users of the tree run; it speaks for the others where a look must be cheap."""
    sha256: str
    """Of all files, by `tree_digest`."""
    size: int
    files: int

    @property
    def name(self) -> str:
        """What the published folder is called."""
        return PurePosixPath(self.prefix).name

    @property
    def watched(self) -> tuple[str, ...]:
        """The files whose `stat` is compared at each use, below the published path."""
        return ("", self.executable)

    def kept(self, member: str) -> str | None:
        """Where a member of the wheel stands below the published path, or None when it is left out."""
        head = self.prefix + "/"
        if not member.startswith(head) or member.endswith("/"):
            return None
        path = member.removeprefix(head)
        return path if f"{path}/".startswith(tuple(f"{name}/" for name in self.keep)) else None

    def digest_of(self, entries: Sequence[Entry]) -> str:
        """The digest of what was taken out of a wheel."""
        return tree_digest(entries)

    def digest(self, path: Path) -> str:
        """The digest of the tree below `path`; a link or a special file makes it that of no tree. Raises `OSError`."""
        return tree_digest(_entries(path))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Content that is what a URL gives, or the `member` of such an archive; the digest is that of what the URL gives."""

    name: str
    member: str
    sha256: str
    size: int = 0
    files: int = 1

    @property
    def watched(self) -> tuple[str, ...]:
        """The files whose `stat` is compared at each use, below the published path."""
        return ("",)

    def digest(self, path: Path) -> str:
        """The digest of what stands at `path`; empty for a member, which is known by its stamp alone. Raises `OSError`."""
        path.lstat()
        return "" if self.member else file_digest(path)


Content = File | Tree | Download


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One pinned file or tree for one platform, and what a person wants to know of it."""

    name: str
    platform: str
    purpose: str
    license: str
    """What the wheel's own metadata says."""
    parts: str
    """The licences of what else is inside."""
    llvm: int
    """The major version of the LLVM inside, or of the one that it is for."""
    role: str = ""
    """What it is to a build: `driver` and `plugin` are engines, `compiler` is none."""
    wheel: Wheel | Url
    content: Content

    @property
    def origin(self) -> str:
        """Where it comes from, in words: a distribution and its version, or an address."""
        return self.wheel.url if isinstance(self.wheel, Url) else f"{self.wheel.distribution} {self.wheel.version}"

    @property
    def version(self) -> str:
        """The version of the distribution that carries it."""
        return self.wheel.version

    @property
    def sha256(self) -> str:
        """The digest of its content, which says exactly what it is."""
        return self.content.sha256

    @property
    def disk(self) -> int:
        """The space that it takes when published."""
        return self.content.size + self.content.files * BLOCK

    @property
    def key(self) -> str:
        """Its name in a store: another version, platform or content is another key."""
        return f"{self.name}-{self.version}-{self.platform}-{self.content.sha256[:16]}"


def file_digest(path: Path) -> str:
    """The digest of a file. Raises `OSError`."""
    import hashlib  # noqa: PLC0415 - not needed while a stamp vouches for the file

    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as source:
        for chunk in iter(functools.partial(source.read, CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def tree_digest(entries: Iterable[Entry]) -> str:
    """The digest of a tree: sha256 over a record for each file, sorted by path: its digest, `x` or `-`, its path, and a NUL.

    Of a file's mode only the right to be run counts; the rest is the store's own.
    """
    import hashlib  # noqa: PLC0415 - not needed while a stamp vouches for the tree

    records = (
        f"{entry.sha256} {'x' if entry.executable else '-'} {entry.path}\0" for entry in sorted(entries, key=lambda entry: entry.path)
    )
    return hashlib.sha256("".join(records).encode()).hexdigest()


def _entries(root: Path, below: str = "") -> Iterator[Entry]:
    with os.scandir(root / below) as found:
        for each in found:
            path, mode = below + each.name, each.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                yield from _entries(root, path + "/")
            else:
                sha256 = file_digest(root / path) if stat.S_ISREG(mode) else ""
                yield Entry(path=path, executable=bool(mode & stat.S_IXUSR), sha256=sha256)
