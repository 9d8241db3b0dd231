"""Where in the sources an instruction of IR text comes from: the debug information that it carries."""

from __future__ import annotations

import re
from pathlib import Path

from bootstrap.diagnostics import Span

_SCOPES = 100
"""How many blocks within blocks are looked through for the one that names its file."""


def span_of(line: str, text: str, root: Path) -> Span | None:
    """The place of an instruction in a source file, relative to `root`; None where the module does not tell, or the file is not there."""
    found = re.search(r"!dbg (!\d+)", line)
    location = _node(found[1], text) if found else ""
    where, column = re.search(r"\bline: (\d+)", location), re.search(r"\bcolumn: (\d+)", location)
    name = _file(location, text)
    return span_in(name, int(where[1]), int(column[1]) if column else 1, text, root) if where and name else None


def span_in(name: str, line: int, column: int, text: str, root: Path) -> Span | None:
    """The place in the file that IR text calls `name`, in the folder that it says or in `root`; None where no such file can be read."""
    folders = re.findall(rf'filename: "{re.escape(name)}", directory: "(.*?)"', text)
    candidates = [root / name, *(root / folder / name for folder in folders)]
    path = next((each for each in candidates if each.is_file()), root / name)
    try:
        source = path.read_text(encoding="utf-8", errors="replace").splitlines()[line - 1] if line else ""
    except (OSError, IndexError):
        return None
    return Span(path=path, line=line, column=max(column, 1), end_column=max(column, 1) + 1, source=source) if source else None


def _node(number: str, text: str) -> str:
    found = re.search(rf"(?m)^{number} = (.*)$", text)
    return found[1] if found else ""


def _file(node: str, text: str) -> str:
    """The name of the file that a location, or what is around it, is in."""
    for _ in range(_SCOPES):
        file = re.search(r"\bfile: (!\d+)", node)
        if file:
            name = re.search(r'filename: "(.*?)"', _node(file[1], text))
            return name[1] if name else ""
        scope = re.search(r"\bscope: (!\d+)", node)
        if scope is None:
            return ""
        node = _node(scope[1], text)
    return ""
