"""IR text of an LLVM that is not ours: what is changed in it is changed as text, so that only that LLVM ever writes it.

IR moves to the same or a newer LLVM and never back, so a module that the `opt` of an older LLVM is to read cannot pass through
llvmlite. LLVM prints the head of a function or of a global variable on one line; nothing but heads and attribute groups is changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from plugin.engines.engine import PluginEngine
from plugin.ir.module import LOCAL_LINKAGES, MARKER, RUST_ALLOCATOR, Addition, without_attribute
from plugin.rules.registration import Held, Registrations, redirected

_LINKAGE = (
    r"(?:(?P<linkage>private|internal|available_externally|linkonce_odr|linkonce|weak_odr|weak|common|appending|extern_weak|external) )?"
)
_SYMBOL = r'@(?:"(?P<quoted>[^"]*)"|(?P<plain>[-\w$.]+))'
_HEAD = re.compile(rf'(?m)^define {_LINKAGE}(?P<type>(?:"[^"]*"|[^@"\n])*){_SYMBOL}\(')
_VARIABLE = re.compile(rf"(?m)^{_SYMBOL} = {_LINKAGE}(?P<rest>(?:\w+(?:\(\d+\))? )*?(?:global|constant) )")
_TRIPLE = re.compile(r'(?m)^target triple = ".*"\n')
_UNNAMED = re.compile(r"(?: (?:local_)?unnamed_addr)?(?: addrspace\(\d+\))?")


def linkages(text: str) -> dict[str, str]:
    """The functions that IR text defines, each with its linkage; `external` for the one that is not written."""
    return {_name(head): head["linkage"] or "external" for head in _HEAD.finditer(text)}


def with_linkages(text: str, changed: Mapping[str, str]) -> str:
    """IR text in which the functions that `changed` names have another linkage."""

    def head(found: re.Match[str]) -> str:
        linkage = changed.get(_name(found))
        if linkage is None:
            return found[0]
        old = f"{found['linkage']} " if found["linkage"] else ""
        new = "" if linkage == "external" else f"{linkage} "
        return f"define {new}{found[0].removeprefix('define ' + old)}"

    return _HEAD.sub(head, text)


def local_functions(text: str) -> dict[str, str]:
    """The functions of IR text that other modules do not see, each with its linkage."""
    return {name: linkage for name, linkage in linkages(text).items() if linkage in LOCAL_LINKAGES}


def with_additions(engine: PluginEngine, text: str, additions: Sequence[Addition], folder: Path) -> str:
    """IR text with all that lowering linked into the unit, in the place of what was there; `folder` is for what is written on the way.

    Raises `Failure` as `PluginEngine.linked` does.
    """
    local = local_functions(text)
    used = {name: local[name] for each in additions for name in each.uses if name in local}
    replaced = {name: "weak" for each in additions for name in each.names}
    files = [folder / "unit.ll"]
    files[0].write_text(with_linkages(text, dict.fromkeys(used, "external") | replaced), encoding="utf-8")
    for number, addition in enumerate(additions):
        files.append(folder / f"derivative{number}.ll")
        files[-1].write_text(target_of(text) + addition.text, encoding="utf-8")
    return with_linkages(engine.linked(files, folder / "linked.ll"), used)


def with_registrations(engine: PluginEngine, text: str, rules: Registrations, folder: Path) -> str:
    """IR text with the registrations of a unit's rules, as `plugin.rules.registration.register` makes it."""
    if not rules.text:
        return text
    addition = Addition(names=(), text=rules.text, uses=rules.uses)
    linked = with_additions(engine, redirected(text, rules.derived), [addition], folder)
    return with_linkages(linked, dict.fromkeys(rules.calls, "internal"))


def holding(text: str) -> tuple[str, Held]:
    """IR text in which the functions that a registration is about are held, and what `plugin.rules.registration.release` needs."""
    held = Held.of((line for line in text.splitlines() if line.startswith("@")), linkages(text))
    return with_linkages(text, dict.fromkeys(held.linkages, "weak")), held


def with_weak_markers(text: str) -> str:
    """IR text whose `enzyme_dup` and its like keep the optimiser from folding a load of them, as `plugin.pipeline` does it."""

    def head(found: re.Match[str]) -> str:
        if not _name(found).startswith(MARKER) or found["linkage"] in {"external", "extern_weak"}:
            return found[0]
        return f"@{_name(found)} = weak {found['rest']}"

    return _VARIABLE.sub(head, text)


def guarded(text: str, guard: str) -> str:
    """IR text in which every function has the attribute `guard` and none is exempt from optimisation."""
    parts, start = [], 0
    for head in _HEAD.finditer(text):
        end = _UNNAMED.match(text, _closing(text, head.end()) + 1)
        assert end is not None  # noqa: S101 - it matches nothing, if need be
        parts += [text[start : end.end()], f" {guard}"]
        start = end.end()
    return without_attribute("".join([*parts, text[start:]]), "optnone")


def with_triple(text: str, triple: str) -> str:
    """IR text for the target `triple`."""
    return f'target triple = "{triple}"\n' + _TRIPLE.sub("", text)


def target_of(text: str) -> str:
    """The lines of IR text that say what it is for: another module that has them is linked without a word."""
    return "".join(f"{line}\n" for line in re.findall(r"(?m)^target (?:datalayout|triple) = .*$", text))


def plain_allocators(text: str) -> tuple[str, dict[str, str]]:
    """IR text with Rust's allocation functions under their plain names, and these, each with the old one."""
    allocator = re.compile(rf"(?<=@){RUST_ALLOCATOR.pattern}\b")
    return allocator.sub(r"\1", text), {found[1]: found[0] for found in allocator.finditer(text)}


def _name(head: re.Match[str]) -> str:
    if head["quoted"] is None:
        return head["plain"]
    raw = re.sub(r"\\([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), head["quoted"])
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


def _closing(text: str, start: int) -> int:
    """Where the parenthesis closes that was opened before `start`; those in quotes do not count."""
    depth, position = 1, start
    while depth:
        found = _PARENTHESIS.search(text, position)
        if found is None:
            return start
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        position = found.end()
    return position - 1


_PARENTHESIS = re.compile(r'[()]|"[^"]*"')
