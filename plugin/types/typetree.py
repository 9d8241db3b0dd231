"""Type trees: what Enzyme is told of the bytes of a value and of the memory behind it.

A *path* is a list of byte offsets, one for the value itself and one more for each pointer that is followed; -1 stands for every offset.
A *tree* says for some paths what is there. Enzyme reads trees as string attributes and as metadata, and a malformed one ends its process:
they are written here only. Facts are of Enzyme's TypeAnalysis (TypeTree.h, ConcreteType.h, BaseType.h).
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from plugin.types.type_language import Pointer, Scalar, Slice, Struct, Type

Path = tuple[int, ...]

DEEPEST = 6
"""The longest path that Enzyme keeps (`-enzyme-max-type-depth`)."""
FARTHEST = 500
"""The offset from which on Enzyme keeps nothing (`-enzyme-max-type-offset`)."""
MOST = 512
"""The entries that a tree may have: Enzyme's time grows with their square."""
ANYWHERE = -1


class Kind(enum.StrEnum):
    """What is at a path; the names are Enzyme's."""

    ANYTHING = "Anything"
    INTEGER = "Integer"
    POINTER = "Pointer"
    HALF = "Float@half"
    FLOAT = "Float@float"
    DOUBLE = "Float@double"
    FP80 = "Float@fp80"
    BF16 = "Float@bf16"
    FP128 = "Float@fp128"

    @property
    def size(self) -> int:
        """The bytes after which the next one of the kind can follow. Enzyme looks at integers byte by byte."""
        return _SIZES.get(self, 1)


_SIZES = {Kind.POINTER: 8, Kind.HALF: 2, Kind.FLOAT: 4, Kind.DOUBLE: 8, Kind.FP80: 16, Kind.BF16: 2, Kind.FP128: 16}

_OF_LLVM = {
    "half": Kind.HALF,
    "bfloat": Kind.BF16,
    "float": Kind.FLOAT,
    "double": Kind.DOUBLE,
    "x86_fp80": Kind.FP80,
    "fp128": Kind.FP128,
    "ptr": Kind.POINTER,
}
FLOATS = {"f16": Kind.HALF, "bf16": Kind.BF16, "f32": Kind.FLOAT, "f64": Kind.DOUBLE, "f80": Kind.FP80, "f128": Kind.FP128}
"""The floating-point types of the configuration."""


class Conflict(Exception):
    """Two trees say different things of one path."""

    def __init__(self, path: Path, first: Kind, second: Kind) -> None:
        super().__init__(f"{first} and {second} at [{','.join(map(str, path))}]")
        self.path, self.first, self.second = path, first, second


