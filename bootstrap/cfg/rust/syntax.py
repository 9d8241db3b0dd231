"""Rust sources as syntax trees, with the places of what stands in them.

A *node* is tree-sitter's. The arguments of a macro are no expressions to it but a *token tree*; its leaves are the *words*.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Span, fail

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

COMMENTS = frozenset({"line_comment", "block_comment"})


@functools.cache
def _parser() -> Parser:
    """The parser; raises `Failure` (E0254) when the extra that brings it is not installed."""
    try:
        import tree_sitter  # noqa: PLC0415 - an extra, which only the audit of a tree needs
        import tree_sitter_rust  # noqa: PLC0415
    except ImportError:
        raise fail("E0254", "reading Rust sources needs tree-sitter", help=["run `pip install 'holoenzyme[audit]'`"]) from None
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """One Rust file: its bytes and the root of its tree."""

    path: Path
    data: bytes
    root: Node

    @classmethod
    def parse(cls, path: Path, data: bytes) -> Source:
        """The file `path` with the contents `data`."""
        return cls(path=path, data=data, root=_parser().parse(data).root_node)

    def span(self, node: Node, end: Node | None = None) -> Span:
        """The place of a node, or from it to `end`; cut at the end of its first line."""
        start, stop = node.start_byte, (end or node).end_byte
        first = start - node.start_point.column
        last = self.data.find(b"\n", start)
        last = len(self.data) if last < 0 else last
        column = len(self.data[first:start].decode("utf-8", "replace")) + 1
        width = len(self.data[start : min(stop, last)].decode("utf-8", "replace"))
        source = self.data[first:last].decode("utf-8", "replace").rstrip("\r")
        return Span(path=self.path, line=node.start_point.row + 1, column=column, end_column=column + max(width, 1), source=source)


def place(path: Path, line: int, source: str, word: str = "") -> Span:
    """The place of `word`, or of all that is written, in a line of a text that is not Rust."""
    found = source.find(word) if word else len(source) - len(source.lstrip())
    column = max(found, 0) + 1
    return Span(path=path, line=line, column=column, end_column=column + max(len(word or source.strip()), 1), source=source)


def text(node: Node) -> str:
    """What a node is written as."""
    return (node.text or b"").decode("utf-8", "replace")


def children(node: Node) -> list[Node]:
    """The named children that are no comments."""
    return [each for each in node.named_children if each.type not in COMMENTS]


def descend(node: Node, *types: str) -> Iterator[Node]:
    """Every node below of these types, in the order of the text."""
    stack = [node]
    while stack:
        each = stack.pop()
        if each.type in types:
            yield each
        stack += reversed(each.children)


def function(root: Node, name: str) -> Node | None:
    """The function of this name, wherever it is."""
    wanted = name.encode()
    return next((each for each in descend(root, "function_item") if _named(each) == wanted), None)


def constant(root: Node, name: str) -> Node | None:
    """The constant or static of this name, wherever it is."""
    wanted = name.encode()
    return next((each for each in descend(root, "const_item", "static_item") if _named(each) == wanted), None)


def _named(node: Node) -> bytes | None:
    name = node.child_by_field_name("name")
    return name.text if name else None


def macro(node: Node) -> str:
    """The name of a macro invocation."""
    called = node.child_by_field_name("macro")
    return text(called) if called else ""


def words(node: Node) -> list[Node]:
    """The leaves of a node without comments: the words of a token tree; a string is one word."""
    found: list[Node] = []
    stack = [node]
    while stack:
        each = stack.pop()
        if each.type in COMMENTS:
            continue
        if each.type.endswith("string_literal") or not each.child_count:
            found.append(each)
        else:
            stack += reversed(each.children)
    return found


def arguments(invocation: Node) -> list[list[Node]]:
    """The arguments of a macro invocation: its words, split at the commas that stand in no inner brackets."""
    tree = next((each for each in invocation.children if each.type == "token_tree"), None)
    return split(tree) if tree else []


def split(tree: Node) -> list[list[Node]]:
    """The children of a token tree or a list between its commas, without its brackets, as words."""
    parts: list[list[Node]] = [[]]
    for each in tree.children[1:-1]:
        if each.type in COMMENTS:
            continue
        if each.type == ",":
            parts.append([])
        else:
            parts[-1] += words(each)
    return [part for part in parts if part]


def symbol(parts: list[Node]) -> str | None:
    """The symbol that the words `sym :: NAME` name, with or without `&` before them and `r#` in NAME; None for anything else."""
    names = [text(each) for each in parts if each.type != "&"]
    if len(names) == 3 and names[:2] == ["sym", "::"]:  # noqa: PLR2004 - sym, ::, NAME
        return names[2].removeprefix("r#")
    return None


def string(node: Node) -> str | None:
    """The contents of a string literal without escapes, None for anything else."""
    if not node.type.endswith("string_literal"):
        return None
    return "".join(text(each) for each in node.children if each.type == "string_content")
