"""The numbered metadata of a module's text, read when it is asked for.

LLVM writes each node in a line of its own, `!12 = !DIBasicType(name: "double", size: 64)` or `!13 = !{!12, null}`, and refers to nodes
by number. What is not of these forms is as if it were not there.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping

_LINE = re.compile(r"^(!\d+) = (?:distinct )?!(\w*)[({](.*)[)}]$", re.MULTILINE)
_FIELD = re.compile(r'(\w+): ("(?:[^"\\]|\\.)*"|!\w+\([^()]*\)|[^,]+)')
_REFERENCE = re.compile(r"!\d+|null")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A specialised node: its `kind`, such as `DIBasicType`, and its fields as they are written."""

    kind: str
    fields: Mapping[str, str]

    def text(self, field: str) -> str:
        """A field as it is written, without quotes; empty when it is not there."""
        return self.fields.get(field, "").strip('"')

    def number(self, field: str) -> int | None:
        """A field that is a whole number, or 0 when it is not there, as LLVM leaves out what is 0; None when it is something else."""
        value = self.fields.get(field, "0")
        return int(value) if value.isdecimal() else None


class Metadata:
    """The nodes of the module `text`, by their references, `!12`."""

    def __init__(self, text: str) -> None:
        self._lines = {found[1]: (found[2], found[3]) for found in _LINE.finditer(text)}
        self.node = functools.cache(self._node)

    @property
    def first_free(self) -> int:
        """The first number that is not taken."""
        return max((int(each[1:]) for each in self._lines), default=-1) + 1

    def _node(self, reference: str) -> Node | None:
        kind, inside = self._lines.get(reference, ("", ""))
        return Node(kind=kind, fields=dict(_FIELD.findall(inside))) if kind else None

    def elements(self, reference: str) -> list[str]:
        """The references of a list of nodes; none when it is no such list."""
        kind, inside = self._lines.get(reference, ("", ""))
        return [] if kind else _REFERENCE.findall(inside)
