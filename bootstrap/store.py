"""Where artifacts are kept on this machine: fetched once, verified at every use, published whole or not at all.

Below the root, all of it private:

    CACHEDIR.TAG                 backups leave this folder out
    artifacts/KEY/               a published artifact: its file or tree, and the *stamp*, which proves that it was verified
    artifacts/KEY.partial/       what an unfinished fetch of it has written: pip's temporary files, the wheel, what is unpacked
    artifacts/KEY.lock           held by the process that fetches it; the partial folder of a lock that nobody holds is refuse

Publishing is one rename of a folder that holds content and stamp, so there is no state between nothing and all. A stamp records the
digest together with the size, times and inode of what was digested: while these stay, the file has not been written to, and
reading 320 MB again would tell nothing new.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import errno
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.artifact import Artifact, File, Tree, Url, Wheel
from bootstrap.console import console
from bootstrap.diagnostics import Failure, fail, program
from bootstrap.files import FULL, write_atomically

if TYPE_CHECKING:
    from bootstrap.progress import Progress
    from bootstrap.transfer import Transfer

__all__ = ["Artifact", "File", "Holding", "State", "Store", "Tree", "Wheel", "default_root"]

STAMP = "stamp.json"
PARTIAL = ".partial"
KEY = re.compile(r"[a-z0-9][\w.+-]*-[0-9a-f]{16}")
"""What the name of a published folder looks like; nothing else in the store is ever removed."""

CACHEDIR_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of holoenzyme; see https://bford.info/cachedir/\n"


def default_root() -> Path:
    """HOLOENZYME_CACHE where it is set, else the folder that the platform has for a user's caches."""
    if chosen := os.environ.get("HOLOENZYME_CACHE"):
        return Path(chosen).expanduser().absolute()
    import platformdirs  # noqa: PLC0415 - not needed where the variable is set

    return Path(platformdirs.user_cache_dir("holoenzyme", appauthor=False))


