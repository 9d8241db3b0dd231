"""Brings files of Debian's source packages with apt, from the archives that this machine has; digests are pinned by who asks."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path


def fetch(package: str, sha256: str, archive: Path) -> None:
    """Bring the file of that digest of a source package to `archive`, and apt's lists beside it.

    Raises `OSError` or `CalledProcessError` where apt cannot, `StopIteration` where the package has no such file.
    """
    work = archive.parent
    for folder in ("lists/partial", "archives/partial"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "sources.list").write_text("\n".join(source_lines()) + "\n")
    options = [
        f"Dir::Etc::SourceList={work}/sources.list",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State::Lists={work}/lists",
        f"Dir::Cache={work}",
    ]
    words = [word for each in options for word in ("-o", each)]
    subprocess.run(["apt-get", *words, "update"], check=True, capture_output=True)
    listed = subprocess.run(["apt-get", *words, "source", "--print-uris", package], check=True, capture_output=True, text=True).stdout
    uri = next(line.split("'")[1] for line in listed.splitlines() if f"SHA256:{sha256}" in line)
    subprocess.run(["/usr/lib/apt/apt-helper", "download-file", uri, str(archive), f"SHA256:{sha256}"], check=True, capture_output=True)


def unpack(archive: Path, folder: Path, wanted: Callable[[str], bool] = lambda _: True) -> None:
    """Unpack the members of an archive that are `wanted`, by name, below `folder`; its digest was checked when it was fetched."""
    with tarfile.open(archive) as members:
        # Debian 12's Python is from before the filters of tarfile.
        members.extraction_filter = getattr(tarfile, "data_filter", None)
        members.extractall(folder, members=[each for each in members if wanted(each.name)])  # noqa: S202 - what is unpacked is pinned by its digest


def source_lines() -> list[str]:
    """The machine's own Debian archives, for sources: from lists of one line each, and of stanzas."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    lines = []
    for file in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        text = file.read_text() if file.is_file() else ""
        lines += [line.replace("deb ", "deb-src ", 1) for line in text.splitlines() if line.startswith("deb ") and f" {suite}" in line]
        for stanza in text.split("\n\n") if file.suffix == ".sources" else ():
            keys = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith("#"))
            suites = [each for each in keys.get("Suites", "").split() if each.split("-")[0] == suite]
            signed = f"[signed-by={keys['Signed-By']}] " if "Signed-By" in keys else ""
            lines += [f"deb-src {signed}{keys['URIs']} {each} {keys['Components']}" for each in suites]
    return lines
