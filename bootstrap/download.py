"""A file from an address that the configuration names, known by the digest that it names too.

The digest is that of what is downloaded. When that is an archive (zip, a wheel too, or tar), one member of it is kept.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from bootstrap.artifact import CHUNK, Artifact, Download, Url
from bootstrap.diagnostics import Failure, fail
from bootstrap.progress import Progress
from bootstrap.unpack import differs, flush

SCHEMES = ("https", "http", "file")
SECONDS = 60.0
"""How long a server may be silent."""


def artifact_at(url: str, sha256: str, member: str | None, platform: str) -> Artifact:
    """The artifact that a download is: the file itself, or its `member`. Raises `Failure` (E0312) for an address of another kind."""
    parts = urllib.parse.urlsplit(url)
    file = PurePosixPath(urllib.parse.unquote(parts.path)).name
    if parts.scheme not in SCHEMES or not file:
        remedies = [f"it begins with one of {', '.join(SCHEMES)}, and ends with a file's name"]
        raise fail("E0312", f"`{url}` is no address of a file", help=remedies)
    which = f"-{hashlib.sha256(member.encode()).hexdigest()[:8]}" if member else ""
    return Artifact(
        name=f"url{which}",
        platform=platform,
        purpose=f"what the configuration names: {url}",
        license="",
        parts="",
        llvm=0,
        role="plugin",
        wheel=Url(url=url, file=file, sha256=sha256),
        content=Download(name=PurePosixPath(member or file).name, member=member or "", sha256=sha256),
    )


def by_url(artifact: Artifact, folder: Path, shown: Progress) -> Path:
    """The `Transfer` for a download: puts it, verified, into `folder`; raises `Failure` E0302 or E0311, and `OSError` of the disk."""
    source = artifact.wheel
    assert isinstance(source, Url)  # noqa: S101 - the store has looked
    arrived, hashed, done = folder / source.file, hashlib.sha256(), 0
    with _reported(source), urllib.request.urlopen(source.url, timeout=SECONDS) as response:  # noqa: S310 - the scheme has been checked
        shown.begin("downloading", int(response.headers.get("Content-Length") or 0))
        with arrived.open("xb") as output:
            while chunk := response.read(CHUNK):
                hashed.update(chunk)
                try:
                    output.write(chunk)
                except OSError as error:
                    raise _DiskError(error) from None
                done += len(chunk)
                shown.reach(done)
    if hashed.hexdigest() != source.sha256:
        raise differs(artifact, f"the download of {source.url}", source.sha256, hashed.hexdigest())
    return arrived


class _DiskError(Exception):
    """An error of the disk, told apart from one of the network, which is an `OSError` too."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def _reported(source: Url) -> Iterator[None]:
    try:
        yield
    except _DiskError as error:
        raise error.error from None
    except urllib.error.HTTPError as error:
        with error:  # it has the connection
            raise _failed(source, f"the server says {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _failed(source, str(getattr(reason, "strerror", None) or reason)) from None


def _failed(source: Url, why: str) -> Failure:
    remedies = ("check the address, the network and the proxy (HTTPS_PROXY)", "or download it elsewhere, and name it in `[enzyme] path`")
    return fail("E0311", f"{source.url} could not be downloaded: {why}", help=remedies)


def take_out(artifact: Artifact, arrived: Path, payload: Path) -> None:
    """Make `payload`, a new file that may be run, of the download or of its member; it is on the disk when this returns.

    Raises `Failure`: E0313 (the archive has no such file), E0314 (it is no archive), and `OSError`.
    """
    content = artifact.content
    assert isinstance(content, Download)  # noqa: S101 - the store has looked
    payload.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not content.member:
        arrived.rename(payload)
    elif zipfile.is_zipfile(arrived):
        _out_of_zip(arrived, content.member, payload)
    else:
        _out_of_tar(arrived, content.member, payload)
    payload.chmod(0o700)
    flush(payload)


def _out_of_zip(arrived: Path, member: str, payload: Path) -> None:
    try:
        with zipfile.ZipFile(arrived) as archive:
            names = [each.filename for each in archive.infolist() if not each.is_dir()]
            if member not in names:
                raise _no_member(arrived, member, names)
            with archive.open(member) as source:
                _write(source, payload)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise _no_archive(arrived, str(error)) from None


def _out_of_tar(arrived: Path, member: str, payload: Path) -> None:
    try:
        with tarfile.open(arrived) as archive:
            members = {each.name.removeprefix("./"): each for each in archive if each.isfile()}
            source = archive.extractfile(members[member]) if member in members else None
            if source is None:
                raise _no_member(arrived, member, list(members))
            _write(source, payload)
    except (tarfile.TarError, EOFError) as error:
        raise _no_archive(arrived, str(error)) from None


def _write(source: IO[bytes], payload: Path) -> None:
    descriptor = os.open(payload, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
    with os.fdopen(descriptor, "wb") as output:
        shutil.copyfileobj(source, output, CHUNK)


def _no_member(arrived: Path, member: str, names: list[str]) -> Failure:
    near = difflib.get_close_matches(member, names, n=3, cutoff=0.3) or names[:3]
    return fail("E0313", f"{arrived.name} has no file `{member}`", help=[f"did you mean {' or '.join(f'`{each}`' for each in near)}?"])


def _no_archive(arrived: Path, why: str) -> Failure:
    message = f"{arrived.name} is no archive that can be read: {why}"
    return fail("E0314", message, help=["archives are zip and tar (gz, bz2, xz); leave `[enzyme] member` out when the file is the plugin"])
