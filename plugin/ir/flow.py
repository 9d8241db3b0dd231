"""Where pointers go in functions of IR text: told by the text alone, so rather too much than too little.

A value is *derived* from a pointer when it may point to the same memory or was loaded as a pointer from it.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from typing import Self

from plugin.ir.callgraph import NAME, CallGraph, symbol
from plugin.ir.requests import operands_of

_VALUE = re.compile(r'%(?:"[^"]*"|[-\w.$]+)')
_INSTRUCTION = re.compile(r'^ +(?:(?P<result>%(?:"[^"]*"|[-\w.$]+)) = )?(?:tail |musttail |notail )?(?P<name>\w+)(?P<rest> .*)$')
_METADATA = re.compile(r", ![a-z]")
_CALLEE = re.compile(r"(?P<callee>@(?:\"[^\"]*\"|[-\w.$]+)|%(?:\"[^\"]*\"|[-\w.$]+))\((?P<rest>.*)$")
_SAME = {"getelementptr", "bitcast", "addrspacecast", "freeze", "phi", "select"}
_NOTHING = {"null", "undef", "poison", "zeroinitializer"}
FLOAT = re.compile(r"\b(?:half|bfloat|float|double|x86_fp80|fp128|ppc_fp128)\b")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One line of a function: its `result`, empty when it has none, the instruction's `name`, and its `operands` without metadata.

    `mentions` are the values and symbols in the operands.
    """

    line: str
    result: str
    name: str
    operands: str
    mentions: frozenset[str]

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        """The instruction of a line."""
        operands = _METADATA.split(found["rest"], maxsplit=1)[0]
        return cls(line=found[0], result=found["result"] or "", name=found["name"], operands=operands, mentions=_words(operands))


@functools.cache
def instructions(body: str) -> tuple[Instruction, ...]:
    """The instructions of a function's text."""
    return tuple(Instruction.of(found) for line in body.split("\n")[1:] if (found := _INSTRUCTION.match(line)))


def _words(text: str) -> frozenset[str]:
    return frozenset((*_VALUE.findall(text), *(f"@{symbol(name)}" for name in re.findall(NAME, text))))


def parameters(body: str) -> list[str]:
    """The names of a function's parameters."""
    head = body.partition("\n")[0]
    found = re.search(NAME + r"\(", head)
    names = (_VALUE.findall(each) for each in operands_of(head[found.end() :])) if found else ()
    return [each[-1] if each else "" for each in names]


def derived(code: Collection[Instruction], roots: Collection[str]) -> set[str]:
    """All values and symbols that may point to what `roots` point to."""
    known = set(roots)
    pending = [each for each in code if _is_same(each)]
    size = 0
    while size != len(known):
        size = len(known)
        known |= {each.result for each in pending if not each.mentions.isdisjoint(known)}
    return known


def _is_same(each: Instruction) -> bool:
    """Whether what an instruction gives may point to what its operands point to, or was loaded as a pointer from there."""
    if each.name == "load":
        return each.operands.startswith(" ptr,")
    return each.name in _SAME or (each.name == "call" and "@llvm.threadlocal.address" in each.operands)


def callee(each: Instruction) -> tuple[str, list[str]]:
    """What an instruction calls, with its sign, and the operands; empty when it is no call."""
    call = _CALLEE.search(each.operands) if each.name in {"call", "invoke"} else None
    return (call["callee"], list(operands_of(call["rest"]))) if call else ("", [])


def mentions(text: str, names: AbstractSet[str]) -> bool:
    """Whether IR text has one of the values or symbols."""
    return not names.isdisjoint(_words(text))


def _choices(each: Instruction) -> list[str]:
    """The pointers of which a `phi` or `select` takes one."""
    if each.name == "phi":
        return [operands.partition("[")[2].strip() for operands in re.findall(r"\[ .*?(?=, %)", each.operands)]
    return [operand.partition("ptr ")[2] for operand in list(operands_of(each.operands + ")"))[1:]]


