"""A Numba function as LLVM IR that can be differentiated and kept: closed, and with the same text in every process.

Numba (0.68) compiles a Python function of certain argument types to `i32 f(ptr result, ptr exception, arguments...)`, an array taken apart
into seven or more values (numba/core/datamodel/models.py, numba/core/callconv.py).
"""

from __future__ import annotations

import dataclasses
import pickle
import re
from collections.abc import Sequence
from typing import Any

from bootstrap.diagnostics import fail
from plugin.python.numba_target import lowered

_NAME = re.compile(r'[c%]"[^"]*"|@(?:"(?P<quoted>[^"]*)"|(?P<plain>[-\w.$]+))')
"""A symbol; or, without groups, what may have an @ inside: the bytes of a string, a quoted local name."""
_DEFINED = re.compile(r'^(?:define [^\n]*?|(?=@))@(?:"([^"]*)"|([-\w.$]+))(?= = |\()', re.MULTILINE)
_RUNTIME = re.compile(r"^(?:; Function Attrs[^\n]*\n)?define [^\n]*@NRT_\w+\(.*?^}\n", re.MULTILINE | re.DOTALL)
_RAISING = re.compile(r"^(define [^\n]*@\S*raise_with_shape_context[^\n]*)\{$.*?^}\n", re.MULTILINE | re.DOTALL)
"""What raises `ValueError` for arrays that do not fit: strings and formats make its message, which are nothing for Enzyme."""
_OF_OTHERS = ("NRT_", "llvm.", "Py", "_Py")
_ELEMENT = re.compile(r"\bgetelementptr (?=(?:double|float|half|i16|i32|i64), )")
_BY_ADDRESS = re.compile(r"^@\"?numba\.dynamic\.globals\.\w+\"? = [^\n]*\n", re.MULTILINE)
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """IR text in which everything is internal, the function's symbol, its parameters as LLVM types, and the Numba types of both."""

    text: str
    symbol: str
    parameters: tuple[str, ...]
    arguments: tuple[Any, ...]
    returns: Any
    returned_type: str


def lower(function: Any, arguments: Sequence[Any]) -> Lowered:
    """Lower a function of Numba for arguments of these Numba types.

    Raises `Failure`: E0556 when Numba cannot compile it, E0558 when it refers to an object by its address in this process.
    """
    result = lowered(function, arguments)
    return _closed(str(result.library._final_module), result)  # noqa: SLF001 - what `get_llvm_str` gives, for a library with code


def _closed(text: str, result: Any) -> Lowered:
    symbol = result.fndesc.llvm_func_name
    text = _BY_ADDRESS.sub("", _RUNTIME.sub("", text))
    if "@numba.dynamic.globals." in text:
        message = f"`{result.fndesc.qualname}` uses a large array or a function pointer of its surroundings by its address"
        raise fail(
            "E0558", message, help=["pass the array as an argument", "write a lambda or another function that it calls with `@njit`"]
        )
    if _RAISING.search(text):
        text = _RAISING.sub(r"\1{\n  store ptr @misfit, ptr %excinfo\n  ret i32 1\n}\n", text) + _misfit()
    names = _stable_names(text)
    # Elements of an array are inside of it: without the word Enzyme does not take the array's type from that of an element.
    text = _ELEMENT.sub("getelementptr inbounds ", text)
    text = _NAME.sub(lambda found: names.get(found["quoted"] or found["plain"], found[0]), text)
    text = re.sub(
        r"^define (?:linkonce_odr |weak_odr |internal |private )?(?:hidden |dso_local )*", "define internal ", text, flags=re.MULTILINE
    )
    text = re.sub(r"^(@\S+|@\"[^\"]*\") = common ", r"\1 = internal ", text, flags=re.MULTILINE)
    symbol = names[symbol]
    head = re.search(rf"^define [^\n]*{re.escape(symbol)}\((?P<parameters>[^\n]*)\)[^\n]*{{$", text, re.MULTILINE)
    assert head is not None  # noqa: S101 - Numba has just defined it
    return Lowered(
        text=text,
        symbol=symbol,
        parameters=tuple(each.split()[0] for each in _parts(head["parameters"]))[2:],
        arguments=tuple(result.signature.args),
        returns=result.signature.return_type,
        returned_type=str(result.target_context.get_value_type(result.signature.return_type)),
    )


def _parts(parameters: str) -> list[str]:
    """The parameters of a function's head; attributes may have commas in parentheses."""
    parts, depth = [""], 0
    for each in parameters:
        depth += (each == "(") - (each == ")")
        if each == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += each
    return [part.strip() for part in parts if part.strip()]


def _misfit() -> str:
    """IR of an exception in Numba's form (numba/core/callconv.py): pickled class and arguments, and how many bytes they are."""
    pickled = pickle.dumps((ValueError, ("arrays of these shapes do not fit each other",), None), protocol=4)
    data = "".join(f"\\{byte:02X}" for byte in pickled)
    return (
        f'@misfit.data = internal constant [{len(pickled)} x i8] c"{data}"\n'
        f"@misfit = internal constant {{ ptr, i32, ptr, ptr, i32 }} {{ ptr @misfit.data, i32 {len(pickled)}, ptr null, ptr null, i32 0 }}\n"
    )


def _stable_names(text: str) -> dict[str, str]:
    """For each symbol that the module defines, but the runtime's, a name without numbers and addresses that differ between processes."""
    names: dict[str, str] = {}
    for number, found in enumerate(_DEFINED.finditer(text)):
        name = found[1] or found[2]
        if not name.startswith(_OF_OTHERS):
            names[name] = f"@{_readable(name)}.{number}"
    return names


def _readable(mangled: str) -> str:
    """The last part of a name that Numba mangled, such as `helper`; `data` for what is no function."""
    found = re.match(r"_ZN(?:\d+NumbaEnv)?", mangled)
    if found is None:
        return "data"
    rest, parts = mangled[found.end() :], []
    while (length := re.match(r"\d+", rest)) is not None:
        start = length.end()
        parts.append(rest[start : start + int(length[0])])
        rest = rest[start + int(length[0]) :]
    words = _ADDRESS.sub("", parts[-1] if parts else "function")
    return re.sub(r"\W", "_", re.sub(r"_[0-9a-f]{2}(?=[A-Za-z]|$)", "_", words))
