"""A source with derivatives: to a module with the compiler that stands there, and to its output in a worker.

The worker starts at once: what it imports takes as long as the compiler needs to read the source.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, shown
from bootstrap.llvm import Compiler, Kind
from plugin.compile import OutputKind
from plugin.languages import ZIG, Language, driver, language_of
from plugin.wrap import child
from plugin.wrap.arguments import Group, Invocation
from plugin.wrap.differentiate import Rest
from plugin.wrap.make import Making, Request
from plugin.wrap.tools import Tools, find

if TYPE_CHECKING:
    from plugin.plan import Plan
    from plugin.wrap.cc import StandIn

PLACES = ("-Rpass=^holoenzyme$",)
"""Makes clang note the place of each instruction without writing debug information: a remark that nobody makes is asked for."""

LANGUAGES = {"cc": Language.C, "c++": Language.CXX}
WITH_OPAQUE_POINTERS = 15
"""The first LLVM whose IR text today's LLVM reads."""

_TOGETHER = (
    "where another file defines it, compile and link with `-flto`: the link step differentiates all files as one module",
    "or name both files in the `sources` of a unit",
)
_OTHER_WAY = frozenset({"E0502", "E0514"})
"""What may go well in a thorough way: today's LLVM did not read an older one's text, or Enzyme found no type."""

_TYPES = ("-g", "-fstandalone-debug")
_RAW = ("-Xclang", "-disable-llvm-passes", "-c", "-Qunused-arguments")
_BITCODE, _TEXT = ("-Xclang", "-emit-llvm-bc"), ("-Xclang", "-emit-llvm")


def derive(stand_in: StandIn, command: Invocation, source: Group, output: str, *, again: bool) -> int:
    """Make `output` of a source that may ask for derivatives; gives the status. `again` when the compiler has made it without them.

    Where the source turns out to ask for none, the compiler makes the output. Raises `Failure` as the pipeline does.
    """
    tools = find(stand_in.settings, stand_in.options)
    try:
        stand_in.scratch.keep = False
        status, said = _Attempt(stand_in, tools, command, source, output).made(is_quiet=again)
    except Failure as failure:
        if not {each.code for each in failure.diagnostics} & _OTHER_WAY or source.kind == "ir":
            raise
        stand_in.scratch.keep = False
        status, said = _Attempt(stand_in, tools, command, source, output, thorough=True).made(is_quiet=True)
    sys.stderr.write(said or "")
    if status or said is not None or again:
        return status
    return stand_in.start([*stand_in.plain, *stand_in.compile_words(command, source, output, "lto", "emit")])


class _Attempt:
    """One way to make the output of a source; a thorough one takes longer: Enzyme gets the types of the debug information."""

    def __init__(self, stand_in: StandIn, tools: Tools, command: Invocation, source: Group, output: str, *, thorough: bool = False) -> None:
        self._stand_in, self._tools, self._command, self._source = stand_in, tools, command, source
        compiler = tools.compilers[stand_in.name]
        is_object = command.mode != "assembly" and not command.emits_llvm
        self._thorough = thorough
        self._splits = not thorough and is_object and source.kind == "source" and _can_split(compiler)
        module = stand_in.scratch.file("source.ll" if self._splits else "source.bc") if source.kind == "source" else source.path
        self._request = Request(
            modules=(Path(module).absolute(),),
            output=output,
            level=command.level(),
            kind=OutputKind.BITCODE if command.emits_llvm else OutputKind.OBJECT,
            as_text=command.mode == "assembly",
            rest=self._rest(compiler) if self._splits else None,
        )

    def _rest(self, compiler: Compiler) -> Rest:
        start = (*driver(compiler, LANGUAGES[self._stand_in.name]), "-Qunused-arguments")
        flags = self._command.flags("flag", "level")
        return Rest(compile=(*start, *flags, "-fno-addrsig", "-c", "-x", "ir"), join=(*start, "-r", "-nostdlib"))

    def made(self, *, is_quiet: bool) -> tuple[int, str | None]:
        """The status of the compiler, and what was said of the rest, None when no derivative is asked for."""
        plans = self._plans()
        try:
            if self._source.kind == "ir":
                return 0, self._make(self._request, plans)
            return self._while_compiling(plans, is_quiet=is_quiet)
        except Failure as failure:
            if not any(map(_needs_another, failure.diagnostics)):
                raise
            return 0, self._with_others(plans, failure)

    def _while_compiling(self, plans: Sequence[Plan], *, is_quiet: bool) -> tuple[int, str | None]:
        signal, line = os.pipe()
        making = Making(self._stand_in.scratch, self._tools, dataclasses.replace(self._request, signal=signal), plans)
        os.close(signal)
        module, more = self._request.modules[0], _TYPES if self._thorough else ()
        status = _to_module(self._stand_in, self._tools, self._command, self._source, module, is_quiet=is_quiet, more=more)
        os.write(line, b"0" if status else b"1")
        os.close(line)
        return status, making.result()

    def _with_others(self, plans: Sequence[Plan], failure: Failure) -> str | None:
        """Make it once more, with the other sources of the source's units; without any, say what could be done."""
        others = _others(plans, self._source)
        if not others:
            raise Failure(*(dataclasses.replace(each, help=(*each.help, *_TOGETHER)) for each in failure.diagnostics)) from None
        request = dataclasses.replace(self._request, helpers=tuple(self._helpers(others)), rest=None)
        self._stand_in.scratch.keep = False
        said = self._make(request, plans)
        console.status(f"{self._source.path} is compiled with {', '.join(map(shown, others))}: its derivatives need what is defined there")
        return said

    def _make(self, request: Request, plans: Sequence[Plan]) -> str | None:
        return Making(self._stand_in.scratch, self._tools, request, plans).result()

    def _plans(self) -> list[Plan]:
        units = self._stand_in.settings.units_of(self._source.path)
        if not units:
            return []
        from plugin.wrap import resolve  # noqa: PLC0415 - brings the configuration's model

        return resolve.plans(self._stand_in.options, units)

    def _helpers(self, sources: Sequence[Path]) -> Iterator[Path]:
        """The modules of other sources of a unit, compiled as the one that needs them."""
        for source in sources:
            module = Path(self._stand_in.scratch.file(f"{source.name}.bc"))
            group = Group("input", [str(source)], "source")
            if _to_module(self._stand_in, self._tools, self._command, group, module, is_quiet=True) == 0:
                yield module


