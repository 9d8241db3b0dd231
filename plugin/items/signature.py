"""Signatures of primals and derivatives, in LLVM's words. Plain values: the command, the worker and the records on disk share them."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Any, Self

from plugin.items.activity import AutoDiffItem, DiffActivity, DiffMode
from plugin.items.layout import FLOAT_SIZES, Layout


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of a module. `extensions` has `signext`, `zeroext` or nothing for each parameter, `return_extension` for the return.

    `by_value` has for each parameter the type of the struct that it points to and that is the callee's own (`byval`), or nothing;
    `result` is the type of what is returned through the first parameter (`sret`), which is not among the others. `definitions` define
    the structs that the types name. `names` are the parameters' names where the module has them; `read_only` says of each parameter
    whether it is a pointer through which nothing is ever written, `pointees` what it points to, where that is known.
    """

    name: str
    returns: str
    parameters: tuple[str, ...]
    extensions: tuple[str, ...]
    return_extension: str = ""
    by_value: tuple[str, ...] = ()
    result: str = ""
    definitions: tuple[str, ...] = ()
    is_declaration: bool = False
    is_variadic: bool = False
    names: tuple[str, ...] = ()
    read_only: tuple[bool, ...] = ()
    pointees: tuple[str, ...] = ()

    @property
    def spelling(self) -> str:
        """The type as LLVM writes it."""
        return f"{self.returns} ({', '.join([*self.taken, *(['...'] if self.is_variadic else [])])})"

    @property
    def taken(self) -> tuple[str, ...]:
        """The types of all that it takes in IR: before its parameters may be the place of its result."""
        return ("ptr", *self.parameters) if self.result else self.parameters

    @property
    def takes_struct(self) -> bool:
        """Whether a struct goes in or out by value, other than as scalars."""
        return bool(self.result) or any(self.by_value) or any(each.startswith("%") for each in self.parameters)

    def as_json(self) -> dict[str, Any]:
        """The function as it stands in a unit's record."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The function that `as_json` gave; raises `TypeError` when it gave another thing."""
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        return cls(**values)

    @property
    def value(self) -> Layout | None:
        """What it returns, however that travels; None when it is nothing. Raises `UnknownLayoutError`."""
        if self.returns == "void" and not self.result:
            return None
        return Layout.of_ir(self.result or self.returns, self.definitions)


