"""The defaults in the code of a rust tree's bootstrap: what is taken where a key is not set.

They are found by their form: `KEY.unwrap_or(DEFAULT)`, `match KEY { None => DEFAULT, .. }`, and the fields of `default_opts`. A name that
several sections have is looked for with its section alone, as in `llvm_optimize`.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

from change_tracker.change import Key
from change_tracker.rust import Default, Option, Source, below, string, words

PLAIN = {"true": True, "false": False}


def defaults(sources: Sequence[Source], options: Mapping[Key, Option]) -> dict[Key, tuple[Default, ...]]:
    """The defaults of each key for which there are any, in the order in which they stand."""
    names = _names(options)
    found: dict[Key, list[Default]] = {}
    for source in sources:
        for name, node in _candidates(source.root):
            if name in names:
                found.setdefault(names[name], []).append(
                    Default(text=" ".join(words(node).split()), value=value(node), place=source.place(node))
                )
    return {key: tuple(each) for key, each in found.items()}


def _names(options: Mapping[Key, Option]) -> dict[str, Key]:
    """The names that a key may have in the code: its field's, and that with its section before it."""
    count = collections.Counter(each.field for each in options.values())
    found: dict[str, Key] = {}
    for key, option in options.items():
        if len(key) == 2:  # noqa: PLR2004 - a section and a name; the defaults of targets depend on the target
            found[f"{key[0]}_{option.field}"] = key
            if count[option.field] == 1:
                found[option.field] = key
    return found


def _candidates(root: Node) -> Iterator[tuple[str, Node]]:
    """Names with the expression that stands for them when they are not set."""
    for call in below(root, "call_expression"):
        function = call.child_by_field_name("function")
        given = call.child_by_field_name("arguments")
        if function and function.type == "field_expression" and words(function.child_by_field_name("field")) == "unwrap_or" and given:
            yield from ((_last(function.child_by_field_name("value")), each) for each in given.named_children[:1])
    for match in below(root, "match_expression"):
        name = _last(match.child_by_field_name("value"))
        for arm in below(match, "match_arm"):
            body = arm.child_by_field_name("value")
            if words(arm.child_by_field_name("pattern")) == "None" and body:
                yield name, body
    for function in below(root, "function_item"):
        if words(function.child_by_field_name("name")) == "default_opts":
            for field in below(function, "field_initializer"):
                node = field.child_by_field_name("value")
                if node:
                    yield words(field.child_by_field_name("field")), node


def _last(node: Node | None) -> str:
    """The last name of `self.a.b`, `a.as_ref().b` or `b`."""
    return re.split(r"\W+", words(node))[-1] if node and node.type in ("identifier", "field_expression") else ""


def value(node: Node) -> Any:
    """The plain value of an expression, None when it is computed; a name stands for what `let` gave it in the same function."""
    text = words(node)
    if node.type == "identifier":
        bound = _bound(node, text)
        return value(bound) if bound else None
    if node.type == "boolean_literal":
        return PLAIN[text]
    if node.type == "integer_literal":
        return int(re.sub(r"[iu](?:8|16|32|64|128|size)$", "", text).replace("_", ""), 0)
    if node.type.endswith("string_literal"):
        return string(node)
    collected = re.match(r"(?:BTreeSet|HashSet)::from\(|vec!\[", text)
    strings = [string(each) for each in below(node, "string_literal", "raw_string_literal")]
    return sorted(filter(None, strings)) if collected else None


def _bound(node: Node, name: str) -> Node | None:
    """What `let NAME = ...;` in the function around `node` says."""
    around: Node | None = node
    while around and around.type != "function_item":
        around = around.parent
    bindings = [each for each in below(around, "let_declaration") if words(each.child_by_field_name("pattern")) == name] if around else []
    before = [each for each in bindings if each.end_byte <= node.start_byte]
    return before[-1].child_by_field_name("value") if before else None
