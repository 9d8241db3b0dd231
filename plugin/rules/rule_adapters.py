"""Between a user's rule and Enzyme: functions of the one form in which Enzyme takes a rule in all cases.

Facts that were measured on LLVM 22's driver. Where one argument of a call is constant, Enzyme gives an integer a shadow too, and a rule
without one ends it; so does a rule with two gradients of which one is not wanted. A constant argument's shadow is the argument itself:
a rule that adds to it changes the primal. Without a tape the gradient of a call with a constant is wrong. In the reverse sweep a pointer
leads to what its memory holds then, not to what it held at the call. In forward mode a constant number makes Enzyme forget the rule.

Hence the form: no number goes in or out by value. A function `my` gets two others. `my.call`, which all of the module calls in its
place, puts the floating-point arguments in memory, the *frame*, and calls `my.rule`, which reads them there and puts the result behind
them. The rule is registered for that one. Every argument has a shadow there, and the tape also keeps the numbers. All of it is inlined
after Enzyme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plugin.items.body import symbol
from plugin.items.layout import FLOAT_SIZES, Layout, together
from plugin.items.signature import Function
from plugin.rules.rule_form import TAPE, Form, Value, call, declared, typed
from plugin.types.typetree import pointer_to


def name_of(function: str, part: str) -> str:
    """The name of one of the functions that stand around `function`: `call`, `rule`, or that of a sweep."""
    return f"{function}.rule.{part}" if part not in {"call", "rule"} else f"{function}.{part}"


def primal(form: Form) -> str:
    """The IR text of `my.call` and `my.rule`, and the declaration of `my`."""
    function = form.function
    values = [(type_, f"%x{index}") for index, type_ in enumerate(function.parameters)]
    others = [each for each in values if each[0] not in FLOAT_SIZES]
    framed, returned = _frame(form), (form.value or ("void",))[0]
    rule = symbol(name_of(function.name, "rule"))
    called = f"call {returned} {symbol(function.name)}({typed(values)})"
    lines = [
        f"declare {declared(function)}",
        f"define {returned} {symbol(name_of(function.name, 'call'))}({typed(values)}) alwaysinline {{",
        *([f"  %frame = alloca {framed}"] if form.fields else []),
        *_fields(form),
        *(f"  store {type_} %x{index}, ptr %frame.{index}" for index, type_ in _floats(form)),
        f"  call void {rule}({typed([*([('ptr', '%frame')] if form.fields else []), *others])})",
        *(f"  %value = load {type_}, ptr %frame.result" for type_ in form.value),
        f"  ret {returned} %value" if form.value else "  ret void",
        "}",
        f"define internal void {rule}({', '.join([*_hinted(form), *(f'{type_} {name}' for type_, name in others)])}) {{",
        *_fields(form),
        *(f"  %x{index} = load {type_}, ptr %frame.{index}" for index, type_ in _floats(form)),
        *([f"  %value = {called}", f"  store {returned} %value, ptr %frame.result"] if form.value else [f"  {called}"]),
        "  ret void",
        "}",
        "",
    ]
    return "\n".join(lines)


def _frame(form: Form) -> str:
    """The type of the frame."""
    return "{ " + ", ".join(form.fields) + " }"


def _fields(form: Form, frame: str = "frame") -> list[str]:
    """The lines that find the frame's fields: that of an argument by its number, and the result."""
    names = [*(str(index) for index, _ in _floats(form)), *("result" for _ in form.value)]
    place = f"getelementptr inbounds {_frame(form)}, ptr %{frame}, i32 0, i32"
    return [f"  %{frame}.{name} = {place} {number}" for number, name in enumerate(names)]


def _hinted(form: Form) -> list[str]:
    """The frame as a parameter of `my.rule`, with what Enzyme has to know: of a body that it does not look into it learns nothing."""
    if not form.fields:
        return []
    offsets = together(list(map(Layout.of_scalar, form.fields)))[1]
    tree = pointer_to(zip(offsets, form.fields, strict=True))
    return [f'ptr nocapture "enzyme_type"="{tree.attribute()}" %frame']


def sweep(part: str, form: Form, user: Function, triple: str) -> str:
    """The IR text of the adapter around a user's function for the part `augmented`, `reverse` or `forward` of a rule."""
    make = {"augmented": _augmented, "reverse": _reverse, "forward": _forward}
    parameters: list[Value] = [("ptr", "%frame"), ("ptr", "%dframe")] if form.fields else []
    for index, type_ in enumerate(form.function.parameters):
        if type_ not in FLOAT_SIZES:
            parameters += [(type_, f"%x{index}"), (type_, f"%dx{index}")]
    if part == "reverse":
        parameters.append((TAPE, "%tape"))
    returned = TAPE if part == "augmented" else "void"
    head = f"define internal {returned} {symbol(name_of(form.function.name, part))}({typed(parameters)}) {{"
    shadows = [*_fields(form), *_fields(form, "dframe"), *(["  %constant = icmp eq ptr %frame, %dframe"] if form.fields else [])]
    lines = [head, *shadows, *make[part](form, user, triple), "}", ""]
    return "\n".join([f"declare {declared(user)}", "declare ptr @malloc(i64)", "declare void @free(ptr)", *lines])


