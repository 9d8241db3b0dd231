"""From a rust-lang/rust tree to the facts that the rules ask for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import LISTS, Entry, Lists
from bootstrap.cfg.rules.rule import RESERVED
from bootstrap.cfg.rust import build_system, compiler, features, references, suites
from bootstrap.cfg.rust.compiler import CFG, DISALLOWED_SINCE, Reader, Rewrite
from bootstrap.cfg.rust.syntax import function
from bootstrap.cfg.rust.tree import OLDEST, Tree
from bootstrap.diagnostics import Severity
from bootstrap.process import TimedOut, run

SECONDS = 20.0
"""How long git may take to find a date."""
FILL = b"fn fill_well_known"


def read(root: Path) -> Facts:
    """The facts of the tree at `root`. Raises `Failure`: E0255 when it is no such tree, E0254 without tree-sitter."""
    tree = Tree(root)
    for since, what in ((OLDEST, "so its lists may not be understood"), (DISALLOWED_SINCE, "so it has no list of disallowed cfgs")):
        if tree.is_older_than(since):
            told = "{}.{}".format(*tree.version or ())
            tree.gap("E0185", f"the tree is of Rust {told}, older than {since[0]}.{since[1]}, {what}", severity=Severity.NOTE)
    facts = _with_references(tree, _with_build(tree, _with_suites(tree, _of_compiler(tree))))
    return dataclasses.replace(facts, gaps=tuple(tree.gaps))


def _of_compiler(tree: Tree) -> Facts:
    """The lists, and what of the compiler's sources must agree with them."""
    symbols, declared = features.symbols(tree), features.features(tree)
    facts = Facts(
        lists=Lists(source=f"the tree {tree.root}", gated=features.gated(tree)),
        version=tree.version,
        root=tree.root,
        symbols=symbols,
        features=declared,
        options=build_system.options(tree),
    )
    source = tree.source(CFG)
    return _with_lists(tree, Reader(tree, source, features.texts(symbols)), facts) if source else facts


def _with_lists(tree: Tree, reader: Reader, facts: Facts) -> Facts:
    """What cfg.rs says: D, W and X, how they are written, and which values never arrive."""
    lists = dataclasses.replace(facts.lists, default=reader.default(), well_known=reader.well_known(), disallowed=_disallowed(tree, reader))
    return dataclasses.replace(
        facts,
        lists=lists,
        paragraphs={which: list(reader.paragraphs(which)) for which in LISTS[:2]},
        unreachable=_unreachable(tree, reader),
        targets=reader.target_values(),
        well_known_changed=_changed(tree.root, reader),
    )


def _disallowed(tree: Tree, reader: Reader) -> tuple[Entry, ...] | None:
    return None if tree.is_older_than(DISALLOWED_SINCE) else reader.disallowed()


def _with_suites(tree: Tree, facts: Facts) -> Facts:
    """What the tests and the book say."""
    builtin = frozenset(each.name for which in LISTS[:3] for each in facts.lists.entries(which)) | {"test"}
    book = suites.book(tree)
    return dataclasses.replace(
        facts,
        refusals=None if tree.is_older_than(DISALLOWED_SINCE) else suites.refusals(tree),
        tested=suites.tested_values(tree),
        listings=suites.listings(tree),
        values=suites.known_values(tree),
        book=book,
        book_source_exists=book is None or book.path is None or FILL in (tree.data(book.path.name, optional=True) or b""),
        gate_messages=frozenset(suites.gate_messages(tree)),
        collisions=suites.colliding(tree, builtin),
    )


def _with_build(tree: Tree, facts: Facts) -> Facts:
    """What the build system and the crates say."""
    passed, flags = build_system.flags(tree)
    return dataclasses.replace(
        facts,
        has_vendored=(tree.root / "vendor").is_dir(),
        extra=build_system.extra_cfgs(tree),
        passed=passed,
        declared=(*flags, *build_system.lints(tree)),
        platforms=build_system.platforms(tree),
    )


def _with_references(tree: Tree, facts: Facts) -> Facts:
    """Which symbols of cfgs, `cfg_X` and `X` beside them, are no feature and used by nothing; and which extra cfgs nothing asks for."""
    gates = [name for name in facts.symbols or () if name.startswith("cfg_")]
    pairs = [*gates, *(name.removeprefix("cfg_") for name in gates)]
    symbols = [name for name in pairs if name in (facts.symbols or ()) and name not in (facts.features or ())]
    # What tools and the build system set comes and goes: a release is without `bootstrap`, and crates of others ask for `rust_analyzer`.
    left = references.missing(tree, symbols, {each.name for each in facts.extra or ()} - RESERVED)
    unused = None if facts.symbols is None or facts.features is None else frozenset(left.symbols)
    return dataclasses.replace(facts, unused=unused, unasked=frozenset(left.cfgs))


def _unreachable(tree: Tree, reader: Reader) -> list[tuple[str, Rewrite]]:
    """The texts of the constants that are rewritten before they are set."""
    found = []
    for rewrite in reader.rewrites():
        source = tree.source(compiler.SPEC)
        spelling = build_system.spellings(source, rewrite.kind).get(rewrite.before) if source else None
        if spelling is not None:
            found.append((spelling, rewrite))
    return found


def _changed(root: Path, reader: Reader) -> str:
    """The date of the last commit that changed the well-known list; empty without a history, or where it takes too long to tell."""
    body = function(reader.source.root, compiler.FUNCTIONS["well_known"])
    if body is None or not (root / ".git").exists():
        return ""
    lines = f"{body.start_point.row + 1},{body.end_point.row + 1}"
    try:
        done = run(["git", "-C", root, "log", "-1", "-s", "--format=%cs", f"-L{lines}:{CFG}"], seconds=SECONDS)
    except (OSError, TimedOut):
        return ""
    return done.stdout.strip()