def _can_split(compiler: Compiler) -> bool:
    return compiler.kind is Kind.CLANG and compiler.llvm >= WITH_OPAQUE_POINTERS


def _needs_another(diagnostic: Diagnostic) -> bool:
    """Whether a derivative failed because it needs a function that another source may define."""
    return diagnostic.code in {"E0507", "E0516"} or "failed to find fn" in diagnostic.message


def _others(plans: Sequence[Plan], source: Group) -> list[Path]:
    """The other C and C++ sources of the units of a source."""
    own = os.path.realpath(source.path)
    found = {each for plan in plans for each in plan.sources if language_of(each) in LANGUAGES.values()}
    return sorted(each for each in found if os.path.realpath(each) != own)


def _to_module(
    stand_in: StandIn, tools: Tools, command: Invocation, source: Group, module: Path, *, is_quiet: bool, more: Sequence[str] = ()
) -> int:
    """Have the compiler write the module of a source, not optimised yet; a gcc gives way to a clang here. Gives the status.

    `is_quiet` when it has said before all that there is to say.
    """
    compiler = tools.compilers[stand_in.name]
    start = [*driver(compiler, LANGUAGES[stand_in.name]), *(ZIG if compiler.kind is Kind.ZIG else [])]
    words = stand_in.compile_words(command, source, str(module))
    whole = [*start, *PLACES, *words, *_RAW, *_form(compiler, module, words), *_lifted(command), *more, *(["-w"] if is_quiet else [])]
    console.command(whole)
    status = child.run(whole, tools.environment, stdin=stand_in.stdin)
    return status if module.exists() else status or 1  # Zig may fail with status 0


def _form(compiler: Compiler, module: Path, words: Sequence[str]) -> Sequence[str]:
    """What asks for a module. Zig makes an object of it, unless a dependency file goes beside it; with `-emit-llvm` it is the other way."""
    if module.suffix == ".ll":
        return _TEXT
    has_dependencies = any(each in {"-MD", "-MMD"} or each.startswith("-Wp,-M") for each in words)
    return (*_BITCODE, "-MD", "-MF", f"{module}.d") if compiler.kind is Kind.ZIG and not has_dependencies else _BITCODE


def _lifted(command: Invocation) -> list[str]:
    """At `-O0` clang leaves out what Enzyme finds types by, and forbids inlining; *post* stays at the level that was asked for.

    A precompiled header of that level can only be read at that level.
    """
    named = [group.words[1] for group in command.groups if group.words[0] == "-include" and len(group.words) > 1]
    precompiled = "-include-pch" in command.flags("flag") or any(Path(f"{each}.{end}").exists() for each in named for end in ("pch", "gch"))
    return [] if command.level() or precompiled else ["-O1"]