def mixed(graph: CallGraph, function: str, roots: Collection[int], variables: Collection[str]) -> str:
    """The line where a pointer that is constant meets one that need not be, in a function or in what it calls; empty when none does.

    `roots` are the function's parameters that are constant pointers, counted from 0, `variables` the global variables of the module.
    """
    seen: set[tuple[str, frozenset[int]]] = set()
    queue = [(function, frozenset(roots)), *((name, frozenset[int]()) for name in graph.reached(function) if name != function)]
    for name, indices in queue:
        if (name, indices) in seen:
            continue
        seen.add((name, indices))
        body = graph.bodies[name]
        names = parameters(body)
        code = instructions(body)
        constant = derived(code, {names[i] for i in indices if i < len(names)} | {f"@{each}" for each in variables})
        for each in code:
            if _mixes(each, constant):
                return each.line
            queue += _passed_on(graph, each, constant)
    return ""


def _mixes(each: Instruction, constant: AbstractSet[str]) -> bool:
    if each.mentions.isdisjoint(constant):
        return False
    if each.name in {"phi", "select"} and " ptr " in each.operands:
        return any(choice not in constant and choice not in _NOTHING and "@" not in choice for choice in _choices(each))
    if each.name == "store":
        value = next(operands_of(each.operands + ")"), "")
        return value.startswith("ptr ") and any(word in constant for word in _VALUE.findall(value))
    return each.name in {"ret", "ptrtoint", "insertvalue"} and any(word in constant for word in _VALUE.findall(each.operands))


def _passed_on(graph: CallGraph, each: Instruction, constant: AbstractSet[str]) -> Iterator[tuple[str, frozenset[int]]]:
    """The function of the module that an instruction calls with constant pointers, and which of its parameters they are."""
    called, operands = callee(each)
    name = symbol(called[1:])
    if name in graph.bodies:
        given = frozenset(i for i, operand in enumerate(operands) if mentions(operand, constant))
        if given:
            yield name, given


def called_through(graph: CallGraph, function: str, roots: Collection[int], variables: Collection[str]) -> str:
    """The line where a function calls a function of floating-point numbers through a constant pointer; empty when none does.

    `roots` are the parameters that are constant pointers, counted from 0, `variables` the global variables whose value is not known.
    """
    body = graph.bodies[function]
    names = parameters(body)
    code = instructions(body)
    constant = derived(code, {names[i] for i in roots if i < len(names)} | {f"@{each}" for each in variables})
    for each in code:
        if callee(each)[0] in constant and FLOAT.search(each.operands):
            return each.line
    return ""


def called_indirectly(body: str, *, voids: bool) -> str:
    """The line where a function calls one of numbers or memory through a pointer; empty when none does.

    Without `voids` a call that gives nothing does not count.
    """
    for each in instructions(body):
        function, operands = callee(each)
        if not function.startswith("%"):
            continue
        gives = each.operands.partition(f"{function}(")[0]
        is_of_numbers = FLOAT.search(gives) or any(FLOAT.search(operand) or operand.startswith("ptr") for operand in operands)
        if is_of_numbers and (voids or not gives.endswith("void ")):
            return each.line
    return ""


def bits_chosen(body: str) -> str:
    """The line where a function chooses between the bits of a floating-point number and an integer; empty when none does.

    Enzyme takes the result for an integer, which has no derivative.
    """
    code = instructions(body)
    bits = {each.result for each in code if each.name == "bitcast" and re.match(rf" {FLOAT.pattern}.* to i\d+$", each.operands)}
    copied = bits | {each.result for each in code if each.name == "load"}
    for each in code:
        if each.name in {"phi", "select"} and re.match(r".*\bi(?:16|32|64|80|128) ", each.operands) and not each.mentions.isdisjoint(bits):
            words = re.findall(r"\[ (\S+), %", each.operands) or [
                operand.split()[-1] for operand in list(operands_of(each.operands + ")"))[1:]
            ]
            if any(word not in copied and word not in _NOTHING for word in words):
                return each.line
    return ""
