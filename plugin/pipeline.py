"""A unit from sources to an object: frontend, lower, pre, enzyme, check, post, emit. Runs in the worker.

*pre* is O3 without vectorising and unrolling, under `sanitize_hwaddress`, which keeps loads from being speculated; no
instrumentation comes of it, because the pass that would add it is not run. *post* is the full O3 for the target's processor:
Enzyme's output is as fast as its last optimisation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import llvmlite.binding as llvm

from bootstrap.diagnostics import Failure, fail
from plugin.engines.engine import FIRST_OPAQUE_LLVM, Engine, PluginEngine
from plugin.frontend import Frontend
from plugin.ir import assembly, bitcode, callgraph, hazards, invariants, module, returns
from plugin.ir.callgraph import symbol
from plugin.ir.names import plain
from plugin.items import lowering
from plugin.items.activity import ENZYME
from plugin.items.carrier import CARRIER
from plugin.items.signature import Derivative, Function
from plugin.rules import registration
from plugin.types import debug_lines, type_hints

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef

    from plugin.compile import CompileUnit
    from plugin.worker import Begin

SPECULATION_GUARD = "sanitize_hwaddress"


class Clock:
    """How long each stage took, in seconds; tells `begin` the name of each one as it starts."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times the block as the stage `name`."""
        self._begin(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A unit's optimised module and what is known of it.

    `functions` are those that can be called from outside, `inputs` are the files it was made from, `externals` the functions that it
    calls and does not have, `new_externals` those of them that only the derivatives call.
    """

    module: ModuleRef
    machine: llvm.TargetMachine
    derivatives: tuple[Derivative, ...]
    functions: tuple[Function, ...]
    inputs: tuple[Path, ...]
    externals: frozenset[str]
    new_externals: frozenset[str]


def compile_unit(job: CompileUnit, clock: Clock) -> Compiled:
    """Compile the job's sources into one module that has its derivatives. Each stage's input stays in the folder, for a report on a crash.

    Raises `Failure` with the codes of the front end, the lowering, the engine, and E0509 and E0513.
    """
    with clock.stage("frontend"):
        unit, files, inputs = _read(job)
    with clock.stage("lower"):
        _keep_markers(unit)
        additions: list[module.Addition] = []
        derivatives = lowering.lower(unit, job.items, runtime_activity=job.runtime_activity, additions=additions)
        rules = registration.registrations(unit, job.rules if module.calls_enzyme(unit) else ())
    machine = target_machine(job.triple, job.cpu, job.level)
    externals = module.external_functions(unit)
    if module.calls_enzyme(unit):
        if job.engine is None:
            raise _no_engine(unit, is_missing=job.fallback)
        told = functools.partial(_with_types, derivatives, job)
        with clock.stage("pre"):
            if isinstance(job.engine, PluginEngine):
                ready = _ready_for_plugin(job.engine, files, additions, rules, told, job)
            else:
                ready = _ready_for_driver(registration.register(unit, rules), machine, told, job.folder)
            text = callgraph.ordered(type_hints.without_mixed(ready.text))
            _save(invariants.held(hazards.settled(text, job.items, job.root)), job.folder / "pre.ll")
        unit = _differentiated(job.engine, job.folder / "pre.ll", ready, job, clock)
    with clock.stage("post"):
        optimise(unit, machine, full=True, level=job.level)
    left = module.external_functions(unit)
    return Compiled(
        module=unit,
        machine=machine,
        derivatives=tuple(derivatives),
        functions=tuple(module.exported(unit)),
        inputs=tuple(inputs),
        externals=left,
        new_externals=left - externals,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """The text of a unit for the engine, and what is undone after it: allocators with their old names, and the functions that are held."""

    text: str
    renamed: Mapping[str, str]
    held: registration.Held


def _ready_for_driver(unit: ModuleRef, machine: llvm.TargetMachine, told: Callable[[str], str], folder: Path) -> _Ready:
    """The unit after pre."""
    renamed = _plain_allocators(unit)
    held = registration.hold(unit)
    text = told(str(_guarded(unit)))
    _refuse_cycles(_save(text, folder / "lowered.ll"))
    unit = module.read_assembly(text, "the module with its types")
    optimise(unit, machine, full=False)
    return _Ready(text=str(unit), renamed=renamed, held=held)


def _ready_for_plugin(
    engine: PluginEngine,
    files: Sequence[Path],
    additions: Sequence[module.Addition],
    rules: registration.Registrations,
    told: Callable[[str], str],
    job: CompileUnit,
) -> _Ready:
    """The unit for an LLVM that may be older than ours and does pre itself; all else is as `_ready_for_driver` has it.

    It is made of what the front ends wrote. What was done to the module that llvmlite has is done again to this one, as text.
    """
    opaque = [_opaque(engine, each, job, number) for number, each in enumerate(files)]
    text = assembly.with_weak_markers(engine.linked(opaque, job.folder / "linked.ll"))
    if additions:
        text = assembly.with_additions(engine, text, additions, job.folder)
    text, held = assembly.holding(assembly.with_registrations(engine, text, rules, job.folder))
    text, renamed = assembly.plain_allocators(assembly.with_triple(assembly.guarded(text, SPECULATION_GUARD), job.triple))
    text = told(text)
    _refuse_cycles(_save(text, job.folder / "lowered.ll"))
    return _Ready(text=engine.optimised(job.folder / "lowered.ll", job.folder / "pre.ll"), renamed=renamed, held=held)


def _opaque(engine: PluginEngine, file: Path, job: CompileUnit, number: int) -> Path:
    """A module with pointers that have no types: what a clang of that LLVM has just written, else what `opt` makes of it."""
    found = bitcode.producer_of(file)
    if file not in job.sources and found and found[1] >= FIRST_OPAQUE_LLVM:
        return file
    return engine.with_opaque_pointers(file, job.folder / f"opaque{number}.ll")


def _with_types(derivatives: Sequence[Derivative], job: CompileUnit, text: str) -> str:
    """IR text with what is known of the types in it, and of its debug information only the lines, unless more was asked for."""
    text = type_hints.typed(text, derivatives, is_x86=job.triple.startswith("x86_64"), debug_types=job.debug_types)
    return returns.inlining(text if job.keeps_debug_types else debug_lines.only_lines(text))


def _differentiated(engine: Engine, given: Path, ready: _Ready, job: CompileUnit, clock: Clock) -> ModuleRef:
    """The module after enzyme and check."""
    with clock.stage("enzyme"):
        text = module.text_of(engine.run(given, job.folder, job.root, job.engine_options), "the module that Enzyme made")
    with clock.stage("check"):
        check_nothing_left(text)
        text = module.without_overalignment(module.without_attribute(invariants.released(text), SPECULATION_GUARD))
        made = module.read_assembly(text, "the module that Enzyme made")
    registration.release(made, ready.held)
    for known, name in ready.renamed.items():
        function = module.find(made, known)
        if function is not None:
            function.name = name
    return made


def _no_engine(unit: ModuleRef, *, is_missing: bool) -> Failure:
    calls = ", ".join(f"`{each.name}`" for each in unit.functions if ENZYME in each.name)
    if is_missing:
        remedies = (
            "keep the calls from this machine: `#ifndef HOLOENZYME_CFG_AUTODIFF_FALLBACK` in C, `#[cfg(not(autodiff_fallback))]` in Rust",
            "or leave the unit out: `when = 'cfg(llvm_enzyme)'`",
        )
        return fail("E0518", f"the sources ask for derivatives ({calls}) and there is no engine for this machine", help=remedies)
    return fail("E0518", f"the sources ask for derivatives ({calls}) and Enzyme is off", help=["set `[llvm] enzyme = true`"])


def _read(job: CompileUnit) -> tuple[ModuleRef, list[Path], list[Path]]:
    """The modules of all sources, linked into one, the file of each module, and all files they were made from."""
    frontend = Frontend.of(job)
    first, *others = [(source, frontend.read(source, _folder_of(index, job))) for index, source in enumerate(job.sources)]
    unit = first[1].module
    for source, addition in others:
        try:
            unit.link_in(addition.module)
        except RuntimeError as error:
            message = f"`{source.name}` cannot be linked with the sources before it"
            remedies = ["let each symbol be defined once: rename one, make it `static`, or leave a source out"]
            raise fail("E0513", message, notes=[str(error).strip()], help=remedies) from None
    # Front ends spell the host in their own ways, Zig with the kernel's version; one spelling lets modules meet.
    unit.triple = job.triple
    read = [first[1], *(each for _, each in others)]
    return unit, [each.path for each in read], [path for each in read for path in each.inputs]


def _folder_of(index: int, job: CompileUnit) -> Path:
    """Where a source's module goes: two sources may have the same name."""
    folder = job.folder / f"source{index}"
    folder.mkdir(exist_ok=True)
    return folder


def _keep_markers(unit: ModuleRef) -> None:
    """Keep the optimiser from folding a load of `enzyme_dup` and its like into the marker's initial value, which Enzyme would not know."""
    for variable in unit.global_variables:
        if variable.name.startswith(module.MARKER) and not variable.is_declaration:
            variable.linkage = "weak_any"


def _plain_allocators(unit: ModuleRef) -> dict[str, str]:
    """Give Rust's allocation functions the plain names by which Enzyme knows them; the new names, each with the old one."""
    renamed = {}
    for function in list(unit.functions):
        found = module.RUST_ALLOCATOR.fullmatch(function.name)
        if found:
            renamed[found[1]] = function.name
            function.name = found[1]
    return renamed


def _guarded(unit: ModuleRef) -> ModuleRef:
    """The module ready for *pre*: every function under the guard against speculation, none exempt from optimisation."""
    for function in unit.functions:
        if not function.is_declaration:
            function.add_function_attribute(SPECULATION_GUARD)
    text = str(unit)
    if " optnone" not in text:
        return unit
    return module.read_assembly(module.without_attribute(text, "optnone"), "the module")


def optimise(unit: ModuleRef, machine: llvm.TargetMachine, *, full: bool, level: int = 3) -> None:
    """Run O3 over the module in place, or another `level`; without vectorising, interleaving and unrolling unless it is the full one."""
    tuning = llvm.create_pipeline_tuning_options(speed_level=level)
    tuning.loop_vectorization = tuning.slp_vectorization = full and level > 1
    tuning.loop_interleaving = tuning.loop_unrolling = full
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(unit, builder)


def check_nothing_left(text: str) -> None:
    """Raise `Failure` (E0509) when IR text still names what is Enzyme's: a call would be an undefined symbol, or crash code generation.

    A registration that is left is one that Enzyme did not know, and would be no rule.
    """
    lines = (line for line in text.split("\n") if ENZYME in line and not line.startswith(("declare ", "!", ";")))
    names = {symbol(name) for line in lines for name in re.findall(callgraph.NAME, re.sub(r'c"[^"]*"', "", line))}
    made = {symbol(found) for found in re.findall(rf"(?m)^define [^@\n]*{callgraph.NAME}\(", text)}  # what Enzyme itself brings to be run
    left = sorted(name for name in names - made if ENZYME in name)
    if left:
        raise fail(
            "E0509",
            f"Enzyme did not know what to do with {', '.join(f'`{name}`' for name in left)}",
            help=["call Enzyme with the function itself, not through a pointer, and by a name that Enzyme documents"],
        )


def _save(text: str, path: Path) -> str:
    # As text: LLVM 22's bitcode has no form for metadata among variable arguments and silently writes some integer in its place.
    path.write_text(text, encoding="utf-8")
    return text


def _refuse_cycles(text: str) -> None:
    """Raise `Failure` (E0517) when functions of IR text are differentiated and call their own derivatives."""
    cycle = [plain(name) for name in callgraph.CallGraph.of(text).cycle() if CARRIER not in name]
    if cycle:
        way = " -> ".join(f"`{name}`" for name in cycle)
        notes = [f"`{cycle[0]}` is a derivative of `{cycle[1]}`, which comes to need it again"]
        raise fail("E0517", f"derivatives are made from each other: {way}", notes=notes, help=["let the primal do without its derivative"])


def target_machine(triple: str, cpu: str, level: int = 3) -> llvm.TargetMachine:
    """The machine that code is generated for, at an optimisation level; the processor `native` is that of this one."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()  # for inline assembly
    native = cpu == "native"
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=llvm.get_host_cpu_name() if native else cpu,
        features=llvm.get_host_cpu_features().flatten() if native else "",
        opt=level,
        reloc="pic",
        codemodel="default",
    )
