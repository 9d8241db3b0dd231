"""Calls of Enzyme's in IR text, of items or of the sources themselves, read as Enzyme reads them.

After the function to differentiate stand its arguments, each with a marker before it or not, and its shadows behind it; flags may stand
anywhere between (facts of Enzyme, "Marker vocabulary").
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from plugin.ir.callgraph import NAME, CallGraph, symbol
from plugin.items.activity import ENZYME

ENTRY = re.compile(
    rf"\b(?:call|invoke) (?P<returned>[^@\n]*?)@(?P<name>\"[^\"]*{ENZYME}[^\"]*\"|[^\s(\"]*{ENZYME}[^\s(\"]*)\((?P<rest>.*)$"
)
"""A call of Enzyme's: what it returns, its name, and the operands with what follows."""
_WORD = re.compile(r'metadata !"(enzyme_\w+)"')
_VALUE = re.compile(r"(?P<value>%(?:\"[^\"]*\"|[-\w.$]+))$")
_ACTIVITIES = {"enzyme_const": 0, "enzyme_out": 0, "enzyme_dup": 1, "enzyme_dupnoneed": 1, "enzyme_dupv": 1, "enzyme_dupnoneedv": 1}
_WITH_OPERAND = {"enzyme_width", "enzyme_allocated", "enzyme_tape", "enzyme_byref"}
_DERIVATIVES = ("autodiff", "fwddiff", "fwdsplit", "augmentfwd", "reverse", "augmentsize", "batch")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of the function to differentiate: the marker that it has, or would have by Enzyme's rule, and its operands as text."""

    marker: str
    primal: str
    shadows: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call: it stands in `caller` as the text `line`, and has Enzyme differentiate the function `primal`, `width` times at once."""

    caller: str
    line: str
    entry: str
    primal: str
    returned: str
    flags: frozenset[str]
    arguments: tuple[Argument, ...]
    width: int = 1

    @property
    def is_forward(self) -> bool:
        """Whether it is forward mode."""
        return "fwddiff" in self.entry

    @property
    def constant_pointers(self) -> frozenset[int]:
        """The arguments, counted from 0, that are pointers and said to be constant."""
        return frozenset(i for i, each in enumerate(self.arguments) if each.marker == "enzyme_const" and each.primal.startswith("ptr"))


def requests(graph: CallGraph) -> Iterator[Request]:
    """The calls in all functions that differentiate one that has a body."""
    for caller, primals in graph.derives.items():
        for line in graph.bodies[caller].split("\n") if primals else ():
            found = ENTRY.search(line)
            entry = symbol(found["name"]) if found else ""
            if found and any(entry.partition(ENZYME)[2].startswith(each) for each in _DERIVATIVES):
                request = _request(graph, caller, line, entry, found)
                if request:
                    yield request


def _request(graph: CallGraph, caller: str, line: str, entry: str, found: re.Match[str]) -> Request | None:
    operands = list(operands_of(found["rest"]))
    start = next((i for i, each in enumerate(operands) if (name := re.search(NAME, each)) and symbol(name[1]) in graph.bodies), None)
    if start is None:
        return None
    name = re.search(NAME, operands[start])
    body = graph.bodies[caller]
    flags, arguments, width = _arguments([(_marker(each, body), each) for each in operands[start + 1 :]], is_forward="fwddiff" in entry)
    returned = found["returned"].partition("(")[0].split()
    return Request(
        caller=caller,
        line=line,
        entry=entry,
        primal=symbol(name[1]) if name else "",
        returned=returned[-1] if returned else "void",
        flags=flags,
        arguments=arguments,
        width=width,
    )


def _arguments(operands: Sequence[tuple[str, str]], *, is_forward: bool) -> tuple[frozenset[str], tuple[Argument, ...], int]:
    """The flags, the arguments and the width among the operands, each of which comes with the marker that it is, if it is one."""
    flags: set[str] = set()
    arguments: list[Argument] = []
    rest = iter(operands)
    width = 1
    for marker, operand in rest:
        if marker and marker not in _ACTIVITIES:
            flags.add(marker)
            value = next(rest, ("", ""))[1] if marker in _WITH_OPERAND else ""
            if marker == "enzyme_width" and (number := re.search(r"\d+$", value)):
                width = int(number[0])
            continue
        activity, primal = (marker, next(rest, ("", ""))[1]) if marker else (_default(operand, is_forward=is_forward), operand)
        if activity.endswith("v"):
            primal = next(rest, ("", ""))[1]  # what was read is the distance between the shadows
        count = _ACTIVITIES[activity] * (1 if activity.endswith("v") else width)
        shadows = () if "enzyme_interleave" in flags else tuple(next(rest, ("", ""))[1] for _ in range(count))
        arguments.append(Argument(marker=activity, primal=primal, shadows=shadows))
    return frozenset(flags), tuple(arguments), width


def _default(operand: str, *, is_forward: bool) -> str:
    """The marker that Enzyme takes an argument without one to have."""
    if operand.startswith("ptr"):
        return "enzyme_dup"
    if re.match(r"i\d", operand):
        return "enzyme_const"
    return "enzyme_dup" if is_forward else "enzyme_out"


def _marker(operand: str, body: str) -> str:
    """The marker that an operand is, as metadata or as a load of a variable of that name; empty when it is a value."""
    word = _WORD.search(operand)
    if word:
        return word[1]
    value = _VALUE.search(operand)
    loaded = re.search(rf"(?m)^ *{re.escape(value['value'])} = load [^@\n]*@(enzyme_\w+)\b", body) if value else None
    direct = re.search(r"@(enzyme_\w+)$", operand)
    return loaded[1] if loaded else direct[1] if direct else ""


def operands_of(text: str) -> Iterator[str]:
    """The operands of a call, from behind its opening parenthesis."""
    depth, start, quoted = 0, 0, False
    for at, character in enumerate(text):
        quoted ^= character == '"'
        if quoted:
            continue
        if character in "([{<":
            depth += 1
        elif character in ")]}>":
            depth -= 1
        if depth < 0 or (depth == 0 and character == ","):
            if text[start:at].strip():
                yield text[start:at].strip()
            start = at + 1
        if depth < 0:
            return