class State(enum.StrEnum):
    """What the store has of an artifact."""

    PRESENT = "present"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An artifact, and what the store has of it: `path` is where it stands, or would."""

    artifact: Artifact
    state: State
    path: Path


class Store:
    """The artifacts below one root. Any number of processes and threads may use it at once."""

    def __init__(self, root: Path | None = None, *, transfer: Transfer | None = None) -> None:
        """`root`: by default `default_root()`; `transfer`: what brings a wheel, by default pip."""
        self.root = root or default_root()
        self._folder = self.root / "artifacts"
        self._transfer = transfer

    def locate(self, artifact: Artifact) -> Path | None:
        """The artifact's file, or its tree's root, when it is here and what is pinned; else None. Writes nothing but a stamp."""
        return self._path(artifact) if self._state(artifact) is State.PRESENT else None

    def obtain(self, artifact: Artifact, *, offline: bool = False) -> Path:
        """The artifact's file, or its tree's root, fetched first when it is not here or is damaged.

        Raises `Failure`: E0301 no transfer, E0302 another digest, E0303 disk full, E0304 store not usable, E0307 offline and
        not here, E0308 no pip, E0309 another archive than was pinned.
        """
        if path := self.locate(artifact):
            return path
        if offline:
            raise self._offline(artifact)
        with self._reported(artifact):
            self._prepare()
            with self._locked(artifact):
                # another process may have brought it while this one waited
                return self.locate(artifact) or self._fetch(artifact)

    def holdings(self, artifacts: Iterable[Artifact]) -> list[Holding]:
        """What the store has of each, by a look that is cheap."""
        return [self._holding(artifact) for artifact in artifacts]

    def verify(self, artifact: Artifact) -> Holding:
        """What the store has of it, every byte digested again."""
        return self._holding(artifact, afresh=True)

    def prune(self, keep: Iterable[Artifact], *, dry_run: bool = False) -> list[Path]:
        """Remove what was published of other artifacts than these, and what unfinished fetches left; gives the folders.

        What another process is fetching stays. `dry_run` removes nothing. Raises `Failure` E0304.
        """
        kept = {artifact.key for artifact in keep}
        with self._reported():
            folders = [path for path in self._folders() if path.name not in kept]
            return folders if dry_run else [path for path in folders if self._remove(path)]

    def _path(self, artifact: Artifact) -> Path:
        return self._folder / artifact.key / artifact.content.name

    def _holding(self, artifact: Artifact, *, afresh: bool = False) -> Holding:
        return Holding(artifact=artifact, state=self._state(artifact, afresh=afresh), path=self._path(artifact))

    def _state(self, artifact: Artifact, *, afresh: bool = False) -> State:
        """Whether the artifact is here and right: by its stamp while that fits, else (or `afresh`) by its digest."""
        path = self._path(artifact)
        try:
            now = _stamp(artifact, path)
            if not afresh and now == _read(path.with_name(STAMP)):
                return State.PRESENT
            right = artifact.content.digest(path) == artifact.content.sha256
        except OSError:
            return State.DAMAGED if os.path.lexists(path.parent) else State.MISSING
        with contextlib.suppress(OSError):  # a store that can't be written to is used as it is, only more slowly
            if not right:
                path.with_name(STAMP).unlink()  # nothing vouches for it now, however little of a tree the next look sees
            else:
                write_atomically(path.with_name(STAMP), json.dumps(now), mode=0o600)
        return State.PRESENT if right else State.DAMAGED

    def _prepare(self) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if not (tag := self.root / "CACHEDIR.TAG").exists():
            write_atomically(tag, CACHEDIR_TAG, mode=0o600)

    def _fetch(self, artifact: Artifact) -> Path:
        """Bring, unpack and publish; the artifact's lock is held."""
        from bootstrap.progress import progress, readable  # noqa: PLC0415 - what only a fetch needs
        from bootstrap.unpack import flush  # noqa: PLC0415

        name, path, started = f"{artifact.name} {artifact.version}".rstrip(), self._path(artifact), time.monotonic()
        if os.path.lexists(path.parent):
            console.status(f"{name} in {path.parent} is damaged; it is removed and fetched again")
            self._discard(path.parent)
        self._sweep()
        self._check_room(artifact)
        sizes = f"{readable(artifact.wheel.size)} to download, {readable(artifact.content.size)} to keep"
        line = f"fetching {artifact.origin if isinstance(artifact.wheel, Url) else f'{name}: {sizes}'}"
        with self._partial(artifact) as folder, progress(artifact.name, line) as shown:
            (transferred := folder / "transfer").mkdir(mode=0o700)
            (published := folder / "published").mkdir(mode=0o700)
            self._bring(artifact, transferred, published / path.name, shown)
            write_atomically(published / STAMP, json.dumps(_stamp(artifact, published / path.name)), mode=0o600)
            flush(published)
            published.rename(path.parent)
            flush(self._folder)
        if console.interactive:
            console.status(f"fetched {name}: {readable(artifact.content.size)} in {time.monotonic() - started:.1f} s")
        return path

    def _bring(self, artifact: Artifact, folder: Path, payload: Path, shown: Progress) -> None:
        """Download into `folder`, and make `payload` of it."""
        if isinstance(artifact.wheel, Url):
            from bootstrap.download import by_url, take_out  # noqa: PLC0415 - what only such a fetch needs

            take_out(artifact, by_url(artifact, folder, shown), payload)
            return
        from bootstrap.transfer import by_pip  # noqa: PLC0415 - what only a fetch needs
        from bootstrap.unpack import unpack  # noqa: PLC0415

        unpack(artifact, (self._transfer or by_pip)(artifact, folder, shown), payload, shown)

    @contextlib.contextmanager
    def _partial(self, artifact: Artifact) -> Iterator[Path]:
        """A new folder for all that one fetch writes before it publishes; gone at the end, however that comes."""
        outer = self._folder / (artifact.key + PARTIAL)
        _remove_all(outer)
        outer.mkdir(mode=0o700, exist_ok=True)
        (outer / "owner").write_text(f"process {os.getpid()} on {os.uname().nodename}", encoding="utf-8")
        try:
            # new each time: a pip whose parent was killed may still write to the folder of its own time
            yield Path(tempfile.mkdtemp(dir=outer))
        finally:
            _remove_all(outer)

    @contextlib.contextmanager
    def _locked(self, artifact: Artifact) -> Iterator[None]:
        """Hold the artifact's lock; who has to wait for it is told for whom."""
        import filelock  # noqa: PLC0415 - takes 20 ms to import, and what is here needs no lock

        lock = filelock.FileLock(self._folder / f"{artifact.key}.lock", mode=0o600)
        try:
            held = lock.acquire(timeout=0)
        except filelock.Timeout:
            console.status(f"waiting for {self._owner(artifact)}, which is fetching {artifact.name}")
            held = lock.acquire()
        with held:
            yield

    @contextlib.contextmanager
    def _idle(self, key: str) -> Iterator[bool]:
        """Whether nobody is fetching what has this key; nobody begins to while the block runs."""
        import filelock  # noqa: PLC0415 - as above

        try:
            held = filelock.FileLock(self._folder / f"{key}.lock", mode=0o600).acquire(timeout=0)
        except filelock.Timeout:
            yield False
            return
        with held:
            yield True

    def _owner(self, artifact: Artifact) -> str:
        try:
            return (self._folder / (artifact.key + PARTIAL) / "owner").read_text(encoding="utf-8") or "another process"
        except OSError:
            return "another process"

    def _sweep(self) -> None:
        """Remove what fetches left that did not end: partial folders whose lock nobody holds."""
        for path in self._folders():
            if path.suffix == PARTIAL:
                self._remove(path)

    def _folders(self) -> list[Path]:
        """The folders that the store has made; whatever else is there is not ours to touch."""
        found = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        return [path for path in found if KEY.fullmatch(path.name.removesuffix(PARTIAL)) and path.is_dir() and not path.is_symlink()]

    def _remove(self, path: Path) -> bool:
        """Remove a published or partial folder, unless somebody is at it; whether it is gone."""
        with self._idle(path.name.removesuffix(PARTIAL)) as idle:
            if idle:
                self._discard(path)
            return idle

    def _discard(self, path: Path) -> None:
        """Remove a folder; its lock is held. A published one is renamed first: half of it must never pass for the whole."""
        partial = path.with_name(path.name.removesuffix(PARTIAL) + PARTIAL)
        if path != partial:
            partial.mkdir(mode=0o700, exist_ok=True)
            path.rename(Path(tempfile.mkdtemp(dir=partial)) / path.name)
        _remove_all(partial)

    def _check_room(self, artifact: Artifact) -> None:
        """Fail now when it is clear that the disk would be full in the middle."""
        import shutil  # noqa: PLC0415 - only a fetch needs it

        if shutil.disk_usage(self._folder).free < _needed(artifact):
            raise self._full(artifact)

    @contextlib.contextmanager
    def _reported(self, artifact: Artifact | None = None) -> Iterator[None]:
        """Turn what the system refuses into a `Failure`."""
        try:
            yield
        except OSError as error:
            # a limit of file size, such as `ulimit -f` sets, is met in the same way as a full disk
            if artifact and error.errno in FULL | {errno.EFBIG}:
                raise self._full(artifact) from None
            raise fail(
                "E0304",
                f"the store can't be used: {error.strerror or error}",
                notes=(f"store: {self.root}", *([f"at: {error.filename}"] if error.filename else [])),
                help=("set HOLOENZYME_CACHE to a folder that is yours and can be written to",),
            ) from None

    def _full(self, artifact: Artifact) -> Failure:
        from shutil import disk_usage  # noqa: PLC0415 - only a failure needs it

        from bootstrap.progress import readable  # noqa: PLC0415

        there = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        needed, free = readable(_needed(artifact)), readable(disk_usage(there).free)
        return fail(
            "E0303",
            f"no room for `{artifact.name}`: fetching it takes {needed}, {free} are free",
            notes=(f"in: {self._folder}", "a quota or a limit of file size counts as well", "what was written of it has been removed"),
            help=(f"make room, for example by `{program()} fetch --prune`", "or set HOLOENZYME_CACHE to a folder on another disk"),
        )

    def _offline(self, artifact: Artifact) -> Failure:
        state = self._state(artifact)
        return fail(
            "E0307",
            f"`{artifact.name}` is {state} in the store, and --offline forbids to fetch it",
            notes=(f"store: {self.root}",),
            help=(f"`{program()} fetch {artifact.name}` once while there is a network, or set HOLOENZYME_CACHE to a store that has it",),
        )


def _needed(artifact: Artifact) -> int:
    """The most that a fetch has on the disk at once: pip's two copies of the wheel, or one and what is unpacked."""
    return artifact.wheel.size + max(artifact.wheel.size, artifact.disk)


def _stamp(artifact: Artifact, path: Path) -> dict[str, object]:
    """What a stamp says when the content at `path` is what it was when it was digested. Raises `OSError`."""
    seen = (os.lstat(path / each if each else path) for each in artifact.content.watched)
    return {"sha256": artifact.content.sha256, "seen": [[it.st_mode, it.st_size, it.st_ino, it.st_mtime_ns, it.st_ctime_ns] for it in seen]}


def _read(stamp: Path) -> object:
    """A stamp as it was written; None when there is none that can be read."""
    try:
        return json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _remove_all(folder: Path) -> None:
    """Remove a folder and all below it; what can't be removed now is left to the next sweep."""
    import shutil  # noqa: PLC0415 - only a fetch needs it

    shutil.rmtree(folder, ignore_errors=True)
