"""A module in two: what takes part in a derivative, and the rest, which the compiler can do alone and at the same time.

A *root* is a function that calls Enzyme, or one that an item defines anew. The derived part defines the roots and has the body of all
that they reach; the rest defines everything but the roots. Both become objects that are joined into one. So each thing is defined once:

    a root                          in the derived part; the rest declares it
    what a root reaches, a function in the rest; the derived part has a copy, for itself or, where its address counts, a weak one
    a variable                      in the rest; the derived part may look at the value it begins with (`available_externally`)
    what is local and must be one   gets a name that no other object has, and is hidden

IR text is taken apart line by line, as LLVM prints it: the compiler of the rest reads only what its own LLVM wrote.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Self

from plugin.items.activity import ENZYME

_NAME = r'@(?:"(?:[^"\\]|\\.)*"|[-\w.$]+)'
_SYMBOL = re.compile(_NAME)
_HEADED = re.compile(rf"define [^\n]*?({_NAME})\(")
_VARIABLE = re.compile(rf"({_NAME}) = (.*)")
_CALLED = re.compile(rf"\b(?:call|invoke) [^@\n]*?({_NAME})\(")
_LOCAL = re.compile(r"\b(?:internal|private)\b ?")
_DECIDED = re.compile(r"\b(?:linkonce|linkonce_odr|weak|weak_odr|extern_weak|external|appending)\b")
_LINKAGE = re.compile(r"\b(?:internal|private|linkonce|linkonce_odr|weak|weak_odr|available_externally) ")
_VISIBILITY = re.compile(r"\b(?:hidden|protected|default|dso_local) ")
_DIFFICULT = re.compile(rf'{_NAME} = .*\b(?:alias|ifunc)\b|@"?[-\w.$]*{ENZYME}')
"""Lines of what is not taken apart: other names of a thing, and what is registered with Enzyme."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The two modules, as IR text."""

    derived: str
    rest: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    """The text in pieces, each with its name: functions with a body, variables, and without a name all that is between them."""

    pieces: Sequence[tuple[str, str]]
    functions: Mapping[str, str]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> Self:
        """The module of IR text."""
        pieces = list(_pieces(text))
        functions = {name: piece for name, piece in pieces if name and piece.startswith("define ")}
        return cls(pieces=pieces, functions=functions, variables={name: piece for name, piece in pieces if name and name not in functions})

    @property
    def roots(self) -> set[str]:
        """The functions that call Enzyme."""
        return {name for name, body in self.functions.items() if ENZYME in body}

    def reached(self, roots: Iterable[str]) -> set[str]:
        """The functions and variables that are mentioned by the roots, and by what they mention."""
        found = {each for each in roots if each in self.functions}
        queue = list(found)
        while queue:
            name = queue.pop()
            text = self.functions.get(name) or self.variables[name]
            new = {each for each in _SYMBOL.findall(text) if each in self.functions or each in self.variables} - found
            found |= new
            queue += new
        return found


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while (start := text.find("\ndefine ", position)) >= 0:
        yield from _lines(text[position : start + 1])
        end = text.index("\n}\n", start) + 3
        found = _HEADED.match(text, start + 1)
        assert found is not None  # noqa: S101 - that is how LLVM prints a function
        yield found[1], text[start + 1 : end]
        position = end
    yield from _lines(text[position:])


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """What is between functions, each variable in a piece of its own."""
    if "\n@" not in text and not text.startswith("@"):
        yield "", text
        return
    for line in text.splitlines(keepends=True):
        found = _VARIABLE.match(line) if line.startswith("@") else None
        yield found[1] if found else "", line


def split(text: str, primals: Collection[str], targets: Collection[str], tag: str, least: int) -> Parts | None:
    """The two parts of a module; None when the rest is shorter than `least` characters, or the module cannot be taken apart.

    `primals` and `targets` are the symbols of items; `tag` is what makes a name unlike those of other objects.
    """
    module = _Module.of(text)
    if "blockaddress(" in text or any(map(_DIFFICULT.match, module.variables.values())):
        return None
    roots = module.roots | {name for name in map(_spelled, targets) if name in module.functions}
    reached = module.reached([*roots, *map(_spelled, primals)])
    if sum(len(body) for name, body in module.functions.items() if name not in reached) < least:
        return None
    pointed = _pointed_to(module, reached)
    shared = {name for name in reached if _must_be_one(module, name, roots, pointed)}
    if shared:
        names = {name: f'{name[:-1]}.{tag}"' if name.endswith('"') else f"{name}.{tag}" for name in shared}
        module = _renamed(module, names)
        roots, reached, pointed = ({names.get(each, each) for each in before} for before in (roots, reached, pointed))
    return Parts(derived="".join(_derived(module, roots, reached, pointed)), rest="".join(_rest(module, roots)))


