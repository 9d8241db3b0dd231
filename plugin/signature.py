"""Signatures of primals and derivatives, in LLVM's words. Plain values: the command, the worker and the records on disk share them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from plugin.activity import AutoDiffItem, DiffActivity, DiffMode


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of a module. `extensions` has `signext`, `zeroext` or nothing for each parameter, `return_extension` for the return.

    `takes_struct` is whether a struct goes in or out by value, other than as scalars. `names` are the parameters' names where the
    module has them; `read_only` says of each parameter whether it is a pointer through which nothing is ever written, `pointees` what
    it points to, where that is known.
    """

    name: str
    returns: str
    parameters: tuple[str, ...]
    extensions: tuple[str, ...]
    return_extension: str = ""
    takes_struct: bool = False
    is_declaration: bool = False
    is_variadic: bool = False
    names: tuple[str, ...] = ()
    read_only: tuple[bool, ...] = ()
    pointees: tuple[str, ...] = ()

    @property
    def spelling(self) -> str:
        """The type as LLVM writes it."""
        return f"{self.returns} ({', '.join([*self.parameters, *(['...'] if self.is_variadic else [])])})"

    def as_json(self) -> dict[str, Any]:
        """The function as it stands in a unit's record."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The function that `as_json` gave; raises `TypeError` when it gave another thing."""
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        return cls(**values)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a derivative: `role` is `primal`, `shadow` or `seed`; `index` is the primal's parameter it belongs to."""

    name: str
    type: str
    role: str
    index: int
    extension: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Derivative:
    """An item beside the primal that it was checked against, and the signature that follows from both.

    `results` are the IR types of what the derivative returns, in order: the primal's value when it is wanted, then in reverse mode
    the gradient of each active input, in forward mode the tangent of the return.
    """

    item: AutoDiffItem
    primal: Function
    parameters: tuple[Parameter, ...]
    results: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The derivative as it stands in a unit's record."""
        return {
            "target": self.item.target,
            "source": self.item.source,
            "mode": self.item.mode,
            "inputs": list(self.item.inputs),
            "ret": self.item.ret,
            "primal": {"parameters": list(self.primal.parameters), "returns": self.primal.returns},
            "parameters": [{"name": each.name, "type": each.type, "role": each.role, "index": each.index} for each in self.parameters],
            "results": list(self.results),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The derivative that `as_json` gave; raises `KeyError` or `ValueError` when it gave another thing."""
        parameters = tuple(data["primal"]["parameters"])
        return cls(
            item=AutoDiffItem(
                source=data["source"],
                target=data["target"],
                mode=DiffMode(data["mode"]),
                inputs=tuple(map(DiffActivity, data["inputs"])),
                ret=DiffActivity(data["ret"]),
                index=-1,
            ),
            primal=Function(
                name=data["source"], returns=data["primal"]["returns"], parameters=parameters, extensions=("",) * len(parameters)
            ),
            parameters=tuple(Parameter(**each) for each in data["parameters"]),
            results=tuple(data["results"]),
        )