@dataclasses.dataclass(frozen=True, slots=True)
class TypeTree:
    """Paths, in their order, with what is at each. Every path goes through pointers; `of` checks that."""

    entries: tuple[tuple[Path, Kind], ...] = ()

    @classmethod
    def of(cls, entries: Mapping[Path, Kind]) -> Self:
        """A tree of entries; raises `ValueError` for one that Enzyme would not take."""
        for path in entries:
            if not 0 < len(path) <= DEEPEST or not all(ANYWHERE <= offset < FARTHEST for offset in path):
                raise ValueError(f"no path: {path}")
            if len(path) > 1 and not any(entries.get(each) is Kind.POINTER for each in _covering(path[:-1])):
                raise ValueError(f"no pointer leads to {path}")
        return cls(tuple(sorted(entries.items())))

    @property
    def is_known_past_pointer(self) -> bool:
        """Whether it says more than that the value is a pointer."""
        return any(len(path) > 1 or kind is not Kind.POINTER for path, kind in self.entries)

    @property
    def is_uniform(self) -> bool:
        """Whether all memory behind a pointer is of one kind."""
        return all(len(path) == 1 or path[-1] == ANYWHERE for path, _ in self.entries)

    @property
    def fits_any_value(self) -> bool:
        """Whether it says the same of the whole value: Enzyme takes nothing else for a parameter, its check is for the return's size."""
        return all(path[0] == ANYWHERE for path, _ in self.entries)

    def shifted(self, offset: int) -> TypeTree:
        """The tree as a part of something larger, which begins `offset` before it. -1 must have been spread first."""
        return TypeTree(tuple(((path[0] + offset, *path[1:]), kind) for path, kind in self.entries if path[0] + offset < FARTHEST))

    def at(self, offset: int, size: int) -> TypeTree:
        """What is in `size` bytes from `offset` on, as a value of its own."""
        inside = {(path[0] - offset, *path[1:]): kind for path, kind in self.entries if offset <= path[0] < offset + size}
        return TypeTree.of(inside).canonical(size)

    def behind(self) -> TypeTree:
        """A pointer to what the tree describes, in memory."""
        followed = {(0, *path): kind for path, kind in self.entries if len(path) < DEEPEST}
        return TypeTree.of(_few({(0,): Kind.POINTER, **followed}))

    def canonical(self, size: int) -> TypeTree:
        """The same with -1 for what is all over a value of `size` bytes. In an array of such values it is all over too."""
        if not 0 < size <= FARTHEST:
            return self
        offsets: dict[tuple[Path, Kind], set[int]] = {}
        for path, kind in self.entries:
            offsets.setdefault((path[1:], kind), set()).add(path[0])
        merged: dict[Path, Kind] = {}
        for (rest, kind), found in offsets.items():
            step = Kind.POINTER.size if rest else kind.size
            everywhere = found.issuperset(range(0, size, step))
            merged |= {(offset, *rest): kind for offset in ([ANYWHERE] if everywhere else found)}
        return TypeTree.of(merged)

    def spread(self, size: int) -> TypeTree:
        """The same without -1 at its begin, for a value of `size` bytes."""
        spread: dict[Path, Kind] = {}
        for path, kind in self.entries:
            step = Kind.POINTER.size if len(path) > 1 else kind.size
            offsets = range(0, min(size, FARTHEST), step) if path[0] == ANYWHERE else [path[0]]
            spread |= {(offset, *path[1:]): kind for offset in offsets}
        return TypeTree(tuple(sorted(spread.items())))

    def merged(self, other: TypeTree) -> TypeTree:
        """What both say together; raises `Conflict`. `Anything` gives way to neither: Enzyme keeps it."""
        entries = dict(self.entries)
        for path, kind in other.entries:
            for mine, own in entries.items():
                if _overlaps(mine, path) and own is not kind and Kind.ANYTHING not in {own, kind}:
                    raise Conflict(path, own, kind)
            entries.setdefault(path, kind)
        general = {path for path in entries if any(entries.get(each) is entries[path] for each in _covering(path) if each != path)}
        return TypeTree.of({path: kind for path, kind in entries.items() if path not in general})

    # The two forms that Enzyme reads

    def attribute(self) -> str:
        """The value of the attribute `enzyme_type`."""
        return "{" + ", ".join(f"[{','.join(map(str, path))}]:{kind}" for path, kind in self.entries) + "}"

    def metadata(self, first: int) -> list[str]:
        """The lines that define the tree as metadata, from the number `first` on; that one is its root."""
        return _nodes("Unknown", [(path, kind) for path, kind in self.entries], first)

    @classmethod
    def read(cls, text: str) -> Self:
        """The tree of the attribute's value `text`; raises `ValueError` when Enzyme would not read it."""
        if not _ATTRIBUTE.fullmatch(text):
            raise ValueError(f"`{text}` is no type tree")
        found: dict[Path, Kind] = {}
        for entry in _ENTRY.finditer(text):
            path = tuple(map(int, entry["path"].replace(",", " ").split()))
            if found.setdefault(path, Kind(entry["kind"])) is not Kind(entry["kind"]):
                raise ValueError(f"`{text}` says two things of [{entry['path']}]")
        return cls.of(found)