def _spelled(symbol: str) -> str:
    """A symbol as IR text has it."""
    return f"@{symbol}" if re.fullmatch(r"[-a-zA-Z$._][-\w$.]*", symbol) else f'@"{symbol}"'


def _pointed_to(module: _Module, reached: Iterable[str]) -> set[str]:
    """The functions that are mentioned where they are not called, Enzyme's own calls apart."""
    found: set[str] = set()
    for name in reached:
        head, _, body = (module.functions.get(name) or f"\n{module.variables.get(name, '')}").partition("\n")
        for line in [head.partition(")")[2], *body.split("\n")]:
            if ENZYME not in line:
                mentioned = _SYMBOL.findall(line.partition(" = ")[2] if line.startswith("@") else line)
                called = _CALLED.findall(line)
                found |= {each for each in mentioned if mentioned.count(each) > called.count(each)}
    return found & module.functions.keys()


def _must_be_one(module: _Module, name: str, roots: Collection[str], pointed: Collection[str]) -> bool:
    """Whether something local must not be there twice."""
    if name in module.functions:
        return bool(_LOCAL.search(_head(module.functions[name]))) and (name in roots or name in pointed)
    rest = module.variables[name].partition(" = ")[2]
    words = _before_kind(rest)
    is_value = rest[len(words) :].startswith("constant ") and re.search(r"(?<!local_)unnamed_addr", words)
    return bool(_LOCAL.search(words)) and not is_value


def _head(function: str) -> str:
    """What stands before a function's name."""
    return function.partition("@")[0]


def _renamed(module: _Module, names: Mapping[str, str]) -> _Module:
    """The module in which what is shared has a name of its own and can be seen by the other part."""
    lines = []
    for name, piece in module.pieces:
        head, rest = piece.partition("(" if name in module.functions else " = ")[::2]
        if name in names and name in module.functions:
            head = _LOCAL.sub("hidden ", head)
        elif name in names:
            rest = _LOCAL.sub("hidden ", rest, count=1)
        between = "(" if name in module.functions else " = " if rest else ""
        lines.append(_SYMBOL.sub(lambda found: names.get(found[0], found[0]), f"{head}{between}{rest}"))
    return _Module.of("".join(lines))


def _derived(module: _Module, roots: Collection[str], reached: Collection[str], pointed: Collection[str]) -> Iterator[str]:
    """The pieces of the part that defines the roots: all that is not reached is left out."""
    for name, piece in module.pieces:
        if name in module.functions and name not in reached:
            yield _declaration(piece)
        elif name in module.functions:
            yield piece if name in roots else _copied(piece, is_pointed_to=name in pointed)
        elif name:
            yield _seen(name, piece) if name in reached else ""
        else:
            yield re.sub(r"(?m)^module asm .*\n", "", piece) if "module asm" in piece else piece


def _copied(function: str, *, is_pointed_to: bool) -> str:
    """A function of the rest in the derived part, for itself or, where its address counts, one that gives way to the other."""
    head = _head(function)
    if _DECIDED.search(head):
        return function
    words = _VISIBILITY.sub("", _LINKAGE.sub("", head.removeprefix("define ")))
    return f"define {'linkonce_odr hidden' if is_pointed_to else 'internal'} {words}{function[len(head) :]}"


def _seen(name: str, variable: str) -> str:
    """A variable of the rest in the derived part."""
    rest = variable.partition(" = ")[2]
    words = _before_kind(rest)
    return variable if _LOCAL.search(words) or _DECIDED.search(words) else f"{name} = available_externally {rest.removeprefix('common ')}"


def _before_kind(rest: str) -> str:
    """What is said of a variable before `global` or `constant`."""
    return re.split(r"\b(?:global|constant) ", rest, maxsplit=1)[0]


def _rest(module: _Module, roots: Collection[str]) -> Iterator[str]:
    for name, piece in module.pieces:
        yield _declaration(piece) if name in roots else piece


def _declaration(function: str) -> str:
    """A function without its body."""
    line = function.partition("\n")[0]
    start = line.index("@")
    end = _closing(line, line.index("(", start))
    words = _LINKAGE.sub("", line[len("define ") : start])
    group = re.match(r" ?(?:local_unnamed_addr |unnamed_addr )?(#\d+)", line[end:])
    return f"declare {words}{line[start:end]}{f' {group[1]}' if group else ''}\n"


def _closing(line: str, opening: int) -> int:
    """The position behind the parenthesis that closes the one at `opening`."""
    depth = 0
    for position in range(opening, len(line)):
        depth += {"(": 1, ")": -1}.get(line[position], 0)
        if depth == 0:
            return position + 1
    raise ValueError(line)
