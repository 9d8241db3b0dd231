"""Who calls whom in a module's IR text, who differentiates whom, and the order in which Enzyme has to meet the functions.

Enzyme takes functions as they stand in the module. Of a call such as `__enzyme_fwddiff(f, ...)` it first lowers the calls that stand in
`f` itself, but not those in what `f` calls (facts of Enzyme, "Higher-order ordering"). So a function that differentiates another one
has to stand behind all that the other one reaches.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Self

from plugin.items.activity import ENZYME

NAME = r'@("(?:[^"\\]|\\.)*"|[-\w.$]+)'
_DEFINITION = re.compile(r"(?ms)^define [^\n]*?" + NAME + r"\([^\n]*\{\n.*?^\}\n")
_SYMBOL = re.compile(NAME)
_CALL = re.compile(r"\b(?:call|invoke) [^@\n]*?" + NAME + r"\(")
_REGISTERED = re.compile(r"(?m)^@\"?[-\w.$]*__enzyme_register_\w*[-\w.$]*\"? = .*$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CallGraph:
    """The functions with a body, by name, in the order of the text.

    `bodies` has the text of each. `calls` are the functions that each one calls, `derives` those that it lets Enzyme differentiate,
    `names` all others that it mentions: a pointer to a function may be called by anyone, as a registered gradient is by Enzyme.
    """

    bodies: Mapping[str, str]
    calls: Mapping[str, tuple[str, ...]]
    derives: Mapping[str, tuple[str, ...]]
    names: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, text: str) -> Self:
        """The graph of IR text as LLVM prints it."""
        bodies = {symbol(found[1]): found[0] for found in _DEFINITION.finditer(text)}
        calls, derives, names = {}, {}, {}
        for name, body in bodies.items():
            head, *lines = body.split("\n")
            enzymes = [line for line in lines if ENZYME in line and _is_entry(line)]
            others = [line for line in lines if line not in enzymes]
            called = [symbol(found[1]) for line in others for found in _CALL.finditer(line)]
            calls[name] = _known(called, bodies)
            derives[name] = _known(_symbols(enzymes), bodies)
            names[name] = _known(_symbols([head.partition(")")[2], *others]), bodies)
        for line in _REGISTERED.findall(text):
            primal, *rules = _known(_symbols([line.partition(" = ")[2]]), bodies) or ("",)
            names[primal] = (*names.get(primal, ()), *rules)
        return cls(bodies=bodies, calls=calls, derives=derives, names=names)

    def reached(self, name: str, without: Container[str] = ()) -> dict[str, str]:
        """All that a function reaches by calls and derivatives, itself included, each with the one that it was reached from.

        What only the functions `without` reach is left out, and so are they.
        """
        origin = {name: ""}
        for each in (queue := [name]):
            for callee in (*self.calls[each], *self.derives[each]):
                if callee not in origin and callee not in without:
                    origin[callee] = each
                    queue.append(callee)
        return origin

    def cycle(self) -> tuple[str, ...]:
        """Functions that go round in a circle through a derivative, first and last the same; empty when there are none.

        The first one differentiates the second one, which reaches the first one again.
        """
        for name, primals in self.derives.items():
            for primal in primals:
                origin = self.reached(primal)
                if name in origin:
                    return (name, *reversed([*_back(origin, name)]))
        return ()

    def callees_first(self) -> list[str]:
        """All functions, each behind those that it reaches; where functions call each other, in the order of the text."""
        softly = _postorder(list(self.bodies), {name: (*self.names[name], *self.derives[name]) for name in self.bodies})
        return _postorder(softly, {name: (*self.calls[name], *self.derives[name]) for name in self.bodies})


def with_rules(text: str) -> set[str]:
    """The functions whose derivatives IR text gives itself."""
    return {symbols[0] for line in _REGISTERED.findall(text) if (symbols := _symbols([line.partition(" = ")[2]]))}


def ordered(text: str) -> str:
    """IR text with its functions in an order in which Enzyme can differentiate derivatives of derivatives."""
    graph = CallGraph.of(text)
    if sum(map(bool, graph.derives.values())) < 2:  # noqa: PLR2004 - of one derivative there is no derivative
        return text
    rest = _DEFINITION.sub("", text)
    # The groups of attributes and the metadata may stand anywhere, and so may what the functions use.
    return rest + "\n" + "\n".join(graph.bodies[name] for name in graph.callees_first())


def symbol(word: str) -> str:
    """The name that stands in IR text as `word`, in quotes or not."""
    if not word.startswith('"'):
        return word
    raw = re.sub(r"\\([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), word[1:-1])
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


def _is_entry(line: str) -> bool:
    called = _CALL.search(line)
    return called is not None and ENZYME in called[1]


def _symbols(lines: Iterable[str]) -> list[str]:
    return [symbol(word) for line in lines for word in _SYMBOL.findall(line)]


def _known(names: Iterable[str], bodies: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name in bodies))


def _back(origin: Mapping[str, str], name: str) -> Iterator[str]:
    """From `name` the way back to where the search began."""
    while name:
        yield name
        name = origin[name]


def _postorder(names: list[str], edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names, each behind those that its edges lead to, as far as there are no circles."""
    done: dict[str, None] = {}
    seen: set[str] = set()
    for root in names:
        stack = [] if root in seen else [(root, iter(edges[root]))]
        seen.add(root)
        while stack:
            name, rest = stack[-1]
            following = next((each for each in rest if each not in seen), None)
            if following is None:
                done[name] = None
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(edges[following])))
    return list(done)
