"""A rust-lang/rust tree for the change tracker: its files from a folder or a git revision, and places in them for diagnostics."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from bootstrap import git
from bootstrap.config.toml import Document
from bootstrap.diagnostics import Span, fail
from change_tracker import rust

NOT_A_TREE, NO_PARSER = "E0287", "E0254"
MAX_BYTES = 1 << 22
"""A source file that is larger is none that is read here."""
ENDINGS = (".rs", ".toml")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Checkout:
    """A tree that was read: `name` is how the user calls it, `files` what it was read from."""

    name: str
    root: Path
    files: rust.Files
    tree: rust.Tree

    def span(self, place: rust.Place | None) -> Span | None:
        """A place of the tree, for a diagnostic."""
        if place is None:
            return None
        data = self.files.get(place.file, b"")
        start, end = (len(data[:offset].decode("utf-8", "replace")) for offset in (place.start, place.end))
        return Document(path=self.root / place.file, text=data.decode("utf-8", "replace"), data={}).span(start, end)


def read(root: Path) -> Checkout:
    """The tree in the folder `root`. Raises `Failure` (E0287, E0288)."""
    files: dict[str, bytes] = {}
    try:
        for name in rust.FOLDERS:
            place = root / name
            paths = [place] if place.is_file() else sorted(place.rglob("*")) if place.is_dir() else []
            files |= {str(each.relative_to(root)): each.read_bytes() for each in paths if _wanted(each)}
    except OSError as error:
        raise fail(NOT_A_TREE, f"`{root}` cannot be read: {error.strerror} (`{error.filename}`)") from None
    return _checkout(str(root), root, files)


def read_revision(root: Path, revision: str) -> Checkout:
    """The tree of a git revision of the checkout `root`. Raises `Failure` (E0286 and those of `read`)."""
    commit = git.commit(root, revision)
    listed = git.ask(root, "ls-tree", "-r", "-z", "--name-only", commit, *rust.FOLDERS) if commit else None
    if listed is None:
        helps = ["name a revision of that checkout, or the folder of another tree"]
        raise fail("E0286", f"`{revision}` is no folder, and no revision of `{root}`", help=helps)
    names = [each for each in listed.split("\0") if each.endswith(ENDINGS)]
    files = {name: (git.ask(root, "show", f"{commit}:{name}") or "").encode() for name in names}
    return _checkout(revision, root, files)


def _wanted(path: Path) -> bool:
    return path.suffix in ENDINGS and path.is_file() and path.stat().st_size <= MAX_BYTES


def _checkout(name: str, root: Path, files: rust.Files) -> Checkout:
    try:
        return Checkout(name=name, root=root, files=files, tree=rust.read(files))
    except rust.NotATree as error:
        raise fail(
            NOT_A_TREE, f"`{name}` is no rust-lang/rust tree: {error}", help=["name the folder that holds `src/bootstrap`"]
        ) from None
    except rust.NoTreeSitter:
        raise fail(NO_PARSER, "reading Rust sources needs tree-sitter", help=["run `pip install 'holoenzyme[audit]'`"]) from None


ADDED = re.compile(r"^\+.*?\bchange_id:\s*([0-9_]+)", re.MULTILINE)
LOG = ("log", "--first-parent", "--diff-merges=first-parent", "--reverse", "--format=%x00%ct", "-p", "-U0")
TRACKERS = ":(glob)src/bootstrap/**/change_tracker.rs"
"""The history's file, wherever it stood."""


def landed(root: Path) -> dict[int, int]:
    """The time at which each entry first came along the first parents, by its id; empty when the tree is no checkout, or a shallow one."""
    inside = git.ask(root, "rev-parse", "--show-prefix", "--is-shallow-repository")
    if inside is None or inside.split() != ["false"]:
        return {}
    found: dict[int, int] = {}
    for commit in (git.ask(root, *LOG, "--", TRACKERS) or "").split("\0")[1:]:
        time, _, patch = commit.partition("\n")
        for number in ADDED.findall(patch):
            found.setdefault(int(number.replace("_", "")), int(time))
    return found