_ENTRY = re.compile(rf"\[(?P<path>(?: *-?\d+ *,?)*)\] *: *(?P<kind>{'|'.join(map(re.escape, Kind))})(?=[, }}])")
_ATTRIBUTE = re.compile(rf"\{{ *(?:{re.sub(r'P<[a-z]+>', ':', _ENTRY.pattern)} *,? *)*\}}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FncTree:
    """The trees of a function: one for each parameter; an empty one says nothing. Of what is returned the instructions say enough."""

    args: tuple[TypeTree, ...]

    @classmethod
    def of(cls, types: Iterable[Type | None]) -> Self:
        """The trees of parameters whose types are said; a slice is two parameters."""
        return cls(args=tuple(itertools.chain.from_iterable(map(_of_parameter, types))))


def _of_parameter(type_: Type | None) -> Iterator[TypeTree]:
    if type_ is None:
        yield TypeTree()
    elif isinstance(type_, Slice):
        yield from (tree_of(type_).at(offset, Kind.POINTER.size) for offset in (0, Kind.POINTER.size))
    else:
        tree = tree_of(type_).canonical(type_.size)
        yield tree if tree.fits_any_value else TypeTree()


def tree_of(type_: Type) -> TypeTree:
    """What a type says of its bytes in memory, from offset 0 on."""
    if isinstance(type_, Scalar):
        kind = FLOATS.get(type_.name)
        return TypeTree.of({(0,): kind} if kind else {(byte,): Kind.INTEGER for byte in range(type_.size)})
    if isinstance(type_, Pointer):
        return tree_of(type_.target).canonical(type_.target.size).behind()
    if isinstance(type_, Slice):
        return joined([tree_of(Pointer(target=type_.element)), tree_of(Scalar(name="usize")).shifted(Kind.POINTER.size)])
    if isinstance(type_, Struct):
        return joined(tree_of(each.type).spread(each.type.size).shifted(each.offset) for each in type_.fields)
    return row(tree_of(type_.element), type_.element.size, type_.length)


def pointer_to(scalars: Iterable[tuple[int, str]]) -> TypeTree:
    """A pointer to scalars at offsets, by LLVM's names of their types; an integer, and what is too far for Enzyme, is left out."""
    inside: dict[Path, Kind] = {(ANYWHERE, offset): _OF_LLVM[type_] for offset, type_ in scalars if offset < FARTHEST and type_ in _OF_LLVM}
    return TypeTree.of({(ANYWHERE,): Kind.POINTER, **inside})


def joined(parts: Iterable[TypeTree]) -> TypeTree:
    """What parts that share no byte say together; raises `Conflict` when two do share one."""
    entries: dict[Path, Kind] = {}
    for path, kind in itertools.chain.from_iterable(part.entries for part in parts):
        if entries.setdefault(path, kind) is not kind:
            raise Conflict(path, entries[path], kind)
    return TypeTree(tuple(sorted(_few(entries).items())))


def row(element: TypeTree, size: int, length: int) -> TypeTree:
    """`length` elements of `size` bytes in a row; with -1 where they are all over."""
    canonical = element.canonical(size)
    if not length or not size or not canonical.entries:
        return TypeTree()
    if canonical.fits_any_value:
        return canonical
    return joined(element.spread(size).shifted(size * index) for index in range(min(length, FARTHEST // size + 1)))


def _few(entries: Mapping[Path, Kind]) -> dict[Path, Kind]:
    """The entries without the deepest ones where there would be too many."""
    deepest = max(map(len, entries), default=0)
    while len(entries) > MOST and deepest > 1:
        deepest -= 1
        entries = {path: kind for path, kind in entries.items() if len(path) <= deepest}
    return dict(entries)


def _covering(path: Path) -> Iterator[Path]:
    """The paths that stand for `path`: itself, and those with -1 in places of its."""
    return itertools.product(*({offset, ANYWHERE} for offset in path))


def _overlaps(first: Path, second: Path) -> bool:
    """Whether some place is meant by both paths."""
    return len(first) == len(second) and all(a == b or ANYWHERE in {a, b} for a, b in zip(first, second, strict=True))


def _nodes(name: str, entries: Iterable[tuple[Path, Kind]], first: int) -> list[str]:
    """The nodes of a tree whose root is called `name`: its own line, then those of what is below."""
    operands, below = [f'!"{name}"'], list[str]()
    for offset, group in itertools.groupby(entries, key=lambda each: each[0][0]):
        inner = dict(group)
        # What is only said with -1 here leads on as a pointer all the same.
        kind = inner.pop((offset,), Kind.POINTER)
        number = first + 1 + len(below)
        operands += [f"i32 {offset}", f"!{number}"]
        below += _nodes(kind, [(path[1:], each) for path, each in inner.items()], number)
    return [f"!{first} = !{{{', '.join(operands)}}}", *below]
