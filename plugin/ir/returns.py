"""Functions that return several values at once, as a small struct of C or an `Option<f64>` of Rust does.

In reverse mode Enzyme asks what a call gives only for the first byte: a number behind an integer has no derivative for it, and it says
nothing. So such a call is inlined before Enzyme comes; where that cannot be, as in a recursion, it is refused.
"""

from __future__ import annotations

import re

from plugin.ir import flow
from plugin.ir.callgraph import NAME, symbol

_DEFINITION = re.compile(rf"(?m)^define (?!weak |extern_weak )[^@\n]*{NAME}\(")
_CALL = re.compile(rf"(?m)^(?P<call> [^@\n]*?\b(?:call|invoke) [^@\n]*?\{{ [^@\n]*\}} {NAME}\([^\n]*\))(?: #\d+)?(?P<rest>[^)\n]*)$")
_MIXED = re.compile(r"\{ (?!\{? ?(?:half|bfloat|float|double|x86_fp80|fp128|<))[^@\n]*$")
"""What stands before a callee that returns a struct, the first part of which is no number."""


def inlining(text: str) -> str:
    """IR text in which the calls that return several values, a number among them, are to be inlined; those of a rule's function are not."""
    defined = {symbol(name) for name in _DEFINITION.findall(text)}

    def marked(found: re.Match[str]) -> str:
        returned, *_ = found["call"].partition("@")
        if symbol(found[2]) not in defined or not flow.FLOAT.search(returned) or " noinline" in found["rest"]:
            return found[0]
        return f"{found['call']} alwaysinline{found['rest']}"

    return _CALL.sub(marked, text)


def number_behind_integer(body: str, defined: frozenset[str]) -> str:
    """The line where a function's text calls one of `defined` that returns a number behind something else; empty when none does."""
    for each in flow.instructions(body):
        function, _ = flow.callee(each)
        returned = each.operands.partition(f"{function}(")[0] if function else ""
        if function.removeprefix("@") in defined and _MIXED.search(returned) and flow.FLOAT.search(returned):
            return each.line
    return ""
