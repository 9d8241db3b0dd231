"""The global variables of IR text, and what Enzyme is told of them: that one has no derivative, or where its shadow is."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from plugin.ir.callgraph import NAME, symbol
from plugin.items.activity import ENZYME

_VARIABLE = re.compile(rf"(?m)^{NAME} = (?:[^\n@]*? )?(?P<kind>global|constant) (?P<rest>.*)$")
_INACTIVE = re.compile(rf"(?m)^@\"?[^\s\"]*{ENZYME}inactive_global[^\n]*? = (?P<rest>.*)$")
_CLEAR = "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A global variable: its `line` in the text, its `type` as IR has it.

    It `is_constant`, or `is_marked` for Enzyme, or there is one for each thread (`is_thread_local`).
    """

    name: str
    line: str
    type: str
    is_constant: bool
    is_marked: bool
    is_thread_local: bool

    @property
    def shadow(self) -> str:
        """The symbol of the shadow that `with_shadow` makes."""
        return quoted(f"{self.name}.shadow")

    @property
    def cleared(self) -> str:
        """The instruction that sets the shadow to zero."""
        size = f"i64 ptrtoint (ptr getelementptr ({self.type}, ptr null, i64 1) to i64)"
        return f"  call void @llvm.memset.p0.i64(ptr {self.shadow}, i8 0, {size}, i1 false)"


def variables(text: str) -> dict[str, Variable]:
    """The global variables of IR text by name, those apart that are calls of Enzyme's."""
    inactive = {symbol(name) for found in _INACTIVE.finditer(text) for name in re.findall(NAME, found["rest"])}
    found = (each for each in _VARIABLE.finditer(text) if ENZYME not in each[1])
    return {
        (name := symbol(each[1])): Variable(
            name=name,
            line=each[0],
            type=_type(each["rest"]),
            is_constant=each["kind"] == "constant",
            is_marked=name in inactive or "!enzyme_" in each["rest"],
            is_thread_local=" thread_local" in each[0].partition(f" {each['kind']} ")[0],
        )
        for each in found
    }


def with_inactive(text: str, names: Iterable[str]) -> str:
    """IR text in which the variables of these names have no derivative."""
    lines = (f"{quoted(f'{ENZYME}inactive_global_{name}')} = global [1 x ptr] [ptr {quoted(name)}]\n" for name in names)
    return text + "".join(lines)


def with_shadow(text: str, variable: Variable) -> str:
    """IR text in which a variable has a shadow, which whoever asks for a derivative clears before.

    The shadow is no local one: the optimiser would remove what only metadata names.
    """
    node = 1 + max((int(number) for number in re.findall(r"(?m)^!(\d+) =", text)), default=-1)
    shadow = f"{variable.shadow} = weak hidden global {variable.type} zeroinitializer, align 16"
    text = text.replace(variable.line, f"{variable.line}, !enzyme_shadow !{node}\n{shadow}")
    declared = "" if "declare void @llvm.memset.p0.i64(" in text else f"{_CLEAR}\n"
    return f"{text}{declared}!{node} = !{{ptr {variable.shadow}}}\n"


def quoted(name: str) -> str:
    """A symbol as it stands in IR text."""
    return f'@"{name}"' if re.search(r"[^-\w.$]", name) else f"@{name}"


def _type(rest: str) -> str:
    """The type at the beginning of what follows `global`."""
    if rest[0] not in "[{<":
        return re.split(r"[ ,]", rest, maxsplit=1)[0]
    inner = rest[1:]
    return rest[0] + inner[: _end(inner)]


def _end(inner: str) -> int:
    depth = 1
    for at, character in enumerate(inner, 1):
        depth += (character in "[{<") - (character in "]}>")
        if depth == 0:
            return at
    return len(inner)
