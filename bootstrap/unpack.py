"""Out of a wheel comes its content: inflated, digested, written and flushed in one pass, one member at a time.

Nothing is held in memory but a few chunks: one thread inflates ahead while another digests and writes, and more of them wait for
the disk. A wheel is not trusted here, though its digest has been checked: a name that leads out of the tree, a link, a size or a
digest that is not the pinned one is refused.
"""

from __future__ import annotations

import errno
import functools
import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as InflateError  # noqa: N812 - zlib's own name says too little

from bootstrap.artifact import CHUNK, Artifact, Download, Entry, File, Tree
from bootstrap.diagnostics import Failure, fail
from bootstrap.progress import Progress

FLUSHERS = 8
"""Threads that wait for the disk; the file system gathers what they ask for into few writes."""

Plan = Sequence[tuple[ZipInfo, str, Path]]
"""The members to be kept, each with its path in the content and on the disk."""


def unpack(artifact: Artifact, wheel: Path, payload: Path, shown: Progress) -> None:
    """Make `payload`, a new file or folder, of what `artifact` keeps of `wheel`; when this returns it is whole, right and on the disk.

    Raises `Failure` E0302 (not the pinned digest), E0309 (not an archive of the pinned form) and `OSError` (the disk).
    """
    content = artifact.content
    assert not isinstance(content, Download)  # noqa: S101 - those are taken out by `bootstrap.download`
    shown.begin("unpacking", artifact.content.size)
    try:
        with ZipFile(wheel) as archive:
            entries = _write_all(archive, _plan(artifact, content, archive, payload), shown)
    except (BadZipFile, InflateError, EOFError, RuntimeError) as error:  # RuntimeError: a member is encrypted, or deflated in no known way
        raise _refused(artifact, f"{wheel.name} is not a sound archive: {error}") from None
    found = content.digest_of(entries)
    if found != artifact.content.sha256:
        raise differs(artifact, f"what {wheel.name} holds", artifact.content.sha256, found)


def differs(artifact: Artifact, what: str, pinned: str, found: str) -> Failure:
    """E0302: something is not what is pinned."""
    return fail(
        "E0302",
        f"{what} is not what is pinned for `{artifact.name}`",
        notes=(f"pinned: sha256 {pinned}", f"found:  sha256 {found}", "nothing of it was kept"),
        help=("try again; if it stays, do not trust the index or mirror that pip is set to use",),
    )


def flush(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that can't flush a folder has no more to offer
            raise
    finally:
        os.close(descriptor)


def _plan(artifact: Artifact, content: File | Tree, archive: ZipFile, payload: Path) -> Plan:
    """What is to be done; every member is judged before the first is written."""
    kept = ((member, content.kept(member.filename)) for member in archive.infolist())
    plan = [(member, path, payload / path if path else payload) for member, path in kept if path is not None]
    for member, path, _ in plan:
        if path and not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise _refused(artifact, f"a file would be put outside of its place: {member.filename}")
        if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG}:
            raise _refused(artifact, f"a link or a special file is in it: {member.filename}")
    size, files = sum(member.file_size for member, _, _ in plan), len({path for _, path, _ in plan})
    if (size, files, len(plan)) != (content.size, content.files, files):
        raise _refused(artifact, f"{len(plan)} members, {size} bytes, are to be kept; pinned are {content.files}, {content.size} bytes")
    return plan


def _write_all(archive: ZipFile, plan: Plan, shown: Progress) -> list[Entry]:
    """Write what is planned and wait until it is on the disk."""
    entries, done = [], 0
    with ThreadPoolExecutor(1) as reader:
        for member, path, target in plan:
            executable = not path or bool(member.external_attr >> 16 & stat.S_IXUSR)
            digest = sha256()
            with archive.open(member) as source, _create(target, 0o700 if executable else 0o600) as output:
                for chunk in _chunks(source, member.file_size, reader):
                    digest.update(chunk)
                    output.write(chunk)
                    done += len(chunk)
                    shown.reach(done)
            entries.append(Entry(path=path, executable=executable, sha256=digest.hexdigest()))
    targets = [target for _, _, target in plan]
    with ThreadPoolExecutor(FLUSHERS) as flushers:  # after all are written: a disk that is asked to flush in between is slow to write
        for _ in flushers.map(flush, [*targets, *{target.parent for target in targets}]):
            pass
    return entries


def _chunks(source: IO[bytes], size: int, reader: ThreadPoolExecutor) -> Iterator[bytes]:
    """A member's bytes; of one that is large, the next chunk is inflated while the caller works on the last."""
    if size <= CHUNK:
        yield source.read()
        return
    ahead = reader.submit(source.read, CHUNK)
    while chunk := ahead.result():
        ahead = reader.submit(source.read, CHUNK)
        yield chunk


def _create(path: Path, mode: int) -> IO[bytes]:
    """A new file, open for writing; never one that is there, nor what a link points to."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open(path, "xb", opener=functools.partial(os.open, mode=mode))  # Path.open takes no opener


def _refused(artifact: Artifact, why: str) -> Failure:
    return fail("E0309", f"the wheel of `{artifact.name}` is not as pinned", notes=(why, "nothing of it was kept"))
