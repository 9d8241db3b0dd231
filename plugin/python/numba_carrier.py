"""The plain function around a Numba function: an array is a pointer and its lengths, a failure goes into memory that the caller lends.

Numba's own function takes an array as a MemInfo, its parent, the number and the size of its elements, the data, lengths and strides; the
carrier makes these from the data and the lengths of a contiguous array. An array that the function returns is copied to a last
array, `result`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from numba.core import types

from bootstrap.diagnostics import fail
from plugin.python.numba_ir import Lowered
from plugin.python.numba_memory import prepared


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """IR text, ready to be compiled, whose function `symbol` has C's convention; `extents` has the number of dimensions of each argument.

    `result_extent` is that of an array that is returned, else 0, and `result_element` what it holds, such as `*f64`.
    """

    text: str
    symbol: str
    extents: tuple[int, ...]
    result_extent: int
    result_element: str


def carrier(lowered: Lowered, name: str, names: Sequence[str]) -> Carrier:
    """The module of a lowered function with its carrier `name`, whose parameters are called by `names`.

    Raises `Failure` (E0557) for an argument or a result of a type that has no form here.
    """
    parameters: list[str] = []
    lines: list[str] = []
    passed: list[str] = []
    given = iter(lowered.parameters)
    for argument, type_ in zip(names, lowered.arguments, strict=True):
        if isinstance(type_, types.Array):
            parameters += [f"ptr %{argument}", *(f"i64 %{argument}.{axis}" for axis in range(type_.ndim))]
            steps, values = _taken_apart(argument, type_)
            lines += steps
            passed += [f"{next(given)} {value}" for value in values]
        elif isinstance(type_, types.Float | types.Integer | types.Boolean):
            scalar = next(given)
            parameters.append(f"{scalar} %{argument}")
            passed.append(f"{scalar} %{argument}")
        else:
            raise fail("E0557", f"argument `{argument}` of `{name}` is a {type_}", help=["pass NumPy arrays and numbers"])
    extent, returned, after = _result(lowered, name)
    parameters += ["ptr %result"] if extent else []
    call = f"  %.status = call i32 {lowered.symbol}(ptr %.returned, ptr %.exception, {', '.join(passed)})".replace(", )", ")")
    text = [
        f'define {returned} @"{name}"({", ".join([*parameters, "ptr %failure"])}){_PLAIN_COPIES if extent else ""} {{',
        f"  %.returned = alloca {lowered.returned_type}",
        "  %.exception = alloca ptr",
        f"  store {lowered.returned_type} zeroinitializer, ptr %.returned",
        "  store ptr null, ptr %.exception",
        *lines,
        call,
        *_STATUS,
        f"  ret {returned}{'' if returned == 'void' else ' 0.0' if returned in {'double', 'float'} else ' 0'}",
        ".good:",
        *after,
        "}",
    ]
    extents = tuple(each.ndim if isinstance(each, types.Array) else 0 for each in lowered.arguments)
    element = f"*f{lowered.returns.dtype.bitwidth}" if extent else ""
    whole = prepared("\n".join([lowered.text, *text, ""]), name)
    return Carrier(text=whole, symbol=name, extents=extents, result_extent=extent, result_element=element)


_PLAIN_COPIES = ' "no-builtin-memcpy" "no-builtin-memmove"'
"""A loop over numbers stays one: of a copy of bytes Enzyme could not tell what they are."""

_STATUS = (
    "  switch i32 %.status, label %.bad [ i32 0, label %.good i32 -2, label %.good ]",
    ".bad:",
    "  %.wide = sext i32 %.status to i64",
    "  store i64 %.wide, ptr %failure",
    "  %.address = getelementptr i8, ptr %failure, i64 8",
    "  %.raised = load ptr, ptr %.exception",
    "  store ptr %.raised, ptr %.address",
)


def _taken_apart(name: str, array: Any) -> tuple[list[str], list[str]]:
    """The lines that compute what Numba's function takes for a contiguous array, and the values in their order."""
    order = range(array.ndim) if array.layout == "F" else reversed(range(array.ndim))
    size = array.dtype.bitwidth // 8
    strides: dict[int, str] = {}
    step, lines = str(size), []
    for count, axis in enumerate(order):
        strides[axis] = step
        product = f"%{name}.step.{count}"
        lines.append(f"  {product} = mul nsw i64 {step}, %{name}.{axis}")
        step = product
    lines.append(f"  %{name}.count = sdiv exact i64 {step}, {size}")
    lengths = [f"%{name}.{axis}" for axis in range(array.ndim)]
    return lines, ["null", "null", f"%{name}.count", str(size), f"%{name}", *lengths, *(strides[axis] for axis in range(array.ndim))]


def _result(lowered: Lowered, name: str) -> tuple[int, str, Sequence[str]]:
    """The dimensions of an array that is returned, else 0; what the carrier returns; and the lines that return it."""
    type_ = lowered.returns
    if isinstance(type_, types.Float | types.Integer):
        scalar = lowered.returned_type
        return 0, scalar, [f"  %.value = load {scalar}, ptr %.returned", f"  ret {scalar} %.value"]
    if isinstance(type_, types.NoneType):
        return 0, "void", ["  ret void"]
    if isinstance(type_, types.Array) and isinstance(type_.dtype, types.Float) and type_.layout in "CF":
        return type_.ndim, "void", list(_copied(lowered, type_))
    raise fail("E0557", f"`{name}` returns a {type_}", help=["return a number or a contiguous array of them"])


def _copied(lowered: Lowered, array: Any) -> Iterator[str]:
    """The lines that copy the returned array to `result`, element by element, so that their type is plain, and let go of it."""
    element = "double" if array.dtype.bitwidth == 64 else "float"  # noqa: PLR2004 - the bits of a double
    structure = lowered.returned_type
    yield f"  %.array = load {structure}, ptr %.returned"
    yield f"  %.info = extractvalue {structure} %.array, 0"
    yield f"  %.count = extractvalue {structure} %.array, 2"
    yield f"  %.data = extractvalue {structure} %.array, 4"
    yield "  %.empty = icmp sle i64 %.count, 0"
    yield "  br i1 %.empty, label %.copied, label %.copy"
    yield ".copy:"
    yield "  %.index = phi i64 [ 0, %.good ], [ %.next, %.copy ]"
    yield f"  %.from = getelementptr inbounds {element}, ptr %.data, i64 %.index"
    yield f"  %.to = getelementptr inbounds {element}, ptr %result, i64 %.index"
    yield f"  %.number = load {element}, ptr %.from"
    yield f"  store {element} %.number, ptr %.to"
    yield "  %.next = add nuw nsw i64 %.index, 1"
    yield "  %.more = icmp slt i64 %.next, %.count"
    yield "  br i1 %.more, label %.copy, label %.copied"
    yield ".copied:"
    yield "  call void @NRT_decref(ptr %.info)"
    yield "  ret void"
