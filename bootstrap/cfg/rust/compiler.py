"""D, W and X of a tree, from `rustc_session/src/config/cfg.rs`, and what `rustc_interface/src/util.rs` sets."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bootstrap.cfg.lists import ANY_VALUE, BARE, Entry, Forms
from bootstrap.cfg.rust.syntax import (
    COMMENTS,
    Source,
    arguments,
    children,
    constant,
    descend,
    function,
    macro,
    split,
    string,
    symbol,
    text,
    words,
)
from bootstrap.cfg.rust.tree import Tree
from bootstrap.diagnostics import Span

if TYPE_CHECKING:
    from tree_sitter import Node

CFG = "compiler/rustc_session/src/config/cfg.rs"
INTERFACE = "compiler/rustc_interface/src/util.rs"
TARGET_VALUES = "BUILTIN_TARGET_CFG_VALUES"
NIGHTLY = "is_nightly_build"
INSERTIONS = frozenset({"ins_none", "ins_str", "ins_sym"})
FUNCTIONS = {"default": "default_configuration", "well_known": "fill_well_known", "disallowed": "disallow_cfgs"}
"""Which function keeps which list."""
SPEC = "compiler/rustc_target/src/spec/mod.rs"
DISALLOWED_SINCE = (1, 82)
"""The first version with `disallow_cfgs` and its test (rust-lang/rust#126158, its release notes)."""
CONDITIONS = frozenset({"if_expression", "match_arm", "for_expression"})

Texts = Mapping[str, str]
"""The text of a symbol whose text is not its name."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A constant of a type that is taken for another one before it is set, such as `SanitizerSet::KERNELADDRESS` for `ADDRESS`."""

    kind: str
    before: str
    after: str
    span: Span


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Insertions that stand together, right after a comment if there is one, without an empty line between them."""

    comment: str
    span: Span | None
    entries: tuple[Entry, ...]


class Reader:
    """Reads cfg.rs of a tree; `texts` are those of the symbols."""

    def __init__(self, tree: Tree, source: Source, texts: Texts) -> None:
        self.tree, self.source, self.texts = tree, source, texts

    def body(self, which: str) -> Node | None:
        """The function that keeps a list."""
        name = FUNCTIONS[which]
        return self.tree.sound(self.source, function(self.source.root, name), f"function `{name}`")

    def default(self) -> tuple[Entry, ...] | None:
        """D: each insertion in `default_configuration`, in its order."""
        body = self.body("default")
        return None if body is None else (*self.insertions(body), *self.elsewhere())

    def insertions(self, body: Node) -> Iterator[Entry]:
        """The entries of the macros `ins_none`, `ins_str` and `ins_sym`."""
        for call in descend(body, "macro_invocation"):
            if macro(call) not in INSERTIONS:
                continue
            parts = arguments(call)
            name = symbol(parts[0]) if parts else None
            if name is None:
                self.tree.not_understood(self.source, call, "which cfg is set here")
                continue
            conditions = list(self.conditions(call, body))
            yield Entry(
                name=name,
                forms=BARE if macro(call) == "ins_none" else self.value(parts[1] if len(parts) > 1 else []),
                span=self.source.span(call),
                when=" and ".join(reversed(conditions)),
                nightly=any(NIGHTLY in each for each in conditions),
            )

    def value(self, parts: list[Node]) -> Forms:
        """The form with the value that is written, or with some value."""
        name = symbol(parts)
        return ANY_VALUE if name is None else Forms(values=frozenset({self.text_of(name)}))

    def conditions(self, node: Node, body: Node) -> Iterator[str]:
        """The conditions around `node`, the innermost first."""
        inner, outer = node, node.parent
        while outer is not None and outer != body:
            if outer.type in CONDITIONS:
                field = {"if_expression": "condition", "match_arm": "pattern", "for_expression": "value"}[outer.type]
                said = outer.child_by_field_name(field)
                negated = outer.type == "if_expression" and inner == outer.child_by_field_name("alternative")
                if said is not None and inner != said:
                    yield ("not " if negated else "for each of " if outer.type == "for_expression" else "") + " ".join(text(said).split())
            inner, outer = outer, outer.parent

    def elsewhere(self) -> Iterator[Entry]:
        """D*: what `add_configuration` sets, as pairs of a symbol, or of a name for one, and a value."""
        source = self.tree.source(INTERFACE)
        body = self.tree.sound(source, function(source.root, "add_configuration"), "function `add_configuration`") if source else None
        if source is None or body is None:
            return
        names = {text(pattern): symbol(words(value)) for pattern, value in _lets(body)}
        seen: set[tuple[str, bool]] = set()
        for pair in descend(body, "tuple_expression"):
            parts = children(pair)
            name = symbol(words(parts[0])) or names.get(text(parts[0])) if len(parts) == 2 else None  # noqa: PLR2004 - a pair
            if name and (name, bare := text(parts[1]) == "None") not in seen:
                seen.add((name, bare))
                yield Entry(
                    name=name, forms=BARE if bare else ANY_VALUE, span=source.span(pair), elsewhere=True, when="rustc_interface adds it"
                )

    def well_known(self) -> tuple[Entry, ...] | None:
        """W: each `ins!` in `fill_well_known`, in its order."""
        body = self.body("well_known")
        if body is None:
            return None
        found: dict[str, Entry] = {}
        for call in descend(body, "macro_invocation"):
            if macro(call) != "ins":
                continue
            for each in self.expected(call, body):
                found.setdefault(each.name, each)
        return tuple(found.values())

    def expected(self, call: Node, body: Node) -> Iterator[Entry]:
        """The entries of one `ins!(NAME, CONSTRUCTOR)`, of which there are several in a loop over names."""
        parts = arguments(call)
        names = list(self.names(parts[0], call, body)) if len(parts) == 2 else []  # noqa: PLR2004 - a name and a constructor
        if not names:
            self.tree.not_understood(self.source, call, "which name is expected here")
        constructor = text(parts[1][0]) if names and len(parts[1]) == 1 else ""
        values = self.extension(call, body) if names else frozenset()
        for name, place in names:
            forms = Forms(bare=constructor == "no_values", values=values if constructor == "no_values" or values else None)
            yield Entry(name=name, forms=forms, span=self.source.span(place))

    def names(self, parts: list[Node], call: Node, body: Node) -> Iterator[tuple[str, Node]]:
        """The symbols that the first argument stands for, each with its place."""
        name = symbol(parts)
        if name is not None:
            yield name, call
        elif len(parts) == 1:
            loop, index = _loop_over(text(parts[0]), call)
            for each in self.elements(loop, body) if loop is not None else ():
                parts_of = children(each) if index is not None and each.type == "tuple_expression" else [each]
                element = parts_of[index or 0] if (index or 0) < len(parts_of) else each
                found = symbol(words(element))
                if found is None:
                    self.tree.not_understood(self.source, each, "which name is expected here")
                else:
                    yield found, element

    def elements(self, node: Node, body: Node) -> list[Node]:
        """The elements of an array, or of a constant or variable that is one."""
        while node.type == "reference_expression":
            node = children(node)[-1]
        if node.type == "array_expression":
            return children(node)
        if node.type == "identifier":
            item = constant(body, text(node)) or constant(self.source.root, text(node))
            value = (
                item.child_by_field_name("value")
                if item
                else next((value for pattern, value in _lets(body) if text(pattern) == text(node)), None)
            )
            return self.elements(value, body) if value is not None else []
        return []

    def extension(self, call: Node, body: Node) -> frozenset[str] | None:
        """The values that `.extend(...)` after an `ins!` adds: none without one, None when they cannot be told."""
        field = call.parent
        if field is None or field.type != "field_expression" or field.parent is None:
            return frozenset()
        given = field.parent.child_by_field_name("arguments")
        if given is None or not children(given):
            return None
        values = [self.written(each) for each in self.elements(children(given)[0], body)]
        return frozenset(each for each in values if each is not None) if values and None not in values else None

    def written(self, node: Node) -> str | None:
        """The text of `sym::NAME`, of `sym::integer(N)` or of a string; None for anything else."""
        parts = words(node)
        name = symbol(parts)
        if name is not None:
            return self.text_of(name)
        number = [text(each) for each in parts if each.type == "integer_literal"]
        if symbol(parts[:3]) == "integer" and len(number) == 1:
            return "".join(itertools.takewhile(str.isdigit, number[0]))
        return string(parts[0]) if len(parts) == 1 else None

    def text_of(self, name: str) -> str:
        """What a symbol reads."""
        return self.texts.get(name, name)

    def paragraphs(self, which: str) -> Iterator[Paragraph]:
        """The insertions at the top of a list's function, and in the `if`s there; what stands in loops and blocks is left out."""
        body = function(self.source.root, FUNCTIONS[which])
        block = body.child_by_field_name("body") if body else None
        comment, start, entries, row = "", None, list[Entry](), -1
        for each in block.named_children if block else ():
            if each.start_point.row > row + 1 or (each.type in COMMENTS and entries):
                yield Paragraph(comment=comment, span=start, entries=tuple(entries))
                comment, start, entries = "", None, []
            if each.type in COMMENTS:
                comment, start = f"{comment} {text(each).lstrip('/ ')}", start or self.source.span(each)
            else:
                entries += self.direct(each, which)
            row = each.end_point.row
        yield Paragraph(comment=comment, span=start, entries=tuple(entries))

    def direct(self, statement: Node, which: str) -> Iterator[Entry]:
        """The insertions of one statement that is no loop and no block."""
        inner = children(statement)[0] if statement.type == "expression_statement" and children(statement) else statement
        if inner.type in {"for_expression", "block", "let_declaration", "macro_definition"}:
            return
        for call in descend(inner, "macro_invocation"):
            parts = arguments(call) if macro(call) in (INSERTIONS if which == "default" else {"ins"}) else []
            name = symbol(parts[0]) if parts else None
            if name is not None:
                yield Entry(name=name, span=self.source.span(call))

    def rewrites(self) -> Iterator[Rewrite]:
        """Each `if x == KIND::BEFORE { x = KIND::AFTER; }` in `default_configuration`."""
        body = function(self.source.root, FUNCTIONS["default"])
        for each in descend(body, "if_expression") if body else ():
            condition = each.child_by_field_name("condition")
            before = words(condition)[-3:] if condition is not None and condition.type == "binary_expression" else []
            for assignment in descend(each, "assignment_expression"):
                after = words(assignment)[-3:]
                if len(before) == len(after) == 3 and [text(word) for word in before[:2]] == [text(word) for word in after[:2]]:  # noqa: PLR2004 - KIND, ::, NAME
                    yield Rewrite(kind=text(before[0]), before=text(before[2]), after=text(after[2]), span=self.source.span(each))

    def target_values(self) -> dict[str, frozenset[str]] | None:
        """The values in the table of what built-in targets have, by cfg; None in a tree that computes them and has no table."""
        body = function(self.source.root, FUNCTIONS["well_known"])
        names, values = (constant(body, "VALUES") if body else None), constant(self.source.root, TARGET_VALUES)
        if body is None or names is None or values is None:
            return None
        bound = [each.child_by_field_name("value") for each in (names, values)]
        left, right = (self.elements(each, body) if each is not None else [] for each in bound)
        if not left or len(left) != len(right):
            self.tree.not_understood(self.source, values, "which cfg has which of these values")
            return None
        rows = [frozenset(said for each in self.elements(row, body) if (said := string(each)) is not None) for row in right]
        return {name: row for each, row in zip(left, rows, strict=True) if (name := symbol(words(each))) is not None}

    def disallowed(self) -> tuple[Entry, ...] | None:
        """X: each pattern of the match in `disallow_cfgs`, with the flag that its arm names."""
        body = self.body("disallowed")
        return None if body is None else tuple(each for arm in descend(body, "match_arm") for each in self.refused(arm))

    def refused(self, arm: Node) -> Iterator[Entry]:
        """The entries of one arm; an arm that calls nothing refuses nothing."""
        value, pattern = arm.child_by_field_name("value"), arm.child_by_field_name("pattern")
        flag = next((string(each) for each in descend(value, "string_literal")), None) if value else None
        if pattern is None or not flag:
            if value is not None and any(True for _ in descend(value, "call_expression")):
                self.tree.not_understood(self.source, arm, "what controls this cfg")
            return
        for pair in descend(pattern, "tuple_pattern"):
            names, forms = split_pair(pair)
            found = [(symbol(words(each)), each) for each in names]
            if forms is None or not found or any(name is None for name, _ in found):
                self.tree.not_understood(self.source, pair, "which cfg is refused here")
                continue
            form = self.form(forms)
            for name, place in found:
                yield Entry(name=name or "", forms=form, span=self.source.span(place), controlled_by=flag)

    def form(self, pattern: Node) -> Forms:
        """The forms that `None`, `Some(_)`, `Some(sym::a | sym::b)` or several of them match."""
        whole = Forms()
        for each in alternatives(pattern):
            if each.type == "_":
                return Forms(bare=True, values=None)
            if each.type == "identifier":
                whole |= BARE
                continue
            listed = [symbol(words(name)) for name in alternatives(children(each)[-1])] if len(children(each)) > 1 else [None]
            known = frozenset(self.text_of(name) for name in listed if name is not None)
            whole |= Forms(values=known if len(known) == len(listed) else None)
        return whole


def split_pair(pair: Node) -> tuple[list[Node], Node | None]:
    """The names and the forms of a pattern `(NAMES, FORMS)`."""
    parts = [each for each in pair.children if each.type not in {"(", ")", ",", "line_comment", "block_comment"}]
    return (alternatives(parts[0]), parts[1]) if len(parts) == 2 else ([], None)  # noqa: PLR2004 - a pair


def alternatives(pattern: Node) -> list[Node]:
    """The patterns of `A | B | C`, which nest to the left."""
    if pattern.type != "or_pattern":
        return [pattern]
    return [found for each in pattern.children if each.type != "|" for found in alternatives(each)]


def _lets(body: Node) -> Iterator[tuple[Node, Node]]:
    """The pattern and the value of every `let`."""
    for each in descend(body, "let_declaration"):
        pattern, value = each.child_by_field_name("pattern"), each.child_by_field_name("value")
        if pattern is not None and value is not None:
            yield pattern, value


def _loop_over(name: str, node: Node) -> tuple[Node | None, int | None]:
    """What the loop around `node` that binds `name` goes over, and which element of a tuple the name is."""
    outer = node.parent
    while outer is not None:
        if outer.type == "for_expression":
            pattern, value = outer.child_by_field_name("pattern"), outer.child_by_field_name("value")
            bound = [text(each) for each in words(pattern)] if pattern else []
            if pattern is not None and name in bound:
                parts = [[text(each) for each in part] for part in split(pattern)] if pattern.type == "tuple_pattern" else []
                index = next((position for position, part in enumerate(parts) if name in part), None)
                return value, index
        outer = outer.parent
    return None, None
