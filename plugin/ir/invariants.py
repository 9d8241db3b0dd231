"""What Enzyme says of loads holds for one call of a derivative; here it is kept from being believed of two.

Enzyme marks a load that a derivative does again with `!invariant.group`: the memory is as it was. When the derivative is inlined into a
loop, LLVM takes the loads of all turns for one and moves it out: a gradient at a place that moves stays the one of the first place. The
driver optimises after Enzyme, in the same run. So no function is inlined there, and before *post* inlines them the marks are taken away.
"""

from __future__ import annotations

import re

_MARK = '"holoenzyme-whole"'
_GROUP = re.compile(r"(?m)^(attributes #\d+ = \{)(?=[^\n]* sanitize_hwaddress )(?![^\n]* (?:noinline|alwaysinline) )")
_INVARIANT = re.compile(r", !invariant\.group !\d+")


def held(text: str) -> str:
    """IR text whose guarded functions, which are all that have a body, are not inlined: a derivative has the attributes of its primal."""
    return _GROUP.sub(rf"\1 noinline {_MARK}", text)


def released(text: str) -> str:
    """IR text whose functions may be inlined again, and of whose loads nothing is said but what holds wherever they come to stand."""
    lines = (line.replace(" noinline", "", 1).replace(f" {_MARK}", "") if _MARK in line else line for line in text.split("\n"))
    return _INVARIANT.sub("", "\n".join(lines))
