"""The symbols and the features of a tree, and G, its list of gated cfgs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bootstrap.cfg.lists import Entry, Forms
from bootstrap.cfg.rust.syntax import COMMENTS, children, constant, descend, macro, split, string, symbol, text, words
from bootstrap.cfg.rust.tree import Tree
from bootstrap.diagnostics import Span

if TYPE_CHECKING:
    from tree_sitter import Node

SYMBOLS = "compiler/rustc_span/src/symbol.rs"
GATES = "compiler/rustc_feature/src/builtin_attrs.rs"
FEATURES = {
    "unstable": "compiler/rustc_feature/src/unstable.rs",
    "accepted": "compiler/rustc_feature/src/accepted.rs",
    "removed": "compiler/rustc_feature/src/removed.rs",
}
STATUSES = frozenset({"unstable", "incomplete", "internal", "accepted", "removed"})
ROW = 4
"""What a declared feature has: status, name, version, issue; a removed one has a reason more."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """An interned name: `text` is what it reads, where that is not the name."""

    name: str
    text: str
    span: Span


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A declared feature: `status` is its own word (unstable, incomplete, internal, accepted, removed), `issue` None without one."""

    name: str
    status: str
    version: str
    issue: int | None
    span: Span


def symbols(tree: Tree) -> dict[str, Symbol] | None:
    """The symbols of the macro `symbols!`, in their order; keywords are not among them."""
    source = tree.source(SYMBOLS)
    if source is None:
        return None
    call = next((each for each in descend(source.root, "macro_invocation") if macro(each) == "symbols"), None)
    block = _block(tree.sound(source, call, "macro `symbols!`"), "Symbols")
    if block is None:
        if call is not None:
            tree.not_understood(source, call, "the list of symbols")
        return None
    found: dict[str, Symbol] = {}
    for part in _parts(block):
        name = text(part[0])
        found[name] = Symbol(name=name, text=next(filter(None, map(string, part[1:])), name), span=source.span(part[0]))
    return found


def _block(call: Node | None, name: str) -> Node | None:
    """The token tree that follows the word `name` in a macro's arguments."""
    tree = next((each for each in call.children if each.type == "token_tree"), None) if call else None
    for word, following in zip(tree.children, tree.children[1:], strict=False) if tree else ():
        if text(word) == name and following.type == "token_tree":
            return following
    return None


def _parts(block: Node) -> Iterator[list[Node]]:
    """The parts of a token tree between commas, without going into them: a list of symbols is long."""
    part: list[Node] = []
    for each in block.children[1:-1]:
        if each.type == ",":
            if part:
                yield part
            part = []
        elif each.type not in COMMENTS:
            part.append(each)
    if part:
        yield part


def features(tree: Tree) -> dict[str, Feature] | None:
    """The declared features of all three lists; None when one of them cannot be had."""
    found: dict[str, Feature] = {}
    for path in FEATURES.values():
        source = tree.source(path)
        call = (
            next((each for each in descend(source.root, "macro_invocation") if macro(each) == "declare_features"), None) if source else None
        )
        sound = tree.sound(source, call, "macro `declare_features!`") if source else None
        if source is None or sound is None:
            return None
        for row in descend(sound, "token_tree"):
            parts = split(row)
            if parts and parts[0] and text(parts[0][0]) in STATUSES:
                if len(parts) < ROW:
                    tree.not_understood(source, row, "this feature")
                    continue
                issue = next((int(said) for each in parts[3] if (said := text(each)).isdecimal()), None)
                name = text(parts[1][0])
                found[name] = Feature(
                    name=name, status=text(parts[0][0]), version=string(parts[2][0]) or "", issue=issue, span=source.span(row)
                )
    return found


def gated(tree: Tree) -> tuple[Entry, ...] | None:
    """G: the rows of `GATED_CFGS`."""
    source = tree.source(GATES)
    item = tree.sound(source, constant(source.root, "GATED_CFGS"), "constant `GATED_CFGS`") if source else None
    rows = next(descend(item, "array_expression"), None) if item else None
    if source is None or rows is None:
        return None
    found = []
    for row in children(rows):
        parts = [symbol(words(each)) for each in children(row)[:2]]
        if len(parts) < 2 or None in parts:  # noqa: PLR2004 - a name and a feature
            tree.not_understood(source, row, "this gate")
            continue
        found.append(Entry(name=parts[0] or "", forms=Forms(bare=True, values=None), span=source.span(row), feature=parts[1] or ""))
    return tuple(found)


def texts(found: Mapping[str, Symbol] | None) -> dict[str, str]:
    """What symbols read whose text is not their name."""
    return {name: each.text for name, each in (found or {}).items() if each.text != name}
