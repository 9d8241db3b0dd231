"""Type trees of what debug information describes: DWARF's types, as C, C++ and Rust compilers write them into a module.

What is not known for certain is not said. Enzyme takes a byte of which nothing is said for one like those before it, so of a type of
which any part is not known, nothing is said: not of one with a union, a Rust enum with data, or an array of characters in it, and not of
one that is only declared. What a pointer to bytes or to nothing points to is not known either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from plugin.types.debug_metadata import Metadata, Node
from plugin.types.typetree import FARTHEST, Conflict, Kind, TypeTree, joined, row

_THROUGH = frozenset(
    f"DW_TAG_{word}_type" for word in ("const", "volatile", "restrict", "atomic", "immutable")
) | {"DW_TAG_typedef"}  # fmt: skip
_POINTERS = frozenset({"DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"})
_PARTS = frozenset({"DW_TAG_member", "DW_TAG_inheritance"})
_INTEGERS = frozenset(f"DW_ATE_{word}" for word in ("signed", "unsigned", "boolean", "signed_char", "unsigned_char", "UTF"))
_BYTES = _INTEGERS - {"DW_ATE_boolean"}
_DECLARED = "DIFlagFwdDecl"
_VTABLE = "vtable"
"""The member of Rust's pointers to traits that points to words of several kinds, which debug information calls integers."""
_DEEPEST = 24
"""How many types may stand inside each other, typedefs and pointers included."""

_FLOATS = {16: {"_Float16": Kind.HALF, "__fp16": Kind.HALF, "f16": Kind.HALF, "__bf16": Kind.BF16}, 128: {"f128": Kind.FP128}}
_PLAIN_FLOATS = {32: Kind.FLOAT, 64: Kind.DOUBLE}
_QUADRUPLE = frozenset({"__float128", "_Float128"})


