"""Which symbols of a tree are used at all, and which cfgs its sources ask for.

Files that do not hold a name as bytes cannot use it; the others are parsed, so that a name in a comment does not count. The search ends
where everything is found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from bootstrap.cfg.rust.syntax import Source, descend, macro, symbol, text, words
from bootstrap.cfg.rust.tree import Tree

FOLDERS = ("compiler", "src/librustdoc", "src/tools/clippy", "src/tools/miri")
"""Where symbols are used."""
MORE_FOLDERS = ("library", "src/tools/rust-analyzer", "src/tools")
"""Where cfgs are asked for as well; the last is large, and most trees do not need it."""
FIRST = (
    "compiler/rustc_session/src/config/cfg.rs",
    "compiler/rustc_feature/src/builtin_attrs.rs",
    "compiler/rustc_feature/src/unstable.rs",
    "compiler/rustc_feature/src/accepted.rs",
    "compiler/rustc_feature/src/removed.rs",
)
"""Where most symbols are used: every one that is found here is searched for nowhere else."""
ATTRIBUTES = ("attribute_item", "inner_attribute_item")
ASKING = frozenset({"cfg", "cfg_attr", "cfg_if"})


@dataclasses.dataclass(slots=True, kw_only=True)
class Search:
    """What is searched for and not found yet: `symbols`, used as `sym::NAME`, and `cfgs`, asked for by an attribute or a macro."""

    symbols: set[str]
    cfgs: set[str]

    def in_file(self, tree: Tree, path: str) -> None:
        """Strike what a file uses."""
        data = tree.glance(path)
        symbols = {name for name in self.symbols if f"sym::{name}".encode() in data}
        cfgs = {name for name in self.cfgs if name.encode() in data} if b"cfg" in data else set[str]()
        source = tree.source(path, optional=True) if symbols or cfgs else None
        if source is not None:
            self.symbols -= _used(source) if symbols else set()
            self.cfgs -= cfgs & _asked(source) if cfgs else set()


def missing(tree: Tree, symbols: Iterable[str], cfgs: Iterable[str]) -> Search:
    """Those of `symbols` that nothing uses, and those of `cfgs` that nothing asks for."""
    search = Search(symbols=set(symbols), cfgs=set(cfgs))
    for path in FIRST:
        if (tree.root / path).is_file():
            search.in_file(tree, path)
    _in_folders(tree, FOLDERS, search)
    rest = Search(symbols=set(), cfgs=search.cfgs)
    _in_folders(tree, MORE_FOLDERS, rest)
    return Search(symbols=search.symbols, cfgs=rest.cfgs)


def _in_folders(tree: Tree, folders: Iterable[str], search: Search) -> None:
    for folder in folders:
        fixtures = "tests" if folder.startswith("src/tools") else ""  # thousands of files, which nothing of the tree is built from
        for path in tree.files(folder, ".rs", without=fixtures) if (tree.root / folder).is_dir() else ():
            if not search.symbols and not search.cfgs:
                return
            search.in_file(tree, path)


def _used(source: Source) -> set[str]:
    """The symbols that a file uses."""
    leaves = words(source.root)
    triples = zip(leaves, leaves[1:], leaves[2:], strict=False)
    return {name for triple in triples if (name := symbol(list(triple))) is not None}


def _asked(source: Source) -> set[str]:
    """The names in the cfg attributes and macros of a file."""
    found: set[str] = set()
    for node in descend(source.root, *ATTRIBUTES, "macro_invocation"):
        leaves = [text(each) for each in words(node)]
        if macro(node) in ASKING or any(each in ASKING for each in leaves[:4]):
            found.update(leaves)
    return found
