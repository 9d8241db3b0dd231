"""Where the source of Rust 1.85 comes from: HOLOENZYME_RUST_SRC, or Debian's source package, of which one file is fetched.

The package's own index names the file; its digest is pinned here. It is kept under `build/`, so that it is fetched once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from filelock import FileLock

PACKAGE = "rustc-web=1.85.0+dfsg3-1~deb12u3"
SHA256 = "8cfaf52ab168a12c3082b5956bcc16c8969d8791b2fe54ed5192672b25518af2"
ROOT = Path(__file__).parents[4]
KEPT = ROOT / "build" / "rust-1.85.0-source"
WANTED = (
    "config.example.toml",
    "compiler",
    "library",
    "src/bootstrap",
    "src/doc/rustc",
    "src/librustdoc",
    "src/tools",
    "src/ci",
    "src/version",
    "tests/ui",
)
"""What of the tree is unpacked; of the crates of others only the manifests."""


def find() -> Path:
    """The tree. Raises `OSError` or `CalledProcessError` when it cannot be had."""
    named = os.environ.get("HOLOENZYME_RUST_SRC")
    if named:
        return Path(named)
    KEPT.parent.mkdir(exist_ok=True)
    with FileLock(f"{KEPT}.lock"):
        if not KEPT.is_dir():
            fetch()
    return KEPT


def fetch() -> None:
    """Bring the file with apt, and unpack it beside its place first."""
    work = KEPT.with_suffix(".part")
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
    listed = subprocess.run(["apt-get", *words, "source", "--print-uris", PACKAGE], check=True, capture_output=True, text=True).stdout
    uri = next(line.split("'")[1] for line in listed.splitlines() if f"SHA256:{SHA256}" in line)
    archive = work / "rust.tar.xz"
    subprocess.run(["/usr/lib/apt/apt-helper", "download-file", uri, str(archive), f"SHA256:{SHA256}"], check=True, capture_output=True)
    with tarfile.open(archive) as members:
        members.extractall(work, members=(each for each in members if wanted(each.name)), filter="data")
    next(work.glob("rustc-*-src")).replace(KEPT)
    shutil.rmtree(work)


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


def wanted(name: str) -> bool:
    """Whether a member of the archive is unpacked."""
    inside = name.partition("/")[2]
    return (
        inside.startswith(tuple(f"{each}/" for each in WANTED))
        or inside in WANTED
        or (inside.startswith("vendor/") and inside.count("/") == 2 and inside.endswith("/Cargo.toml"))
    )
