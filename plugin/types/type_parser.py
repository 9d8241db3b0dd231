"""Reads the types of the configuration: a method a rule of the grammar."""

from __future__ import annotations

import difflib
import itertools
from typing import NoReturn, Self

from bootstrap.cfg.tokens import Cursor, Kind, Text, Token
from bootstrap.diagnostics import Span
from plugin.types.type_language import SCALARS, Array, Field, Pointer, Scalar, Slice, Struct, Type

CODE = "E0249"
DEEPEST = 64
"""How deep types may nest."""
LARGEST = 2**47
"""The largest length and offset: more than this no address space has."""


class Parser(Cursor):
    """The grammar of `plugin.types.type_language`; every method may raise `Failure` (E0249)."""

    @classmethod
    def of(cls, text: str, origin: str, span: Span | None) -> Self:
        """A parser at the begin of `text`."""
        return cls(Text(text=text, origin=origin, span=span), CODE)

    def whole(self) -> Type:
        """`whole = type END`."""
        type_ = self.type(0)
        if self.token.kind is not Kind.END:
            self.refuse(f"expected the end, found `{self.token.value}`", self.token)
        return type_

    def type(self, depth: int) -> Type:
        """`type = "*" type | "[" type [";" number] "]" | "{" [fields] "}" | scalar`."""
        if depth > DEEPEST:
            self.refuse(f"types are nested more than {DEEPEST} deep", self.token)
        if self.at("*"):
            self.advance()
            return Pointer(target=self.type(depth + 1))
        if self.at("["):
            return self.row(depth + 1)
        if self.at("{"):
            return self.struct(depth + 1)
        return self.scalar()

    def scalar(self) -> Scalar:
        """One of the names of `SCALARS`."""
        if self.token.kind is Kind.END:
            self.refuse("a type is missing", self.token, "such as `f64`")
        name = self.token.value
        if self.token.kind is not Kind.NAME:
            self.refuse(f"expected a type, found `{name}`", self.token, "a type is a name such as f64, *T, [T; N], [T] or {T, T}")
        if name not in SCALARS:
            near = SYNONYMS.get(name) or next(iter(difflib.get_close_matches(name, SCALARS, n=1)), None)
            self.refuse(f"there is no type `{name}`", self.token, f"did you mean `{near}`?" if near else f"known are {', '.join(SCALARS)}")
        self.advance()
        return Scalar(name=name)

    def row(self, depth: int) -> Array | Slice:
        """`"[" type [";" number] "]"`."""
        bracket = self.advance()
        element = self.type(depth)
        if not self.at(";"):
            self.close(bracket, "]", "`;` and a length, or `]`")
            return Slice(element=element)
        self.advance()
        length = self.number("a length")
        self.close(bracket, "]", "`]`")
        return Array(element=element, length=length)

    def struct(self, depth: int) -> Struct:
        """`"{" [field {"," field} [","]] "}"`, with an offset at every field or at none."""
        bracket = self.advance()
        types: list[Type] = []
        offsets: list[tuple[Token, int]] = []
        while not self.at("}"):
            types.append(self.type(depth))
            if self.at("@"):
                self.advance()
                offsets.append((self.token, self.number("an offset")))
            if len(offsets) not in {0, len(types)}:
                self.refuse("some fields have an offset and some do not", offsets[0][0] if self.at("}") else self.token, "give all or none")
            if not self.at(","):
                break
            self.advance()
        self.close(bracket, "}", "`,` or `}`")
        return self.placed(types, offsets) if offsets else Struct.of(types)

    def placed(self, types: list[Type], offsets: list[tuple[Token, int]]) -> Struct:
        """A struct of types at offsets."""
        order = sorted(range(len(types)), key=lambda index: offsets[index][1])
        fields = [Field(type=types[index], offset=offsets[index][1]) for index in order]
        for (before, after), index in zip(itertools.pairwise(fields), order[1:], strict=True):
            if after.offset < before.end:
                words = f"`{before.type.spelling}` at {before.offset} ends at {before.end}"
                self.refuse(f"fields overlap: {words}", offsets[index][0], f"this field begins at {after.offset}")
        return Struct(fields=tuple(fields))

    def number(self, what: str) -> int:
        """A length or an offset: decimal digits."""
        token = self.token
        if token.kind is not Kind.LITERAL or not (token.value.isascii() and token.value.isdecimal()):
            self.refuse(f"{what} must be a whole number" + (f", found `{token.value}`" if token.value else ""), token)
        if len(token.value) > len(str(LARGEST)) or int(token.value) > LARGEST:
            self.refuse(f"{what} must not be over {LARGEST}", token)
        return int(self.advance().value)

    def close(self, bracket: Token, sign: str, expected: str) -> None:
        """The end of what `bracket` opened."""
        if self.token.kind is Kind.END:
            self.refuse("a bracket is never closed", bracket, "it is opened here")
        if not self.at(sign):
            self.refuse(f"expected {expected}, found `{self.token.value}`", self.token)
        self.advance()

    def refuse(self, message: str, token: Token, label: str = "") -> NoReturn:
        """Raise the failure that points at `token`."""
        raise self.text.wrong(CODE, message, token, label)


SYNONYMS = {
    "bool": "i1",
    "char": "i8",
    "double": "f64",
    "float": "f32",
    "half": "f16",
    "int": "i32",
    "isize": "i64",
    "long": "i64",
    "short": "i16",
    "size_t": "usize",
    "u8": "i8",
    "u16": "i16",
    "u32": "i32",
    "u64": "i64",
}
"""What other languages call a scalar, for the hint."""
