"""Modes, activities and items: what may be asked of a derivative.

A *mode* is the direction of differentiation, an *activity* says how one argument or the return takes part, an *item* is one
derivative that is asked for. Names and validity are those of rustc's `DiffMode` and `DiffActivity`
(compiler/rustc_ast/src/expand/autodiff_attrs.rs); rustc checks the syntax of types, here the types of the module are checked.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin.types.type_language import Type

ENZYME = "__enzyme_"
"""What Enzyme looks for in a symbol's name; wherever it stands, Enzyme takes the symbol for a call of its own."""


class DiffMode(enum.StrEnum):
    """The direction of differentiation."""

    FORWARD = "forward"
    REVERSE = "reverse"

    @property
    def entry_point(self) -> str:
        """The name by which Enzyme knows a call in this mode; anything may follow it."""
        return "__enzyme_fwddiff" if self is DiffMode.FORWARD else "__enzyme_autodiff"


class DiffActivity(enum.StrEnum):
    """How an argument or the return takes part. `NONE` is the return of a function that returns nothing."""

    NONE = "None"
    CONST = "Const"
    ACTIVE = "Active"
    ACTIVE_ONLY = "ActiveOnly"
    DUAL = "Dual"
    DUAL_ONLY = "DualOnly"
    DUALV = "Dualv"
    DUALV_ONLY = "DualvOnly"
    DUPLICATED = "Duplicated"
    DUPLICATED_ONLY = "DuplicatedOnly"

    @property
    def marker(self) -> str:
        """The operand that stands before an argument of this activity in Enzyme's call."""
        return _MARKERS[self]

    @property
    def has_shadow(self) -> bool:
        """Whether the derivative takes a shadow beside the argument."""
        return self.marker.startswith("enzyme_dup")

    @property
    def is_vector(self) -> bool:
        """Whether one shadow holds all lanes, one after the other."""
        return self in {DiffActivity.DUALV, DiffActivity.DUALV_ONLY}

    @property
    def is_active(self) -> bool:
        """Whether the gradient of the argument comes back by value."""
        return self in {DiffActivity.ACTIVE, DiffActivity.ACTIVE_ONLY}

    @property
    def returns_primal(self) -> bool:
        """As a return activity: whether the derivative returns the primal's value too."""
        return self in {DiffActivity.ACTIVE, DiffActivity.DUAL, DiffActivity.DUALV, DiffActivity.CONST}


_MARKERS = {
    DiffActivity.NONE: "",
    DiffActivity.CONST: "enzyme_const",
    DiffActivity.ACTIVE: "enzyme_out",
    DiffActivity.ACTIVE_ONLY: "enzyme_out",
    DiffActivity.DUAL: "enzyme_dup",
    DiffActivity.DUAL_ONLY: "enzyme_dupnoneed",
    DiffActivity.DUALV: "enzyme_dupv",
    DiffActivity.DUALV_ONLY: "enzyme_dupnoneedv",
    DiffActivity.DUPLICATED: "enzyme_dup",
    DiffActivity.DUPLICATED_ONLY: "enzyme_dupnoneed",
}

_FORWARD = (DiffActivity.DUAL, DiffActivity.DUAL_ONLY, DiffActivity.DUALV, DiffActivity.DUALV_ONLY, DiffActivity.CONST)
_ACTIVE = (DiffActivity.ACTIVE, DiffActivity.ACTIVE_ONLY)

VALID_INPUTS = {
    DiffMode.FORWARD: _FORWARD,
    DiffMode.REVERSE: (*_ACTIVE, DiffActivity.DUPLICATED, DiffActivity.DUPLICATED_ONLY, DiffActivity.CONST),
}
"""rustc's `valid_input_activity`."""

VALID_RETURNS = {
    DiffMode.FORWARD: (*_FORWARD, DiffActivity.NONE),
    DiffMode.REVERSE: (*_ACTIVE, DiffActivity.CONST, DiffActivity.NONE),
}
"""rustc's `valid_ret_activity`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AutoDiffItem:
    """One derivative: `target` is to be the derivative of the function `source`, both symbols of the module.

    `inputs` has an activity for each argument of the primal, `types` the type of each input of which it was said,
    `ret_type` that of the return. `width` is how
    many derivatives are made at once. With `augmented` the derivative is split: that symbol is to be the augmented primal, `target`
    the reverse pass. `on_short_shadow` is the symbol of a function to call where a slice's shadow is too short. `index` is the item's
    place in the configuration.

    `runtime_activity` lets Enzyme decide while the program runs which pointers are active, by comparing each with its shadow; None is
    as the unit has it. With `strong_zero` zero times anything is zero. `inactive_globals` and `active_globals` are global variables
    that have no derivative, and that have one.
    """

    source: str
    target: str
    mode: DiffMode
    inputs: tuple[DiffActivity, ...]
    ret: DiffActivity
    index: int
    types: tuple[Type | None, ...] = ()
    ret_type: Type | None = None
    width: int = 1
    augmented: str = ""
    on_short_shadow: str = ""
    runtime_activity: bool | None = None
    strong_zero: bool = False
    inactive_globals: tuple[str, ...] = ()
    active_globals: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The symbols that the item defines."""
        return (self.augmented, self.target) if self.augmented else (self.target,)

    def type_of(self, number: int) -> Type | None:
        """The type that was said of an input, counted from 0."""
        return self.types[number] if number < len(self.types) else None

    def faults_of_mode(self) -> Iterator[tuple[str, str, str]]:
        """What is wrong whatever the primal is: the part of the item, a sentence, and what to write instead."""
        for number, activity in enumerate(self.inputs):
            valid = VALID_INPUTS[self.mode]
            if activity not in valid:
                yield f"inputs.{number}", f"input {number + 1} is {activity}, which {self.mode} mode does not know", _one_of(valid)
        if self.ret not in VALID_RETURNS[self.mode]:
            yield "ret", f"the return is {self.ret}, which {self.mode} mode does not know", _one_of(VALID_RETURNS[self.mode])


def _one_of(activities: tuple[DiffActivity, ...]) -> str:
    return f"write one of {', '.join(activities)}"
