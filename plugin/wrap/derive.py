"""A source with derivatives: to bitcode with the compiler that stands there, and to its output in a worker."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import llvm
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, shown
from bootstrap.files import write_atomically
from bootstrap.llvm import Kind
from plugin import worker
from plugin.activity import AutoDiffItem
from plugin.build import crashed
from plugin.compile import CompileUnit, OutputKind
from plugin.languages import ZIG, driver, language_of
from plugin.plan import Plan
from plugin.wrap import child, resolve
from plugin.wrap.arguments import Group, Invocation
from plugin.wrap.differentiate import Differentiate
from plugin.wrap.resolve import LANGUAGES, Tools

if TYPE_CHECKING:
    from plugin.wrap.cc import Scratch, StandIn

PLACES = ("-Rpass=^holoenzyme$",)
"""Makes clang note the place of each instruction without writing debug information: a remark that nobody makes is asked for."""

_TOGETHER = (
    "where another file defines it, compile and link with `-flto`: the link step differentiates all files as one module",
    "or name both files in the `sources` of a unit",
)

# Zig does not write what `-emit-llvm` asks for beside a dependency file.
_TO_BITCODE = ("-Xclang", "-disable-llvm-passes", "-Xclang", "-emit-llvm-bc", "-c", "-Qunused-arguments")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be made: `output`, at an optimisation `level`, of `modules`, which may use what is in `helpers`."""

    modules: tuple[Path, ...]
    output: str
    level: int
    kind: OutputKind = OutputKind.OBJECT
    as_text: bool = False
    helpers: tuple[Path, ...] = ()


def derive(stand_in: StandIn, command: Invocation, source: Group, output: str, *, again: bool) -> int:
    """Make `output` of a source that may ask for derivatives; gives the status. `again` when the compiler has made it without them.

    Where the source turns out to ask for none, the compiler makes the output. Raises `Failure` as the pipeline does.
    """
    tools = resolve.tools(stand_in.settings, stand_in.options)
    module = source.path
    if source.kind == "source":
        module = stand_in.scratch.file("source.bc")
        status = _to_bitcode(stand_in, tools, command, source, module, again=again)
        if status:
            return status
    kind = OutputKind.BITCODE if command.emits_llvm else OutputKind.OBJECT
    as_text = command.mode == "assembly"
    request = Request(modules=(Path(module).absolute(),), output=output, level=command.level(), kind=kind, as_text=as_text)
    plans = resolve.plans(stand_in.options, stand_in.settings.units_of(source.path))
    try:
        done = differentiated(stand_in.scratch, tools, request, plans)
    except Failure as failure:
        if not any(map(_needs_another, failure.diagnostics)):
            raise
        others = _others(plans, source)
        if not others:
            raise Failure(*(dataclasses.replace(each, help=(*each.help, *_TOGETHER)) for each in failure.diagnostics)) from None
        helpers = tuple(_helpers(stand_in, tools, command, others))
        done = differentiated(stand_in.scratch, tools, dataclasses.replace(request, helpers=helpers), plans)
        console.status(f"{source.path} is compiled with {', '.join(map(shown, others))}: its derivatives need what is defined there")
    if done or again:
        return 0
    return stand_in.start([*stand_in.plain, *stand_in.compile_words(command, source, output, "lto", "emit")])


def _needs_another(diagnostic: Diagnostic) -> bool:
    """Whether a derivative failed because it needs a function that another source may define."""
    return diagnostic.code in {"E0507", "E0516"} or "failed to find fn" in diagnostic.message


def _others(plans: Sequence[Plan], source: Group) -> list[Path]:
    """The other C and C++ sources of the units of a source."""
    own = os.path.realpath(source.path)
    found = {each for plan in plans for each in plan.sources if language_of(each) in LANGUAGES.values()}
    return sorted(each for each in found if os.path.realpath(each) != own)


def _helpers(stand_in: StandIn, tools: Tools, command: Invocation, sources: Sequence[Path]) -> Iterator[Path]:
    """The modules of other sources of a unit, compiled as the one that needs them."""
    for source in sources:
        module = stand_in.scratch.file(f"{source.name}.bc")
        group = Group("input", [str(source)], "source")
        if _to_bitcode(stand_in, tools, command, group, module, again=True) == 0:
            yield Path(module)


def _to_bitcode(stand_in: StandIn, tools: Tools, command: Invocation, source: Group, module: str, *, again: bool) -> int:
    """Have the compiler write the module of a source, not optimised yet; a gcc gives way to a clang here."""
    compiler = tools.toolchain.compilers[LANGUAGES[stand_in.name]]
    start = [*driver(compiler, LANGUAGES[stand_in.name]), *(ZIG if compiler.kind is Kind.ZIG else [])]
    words = stand_in.compile_words(command, source, module)
    is_quiet = ["-w"] if again else []  # it has said all that there is to say
    status = child.run([*start, *PLACES, *words, *_TO_BITCODE, *is_quiet], tools.toolchain.environment, stdin=stand_in.stdin)
    return status if Path(module).exists() else status or 1  # Zig may fail with status 0


def differentiated(scratch: Scratch, tools: Tools, request: Request, plans: Sequence[Plan]) -> bool:
    """Do what is requested, with the items of `plans` that are the modules' own; False when no derivative is asked for."""
    made = Path(scratch.file("made"))
    owners = [(plan, item) for plan in plans for item in plan.items]
    items = tuple(dataclasses.replace(item, index=index) for index, (_, item) in enumerate(owners))
    name = Path(request.output).name
    unit = _unit(tools, request, made.parent, items)
    job = Differentiate(unit=unit, helpers=request.helpers, output=made, as_text=request.as_text)
    try:
        if not worker.run(job):
            return False
    except Failure as failure:
        scratch.keep = any(str(made.parent) in note for each in failure.diagnostics for note in each.notes)
        raise Failure(*(_placed(each, owners) for each in failure.diagnostics)) from None
    except worker.Crashed as crash:
        scratch.keep = True
        raise Failure(crashed(name, crash, made.parent)) from None
    publish(made, request.output)
    return True


def _unit(tools: Tools, request: Request, folder: Path, items: tuple[AutoDiffItem, ...]) -> CompileUnit:
    return CompileUnit(
        name=Path(request.output).name,
        kind=request.kind,
        root=Path.cwd(),
        folder=folder,
        sources=request.modules,
        flags=(),
        items=items,
        compilers={},
        linker=None,
        engine=tools.toolchain.engine,
        engine_options=tools.options,
        newest_llvm=tools.toolchain.newest_llvm,
        runtime_activity=tools.runtime_activity,
        cpu="",
        triple=llvm.host_triple(),
        callable_library=False,
        environment=tools.toolchain.environment,
        level=request.level,
    )


def _placed(diagnostic: Diagnostic, owners: Sequence[tuple[Plan, AutoDiffItem]]) -> Diagnostic:
    """A diagnostic about one of several units' items, with its place in the configuration."""
    table, _, rest = diagnostic.key.partition(".")
    index, _, part = rest.partition(".")
    if table != "autodiff" or not index.isdigit():
        return diagnostic
    plan, item = owners[int(index)]
    return plan.placed(dataclasses.replace(diagnostic, key=f"autodiff.{item.index}.{part}"))


def publish(made: Path, output: str) -> None:
    """Put a file in its place: whole where that is a file, and into what is there where that is none, such as /dev/null."""
    path = Path(output)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        path.write_bytes(made.read_bytes())
        return
    mask = os.umask(0)
    os.umask(mask)
    write_atomically(path, made.read_bytes(), mode=0o666 & ~mask)
