"""The blocks of a function of IR text, and the loops that have more than one way in.

Enzyme runs loops backwards as LLVM's analysis knows them, which takes only those with one way in: natural loops. Of another, such as
Duff's device or a `goto` into a loop, it would keep the values of one turn and take them for those of all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LABEL = re.compile(r'(?m)^("[^"]*"|[-\w.$]+):')
_TARGET = re.compile(r'\blabel %("[^"]*"|[-\w.$]+)')
_ENTRY = "entry of the function"


def successors(body: str) -> dict[str, set[str]]:
    """The blocks of a function's text, the first of which is the entry, each with those that may come next."""
    head, *rest = _LABEL.split(body)
    blocks = dict(zip(rest[::2], rest[1::2], strict=True))
    if "\n" in head.strip() or not blocks:  # the entry needs no label
        blocks = {_ENTRY: head, **blocks}
    return {name: set(_TARGET.findall(text)) & blocks.keys() for name, text in blocks.items()}


def irreducible(body: str) -> str:
    """A line with a jump into a loop that is no natural one; empty when a function has none.

    Hecht and Ullman: blocks that have one way in are joined with where it comes from, and a loop of one block is no loop any more; what
    cannot be made one block that way has a loop with two ways in.
    """
    left = _reduced(successors(body))
    if len(left) == 1:
        return ""
    lines = [line for line in body.split("\n") if any(name in left for name in _TARGET.findall(line))]
    return next((line for line in lines if "!dbg" in line), lines[0] if lines else "")


def computed_jump(body: str) -> str:
    """A line with a jump to a label that is computed, or the last one before it that has a place; empty when a function has none."""
    last = ""
    for line in body.split("\n"):
        last = line if "!dbg" in line else last
        if line.lstrip().startswith("indirectbr "):
            return last or line
    return ""


def _reduced(graph: Mapping[str, set[str]]) -> set[str]:
    entry = next(iter(graph))
    following = _reachable(graph, entry)
    preceding: dict[str, set[str]] = {name: set() for name in following}
    for name, targets in following.items():
        for each in targets - {name}:
            preceding[each].add(name)
        targets.discard(name)
    pending = [name for name in following if name != entry]
    while pending:
        name = pending.pop()
        if name not in following or len(preceding[name]) != 1:
            continue
        [into] = preceding.pop(name)
        moved = following.pop(name)
        following[into] |= moved
        following[into] -= {name, into}
        for each in moved:
            preceding[each].discard(name)
            if each != into:
                preceding[each].add(into)
                pending.append(each)
    return set(following)


def _reachable(graph: Mapping[str, set[str]], entry: str) -> dict[str, set[str]]:
    found = {entry: set(graph[entry])}
    for name in (queue := [entry]):
        for each in graph[name] - found.keys():
            found[each] = set(graph[each])
            queue.append(each)
    return found
