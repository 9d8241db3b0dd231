"""Types told to Enzyme: what the configuration, debug information and the module's own attributes say of pointers, written into IR text.

Enzyme reads the attribute `enzyme_type` where a function is called. So in front of a function's first instruction each parameter of
which something is known is handed to a call of Enzyme's own hint, which optimisers keep and Enzyme removes; inlined, the hint goes
along. With a length of 0 the hint itself says no more than that there is a pointer. Local variables and allocations have metadata.

Memory whose parts are of several kinds is told only where no copy of it can mislead Enzyme (`plugin.types.copies`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.ir.callgraph import CallGraph
from plugin.items.signature import Argument, Derivative, Passing
from plugin.types import copies
from plugin.types.debug_metadata import Metadata
from plugin.types.debug_types import DebugTypes
from plugin.types.debug_variables import NAME, Described, describe
from plugin.types.type_language import Pointer, Type
from plugin.types.typetree import Conflict, FncTree, Kind, TypeTree, tree_of

HINT = "@__enzyme_double.type"
_DECLARATION = f"declare void {HINT}(ptr nocapture, i64) nounwind willreturn nofree nosync inaccessiblememonly"
"""In words that LLVM 15 knows too; a call that writes no memory that one can name is kept and stands in nobody's way."""
_HEAD = re.compile(r'^define [^\n]*?@(?P<name>"(?:[^"\\]|\\.)*"|[-\w.$]+)\(')
_SUBPROGRAM = re.compile(r"\A[^\n]* !dbg (!\d+)[^\n]*\{\n")
_LABEL = re.compile(r'(?:[-\w.$]+|"[^"]*"):[^\n]*\n')
_WRITTEN = re.compile(r'"enzyme_type"="([^"]*)"')
_HINTED = re.compile(rf"^ .*{re.escape(HINT)}\(.*$", re.MULTILINE)
_RESULT = re.compile(rf"^  ({NAME}) = .*", re.MULTILINE)
_SEPARATOR = re.compile(r'"[^"]*"|[()<>\[\]{},]')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Parameter:
    """A parameter of a function in IR text."""

    type: str
    name: str
    written: str | None

    @classmethod
    def of(cls, text: str) -> _Parameter:
        name = re.search(rf"({NAME})$", text)
        written = _WRITTEN.search(text)
        return cls(type=text.split(" ", 1)[0], name=name[1] if name else "", written=written[1] if written else None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A tree, and who says it: in the words of a message."""

    tree: TypeTree
    by: str


def typed(text: str, derivatives: Sequence[Derivative], *, is_x86: bool, debug_types: bool) -> str:
    """IR text in which Enzyme is told all that is known of the types in it.

    The items of `derivatives` say types of their primals' inputs; debug information is asked where `debug_types` is set. Raises
    `Failure`: E0540 where two sources contradict each other, E0541 for an attribute that Enzyme cannot read. Once the text is optimised,
    `without_mixed` is to be asked.
    """
    graph = CallGraph.of(text)
    metadata = Metadata(text)
    types = DebugTypes(metadata, is_x86=is_x86)
    differentiated = {each for derived in graph.derives.values() for each in derived} | {each.item.source for each in derivatives}
    hints = _Hints(metadata.first_free)
    faults: list[Diagnostic] = []
    for name, body in graph.bodies.items():
        if name not in differentiated and not copies.copies(body):
            continue
        subprogram = _SUBPROGRAM.search(body) if debug_types else None
        described = describe(body, subprogram[1], metadata, types) if subprogram else Described(parameters={}, results={})
        try:
            own = [each for each in derivatives if each.item.source == name]
            trees = _trees(name, body, own, described)
        except Failure as failure:
            faults += failure.diagnostics
            continue
        uniform = {each: tree for each, tree in described.results.items() if tree.is_uniform}
        text = text.replace(body, hints.into(body, trees, uniform), 1)
    if faults:
        raise Failure(*faults)
    return hints.appended(text)


def without_mixed(text: str) -> str:
    """IR text, optimised before Enzyme, in which memory of several kinds is not told to functions that a copy would mislead about it."""
    if not any(not _told(line).is_uniform for line in _HINTED.findall(text)):
        return text
    graph = CallGraph.of(text)
    for name in copies.misleading(graph):
        body = graph.bodies[name]
        kept = [line for line in body.split("\n") if HINT not in line or _told(line).is_uniform]
        text = text.replace(body, "\n".join(kept), 1)
    return text


def _told(line: str) -> TypeTree:
    """The tree that a hint tells."""
    written = _WRITTEN.search(line)
    return TypeTree.read(written[1]) if written else TypeTree()


def _trees(name: str, body: str, derivatives: Iterable[Derivative], described: Described) -> dict[str, TypeTree]:
    """The trees of a function's parameters that are pointers, from all who say something; raises `Failure`."""
    parameters = _parameters(body)
    known: dict[str, Said] = {}
    faults: list[Diagnostic] = []
    for said, number, key in _all_said(name, parameters, derivatives, described, faults):
        parameter = parameters[number]
        before = known.get(parameter.name)
        try:
            tree = before.tree.merged(said.tree) if before else said.tree
            known[parameter.name] = Said(tree=tree, by=before.by if before else said.by)
        except Conflict as conflict:
            faults.append(_contradiction(name, number, said, before, conflict, key))
    if faults:
        raise Failure(*faults)
    return {each: said.tree for each, said in known.items() if said.tree.is_known_past_pointer}


def _all_said(
    name: str, parameters: Sequence[_Parameter], derivatives: Iterable[Derivative], described: Described, faults: list[Diagnostic]
) -> Iterator[tuple[Said, int, str]]:
    """Each tree of a parameter with its number and, where the configuration says it, the key; what cannot be read goes to `faults`."""
    for number, parameter in enumerate(parameters):
        if parameter.written is not None:
            try:
                yield Said(tree=TypeTree.read(parameter.written), by=f"its attribute `enzyme_type`, {parameter.written}"), number, ""
            except ValueError:
                message = f"parameter {number + 1} of `{name}` has an attribute `enzyme_type` that Enzyme cannot read"
                remedies = ('write a tree such as "{[-1]:Pointer, [-1,-1]:Float@double}"',)
                faults.append(Diagnostic(code="E0541", message=message, notes=(f"it is `{parameter.written}`",), help=remedies))
        if parameter.name in described.parameters:
            tree, words = described.parameters[parameter.name]
            yield Said(tree=tree, by=f"the debug information, `{words}`"), number, ""
    for derivative in derivatives:
        yield from ((said, number, key) for said, number, key in _of_item(derivative) if parameters[number].type == "ptr")


def _of_item(derivative: Derivative) -> Iterator[tuple[Said, int, str]]:
    """What an item says of its primal's parameters that are pointers."""
    item, before = derivative.item, bool(derivative.primal.result)
    for number, argument in enumerate(derivative.arguments):
        type_ = item.type_of(number)
        for index, tree in _parts(argument, type_) if type_ else ():
            said = Said(tree=tree, by=f"the configuration, `{type_.spelling if type_ else ''}`")
            yield said, before + argument.first + index, f"autodiff.{item.index}.inputs.{number}.type"


def _parts(argument: Argument, type_: Type) -> Iterator[tuple[int, TypeTree]]:
    """The parameters that an argument of a type is, counted from its first one, and the tree of each."""
    if argument.passing is Passing.REGISTERS:
        pieces = tree_of(type_).spread(type_.size)
        yield from (
            (index, pieces.at(offset, Kind.POINTER.size)) for index, (offset, piece) in enumerate(argument.pieces) if piece == "ptr"
        )
    else:
        in_memory = argument.passing in {Passing.MEMORY, Passing.INDIRECT}
        yield from enumerate(FncTree.of([Pointer(target=type_) if in_memory else type_]).args)


def _contradiction(name: str, number: int, said: Said, before: Said | None, conflict: Conflict, key: str) -> Diagnostic:
    sources = tuple(f"{each.by}: {each.tree.attribute()}" for each in (before, said) if each)
    return Diagnostic(
        code="E0540",
        message=f"of parameter {number + 1} of `{name}` two different types are said: {conflict}",
        notes=sources,
        key=key,
        help=("say the same, or leave one out; `debug-types = false` under `[enzyme]` leaves out the debug information",),
    )


def _parameters(body: str) -> list[_Parameter]:
    head = _HEAD.match(body)
    if head is None:
        return []
    depth, start, parameters = 0, head.end(), []
    for found in _SEPARATOR.finditer(body, head.end()):
        sign = found[0]
        if depth == 0 and sign in {",", ")"}:
            parameters.append(body[start : found.start()].strip())
            start = found.end()
            if sign == ")":
                break
        depth += {"(": 1, "[": 1, "{": 1, "<": 1, ")": -1, "]": -1, "}": -1, ">": -1}.get(sign, 0)
    return [_Parameter.of(each) for each in parameters if each and each != "..."]


class _Hints:
    """Writes hints into functions, and what they need into the module."""

    def __init__(self, first_free: int) -> None:
        self._first_free = first_free
        self._roots: dict[TypeTree, int] = {}
        self._nodes: list[str] = []
        self._used = False

    def into(self, body: str, parameters: Mapping[str, TypeTree], results: Mapping[str, TypeTree]) -> str:
        """The function `body` with the trees of its parameters and of the results of its instructions."""
        head, rest = body.split("\n", 1)
        label = _LABEL.match(rest)
        start = label.end() if label else 0
        lines = [
            f'  call void {HINT}(ptr readnone "enzyme_type"="{tree.attribute()}" {name}, i64 0)\n' for name, tree in parameters.items()
        ]
        self._used = self._used or bool(lines)
        marked = _RESULT.sub(lambda found: found[0] + self._reference(results[found[1]]) if found[1] in results else found[0], rest[start:])
        return "".join([head, "\n", rest[:start], *lines, marked])

    def _reference(self, tree: TypeTree) -> str:
        if tree not in self._roots:
            self._roots[tree] = self._first_free + len(self._nodes)
            self._nodes += tree.metadata(self._roots[tree])
        return f", !enzyme_type !{self._roots[tree]}"

    def appended(self, text: str) -> str:
        """The module with what its hints use."""
        return "\n".join([text, *([_DECLARATION] if self._used else []), *self._nodes, ""])
