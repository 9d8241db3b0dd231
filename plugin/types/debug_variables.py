"""What debug information says of the values in a function: of its parameters, of its local variables, of the memory that it allocates.

A variable is declared at an address. A parameter of the function belongs to a variable when it is stored there, or is said to be its
value: how a front end splits what it passes does not matter then. Where two variables disagree, nothing is said.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from plugin.types.debug_metadata import Metadata
from plugin.types.debug_types import DebugTypes
from plugin.types.typetree import Conflict, Kind, TypeTree

NAME = r'%(?:"[^"]*"|[-\w.$]+)'
_ALLOCATED = re.compile(rf"^  ({NAME}) = alloca ")
_CALLED = re.compile(rf"^  ({NAME}) = (?:tail |musttail |notail )?call ")
_STORED = re.compile(rf"^  store ptr ({NAME}), ptr ({NAME}),")
_INSIDE = re.compile(rf"^  ({NAME}) = getelementptr inbounds(?: nuw)? i8, ptr ({NAME}), i64 (\d+)")
_FIRST = re.compile(rf"^  ({NAME}) = getelementptr inbounds(?: nuw)? .*, ptr ({NAME}), i32 0, i32 0(?:, !dbg !\d+)?$")
_DECLARED = re.compile(
    rf"^ +(?:#dbg_|call void @llvm\.dbg\.)(?P<how>declare|value)\((?:metadata )?ptr (?P<name>{NAME}), (?:metadata )?(?P<variable>!\d+), "
    r"(?:metadata )?!DIExpression\((?P<expression>[^)]*)\)"
)
_FRAGMENT = re.compile(r"DW_OP_LLVM_fragment, (\d+), (\d+)")
_POINTER = Kind.POINTER.size


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of the source: its type, by the reference of its node, and whether it is a parameter."""

    type: str
    is_parameter: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is known of a function's values, by their names in its text.

    `parameters` are its parameters that are pointers, each with the words of its language for it; `results` the instructions, such as
    an `alloca`, whose result is a pointer to memory that is known.
    """

    parameters: Mapping[str, tuple[TypeTree, str]]
    results: Mapping[str, TypeTree]


def describe(body: str, subprogram: str, metadata: Metadata, types: DebugTypes) -> Described:
    """What the debug information of the function `subprogram`, whose text is `body`, says of its values."""
    head, *lines = body.split("\n")
    reader = _Reader(subprogram, metadata, types)
    for line in lines:
        reader.read(line)
    return Described(parameters=reader.parameters(head), results=reader.results())


class _Reader:
    """Collects what lines of a function say."""

    def __init__(self, subprogram: str, metadata: Metadata, types: DebugTypes) -> None:
        self._subprogram, self._metadata, self._types = subprogram, metadata, types
        self._made: set[str] = set()
        self._allocated: set[str] = set()
        self._place: dict[str, tuple[str, int]] = {}
        self._stored: dict[str, list[tuple[str, int]]] = {}
        self._declared: dict[str, list[Variable]] = {}
        self._values: dict[str, list[tuple[Variable, int]]] = {}

    def read(self, line: str) -> None:
        """Take note of one line."""
        if found := _DECLARED.match(line):
            self._variable(found)
        elif found := _ALLOCATED.match(line):
            self._allocated.add(found[1])
        elif found := _STORED.match(line):
            self._stored.setdefault(found[1], []).append(self._place.get(found[2], (found[2], 0)))
        elif found := _INSIDE.match(line):
            self._place[found[1]] = (found[2], int(found[3]))
        elif found := _FIRST.match(line):
            self._place[found[1]] = (found[2], 0)
        elif found := _CALLED.match(line):
            self._made.add(found[1])

    def _variable(self, found: re.Match[str]) -> None:
        node = self._metadata.node(found["variable"])
        if node is None or node.kind != "DILocalVariable" or not self._is_own(node.text("scope")):
            return
        variable = Variable(type=node.text("type"), is_parameter="arg" in node.fields)
        if found["how"] == "declare" and not found["expression"]:
            self._declared.setdefault(found["name"], []).append(variable)
        elif found["how"] == "value" and variable.is_parameter:
            part = _FRAGMENT.fullmatch(found["expression"])
            offset, length = (int(part[1]) // 8, int(part[2]) // 8) if part else (0, self._types.size(variable.type))
            if length == _POINTER and (part or not found["expression"]):
                self._values.setdefault(found["name"], []).append((variable, offset))

    def _is_own(self, scope: str) -> bool:
        """Whether a scope is the function itself or a block of it, and not what was inlined."""
        while scope != self._subprogram:
            node = self._metadata.node(scope)
            if node is None or not node.kind.startswith("DILexicalBlock"):
                return False
            scope = node.text("scope")
        return True

    def parameters(self, head: str) -> dict[str, tuple[TypeTree, str]]:
        """The parameters of the function that begins with the line `head`."""
        found = {}
        for name in set(re.findall(NAME, head)):
            said = [*self._stored_there(name, parameters=True), *self._values_of(name), *self._lives_at(name, parameters=True)]
            tree = _agreed(tree for tree, _ in said)
            if tree.is_known_past_pointer:
                found[name] = (tree, said[0][1])
        return found

    def results(self) -> dict[str, TypeTree]:
        """The variables in memory, and what calls return for a variable that is a pointer."""
        known = {name: _agreed(tree for tree, _ in self._lives_at(name)) for name in self._allocated}
        once = [name for name in self._made if len(self._stored.get(name, [])) == 1]
        known |= {name: _agreed(tree for tree, _ in self._stored_there(name)) for name in once}
        return {name: tree for name, tree in known.items() if tree.is_known_past_pointer}

    def _stored_there(self, name: str, *, parameters: bool = False) -> list[tuple[TypeTree, str]]:
        """What the variables say of `name` in which it is stored."""
        return [
            self._inside(variable, offset)
            for base, offset in self._stored.get(name, [])
            for variable in self._declared.get(base, [])
            if variable.is_parameter or not parameters
        ]

    def _values_of(self, name: str) -> list[tuple[TypeTree, str]]:
        """What the variables say of `name` whose value it is."""
        return [self._inside(variable, offset) for variable, offset in self._values.get(name, [])]

    def _inside(self, variable: Variable, offset: int) -> tuple[TypeTree, str]:
        """The pointer in a variable, `offset` bytes from its begin."""
        tree, size = self._types.tree(variable.type) or TypeTree(), self._types.size(variable.type)
        return tree.spread(size).at(offset, _POINTER), self._types.name(variable.type)

    def _lives_at(self, name: str, *, parameters: bool = False) -> list[tuple[TypeTree, str]]:
        """What the variables say of the address `name` that live there. Of a local one that is a scalar the optimiser leaves no trace."""
        return [
            (self._behind(variable), self._types.name(variable.type))
            for variable in self._declared.get(name, [])
            if (variable.is_parameter if parameters else self._types.size(variable.type) > _POINTER)
        ]

    def _behind(self, variable: Variable) -> TypeTree:
        """A pointer to a variable."""
        tree = self._types.tree(variable.type) or TypeTree()
        return tree.canonical(self._types.size(variable.type)).behind().canonical(_POINTER)


def _agreed(trees: Iterable[TypeTree]) -> TypeTree:
    """What trees say together; nothing where they contradict each other, or where the value is no pointer."""
    together = TypeTree()
    try:
        for tree in trees:
            together = together.merged(tree)
    except Conflict:
        return TypeTree()
    return together if dict(together.entries).get((-1,)) is Kind.POINTER and together.fits_any_value else TypeTree()
