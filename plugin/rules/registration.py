"""Tells Enzyme the rules of a unit.

A rule becomes a registration, a global of a name that Enzyme's pass `preserve-nvvm` knows. Enzyme believes what it is told: a function
of another signature ends it, or gives wrong numbers. So every signature is checked here, and the functions of a derivative stand behind
adapters of the one form that Enzyme takes in all cases (`plugin/rules/rule_adapters.py`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from bootstrap.diagnostics import Diagnostic, Failure, fail
from plugin.ir import callgraph
from plugin.ir.module import attributes_of, find, find_function, link, near_matches, read_assembly
from plugin.items.abi import UnsupportedABIError
from plugin.items.body import symbol
from plugin.items.layout import FLOAT_SIZES
from plugin.items.signature import Function
from plugin.rules.rule import LIKE, RESULT, Rule
from plugin.rules.rule_adapters import name_of, primal, sweep
from plugin.rules.rule_form import Form, declared, form_of

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef

_SWEEPS = {"register_gradient": ("augmented", "reverse"), "register_derivative": ("forward",)}
"""Enzyme's registrations of derivatives, and the parts of a rule that each has."""

_OWN = {"__enzyme_register_gradient": "diffe", "__enzyme_register_derivative": "fwddiffe"}
"""How the name begins that Enzyme gives a derivative of its own, for each registration that stands in its place."""

_CONCLUSIVE = frozenset({"external", "internal", "private", "linkonce_odr", "weak_odr"})
"""Linkages of a body that an optimiser may conclude from."""

_REGISTRATION = re.compile(r"__enzyme_(?:register_|inactive_?fn|inactivenoblockfn|nofree|function_like|allocation_like)")
_POINTER = re.compile(r'ptr (@(?:"[^"]*"|[-\w.$]+))')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Registrations:
    """What tells Enzyme the rules of a unit: the IR `text` to link in, the functions that it `uses`, those that it gives derivatives of."""

    text: str
    uses: frozenset[str]
    derived: tuple[Function, ...]

    @property
    def calls(self) -> list[str]:
        """The functions that are called in the place of those that have a derivative."""
        return [name_of(each.name, "call") for each in self.derived]


def registrations(module: ModuleRef, rules: Sequence[Rule]) -> Registrations:
    """What tells Enzyme the rules of the unit `module`; raises `Failure` with every rule that does not fit (E0545 to E0547)."""
    faults: list[Diagnostic] = []
    texts: list[str] = []
    for rule in rules:
        try:
            texts.append(_registration(module, rule))
        except Failure as failure:
            faults += failure.diagnostics
    if faults:
        raise Failure(*faults)
    derived = [find_function(module, rule.symbol) for rule in rules if rule.has_derivative]
    return Registrations(
        text="\n".join(_once(texts)),
        uses=frozenset(name for rule in rules for name in _names(rule)),
        derived=tuple(each for each in derived if each is not None),
    )


def register(module: ModuleRef, made: Registrations) -> ModuleRef:
    """The module with its registrations."""
    if made.derived:
        module = read_assembly(redirected(str(module), made.derived), "the module")
    if made.text:
        link(module, made.text, made.uses)
    for name in made.calls:
        module.get_function(name).linkage = "internal"
    return module


