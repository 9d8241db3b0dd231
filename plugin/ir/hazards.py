"""What Enzyme would get wrong without a word: made right in the IR text before Enzyme reads it, or refused.

Each case was measured (facts of Enzyme, "Other measured semantics"). A constant pointer that meets an active one has its data overwritten
by the gradient; runtime activity prevents that. What is stored in a global variable and read again, a call through a constant pointer,
the bits of a number that may be those of an integer: all count as constant. The shadow of an argument that is the argument itself, the
return of a derivative that was told to return nothing, a batch of derivatives: their values are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from bootstrap.diagnostics import Diagnostic, Failure
from plugin.ir import control_flow, flow, returns
from plugin.ir.accesses import accesses
from plugin.ir.callgraph import NAME, CallGraph, symbol, with_rules
from plugin.ir.names import plain
from plugin.ir.places import span_of
from plugin.ir.requests import ENTRY, Request, requests
from plugin.ir.variables import variables, with_inactive, with_shadow
from plugin.items.activity import ENZYME, AutoDiffItem
from plugin.items.carrier import CARRIER

_RUNTIME_ACTIVITY = "enzyme_runtime_activity"
_MISREAD = {
    re.compile(r"_*(?:sig)?setjmp"): "leave the function by its return: a derivative cannot jump out of it",
    re.compile(
        r"__div[hsdtx]c3"
    ): "divide a complex number by a real one: `z / w` is `z * conj(w) / (creal(w) * creal(w) + cimag(w) * cimag(w))`",
    re.compile(r"modf[fl]?"): "take `trunc(x)` and `x - trunc(x)`",
}
"""Functions whose calls Enzyme takes, and differentiates wrongly (measured), each with what may stand in their place."""


def settled(text: str, items: Sequence[AutoDiffItem], root: Path) -> str:
    """IR text in which what can be made right is, and the global variables of the items are marked.

    Raises `Failure` with all that cannot be made right: E0525 to E0528, E0530, E0531, E0533, E0535 to E0538. Places are relative to `root`.
    """
    module = _Module(text, items, root)
    faults = [*module.faults_of_options(), *(fault for request in module.requests for fault in module.faults(request))]
    if faults:
        raise Failure(*dict.fromkeys(faults))
    for old, new in {request.line: module.amended(request) for request in module.requests}.items():
        text = text.replace(old, new)
    active = {name for item in items for name in item.active_globals}
    # Of what is only read, or only written, nothing is lost; left unmarked it has a shadow, for which the plugin of LLVM 15 crashes.
    text = with_inactive(text, sorted(module.accessed - active))
    for name in sorted(active):
        text = with_shadow(text, module.variables[name])
    return text


class _Module:
    """IR text and what can be known of it."""

    def __init__(self, text: str, items: Sequence[AutoDiffItem], root: Path) -> None:
        self._text, self._root = text, root
        self._graph = CallGraph.of(text)
        self._ruled = with_rules(text)
        self._items = {each.target: each for each in items}
        self.requests = list(requests(self._graph))
        self.variables = variables(text)
        self._open = {each.name: each.type for each in self.variables.values() if not (each.is_constant or each.is_marked)}
        self.accessed: set[str] = set()
        # A table of functions has one shadow, which is for one mode: the other one would call what it does not know.
        self._is_reversed = any(self._calls_indirectly(each) for each in self.requests if not each.is_forward)

    def _calls_indirectly(self, request: Request) -> bool:
        return any(flow.called_indirectly(self._graph.bodies[name], voids=True) for name in self._graph.reached(request.primal))

    def _item(self, request: Request) -> AutoDiffItem | None:
        return self._items.get(request.entry.partition(".")[2])

    def amended(self, request: Request) -> str:
        """The lines that a call becomes: runtime activity where it is needed, and the shadows of global variables set to zero before."""
        item = self._item(request)
        line = request.line
        mixes = flow.mixed(self._graph, request.primal, request.constant_pointers, self.variables)
        if mixes and _RUNTIME_ACTIVITY not in request.flags:
            line = _with_flag(request, _RUNTIME_ACTIVITY)
        cleared = [self.variables[name].cleared for name in item.active_globals] if item else []
        return "\n".join([*cleared, line])

    def faults(self, request: Request) -> Iterator[Diagnostic]:
        """What is wrong with a call and cannot be made right."""
        yield from self._faults_of_call(request)
        reached = self._graph.reached(request.primal)
        yield from self._faults_of_flow(request, reached)
        for name in self._graph.reached(request.primal, without=self._ruled):
            yield from self._faults_of_rules(request, name)
            yield from self._faults_of_body(request, name)
        yield from self._faults_of_variables(request, reached)

    def _faults_of_call(self, request: Request) -> Iterator[Diagnostic]:
        caller, flags = _named(request.caller), request.flags
        is_own = any(each.primal in each.shadows for each in request.arguments if each.primal.startswith("ptr"))
        if is_own and _RUNTIME_ACTIVITY not in flags:
            message = f"in the call in `{caller}` an argument is its own shadow, and the gradient would be added to it"
            yield self._fault(
                "E0530", message, request.line, "give the shadow memory of its own, or put `enzyme_const` before the argument"
            )
        is_constant = "enzyme_const_return" in flags and "enzyme_primal_return" not in flags
        if request.is_forward and is_constant and request.returned != "void":
            message = f"the call in `{caller}` says that the return is constant, and takes its derivative"
            yield self._fault("E0530", message, request.line, "leave out `enzyme_const_return`, or add `enzyme_primal_return`")
        if f"{ENZYME}batch" in request.entry and any(self._graph.derives[each] for each in self._graph.reached(request.primal)):
            message = f"the call in `{caller}` makes a batch of `{_named(request.primal)}`, which differentiates: the values would be wrong"
            yield self._fault("E0538", message, request.line, "ask for the derivative with a width instead: `enzyme_width`")

    def _faults_of_flow(self, request: Request, reached: Collection[str]) -> Iterator[Diagnostic]:
        for name in reached:
            roots = request.constant_pointers if name == request.primal else ()
            line = flow.called_through(self._graph, name, roots, self._open)
            if line:
                message = f"`{_named(name)}` calls through a constant pointer, and what it calls would count as constant"
                remedies = (
                    "differentiate a function that calls it by its name",
                    "or make the pointer Duplicated, with `__enzyme_virtualreverse(f)` as its shadow",
                )
                yield self._fault("E0535", message, line, *remedies)
            line = flow.bits_chosen(self._graph.bodies[name])
            if line:
                message = f"`{_named(name)}` keeps a number where an integer may be, and it would count as constant"
                yield self._fault("E0536", message, line, "give each a place of its own: a `struct` instead of a `union`")

    def _faults_of_rules(self, request: Request, name: str) -> Iterator[Diagnostic]:
        calls = flow.instructions(self._graph.bodies[name]) if request.width > 1 else ()
        for each in calls:
            called = symbol(flow.callee(each)[0].removeprefix("@"))
            if called in self._ruled:
                message = f"`{_named(called).removesuffix('.rule')}` has a derivative of its own, which is for one lane"
                yield self._fault("E0528", message, each.line, "ask for one derivative at a time: `width = 1`")

    def _faults_of_body(self, request: Request, name: str) -> Iterator[Diagnostic]:
        """What a function has that Enzyme takes and makes a wrong derivative of."""
        body = self._graph.bodies[name]
        line = "" if request.is_forward or not flow.FLOAT.search(body) else control_flow.irreducible(body)
        if line:
            message = f"`{_named(name)}` jumps into a loop, and its derivative would run the loop wrongly"
            yield self._fault("E0525", message, line, "enter the loop at its top only, without `goto` or `case` inside of it")
        line = control_flow.computed_jump(body)
        if line:
            message = f"`{_named(name)}` jumps to a label that it computes, and Enzyme knows no such jump"
            yield self._fault("E0525", message, line, "write `switch` in the place of `goto *`")
        line = "" if request.is_forward else returns.number_behind_integer(body, frozenset(self._graph.bodies))
        if line:
            message = (
                f"`{_named(name)}` calls a function that returns a number behind an integer or a pointer, and it would count as constant"
            )
            yield self._fault("E0527", message, line, "let it return the number first, or write it where a pointer leads")
        has_lanes = request.width > 1
        line = flow.called_indirectly(body, voids=has_lanes or self._is_reversed) if request.is_forward or has_lanes else ""
        if line:
            lanes = "with several lanes" if has_lanes else "in forward mode"
            message = f"`{_named(name)}` calls through a pointer, and its derivative {lanes} would be wrong"
            remedies = (
                "ask for reverse mode with `width = 1`",
                "or let what is called return nothing, for one lane in a unit with forward mode alone",
            )
            yield self._fault("E0526", message, line, *remedies)
        for each in flow.instructions(body):
            called = flow.callee(each)[0].removeprefix("@")
            remedy = next((remedy for pattern, remedy in _MISREAD.items() if pattern.fullmatch(called)), "")
            if remedy:
                yield self._fault(
                    "E0531", f"`{_named(name)}` calls `{called}`, of which Enzyme makes a wrong derivative", each.line, remedy
                )

    def _faults_of_variables(self, request: Request, reached: Collection[str]) -> Iterator[Diagnostic]:
        item = self._item(request)
        said = {*item.inactive_globals, *item.active_globals} if item else set[str]()
        for name, access in accesses(self._graph, reached, self._open).items():
            self.accessed.add(name)
            if access.reads and access.writes and name not in said:
                message = (
                    f"`{_named(request.primal)}` keeps numbers in the global variable `{plain(name)}`, and they would count as constant"
                )
                remedies = (
                    "pass it as an argument, with a shadow",
                    f'or say in the item that it has a derivative, `active-globals = ["{name}"]`, or has none, `inactive-globals`',
                    f"or say in the sources that it has none: `void *{ENZYME}inactive_global_{name}[] = {{(void *)&{name}}};`",
                )
                yield self._fault("E0533", message, access.writes, *remedies)

    def faults_of_options(self) -> Iterator[Diagnostic]:
        """What the items say of global variables that cannot be."""
        active = {name: each.target for each in self._items.values() for name in each.active_globals}
        for item in self._items.values():
            for part, names in (("inactive-globals", item.inactive_globals), ("active-globals", item.active_globals)):
                for index, name in enumerate(names):
                    message = ""
                    if name not in self.variables:
                        message = f"there is no global variable `{name}` in the sources, or nothing uses it"
                    elif part == "inactive-globals" and name in active:
                        message = f"`{name}` cannot have no derivative in `{item.target}` and have one in `{active[name]}`"
                    elif part == "active-globals" and self.variables[name].is_thread_local:
                        message = f"`{name}` is one for each thread, and cannot have a shadow: pass it as an argument"
                    if message:
                        yield Diagnostic(code="E0537", message=message, key=f"autodiff.{item.index}.{part}.{index}")

    def _fault(self, code: str, message: str, line: str, *remedies: str) -> Diagnostic:
        return Diagnostic(code=code, message=message, span=span_of(line, self._text, self._root), help=remedies)


def _named(function: str) -> str:
    return plain(function.partition(CARRIER)[0])


def _with_flag(request: Request, flag: str) -> str:
    """The line of a call with one flag more, behind the function to differentiate."""
    line = request.line
    call = ENTRY.search(line)
    name = next(each for each in re.compile(NAME).finditer(line, call.start("rest") if call else 0) if symbol(each[1]) == request.primal)
    return f'{line[: name.end()]}, metadata !"{flag}"{line[name.end() :]}'
