"""What runs when a library is loaded and unloaded: C++'s global objects, and functions marked as constructor or destructor.

LLVM lists them in `llvm.global_ctors` and `llvm.global_dtors`. llvmlite's code generator writes these lists into `.ctors` and `.dtors`,
sections of old that GNU's linker turns into today's and LLVM's linker, which is Zig's, leaves out without a word. So they are
put into today's sections before code is made: `.init_array` and `.fini_array`, arrays of pointers to functions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import llvmlite.binding as llvm

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef

SECTIONS = {"llvm.global_ctors": ".init_array", "llvm.global_dtors": ".fini_array"}

_SYMBOL = r'@(?:"[^"]*"|[-\w.$]+)'
_LIST = re.compile(r"(?m)^@(?P<name>llvm\.global_[cd]tors) = appending global \[\d+ x \{ i32, ptr, ptr \}\] \[(?P<entries>.*)\]$")
_ENTRY = re.compile(rf"\{{ i32 (?P<priority>\d+), ptr (?P<function>{_SYMBOL}), ptr (?P<key>null|{_SYMBOL}) \}}")
_LAST = 65535
"""The priority of those that have none; they stand in the section without a number, which comes after those with one."""


def in_sections(module: ModuleRef) -> ModuleRef:
    """The module as code is to be made of it for ELF: itself, or one in which LLVM's lists are arrays in their sections."""
    text = str(module)
    if "apple" in module.triple or not _LIST.search(text):
        return module
    return llvm.parse_assembly(_LIST.sub(lambda found: _arrays(found, text), text))


def _arrays(found: re.Match[str], text: str) -> str:
    """One array of one pointer for each entry. One that belongs to a symbol of several objects goes as that symbol's group goes."""
    lines = []
    for index, entry in enumerate(_ENTRY.finditer(found["entries"])):
        priority, key = int(entry["priority"]), entry["key"]
        section = SECTIONS[found["name"]] + ("" if priority == _LAST else f".{priority:05}")
        group = f", comdat(${key[1:]})" if f"\n${key[1:]} = comdat" in text else ""
        lines.append(f'@"{found["name"]}.{index}" = private constant ptr {entry["function"]}, section "{section}"{group}, align 8')
    return "\n".join(lines)