def redirected(text: str, functions: Sequence[Function]) -> str:
    """IR text in which all that uses one of the functions uses the adapter that stands in its place."""
    if not functions:
        return text
    spelled = "|".join(re.escape(form) for each in functions for form in (f"@{each.name}", symbol(each.name)))
    used = re.compile(rf"({spelled})(?![-\w.$])")
    own = re.compile(rf"(?:define|declare)\b[^@]* (?:{spelled})\(")
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if "@" in line and not own.match(line):
            lines[index] = used.sub(lambda found: symbol(name_of(callgraph.symbol(found[1][1:]), "call")), line)
    declarations = (f"declare {declared(dataclasses.replace(each, name=name_of(each.name, 'call')))}" for each in functions)
    return "\n".join([*lines, *declarations, ""])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The functions that a registration is about, be it a rule's or one of the sources, whose bodies are hidden until Enzyme has run.

    An optimiser that sees a body inlines it, or uses what it returns, and the call that the rule is for is gone. A body of weak
    linkage may be replaced when the program is linked, so that nothing may be concluded from it. `linkages` has what they had before,
    `derivatives` how Enzyme would name its own derivative of each.
    """

    linkages: Mapping[str, str]
    derivatives: Mapping[str, str]

    @classmethod
    def of(cls, variables: Iterable[str], linkages: Mapping[str, str]) -> Self:
        """What is to be held in a module with these global variables, as IR text, and these functions with their linkages."""
        held: dict[str, str] = {}
        derivatives: dict[str, str] = {}
        for variable in variables:
            found = _POINTER.search(variable) if _REGISTRATION.search(variable.partition(" = ")[0]) else None
            if found is None:
                continue
            name = callgraph.symbol(found[1][1:])
            if linkages.get(name) in _CONCLUSIVE:
                held[name] = linkages[name]
            derivatives |= {prefix + name: name for key, prefix in _OWN.items() if key in variable}
        return cls(linkages=held, derivatives=derivatives)


def hold(module: ModuleRef) -> Held:
    """Hide the bodies that are to be held; gives what `release` needs."""
    linkages = {each.name: each.linkage.name for each in module.functions if not each.is_declaration}
    held = Held.of(map(str, module.global_variables), linkages)
    for name in held.linkages:
        module.get_function(name).linkage = "weak_any"
    return held


def release(module: ModuleRef, held: Held) -> None:
    """Give the functions that were held their linkages back; raises `Failure` where Enzyme has not taken a rule (E0548)."""
    ignored = {held.derivatives[each.name] for each in module.functions if each.name in held.derivatives}
    if ignored:
        names = ", ".join(f"`{name.removesuffix('.rule')}`" for name in sorted(ignored))
        remedies = ["differentiate its pointers too: Duplicated, or Dual with a shadow of zeros", "or take its body out of the unit"]
        raise fail("E0548", f"Enzyme has not taken the derivative that is given for {names}", help=remedies)
    for name, linkage in held.linkages.items():
        function = find(module, name)
        if function is not None and not function.is_declaration:
            function.linkage = linkage


def _names(rule: Rule) -> Iterator[str]:
    return filter(None, (rule.symbol, rule.augmented, rule.reverse, rule.forward, rule.free))


def _once(texts: Sequence[str]) -> Iterator[str]:
    """The lines of all texts, a declaration that several of them have once."""
    declarations = dict.fromkeys(line for text in texts for line in text.splitlines() if line.startswith("declare "))
    yield from declarations
    for text in texts:
        yield from (line for line in text.splitlines() if not line.startswith("declare "))


def _fault(rule: Rule, code: str, part: str, message: str, *help_: str, notes: Sequence[str] = ()) -> Failure:
    return Failure(Diagnostic(code=code, message=message, help=help_, notes=tuple(notes), key=f"rule.{rule.index}.{part}"))


def _function(module: ModuleRef, rule: Rule, part: str) -> Function:
    """The function that a part of a rule names; raises `Failure` (E0545, E0547)."""
    name = getattr(rule, part)
    found = find_function(module, name)
    if found is None:
        matches = near_matches(module, name)
        remedy = f"did you mean {' or '.join(f'`{each}`' for each in matches)}?" if matches else "add the source that has it to `sources`"
        raise _fault(rule, "E0545", part, f"the sources have no function `{name}`", remedy)
    if found.takes_struct or found.is_variadic:
        how = "takes a struct by value" if found.takes_struct else "takes a variable number of arguments"
        if part == "symbol":
            raise _fault(
                rule, "E0547", part, f"`{name}` {how}: no rule can be given for it", "put a function with plain arguments around it"
            )
    return found


def _registration(module: ModuleRef, rule: Rule) -> str:
    function = _function(module, rule, "symbol")
    if "alwaysinline" in attributes_of(find(module, rule.symbol)):
        message = f"`{rule.symbol}` is always inlined, so that its rule would never be used"
        raise _fault(rule, "E0547", "symbol", message, "take `always_inline` away from it")
    if rule.inactive:
        # Enzyme also wants to know that it frees nothing: a function that might is refused.
        return _of_function(function, "inactivefn") + _global(function, "nofree", [symbol(function.name)])
    if rule.like is not None:
        return _like(rule, function)
    if rule.free is not None:
        return _allocation(module, rule, function)
    try:
        return _derivatives(module, rule, function)
    except UnsupportedABIError as unsupported:
        raise _fault(rule, "E0547", "symbol", f"the rule for `{rule.symbol}` cannot be called: {unsupported}") from None


def _global(function: Function, key: str, values: Sequence[str]) -> str:
    pointers = ", ".join(f"ptr {value}" for value in values)
    return f"{symbol(f'__enzyme_{key}_{function.name}')} = global [{len(values)} x ptr] [{pointers}]\n"


def _of_function(function: Function, key: str, *values: str) -> str:
    return f"declare {declared(function)}\n" + _global(function, key, [symbol(function.name), *values])


def _text(function: Function, part: str, text: str) -> tuple[str, str]:
    """The name of a constant that holds `text`, and the line that defines it."""
    name = symbol(f"{function.name}.rule.{part}")
    return name, f'{name} = internal constant [{len(text) + 1} x i8] c"{text}\\00"\n'


def _like(rule: Rule, function: Function) -> str:
    assert rule.like is not None  # noqa: S101 - the caller asked
    scalar = function.returns
    if scalar not in FLOAT_SIZES or function.parameters != (scalar,) * LIKE[rule.like]:
        count = LIKE[rule.like]
        wanted = f"`{rule.like}` takes {count} floating-point number{'' if count == 1 else 's'} and returns one of the same type"
        raise _unfit(rule, "like", function, wanted)
    name, line = _text(function, "like", rule.like)
    return line + _of_function(function, "function_like", name)


def _allocation(module: ModuleRef, rule: Rule, function: Function) -> str:
    assert rule.size is not None  # noqa: S101 - the form was checked
    free = _function(module, rule, "free")
    if function.returns != "ptr":
        raise _unfit(rule, "symbol", function, "an allocation returns a pointer")
    if rule.size >= len(function.parameters) or not function.parameters[rule.size].startswith("i"):
        raise _unfit(rule, "size", function, f"argument {rule.size}, counted from 0, is to be the number of bytes")
    if any(not RESULT <= each < len(function.parameters) for each in rule.free_arguments):
        raise _unfit(rule, "free_arguments", function, f"`free-arguments` has numbers of its arguments, or {RESULT} for what it returned")
    given = tuple("ptr" if each == RESULT else function.parameters[each] for each in rule.free_arguments)
    if free.parameters != given:
        raise _unfit(rule, "free", free, f"by `free-arguments` it takes ({', '.join(given)})")
    indices, line = _text(function, "free", ",".join(map(str, rule.free_arguments)))
    size = f"inttoptr (i64 {rule.size} to ptr)"
    return line + f"declare {declared(free)}\n" + _of_function(function, "allocation_like", size, indices, symbol(free.name))


def _derivatives(module: ModuleRef, rule: Rule, function: Function) -> str:
    form = form_of(function)
    if form is None:
        message = f"no rule can be given for `{function.name}`: its type is `{function.spelling}`"
        raise _fault(rule, "E0547", "symbol", message, "let it take numbers and pointers, and return a floating-point number or nothing")
    text = primal(form)
    for key, parts in _SWEEPS.items():
        given = {part: _function(module, rule, part) for part in parts if getattr(rule, part) is not None}
        if not given:
            continue
        if "augmented" in given:
            form = form.without_tape_of(given["augmented"], module.triple)
        for part, user in given.items():
            _check(rule, part, user, form, module.triple)
            text += sweep(part, form, user, module.triple)
        names = [symbol(name_of(function.name, part)) for part in ("rule", *given)]
        text += _global(function, key, names)
    return text


def _check(rule: Rule, part: str, user: Function, form: Form, triple: str) -> None:
    wanted = form.types_of(part, triple)
    if (user.returns, user.taken) not in wanted:
        returned, parameters = wanted[0]
        message = f"the {part} rule of `{rule.symbol}` is to be `{returned} ({', '.join(parameters)})`, `{user.name}` is `{user.spelling}`"
        raise _fault(rule, "E0546", part, message, "give it these parameters and this return", notes=[f"it takes {form.meaning(part)}"])


def _unfit(rule: Rule, part: str, function: Function, wanted: str) -> Failure:
    message = f"the rule does not fit `{function.name}`, whose type is `{function.spelling}`"
    return _fault(rule, "E0546", part.replace("_", "-"), message, notes=[wanted])