def _arguments(form: Form, floats: Mapping[int, Sequence[Value]]) -> tuple[list[str], list[Value]]:
    """The lines that make NULL of a constant's shadow, and the arguments of a user's function; `floats` has those of each number."""
    lines: list[str] = []
    arguments: list[Value] = []
    for index, type_ in enumerate(form.function.parameters):
        if type_ in FLOAT_SIZES:
            arguments += floats[index]
            continue
        arguments.append((type_, f"%x{index}"))
        if type_ == "ptr":
            lines.append(f"  %same{index} = icmp eq ptr %x{index}, %dx{index}")
            lines.append(f"  %shadow{index} = select i1 %same{index}, ptr null, ptr %dx{index}")
            arguments.append(("ptr", f"%shadow{index}"))
    return lines, arguments


def _floats(form: Form) -> list[tuple[int, str]]:
    return [(index, type_) for index, type_ in enumerate(form.function.parameters) if type_ in FLOAT_SIZES]


def _kept(form: Form) -> str:
    """The struct that the tape leads to: the user's tape and the numbers."""
    return "{ " + ", ".join([TAPE, *form.gradients]) + " }"


def _augmented(form: Form, user: Function, triple: str) -> list[str]:
    floats = _floats(form)
    loads = [f"  %v{index} = load {type_}, ptr %frame.{index}" for index, type_ in floats]
    shadows, arguments = _arguments(form, {index: [(type_, f"%v{index}")] for index, type_ in floats})
    calls, values = call(user, (TAPE, *form.value) if form.has_tape else form.value, arguments, triple)
    tape, *value = values if form.has_tape else ["null", *values]
    stores = [f"  store {type_} {name}, ptr %frame.result" for type_, name in zip(form.value, value, strict=True)]
    lines = [*loads, *shadows, *calls, *stores]
    if not floats:
        return [*lines, f"  ret ptr {tape}"]
    # The memory is freed by the reverse sweep, which comes once for each forward sweep.
    size = f"ptrtoint (ptr getelementptr ({_kept(form)}, ptr null, i32 1) to i64)"
    lines += [f"  %kept = call ptr @malloc(i64 {size})", f"  store ptr {tape}, ptr %kept"]
    for number, (index, type_) in enumerate(floats, 1):
        lines.append(f"  %kept{index} = getelementptr {_kept(form)}, ptr %kept, i32 0, i32 {number}")
        lines.append(f"  store {type_} %v{index}, ptr %kept{index}")
    return [*lines, "  ret ptr %kept"]


def _reverse(form: Form, user: Function, triple: str) -> list[str]:
    floats = _floats(form)
    tape, lines = "%tape", []
    if floats:
        tape = "%own"
        lines.append("  %own = load ptr, ptr %tape")
        for number, (index, type_) in enumerate(floats, 1):
            lines.append(f"  %kept{index} = getelementptr {_kept(form)}, ptr %tape, i32 0, i32 {number}")
            lines.append(f"  %v{index} = load {type_}, ptr %kept{index}")
        lines.append("  call void @free(ptr %tape)")
    for type_ in form.value:
        zero = f"{type_} zeroinitializer"
        lines.append(f"  %stored = load {type_}, ptr %dframe.result")
        lines.append(f"  %seed = select i1 %constant, {zero}, {type_} %stored")
        lines.append(f"  %left = select i1 %constant, {type_} %stored, {zero}")
        lines.append(f"  store {type_} %left, ptr %dframe.result")
    shadows, arguments = _arguments(form, {index: [(type_, f"%v{index}")] for index, type_ in floats})
    seed = [(type_, "%seed") for type_ in form.value]
    calls, gradients = call(user, form.gradients, [*arguments, *seed, *([(TAPE, tape)] if form.has_tape else [])], triple)
    lines += [*shadows, *calls]
    for (index, type_), gradient in zip(floats, gradients, strict=True):
        lines.append(f"  %d{index} = load {type_}, ptr %dframe.{index}")
        lines.append(f"  %sum{index} = fadd {type_} %d{index}, {gradient}")
        lines.append(f"  %new{index} = select i1 %constant, {type_} %d{index}, {type_} %sum{index}")
        lines.append(f"  store {type_} %new{index}, ptr %dframe.{index}")
    return [*lines, "  ret void"]


def _forward(form: Form, user: Function, triple: str) -> list[str]:
    floats, lines = _floats(form), []
    for index, type_ in floats:
        lines.append(f"  %v{index} = load {type_}, ptr %frame.{index}")
        lines.append(f"  %d{index} = load {type_}, ptr %dframe.{index}")
        lines.append(f"  %t{index} = select i1 %constant, {type_} zeroinitializer, {type_} %d{index}")
    shadows, arguments = _arguments(form, {index: [(type_, f"%v{index}"), (type_, f"%t{index}")] for index, type_ in floats})
    calls, values = call(user, (*form.value, *form.value), arguments, triple)
    lines += [*shadows, *calls]
    for type_ in form.value:
        value, tangent = values
        lines.append(f"  store {type_} {value}, ptr %frame.result")
        lines.append(f"  %tangent = select i1 %constant, {type_} {value}, {type_} {tangent}")
        lines.append(f"  store {type_} %tangent, ptr %dframe.result")
    return [*lines, "  ret void"]
