"""All that an audit knows of one source. What a source cannot tell is None, and the rules that need it are not asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from bootstrap.cfg.lists import Lists
from bootstrap.cfg.rust.build_system import Declared, Platforms
from bootstrap.cfg.rust.compiler import Paragraph, Rewrite
from bootstrap.cfg.rust.features import Feature, Symbol
from bootstrap.cfg.rust.suites import Book, Listing, Named, Refusals
from bootstrap.diagnostics import Diagnostic, Span


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The lists, and around them what else must agree with them. `gaps` says what could not be read or understood."""

    lists: Lists
    gaps: tuple[Diagnostic, ...] = ()
    version: tuple[int, int] | None = None
    complete: bool | None = True
    """None where D is only what was seen to be set."""
    symbols: Mapping[str, Symbol] | None = None
    unused: frozenset[str] | None = None
    """Symbols of cfgs and of their features that nothing uses."""
    features: Mapping[str, Feature] | None = None
    options: Mapping[str, set[str]] | None = None
    paragraphs: Mapping[str, Sequence[Paragraph]] | None = None
    unreachable: Sequence[tuple[str, Rewrite]] | None = None
    """Values that are rewritten before they are set."""
    refusals: Refusals | None = None
    tested: tuple[tuple[Named, ...], Span] | None = None
    listings: Sequence[Listing] | None = None
    values: Mapping[str, tuple[frozenset[str | None], Span | None]] | None = None
    """The values of well-known names as a snapshot has them, or a compiler prints them; None among them for the bare name."""
    book: Book | None = None
    book_source_exists: bool = True
    """Whether the file that the book names holds the list of well-known names."""
    gate_messages: frozenset[str] | None = None
    collisions: Sequence[Named] | None = None
    extra: Sequence[Declared] | None = None
    unasked: frozenset[str] = frozenset()
    """Extra cfgs that no source asks for."""
    passed: Sequence[Named] | None = None
    declared: Sequence[Declared] | None = None
    """What bootstrap's flags and the lints of crates declare."""
    platforms: Sequence[Platforms] | None = None
    root: Path | None = None
    has_vendored: bool = False
    """Whether the sources of foreign crates are there."""
    well_known_changed: str = ""
    """The date of the last change of the well-known list, where the history is there."""
    targets: Mapping[str, frozenset[str]] | None = None
    """The values of built-in targets, by cfg: the table of a tree that has one, or what a compiler sets for its targets."""
