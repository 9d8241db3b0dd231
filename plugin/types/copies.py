"""Which functions of a module may copy a variable number of bytes at once, and who shares memory with them by calls.

Of such a copy Enzyme asks only what its first byte is and takes all others for the same: where structs whose parts are of several kinds
are copied in a row, the derivative would be wrong, and nobody would be told.
"""

from __future__ import annotations

import re

from plugin.ir.callgraph import CallGraph

_COPY = re.compile(r"@(?:llvm\.)?mem(?:cpy|move)[.(]")
_VARIABLE = re.compile(r"@(?:llvm\.)?mem(?:cpy|move)(?:\.[\w.]*)?\([^\n]*?, i64 (?:noundef )?%")
_LABEL = re.compile(r'([-\w.$]+|"[^"]*"):')
_JUMP = re.compile(r'label %([-\w.$]+|"[^"]*")')


def copies(body: str) -> bool:
    """Whether a function copies memory."""
    return _COPY.search(body) is not None


def misleading(graph: CallGraph) -> frozenset[str]:
    """The functions of an optimised module that such a copy may mislead: those that have one, and all that they call or are called by.

    A copy of one struct in a loop counts too: an optimiser may still make one of all copies.
    """
    neighbours: dict[str, set[str]] = {name: set() for name in graph.bodies}
    for name in graph.bodies:
        for other in (*graph.calls[name], *graph.names[name]):
            neighbours[name].add(other)
            neighbours[other].add(name)
    queue = [name for name, body in graph.bodies.items() if _VARIABLE.search(body) or (copies(body) and _loops(body))]
    touched = set(queue)
    for each in queue:
        queue += neighbours[each] - touched
        touched |= neighbours[each]
    return frozenset(touched)


def _loops(body: str) -> bool:
    """Whether a function jumps back."""
    seen: set[str] = set()
    for line in body.split("\n"):
        if label := _LABEL.match(line):
            seen.add(label[1])
        elif not seen.isdisjoint(_JUMP.findall(line)):
            return True
    return False
