"""A rust-lang/rust tree on disk: its files, read once, and what of it could not be read or understood.

A *gap* is a diagnostic that says what the audit cannot answer: E0182 a file that is missing, E0183 one that cannot be read or parsed,
E0184 a place that is written in a way that is not known, E0185 a list that is not where it is expected.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.cfg.rust.syntax import Source
from bootstrap.diagnostics import Diagnostic, Severity, Span, fail

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_BYTES = 1 << 23
"""A source that is larger is not read."""
MARKS = ("compiler", "library", "src")
OLDEST = (1, 80)
"""The oldest version whose way of writing the lists is known."""
VERSION = re.compile(r"^(\d+)\.(\d+)(?:\.\d+)?\s*$")


class Tree:
    """A tree, and the gaps met so far."""

    def __init__(self, root: Path) -> None:
        """Raises `Failure` (E0255) when `root` is no such tree."""
        missing = [name for name in MARKS if not (root / name).is_dir()]
        if missing:
            where = (
                f"`{root}` has no folder {', '.join(f'`{each}`' for each in missing)}" if root.is_dir() else f"there is no folder `{root}`"
            )
            raise fail(
                "E0255",
                f"this is not a source tree of rust-lang/rust: {where}",
                help=["name the folder that holds `compiler/`, `library/` and `src/`"],
            )
        self.root = root
        self._prefix = os.fspath(root)
        self.gaps: list[Diagnostic] = []
        self._data: dict[str, bytes | None] = {}
        self._sources: dict[str, Source | None] = {}

    @property
    def version(self) -> tuple[int, int] | None:
        """The version of the tree, such as (1, 85); None when `src/version` does not tell."""
        match = VERSION.match((self.data("src/version", optional=True) or b"").decode("utf-8", "replace"))
        return (int(match[1]), int(match[2])) if match else None

    def is_older_than(self, version: tuple[int, int]) -> bool:
        """Whether the tree is of an older version; False for one that does not tell."""
        return self.version is not None and self.version < version

    def data(self, path: str, *, optional: bool = False) -> bytes | None:
        """The contents of a file; None, and a gap unless it is `optional`, when it cannot be had."""
        if path not in self._data:
            self._data[path] = self._read(path, optional=optional)
        return self._data[path]

    def _read(self, path: str, *, optional: bool) -> bytes | None:
        place = self.root / path
        try:
            if not place.is_file():
                if not optional:
                    self.gap("E0182", f"`{path}` is missing, so what depends on it is not audited")
                return None
            if place.stat().st_size > MAX_BYTES:
                self.gap("E0183", f"`{path}` is larger than {MAX_BYTES >> 20} MiB, so what depends on it is not audited")
                return None
            return place.read_bytes()
        except OSError as error:
            self.gap("E0183", f"`{path}` cannot be read: {error.strerror or error}; what depends on it is not audited")
            return None

    def glance(self, path: str) -> bytes:
        """The contents of one file of many, which are not kept; empty, and a gap, when they cannot be had."""
        kept = self._data.get(path)
        if kept is not None:
            return kept
        try:
            with io.FileIO(f"{self._prefix}/{path}") as file:  # a path of pathlib costs more than the reading
                return file.read()
        except OSError as error:
            self.gap("E0183", f"`{path}` cannot be read: {error.strerror or error}; what depends on it is not audited")
            return b""

    def lines(self, path: str, *, optional: bool = False) -> list[str] | None:
        """The lines of a text file; None, and a gap unless it is `optional`, when it cannot be had."""
        data = self.data(path, optional=optional)
        return None if data is None else data.decode("utf-8", "replace").splitlines()

    def source(self, path: str, *, optional: bool = False) -> Source | None:
        """A Rust file, parsed; None, and a gap, when it cannot be had."""
        if path not in self._sources:
            data = self.data(path, optional=optional)
            self._sources[path] = Source.parse(self.root / path, data) if data is not None else None
        return self._sources[path]

    def gap(self, code: str, message: str, *, span: Span | None = None, severity: Severity = Severity.ERROR) -> None:
        """Note what cannot be answered."""
        self.gaps.append(Diagnostic(code=code, message=message, span=span, severity=severity))

    def not_understood(self, source: Source, node: Node, what: str) -> None:
        """Note a place that is written in a way that is not known."""
        self.gap("E0184", f"{what} could not be understood", span=source.span(node))

    def sound(self, source: Source, node: Node | None, what: str) -> Node | None:
        """`node`, when it is there and parsed without errors; else None and a gap."""
        path = source.path.relative_to(self.root)
        if node is None and source.root.has_error:
            first = next(_errors(source.root), source.root)
            self.gap(
                "E0183",
                f"`{path}` cannot be parsed, and no {what} is found in it, so what depends on it is not audited",
                span=source.span(first),
            )
            return None
        if node is None:
            self.gap("E0185", f"`{path}` has no {what}, so what depends on it is not audited")
            return None
        if node.has_error:
            first = next(_errors(node), node)
            self.gap("E0183", f"the {what} cannot be parsed, so what depends on it is not audited", span=source.span(first))
            return None
        return node

    def files(self, folder: str, *suffixes: str, without: str = "") -> Iterator[str]:
        """The regular files below `folder` with one of these suffixes, as paths from the root.

        Links are not followed, and folders that are called `without` are not entered.
        """
        stack = [folder]
        while stack:
            here = stack.pop()
            try:
                with os.scandir(self.root / here) as entries:
                    found = sorted(entries, key=lambda each: each.name)
            except OSError as error:
                self.gap("E0183", f"the folder `{here}` cannot be read: {error.strerror or error}")
                continue
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    if each.name == without:
                        continue
                    stack.append(f"{here}/{each.name}")
                elif each.name.endswith(suffixes) and each.is_file(follow_symlinks=False):
                    yield f"{here}/{each.name}"


def _errors(node: Node) -> Iterator[Node]:
    """The places that the parser did not take."""
    stack = [node]
    while stack:
        each = stack.pop()
        if each.is_error or each.is_missing:
            yield each
        elif each.has_error:
            stack += reversed(each.children)
