"""Makes the memory of a Numba function plain to Enzyme: its arrays are allocated, counted and freed where LLVM can see it, and have a type.

What stands for Numba's runtime is `numba_runtime.ll`. Linked with it the module is optimised, but not vectorised: most counts of references
are gone then, and what was freed by count is freed in one place. The pipeline that follows keeps loads from being moved before Enzyme
looks at them; there the counts would stay, and Enzyme loses what is freed by count.
"""

from __future__ import annotations

import re
from pathlib import Path

import llvmlite.binding as llvm

from bootstrap.diagnostics import fail
from plugin import pipeline
from plugin.types.pointees import accessed_through
from plugin.types.type_language import Pointer, Scalar
from plugin.types.typetree import tree_of

RUNTIME = Path(__file__).with_name("numba_runtime.ll")
PRODUCTS = Path(__file__).with_name("numba_blas.ll")
"""Linear algebra: what is above the line of dashes is there for each type of number."""

_TYPES = {name: Pointer(target=Scalar(name=name)) for name in ("f64", "f32", "i8", "i16", "i32", "i64")}
TREES = {name: tree_of(type_).canonical(type_.size).attribute() for name, type_ in _TYPES.items()}
"""What Enzyme is told of memory in which all is of one type: a pointer, and behind it the type at every offset."""

_ALLOCATION = re.compile(r"^  (?P<value>%\S+) = (?P<call>(?:tail )?call )(?P<rest>[^\n]*\bptr @(?:malloc|calloc)\()", re.MULTILINE)
_OF_PYTHON = re.compile(r"^declare (?P<type>\w+) @(?P<name>_?Py\w+|numba_gil_\w+)\((?P<parameters>[^()\n]*)\)[^\n]*$", re.MULTILINE)
_OBJECT = re.compile(r"^(?P<object>@_?Py\w+) = external global (?P<type>\w+)$", re.MULTILINE)
_RUNTIME = re.compile(r"@(NRT_\w+|numba_attempt\w+|numba_(?:unpickle|xx|ez|raw)\w*)")
_DECLARATION = re.compile(r"^declare [^\n@]*@(?P<name>\w+)\([^\n]*\n", re.MULTILINE)
_FUNCTION = re.compile(r"^define .*?^}$", re.MULTILINE | re.DOTALL)


def prepared(text: str, name: str) -> str:
    """The module of the Numba function `name` with its runtime, its allocations typed.

    Raises `Failure` (E0559) when it calls a part of Numba's runtime that is not in `numba_runtime.ll`.
    """
    runtime = RUNTIME.read_text(encoding="utf-8") + _products()
    known = set(_RUNTIME.findall(runtime))
    missing = sorted(set(_RUNTIME.findall(_DECLARATION.sub("", text))) - known)
    if missing:
        raise fail(
            "E0559",
            f"`{name}` calls a part of Numba's runtime that has no derivative: {', '.join(f'`{each}`' for each in missing)}",
            help=["keep lists, dictionaries, strings and `np.linalg` out of it; loops over arrays can do the same"],
        )
    text = _DECLARATION.sub(lambda found: "" if found["name"] in known else found[0], _without_python(text))
    module = llvm.parse_assembly(text + runtime)
    # For any processor: what comes out is kept by its text, and may be compiled for another one.
    pipeline.optimise(module, pipeline.target_machine(module.triple, ""), full=False)
    return _FUNCTION.sub(lambda function: _typed(function[0]), str(module))


def _products() -> str:
    product, entries = PRODUCTS.read_text(encoding="utf-8").split("; ---\n")
    return "".join([product.replace("NUMBER", "double"), product.replace("NUMBER", "float"), entries])


def _without_python(text: str) -> str:
    """IR text in which what Numba would ask of Python on its way to an exception does nothing: no Python runs meanwhile."""

    def nothing(found: re.Match[str]) -> str:
        value = {"void": "", "ptr": " null"}.get(found["type"], " 0")
        return f"define internal {found['type']} @{found['name']}({found['parameters']}) {{\n  ret {found['type']}{value}\n}}"

    return _OF_PYTHON.sub(nothing, _OBJECT.sub(r"\g<object> = internal global \g<type> 0", text))


def _typed(function: str) -> str:
    """A function's text in which each allocation says what is in it, where all accesses agree."""
    allocated = [found["value"] for found in _ALLOCATION.finditer(function)]
    accessed = accessed_through(allocated, function.splitlines()) if allocated else {}

    def told(found: re.Match[str]) -> str:
        tree = TREES.get(accessed[found["value"]])
        attribute = f'"enzyme_type"="{tree}" ' if tree else ""
        return f"  {found['value']} = {found['call']}{attribute}{found['rest']}"

    return _ALLOCATION.sub(told, function)