class Passing(enum.StrEnum):
    """How an argument of the sources travels: as one scalar or pointer, as a pointer and a length, or as a struct by value.

    A struct is in *registers*, one or more parameters that hold its scalars, or in *memory* of the callee's own, to which one
    parameter points; `INDIRECT` is such memory that the module does not tell from any other pointer, as on Arm and in Rust.
    """

    DIRECT = "direct"
    SLICE = "slice"
    REGISTERS = "registers"
    MEMORY = "memory"
    INDIRECT = "indirect"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """What one activity is about: an argument of the sources, which is one parameter of the primal or several.

    `first` and `count` say which. `layout` is that of the value itself, `stride` the bytes of what a slice has in a row, or of all that
    a pointer points to, 0 where that is not known. `pieces` are the parameters that hold a struct, with their offsets in it. `name` is the
    sources' name, or empty.
    """

    activity: DiffActivity
    passing: Passing
    first: int
    count: int
    layout: Layout
    pieces: tuple[tuple[int, str], ...] = ()
    stride: int = 0
    name: str = ""

    @property
    def is_struct(self) -> bool:
        """Whether a struct, or a vector, travels by value."""
        return self.passing in {Passing.REGISTERS, Passing.MEMORY, Passing.INDIRECT}

    @property
    def is_pointer(self) -> bool:
        """Whether what is differentiated lies in memory of the caller's."""
        return not self.is_struct and self.layout.has_pointers

    @property
    def is_carried(self) -> bool:
        """Whether Enzyme is to see it in memory, although it is a value."""
        is_number = self.passing is Passing.DIRECT and self.layout.scalars[0][1] in FLOAT_SIZES
        return self.passing is Passing.MEMORY or (self.activity is not DiffActivity.CONST and (self.is_struct or is_number))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a derivative.

    `role` is `primal`, `shadow`, `length` (of a slice's shadow), `seed` or `tape`; `index` is the primal's parameter that it belongs
    to, -1 for a seed and the tape; `lane` counts shadows and seeds where there are several. It holds what is at `offset` of its value,
    or points to the value, as `passing` says.
    """

    name: str
    type: str
    role: str
    index: int
    lane: int = 0
    offset: int = 0
    passing: Passing = Passing.DIRECT
    extension: str = ""

    @property
    def is_in_memory(self) -> bool:
        """Whether it points to a value of the callee's own."""
        return self.passing in {Passing.MEMORY, Passing.INDIRECT}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Derivative:
    """An item beside the primal that it was checked against, and the signature that follows from both.

    `value` is the layout of what the primal returns, `results` those of what the derivative returns, in order: the primal's value when
    it is wanted, then in reverse mode the gradient of each active input, in forward mode the tangent of the return. The two of
    `augmented` are those of the augmented primal in split mode, where a pointer to the tape comes first.
    """

    item: AutoDiffItem
    primal: Function
    arguments: tuple[Argument, ...]
    value: Layout | None
    parameters: tuple[Parameter, ...]
    results: tuple[Layout, ...]
    augmented_parameters: tuple[Parameter, ...] = ()
    augmented_results: tuple[Layout, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it takes numbers and pointers, has one lane, and is one function."""
        is_plain = all(each.passing is Passing.DIRECT for each in self.arguments) and all(each.is_scalar for each in self.results)
        return is_plain and self.item.width == 1 and not self.item.augmented

    def as_json(self) -> dict[str, Any]:
        """The derivative as it stands in a unit's record."""
        item = self.item
        primal = {"parameters": list(self.primal.parameters), "returns": self.primal.returns}
        split = {"augmented": item.augmented, **_signature(self.augmented_parameters, self.augmented_results)} if item.augmented else None
        return {
            "target": item.target,
            "source": item.source,
            "mode": item.mode,
            "width": item.width,
            "inputs": list(item.inputs),
            "ret": item.ret,
            "primal": primal,
            "arguments": [_argument_as_json(each) for each in self.arguments],
            "value": self.value.as_json() if self.value else None,
            **_signature(self.parameters, self.results),
            "split": split,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The derivative that `as_json` gave; raises `KeyError`, `TypeError` or `ValueError` when it gave another thing."""
        split = data["split"] or {"augmented": "", "parameters": (), "results": ()}
        parameters = tuple(data["primal"]["parameters"])
        return cls(
            item=AutoDiffItem(
                source=data["source"],
                target=data["target"],
                augmented=split["augmented"],
                mode=DiffMode(data["mode"]),
                width=data["width"],
                inputs=tuple(map(DiffActivity, data["inputs"])),
                ret=DiffActivity(data["ret"]),
                index=-1,
            ),
            primal=Function(
                name=data["source"],
                returns=data["primal"]["returns"],
                parameters=parameters,
                extensions=("",) * len(parameters),
            ),
            arguments=tuple(map(_argument_from_json, data["arguments"])),
            value=None if data["value"] is None else Layout.from_json(data["value"]),
            parameters=_parameters(data["parameters"]),
            results=tuple(map(Layout.from_json, data["results"])),
            augmented_parameters=_parameters(split["parameters"]),
            augmented_results=tuple(map(Layout.from_json, split["results"])),
        )


def _signature(parameters: tuple[Parameter, ...], results: tuple[Layout, ...]) -> dict[str, Any]:
    return {
        "parameters": [dataclasses.asdict(each) for each in parameters],
        "results": [each.as_json() for each in results],
    }


def _parameters(data: Iterable[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(**(each | {"passing": Passing(each["passing"])})) for each in map(dict, data))


def _argument_as_json(argument: Argument) -> dict[str, Any]:
    plain = {"activity", "passing", "first", "count", "stride", "name"}
    kept = {name: getattr(argument, name) for name in sorted(plain)}
    return kept | {"layout": argument.layout.as_json(), "pieces": [list(each) for each in argument.pieces]}


def _argument_from_json(data: Mapping[str, Any]) -> Argument:
    return Argument(
        activity=DiffActivity(data["activity"]),
        passing=Passing(data["passing"]),
        first=data["first"],
        count=data["count"],
        name=data["name"],
        layout=Layout.from_json(data["layout"]),
        stride=data["stride"],
        pieces=tuple((offset, type_) for offset, type_ in data["pieces"]),
    )
