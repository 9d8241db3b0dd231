"""Lines of IR, written one after the other: the body of a function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plugin.items.layout import FLOAT_SIZES, Layout, Leaf, leaves_of, up

ALIGNMENT = 16
"""What the address of every slot is a multiple of."""


def symbol(name: str) -> str:
    """A global's name as IR text has it, whatever characters it is made of."""
    return f'@"{escaped(name.encode())}"'


def escaped(data: bytes) -> str:
    """Bytes as they stand between the quotes of IR text."""
    return "".join(f"\\{byte:02X}" if byte < 0x20 or byte > 0x7E or byte in b'"\\' else chr(byte) for byte in data)  # noqa: PLR2004 - printable ASCII


def aligned(offset: int, alignment: int = ALIGNMENT) -> int:
    """What an address is a multiple of that lies `offset` bytes after a multiple of `alignment`."""
    return min(alignment, offset & -offset) if offset else alignment


class Body:
    """The lines of a function's body. Values that it makes are named `%v0` and so on, memory `%l0`, blocks `b0`."""

    def __init__(self) -> None:
        self._locals: list[str] = []
        self._lines: list[str] = []
        self._values = 0
        self._blocks = 0

    @property
    def lines(self) -> list[str]:
        """All lines. What makes memory comes first, where LLVM's optimiser looks for it."""
        return [*self._locals, *self._lines]

    def add(self, line: str) -> None:
        """Add a line that makes no value."""
        self._lines.append(f"  {line}")

    def value(self, expression: str) -> str:
        """Add a line that makes a value; gives its name."""
        name = f"%v{self._values}"
        self._values += 1
        self._lines.append(f"  {name} = {expression}")
        return name

    def block(self) -> str:
        """A name for a block."""
        self._blocks += 1
        return f"b{self._blocks - 1}"

    def begin(self, block: str) -> None:
        """Begin a block: what is added from now on is its own."""
        self._lines.append(f"{block}:")

    def at(self, place: str, offset: int) -> str:
        """The address `offset` bytes after `place`."""
        return self.value(f"getelementptr inbounds i8, ptr {place}, i64 {offset}") if offset else place

    def local(self, layout: Layout) -> str:
        """A slot for a value until the function returns. It is as long as all registers that may hold the value.

        A slot for numbers of one type is made of these: Enzyme, which differentiates derivatives too, takes bytes for integers.
        """
        name = f"%l{len(self._locals)}"
        types = {type_ for _, type_ in layout.scalars}
        element = types.pop() if len(types) == 1 and types <= FLOAT_SIZES.keys() else "i8"
        count = up(layout.size, ALIGNMENT) // FLOAT_SIZES.get(element, 1)
        self._locals.append(f"  {name} = alloca [{count} x {element}], align {ALIGNMENT}")
        return name

    def load(self, place: str, layout: Layout) -> list[str]:
        """The scalars of a value in memory."""
        return [
            self.value(f"load {type_}, ptr {self.at(place, offset)}, align {aligned(offset, layout.alignment)}")
            for offset, type_ in layout.scalars
        ]

    def store(self, values: Iterable[str], place: str, layout: Layout) -> None:
        """Put the scalars of a value into memory."""
        for value, (offset, type_) in zip(values, layout.scalars, strict=True):
            self.add(f"store {type_} {value}, ptr {self.at(place, offset)}, align {aligned(offset, layout.alignment)}")

    def spread(self, value: str, type_: str, place: str, named: Iterable[str] = ()) -> None:
        """Put a value of any IR type into a slot, leaf by leaf: Enzyme does not take all structs in one store."""
        for leaf in leaves_of(type_, named):
            part = self.value(f"extractvalue {type_} {value}, {_indices(leaf)}") if leaf.path else value
            self.add(f"store {leaf.type} {part}, ptr {self.at(place, leaf.offset)}, align {aligned(leaf.offset)}")

    def gathered(self, type_: str, place: str, named: Iterable[str] = ()) -> str:
        """The value of any IR type that lies in a slot."""
        whole = "poison"
        for leaf in leaves_of(type_, named):
            part = self.value(f"load {leaf.type}, ptr {self.at(place, leaf.offset)}, align {aligned(leaf.offset)}")
            whole = self.value(f"insertvalue {type_} {whole}, {leaf.type} {part}, {_indices(leaf)}") if leaf.path else part
        return whole

    def clear(self, place: str, layout: Layout) -> None:
        """Make all scalars of a value in memory zero."""
        self.store(["zeroinitializer"] * len(layout.scalars), place, layout)

    def call(self, returned: str, function: str, operands: Sequence[str], *, is_variadic: bool = False, attributes: str = "") -> str:
        """Call a function; gives the name of what it returns, empty when that is nothing."""
        call = f"call {returned}{' (...)' if is_variadic else ''} {function}({', '.join(operands)}) {attributes}".rstrip()
        if returned != "void":
            return self.value(call)
        self.add(call)
        return ""


def _indices(leaf: Leaf) -> str:
    return ", ".join(map(str, leaf.path))
