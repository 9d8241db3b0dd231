"""What functions of IR text do with the numbers in global variables: told by the text alone, so rather too much than too little."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

from plugin.ir.callgraph import NAME, CallGraph, symbol
from plugin.ir.flow import FLOAT, Instruction, callee, derived, instructions, mentions, parameters
from plugin.ir.requests import operands_of

_MOVES = ("@llvm.memcpy", "@llvm.memmove")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The lines that read and that write numbers in a variable; empty where none does."""

    reads: str = ""
    writes: str = ""

    def __or__(self, other: Access) -> Access:
        return Access(reads=self.reads or other.reads, writes=self.writes or other.writes)


def accesses(graph: CallGraph, functions: Collection[str], variables: Mapping[str, str]) -> dict[str, Access]:
    """The accesses of functions to global variables, of which `variables` has the types as text; those that they use are told."""
    found: dict[str, Access] = {}
    for name in functions:
        used = [each for each in dict.fromkeys(map(symbol, re.findall(NAME, graph.bodies[name]))) if each in variables]
        for each in used:
            walk = _Walk(graph=graph, is_float=bool(FLOAT.search(variables[each])))
            found[each] = found.get(each, Access()) | walk.access(name, {f"@{each}"})
    return found


@dataclasses.dataclass(kw_only=True)
class _Walk:
    """The way of the pointers to one variable; `is_float` is whether its type has floating-point numbers."""

    graph: CallGraph
    is_float: bool
    pending: list[tuple[str, frozenset[str]]] = dataclasses.field(default_factory=list)
    """Functions that are called with such a pointer, with their parameters that get it: a chain of calls may be of any length."""

    def access(self, function: str, roots: Collection[str]) -> Access:
        """What a function, and what it calls, does with that to which its values `roots` point."""
        self.pending.append((function, frozenset(roots)))
        seen: set[tuple[str, frozenset[str]]] = set()
        found = Access()
        while self.pending:
            step = self.pending.pop()
            if step not in seen:
                seen.add(step)
                found |= self._within(*step)
        return found

    def _within(self, function: str, roots: Collection[str]) -> Access:
        code = instructions(self.graph.bodies[function])
        names = derived(code, roots)
        found = Access()
        for each in code:
            if not each.mentions.isdisjoint(names):
                found |= self._effect(each, names)
        return found

    def _effect(self, each: Instruction, names: AbstractSet[str]) -> Access:
        operands = list(operands_of(each.operands.replace(" volatile", "").replace(" atomic", "") + ")"))
        if each.name == "load":
            return Access(reads=each.line if self._is_number(operands[0]) else "")
        if each.name == "store":
            is_kept = mentions(operands[0], names)  # the pointer itself: whoever finds it may do anything
            is_written = mentions(operands[1], names) and self._is_number(operands[0])
            return self._of(each, reads=is_kept and self.is_float, writes=is_written or (is_kept and self.is_float))
        if each.name in {"ret", "ptrtoint", "insertvalue"}:
            return self._of(each, reads=self.is_float, writes=self.is_float)
        return self._of_call(each, names)

    def _of_call(self, each: Instruction, names: AbstractSet[str]) -> Access:
        called, operands = callee(each)
        if called.startswith(_MOVES):
            return self._of(each, reads=mentions(operands[1], names), writes=mentions(operands[0], names))
        if not called or called.startswith("@llvm."):
            return Access()
        given = [(index, operand) for index, operand in enumerate(operands) if mentions(operand, names)]
        name = symbol(called[1:])
        if name in self.graph.bodies:
            taken = parameters(self.graph.bodies[name])
            self.pending.append((name, frozenset(taken[index] for index, _ in given if index < len(taken))))
            return Access()
        is_written = any(not re.search(r"\breadonly\b", operand) for _, operand in given)
        return self._of(each, reads=self.is_float and bool(given), writes=self.is_float and is_written)

    def _is_number(self, operand: str) -> bool:
        """Whether what is moved may be a floating-point number: an integer of a variable of such numbers may be a copied one."""
        return bool(FLOAT.search(operand)) or (self.is_float and bool(re.match(r"i(?:32|64|128)\b", operand)))

    @staticmethod
    def _of(each: Instruction, *, reads: bool, writes: bool) -> Access:
        return Access(reads=each.line if reads else "", writes=each.line if writes else "")