class DebugTypes:
    """The trees of a module's types. `is_x86` tells what C's `long double` is."""

    def __init__(self, metadata: Metadata, *, is_x86: bool) -> None:
        self._metadata, self._is_x86 = metadata, is_x86

    def size(self, reference: str, depth: int = 0) -> int:
        """The bytes of a type, 0 where they are not known."""
        node = self._metadata.node(reference)
        if node is None or depth > _DEEPEST:
            return 0
        if node.text("tag") in _THROUGH:
            return self.size(node.text("baseType"), depth + 1)
        return (node.number("size") or 0) // 8

    def name(self, reference: str) -> str:
        """A type in the words of its language, for messages."""
        node = self._metadata.node(reference)
        if node is None:
            return "void"
        if node.text("tag") in _POINTERS and not node.text("name"):
            return f"{self.name(node.text('baseType'))} *"
        return node.text("name") or self.name(node.text("baseType"))

    def tree(self, reference: str, above: tuple[str, ...] = ()) -> TypeTree | None:
        """What the type says of its bytes in memory, from offset 0 on; None where not all of them are known, but for padding.

        `above` are the types that it is inside of.
        """
        node = self._metadata.node(reference)
        if node is None or len(above) > _DEEPEST:
            return None
        if reference in above:  # a list, whose nodes point to each other
            return TypeTree().behind() if node.text("tag") in _POINTERS else None
        above = (*above, reference)
        tag = node.text("tag")
        if node.kind == "DIBasicType":
            return self._number(node)
        if node.kind == "DIDerivedType":
            target = node.text("baseType")
            return self.tree(target, above) if tag in _THROUGH else self._behind(target, above) if tag in _POINTERS else None
        return self._composite(node, above)

    def _composite(self, node: Node, above: tuple[str, ...]) -> TypeTree | None:
        """What is made of others."""
        tag = node.text("tag")
        if tag == "DW_TAG_array_type":
            return self._array(node, above)
        if tag == "DW_TAG_enumeration_type":
            return _integer((node.number("size") or 0) // 8)
        return self._structure(node, above) if tag in {"DW_TAG_structure_type", "DW_TAG_class_type"} else None

    def _behind(self, target: str, above: tuple[str, ...]) -> TypeTree:
        """A pointer to `target`."""
        tree = None if self._is_byte(target) else self.tree(target, above)
        return (tree or TypeTree()).canonical(self.size(target)).behind()

    def _is_byte(self, reference: str, depth: int = 0) -> bool:
        """Whether it is a type through which anything may be accessed: C's characters, `std::byte`, Rust's `u8` and `i8`."""
        node = self._metadata.node(reference)
        if node is None or depth > _DEEPEST:
            return False
        if node.text("tag") in _THROUGH or node.text("tag") == "DW_TAG_enumeration_type":
            return self._is_byte(node.text("baseType"), depth + 1)
        return node.number("size") == 8 and node.text("encoding") in _BYTES  # noqa: PLR2004 - bits of a byte

    def _number(self, node: Node) -> TypeTree | None:
        bits, name, encoding = node.number("size") or 0, node.text("name"), node.text("encoding")
        if encoding in _INTEGERS:
            return _integer(bits // 8)
        if encoding == "DW_ATE_complex_float":
            half = self._float(bits // 2, name.removeprefix("_Complex ").removesuffix(" complex").removeprefix("complex "))
            return row(TypeTree.of({(0,): half}), bits // 16, 2) if half else None
        kind = self._float(bits, name) if encoding == "DW_ATE_float" else None
        return TypeTree.of({(0,): kind}) if kind else None

    def _float(self, bits: int, name: str) -> Kind | None:
        if name == "long double" and bits == 128:  # noqa: PLR2004
            return Kind.FP80 if self._is_x86 else Kind.FP128
        if bits == 128 and name in _QUADRUPLE:  # noqa: PLR2004
            return Kind.FP128
        return _PLAIN_FLOATS.get(bits) or _FLOATS.get(bits, {}).get(name)

    def _array(self, node: Node, above: tuple[str, ...]) -> TypeTree | None:
        """An array or a vector; one of characters may hold anything, and of one without a length the end is not known."""
        counts = [self._count(each) for each in self._metadata.elements(node.text("elements"))]
        element = node.text("baseType")
        tree = None if None in counts or self._is_byte(element) else self.tree(element, above)
        if not counts or tree is None:
            return None
        length, size = math.prod(each for each in counts if each is not None), self.size(element)
        whole = row(tree, size, length)
        return whole if whole.fits_any_value or length * size <= FARTHEST else None

    def _count(self, reference: str) -> int | None:
        """The elements of one dimension."""
        range_ = self._metadata.node(reference)
        return range_.number("count") if range_ and range_.kind == "DISubrange" and "count" in range_.fields else None

    def _structure(self, node: Node, above: tuple[str, ...]) -> TypeTree | None:
        """A struct or a class, when all of its parts are known, share no byte, and are where Enzyme looks."""
        parts = [self._metadata.node(each) for each in self._metadata.elements(node.text("elements"))]
        if _DECLARED in node.text("flags") or (node.number("size") or 0) > 8 * FARTHEST:
            return self._uniform(node, parts, above)
        trees = [self._part(part, above) for part in parts if part and part.kind in {"DIDerivedType", "DICompositeType"}]
        known = [tree for tree in trees if tree is not None]
        try:
            return self._of_rust_buffer(node, joined(known), above) if len(known) == len(trees) else None
        except Conflict:
            return None

    def _uniform(self, node: Node, parts: Sequence[Node | None], above: tuple[str, ...]) -> TypeTree | None:
        """A large struct around one array of numbers of one kind, as `std::array` is."""
        members = [part for part in parts if part and part.text("tag") == "DW_TAG_member"]
        if len(members) != 1 or self.size(members[0].text("baseType")) * 8 != node.number("size"):
            return None
        tree = self.tree(members[0].text("baseType"), above)
        return tree if tree and tree.fits_any_value else None

    def _part(self, part: Node, above: tuple[str, ...]) -> TypeTree | None:
        """One part of a struct, where it lies there; what takes no room in it is empty, variants are not known."""
        flags, type_ = part.text("flags"), part.text("baseType")
        if part.text("tag") == "DW_TAG_variant_part" or "DIFlagVirtual" in flags:
            return None
        if part.text("tag") not in _PARTS or "DIFlagStaticMember" in flags or self._is_empty(type_):
            return TypeTree()
        bits = part.number("offset") or 0
        if "DIFlagBitField" in flags:
            first, end = bits // 8, -(-(bits + (part.number("size") or 0)) // 8)
            return _integer(end - first).shifted(first)
        if part.text("name") == _VTABLE:
            return TypeTree().behind().shifted(bits // 8)
        tree = self.tree(type_, above)
        return tree.spread(self.size(type_)).shifted(bits // 8) if tree and bits % 8 == 0 else None

    def _is_empty(self, reference: str) -> bool:
        """Whether a type has no data: Rust's types of no size, and classes of C++ without members, which share a byte with others."""
        node = self._metadata.node(reference)
        if node is None or node.kind != "DICompositeType" or _DECLARED in node.text("flags"):
            return False
        if node.text("tag") not in {"DW_TAG_structure_type", "DW_TAG_class_type"}:
            return False
        parts = [self._metadata.node(each) for each in self._metadata.elements(node.text("elements"))]
        shown = [part for part in parts if part and part.text("tag") in {*_PARTS, "DW_TAG_variant_part"}]
        return all(
            part.text("tag") in _PARTS and ("Static" in part.text("flags") or self._is_empty(part.text("baseType"))) for part in shown
        )

    def _of_rust_buffer(self, node: Node, tree: TypeTree, above: tuple[str, ...]) -> TypeTree:
        """Rust's `RawVec<T>`, of which `Vec` is made, says only by its parameter what its pointer to bytes points to."""
        parameters = self._metadata.elements(node.text("templateParams"))
        element = self._metadata.node(parameters[0]) if parameters else None
        pointers = [path for path, kind in tree.entries if kind is Kind.POINTER]
        if not node.text("name").startswith("RawVec<") or element is None or len(pointers) != 1:
            return tree
        return joined([tree, self._behind(element.text("type"), above).shifted(pointers[0][0])])


def _integer(size: int) -> TypeTree:
    return TypeTree.of({(byte,): Kind.INTEGER for byte in range(min(size, 16))})
