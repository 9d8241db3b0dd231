"""What Enzyme is to know of a function: its derivative, that it has none, what it behaves like, that it allocates. Plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

RESULT = -1
"""In `free_arguments`: what the allocation returned."""

_UNARY = (
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("exp", "exp2", "exp10", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt"),
    *("fabs", "floor", "ceil", "round", "rint", "nearbyint", "trunc", "erf", "erfc", "tgamma", "j0", "j1", "y0", "y1"),
)
_BINARY = ("pow", "atan2", "fmod", "hypot", "remainder", "copysign", "fmax", "fmin", "fdim")
LIKE = {**dict.fromkeys(_UNARY, 1), **dict.fromkeys(_BINARY, 2), "fma": 3}
"""The functions of C's library whose derivative Enzyme knows, with the number of their arguments."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What Enzyme is to know of the function `symbol`.

    `augmented` and `reverse` are the two sweeps of its reverse mode, `forward` is its forward mode; or it is `inactive`; or it has the
    derivative of the function `like`; or it allocates as many bytes as its argument number `size` says, from 0, and `free` frees them,
    which takes `free_arguments`: numbers of the allocation's arguments, or `RESULT`. `index` is the rule's place in the configuration.
    """

    symbol: str
    augmented: str | None = None
    reverse: str | None = None
    forward: str | None = None
    inactive: bool = False
    like: str | None = None
    free: str | None = None
    free_arguments: tuple[int, ...] = (RESULT,)
    size: int | None = None
    index: int = 0

    @property
    def has_derivative(self) -> bool:
        """Whether the rule gives a derivative, in either mode."""
        return self.augmented is not None or self.reverse is not None or self.forward is not None

    def faults_of_form(self) -> Iterator[tuple[str, str, str]]:
        """What is wrong whatever the function is: the part of the rule, a sentence, and what to write instead."""
        kinds = [
            self.has_derivative,
            self.inactive,
            self.like is not None,
            self.free is not None or self.size is not None,
        ]
        if not any(kinds):
            yield (
                "symbol",
                f"the rule for `{self.symbol}` says nothing",
                "give `augmented` and `reverse`, `forward`, `inactive`, `like`, or `free` and `size`",
            )
        elif sum(kinds) > 1:
            yield (
                "symbol",
                f"the rule for `{self.symbol}` says several things",
                "keep the derivative, `inactive`, `like`, or `free` and `size`",
            )
        for one, other in (("augmented", "reverse"), ("free", "size")):
            for present, absent in ((one, other), (other, one)):
                if getattr(self, present) is not None and getattr(self, absent) is None:
                    yield present, f"the rule for `{self.symbol}` has `{present}` and no `{absent}`", f"give `{absent}` too"
        if self.like is not None and self.like not in LIKE:
            yield "like", f"Enzyme knows no derivative of a function `{self.like}`", f"write one of {', '.join(LIKE)}"
