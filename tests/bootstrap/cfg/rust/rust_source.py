"""Where the source of Rust 1.85 comes from: HOLOENZYME_RUST_SRC, or Debian's source package, of which one file is fetched.

The package's own index names the file; its digest is pinned here. It is kept under `build/`, so that it is fetched once.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from filelock import FileLock

from tests import debian_source

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
    archive = work / "rust.tar.xz"
    debian_source.fetch(PACKAGE, SHA256, archive)
    debian_source.unpack(archive, work, wanted)
    next(work.glob("rustc-*-src")).replace(KEPT)
    shutil.rmtree(work)


def wanted(name: str) -> bool:
    """Whether a member of the archive is unpacked."""
    inside = name.partition("/")[2]
    return (
        inside.startswith(tuple(f"{each}/" for each in WANTED))
        or inside in WANTED
        or (inside.startswith("vendor/") and inside.count("/") == 2 and inside.endswith("/Cargo.toml"))
    )
