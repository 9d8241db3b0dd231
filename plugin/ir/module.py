"""An LLVM module as the plugin sees it: read, asked for its functions, added to. All of it runs in the worker, never in the command."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import llvmlite.binding as llvm

from bootstrap.diagnostics import Failure, Span, fail
from plugin.ir import bitcode
from plugin.items.activity import ENZYME
from plugin.items.signature import Function
from plugin.types.pointees import pointees

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef, TypeRef, ValueRef

LOCAL_LINKAGES = frozenset({"internal", "private"})

INTRINSIC = "llvm."
_READS = frozenset({"readonly", "readnone"})
MARKER = "enzyme_"

RUST_ALLOCATOR = re.compile(r"_RNv\w*___rustc\d+_(__rust_\w+)")
"""How rustc 1.87 and later mangle `__rust_alloc` and its like: as items of a crate `__rustc`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """IR text that was linked into a module: it defines `names` and may call the module's functions `uses`."""

    names: tuple[str, ...]
    text: str
    uses: frozenset[str]


def describe(value: ValueRef) -> Function:
    """The signature of a function of a module."""
    type_ = value.global_value_type
    attributes = [[each.decode() for each in argument.attributes] for argument in value.arguments]
    parameters = [_name(each) for each in type_.get_function_parameters()]
    names = [each.name for each in value.arguments]
    result = _pointee("sret", attributes[0]) if attributes else ""
    hidden = 1 if result else 0
    by_value = tuple(_pointee("byval", each) for each in attributes[hidden:])
    returns = _name(type_.get_function_return())
    head = re.search(r"^(?:define|declare) .*", str(value), re.MULTILINE)
    return Function(
        name=value.name,
        returns=returns,
        parameters=tuple(parameters[hidden:]),
        extensions=tuple(map(_extension, attributes[hidden:])),
        return_extension=_extension(head[0].partition(" @")[0].split()) if head else "",
        by_value=by_value,
        result=result,
        names=tuple(names[hidden:]),
        definitions=_definitions(value, [result, returns, *parameters, *by_value]),
        is_declaration=bool(value.is_declaration),
        is_variadic=bool(type_.is_function_vararg),
        read_only=tuple(not _READS.isdisjoint(words) for words in attributes[hidden:]),
    )


def attributes_of(function: ValueRef) -> frozenset[str]:
    """The attributes of a function, as IR writes them."""
    return frozenset(" ".join(each.decode() for each in function.attributes).split())


def _name(type_: TypeRef) -> str:
    """A type as it stands in a signature; LLVM prints a struct that has a name together with its definition."""
    return str(type_).partition(" = type ")[0]


def _pointee(attribute: str, words: Iterable[str]) -> str:
    """The type that `byval` or `sret` says, or nothing."""
    found = (word.removeprefix(f"{attribute}(").removesuffix(")") for word in words if word.startswith(f"{attribute}("))
    return next(found, "")


def _definitions(value: ValueRef, types: Iterable[str]) -> tuple[str, ...]:
    """The definitions of all structs that types name, and that those name."""
    left = [name for each in types for name in _STRUCT_NAME.findall(each)]
    if not left:
        return ()
    known = {_name(each): str(each) for each in value.module.struct_types}
    found: dict[str, str] = {}
    while left:
        name = left.pop()
        if name in known and name not in found:
            found[name] = known[name]
            left += _STRUCT_NAME.findall(known[name].partition(" = type ")[2])
    return tuple(found.values())


_STRUCT_NAME = re.compile(r'%"[^"]*"|%[\w.$-]+')


def _extension(words: Collection[str]) -> str:
    return next((word for word in ("signext", "zeroext") if word in words), "")


def find(module: ModuleRef, name: str) -> ValueRef | None:
    """The function of that name, or None."""
    with contextlib.suppress(NameError):
        return module.get_function(name)
    return None


def find_function(module: ModuleRef, name: str) -> Function | None:
    """The signature of the function of that name, or None."""
    value = find(module, name)
    return None if value is None else describe(value)


def near_matches(module: ModuleRef, name: str) -> list[str]:
    """Up to three defined functions whose names are like `name`, those that contain it (as C++ and Rust symbols do) first."""
    names = [each.name for each in module.functions if not each.is_declaration]
    containing = sorted((each for each in names if name in each), key=len)
    similar = difflib.get_close_matches(name, names, n=3)
    return list(dict.fromkeys([*containing, *similar]))[:3]


