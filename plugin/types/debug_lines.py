"""Debug information cut down to lines, in IR text: as if the compiler had been asked for line tables only.

Types and variables are wanted to tell Enzyme what memory holds. In the program they would be many times its code, and Enzyme and the
optimisers would carry them along.
"""

from __future__ import annotations

import re

from plugin.types.debug_metadata import Metadata

_VARIABLE = re.compile(r"^ +(?:#dbg_(?:declare|value|assign|label)|(?:tail )?call void @llvm\.dbg\.\w+)\(.*\n", re.MULTILINE)
_GLOBAL = re.compile(r"^(@.*), !dbg !\d+$", re.MULTILINE)
_UNIT = re.compile(r"^!\d+ = distinct !DICompileUnit\(.*$", re.MULTILINE)
_UNIT_FIELDS = re.compile(r", (?:enums|retainedTypes|globals|imports|macros): !\d+")
_SUBPROGRAM = re.compile(r"^!\d+ = distinct !DISubprogram\(.*$", re.MULTILINE)
_SUBPROGRAM_FIELDS = re.compile(r", (?:declaration|retainedNodes|templateParams|containingType|thrownTypes): !\d+")
_SCOPE = re.compile(r"\bscope: (!\d+)")
_FILE = re.compile(r"\bfile: (!\d+)")


def only_lines(text: str) -> str:
    """IR text without debug information on types and variables; the nodes that nothing names any more are gone once it is read."""
    if "emissionKind: FullDebug" not in text:
        return text
    metadata = Metadata(text)
    free = metadata.first_free
    text = _GLOBAL.sub(r"\1", _VARIABLE.sub("", text))
    text = _UNIT.sub(lambda found: _UNIT_FIELDS.sub("", found[0]).replace("emissionKind: FullDebug", "emissionKind: LineTablesOnly"), text)
    text = _SUBPROGRAM.sub(lambda found: _subprogram(found[0], metadata, free), text)
    return f"{text}\n!{free} = !DISubroutineType(types: !{free + 1})\n!{free + 1} = !{{null}}\n"


def _subprogram(line: str, metadata: Metadata, untyped: int) -> str:
    """The line of a function without its types: of one that is a member, the scope is a type too."""
    line = re.sub(r"\btype: !\d+", f"type: !{untyped}", _SUBPROGRAM_FIELDS.sub("", line))
    scope, file = _SCOPE.search(line), _FILE.search(line)
    node = metadata.node(scope[1]) if scope else None
    if scope and file and node and node.kind == "DICompositeType":
        return line.replace(scope[0], f"scope: {file[1]}", 1)
    return line