def define(module: ModuleRef, names: Iterable[str], text: str, uses: Iterable[str]) -> None:
    """Link the definitions of `names` that the IR `text` has into `module`, in the place of those that are there.

    `text` may call the functions `uses` of the module, whatever their linkage is.
    """
    for name in names:
        placeholder = find(module, name)
        if placeholder is not None and not placeholder.is_declaration:
            placeholder.linkage = "weak_any"
    link(module, text, uses)


def link(module: ModuleRef, text: str, uses: Iterable[str]) -> None:
    """Link the IR `text` into `module`; it may use the functions `uses` of the module, whatever their linkage is."""
    addition = llvm.parse_assembly(text)
    addition.triple, addition.data_layout = module.triple, module.data_layout
    with contextlib.ExitStack() as visible:
        for name in uses:
            visible.enter_context(_visible(find(module, name)))
        module.link_in(addition)


@contextlib.contextmanager
def _visible(function: ValueRef | None) -> Iterator[None]:
    """Within the block the linker sees a function that is local to its module."""
    if function is None or function.linkage.name not in LOCAL_LINKAGES:
        yield
        return
    linkage, function.linkage = function.linkage.name, "external"
    yield
    function.linkage = linkage


def text_of(path: Path, name: str) -> str:
    """The module in a file of IR text or bitcode, as text; raises E0502 with LLVM's words when bitcode is none."""
    data = path.read_bytes()
    if not bitcode.is_bitcode(data):
        return data.decode("utf-8", "replace")
    try:
        return str(llvm.parse_bitcode(data))
    except RuntimeError as error:
        raise not_ir(name, str(error)) from None


def read_assembly(text: str, name: str, path: Path | None = None) -> ModuleRef:
    """A verified module from IR text, which a person finds at `path`; raises E0502 with LLVM's words when it is none."""
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        found = _PLACE.search(str(error)) if path else None
        if path is None or found is None:
            raise not_ir(name, str(error)) from None
        line, column = int(found["line"]), int(found["column"])
        source = text.split("\n")[line - 1].rstrip("\r")  # a file that ends too early is at fault in the line after its last
        span = Span(path=path, line=line, column=column, end_column=column + 1, source=source)
        raise not_ir(name, found["message"], span) from None
    return module


_PLACE = re.compile(r"<string>:(?P<line>\d+):(?P<column>\d+): error: (?P<message>.*)")


def not_ir(name: str, words: str, span: Span | None = None) -> Failure:
    """The failure that says that LLVM does not accept a module, in LLVM's words."""
    reason = words.replace("LLVM IR parsing error\n", "").strip()
    remedies = ["check it with the compiler that wrote it"]
    return fail("E0502", f"`{name}` is not valid LLVM IR", span=span, label=reason, help=remedies)


def without_attribute(text: str, attribute: str) -> str:
    """IR text in which no function has `attribute`. LLVM prints every function attribute in a numbered group of its own line."""
    text = re.sub(rf"(?m)^(attributes #\d+ = .*?) {attribute}(?= )", r"\1", text)
    # LLVM does not read a group that it would not have written: an empty one gets an attribute that means nothing.
    return re.sub(r"(?m)^(attributes #\d+ =) \{ \}$", r'\1 { "holoenzyme" }', text)


def without_overalignment(text: str) -> str:
    """IR text in which no access claims more alignment than malloc gives.

    Enzyme keeps values in memory from malloc and claims for an array of 64 bytes an alignment of 64; a vector instruction that
    believes it ends the program. Claiming less is always right.
    """
    return _ACCESS.sub(lambda line: _ALIGNMENT.sub(_at_most_malloc, line[0]), text)


_ACCESS = re.compile(r"(?m)^ +(?:store |%\S+ = load |(?:tail |musttail |notail )?call void @llvm\.mem).*$")
_ALIGNMENT = re.compile(r"\balign (\d+)")
_MALLOC_ALIGNMENT = 16


def _at_most_malloc(found: re.Match[str]) -> str:
    return f"align {min(int(found[1]), _MALLOC_ALIGNMENT)}"


def external_functions(module: ModuleRef) -> frozenset[str]:
    """The names of functions that the module calls and does not have, LLVM's intrinsics apart."""
    return frozenset(each.name for each in module.functions if each.is_declaration and not each.name.startswith(INTRINSIC))


def exported(module: ModuleRef) -> list[Function]:
    """The functions of an optimised module that others can call, with all that can be told of them."""
    found = [each for each in module.functions if not each.is_declaration and each.linkage.name not in LOCAL_LINKAGES]
    return [dataclasses.replace(describe(each), pointees=pointees(each)) for each in found]


def calls_enzyme(module: ModuleRef) -> bool:
    """Whether there is anything for Enzyme's pass to do."""
    return any(ENZYME in each.name for each in module.functions)
