"""A unit from its sources to object, shared library, executable, bitcode or IR: the job of a worker."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import process
from bootstrap.console import console
from bootstrap.diagnostics import Failure, fail
from bootstrap.files import raise_if_full
from bootstrap.llvm import Compiler, Kind
from plugin.engines.engine import Engine, EngineOptions
from plugin.items.activity import AutoDiffItem
from plugin.items.signature import Derivative, Function
from plugin.languages import Language, driver, language_of
from plugin.rules.rule import Rule

if TYPE_CHECKING:
    from plugin.pipeline import Compiled
    from plugin.worker import Begin

CXX_SYMBOLS = ("_Z", "__cxa_", "__gxx_")
RUST_SYMBOLS = ("_ZN", "_R", "__rust")
"""How the names of what a language's own library defines begin."""

_UNDEFINED = re.compile(r"undefined (?:reference to|symbol:?|symbols?) [`'\"]?([^\s'\"`]+)")


_ASKS_FOR_TYPES = re.compile(r"-g(?:[23]|full|gdb[23]?|dwarf[-\d]*)?|(?:-C)?debuginfo=(?:1|2|limited|full)")
"""The flags of clang and rustc that ask for more than line tables."""


class OutputKind(enum.StrEnum):
    """What a unit becomes."""

    OBJECT = "object"
    SHARED = "shared"
    EXECUTABLE = "executable"
    BITCODE = "bitcode"
    IR = "ir"

    def name_for(self, unit: str) -> str:
        """The file's name in the unit's folder."""
        return {
            OutputKind.SHARED: f"lib{unit}.so",
            OutputKind.OBJECT: f"{unit}.o",
            OutputKind.EXECUTABLE: unit,
            OutputKind.BITCODE: f"{unit}.bc",
            OutputKind.IR: f"{unit}.ll",
        }[self]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Linker:
    """How objects become a shared library or a program.

    `cxx` is the compiler of C++ sources, `rustc` that of Rust sources, where there are any: what compiled them knows their library.
    """

    compiler: Compiler
    cxx: Compiler | None
    flags: tuple[str, ...]
    rustc: Compiler | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What came of a unit: its files in the job's folder, the functions that its derivatives brought, and the time of each stage.

    `functions` are all that can be called from outside, derivatives too.
    `library` is a shared library to call, the output itself or one made beside it, None when it was not asked for.
    """

    output: Path
    library: Path | None
    inputs: tuple[Path, ...]
    derivatives: tuple[Derivative, ...]
    functions: tuple[Function, ...]
    new_externals: tuple[str, ...]
    seconds: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CompileUnit:
    """The job: everything that decides what a unit becomes. `root` is where relative flags start, `folder` where all is written.

    `fallback` tells that the engine is missing, not off; `level` is that of *post*, as compilers have it in `-O`. With `debug_types`
    Enzyme is told the types that debug information has. With `callable_library` a shared library is made whatever the kind is, so that
    the derivatives can be checked.
    """

    name: str
    kind: OutputKind
    root: Path
    folder: Path
    sources: tuple[Path, ...]
    flags: tuple[str, ...]
    definitions: Mapping[Language, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    items: tuple[AutoDiffItem, ...]
    rules: tuple[Rule, ...] = ()
    compilers: Mapping[Language, Compiler]
    linker: Linker | None
    engine: Engine | None
    engine_options: EngineOptions
    fallback: bool = False
    newest_llvm: int
    runtime_activity: bool
    debug_types: bool = True
    cpu: str
    triple: str
    callable_library: bool
    environment: Mapping[str, str]
    level: int = 3

    @property
    def keeps_debug_types(self) -> bool:
        """Whether what debug information says of types is to stay in the output: the flags ask for it, or it came with IR."""
        return any(map(_ASKS_FOR_TYPES.fullmatch, self.flags)) or any(language_of(source) is Language.IR for source in self.sources)

    def run(self, begin: Begin) -> Unit:
        """Compile, differentiate and link; raises `Failure` as `plugin.pipeline` does, and E0405 when the linker fails."""
        from plugin.pipeline import Clock, compile_unit  # noqa: PLC0415 - llvmlite is for workers only

        clock = Clock(begin)
        compiled = compile_unit(self, clock)
        made = _Emitter(self, compiled)
        with clock.stage("emit"):
            made.emit()
        with clock.stage("link"):
            made.link()
        return Unit(
            output=made.output,
            library=made.library,
            inputs=compiled.inputs,
            derivatives=compiled.derivatives,
            functions=compiled.functions,
            new_externals=tuple(sorted(compiled.new_externals)),
            seconds=clock.seconds,
        )


class _Emitter:
    """Writes the files of one job."""

    def __init__(self, job: CompileUnit, compiled: Compiled) -> None:
        self._job, self._compiled = job, compiled
        self.output = job.folder / job.kind.name_for(job.name)
        self.library: Path | None = None
        self._object = self.output if job.kind is OutputKind.OBJECT else job.folder / f"{job.name}.linked.o"

    def emit(self) -> None:
        from plugin.ir.initialisers import in_sections  # noqa: PLC0415 - llvmlite is for workers only

        kind = self._job.kind
        if self._job.callable_library or kind not in {OutputKind.BITCODE, OutputKind.IR}:
            self._object.write_bytes(self._compiled.machine.emit_object(in_sections(self._compiled.module)))
        if kind is OutputKind.BITCODE:
            self.output.write_bytes(self._compiled.module.as_bitcode())
        elif kind is OutputKind.IR:
            self.output.write_text(str(self._compiled.module), encoding="utf-8")

    def link(self) -> None:
        kind = self._job.kind
        if kind is OutputKind.EXECUTABLE:
            self._link(self.output)
        if self._job.callable_library or kind is OutputKind.SHARED:
            name = OutputKind.SHARED.name_for(self._job.name)
            self.library = self.output if kind is OutputKind.SHARED else self._job.folder / "callable" / name
            self.library.parent.mkdir(exist_ok=True)
            self._link(self.library, *_shape_of_library(name, self._job.triple))

    def _link(self, output: Path, *shape: str) -> None:
        linker = self._job.linker
        assert linker is not None  # noqa: S101 - a job that links has one
        # What is in C++ and calls nothing of its library is linked as C: Zig makes that library from source, which takes a minute.
        is_cxx = linker.cxx is not None and self._calls(CXX_SYMBOLS)
        compiler = linker.cxx if linker.cxx and is_cxx else linker.compiler
        zig = ["-O3", "-fno-sanitize=all"] if compiler.kind is Kind.ZIG else []
        command = [*driver(compiler, Language.CXX if is_cxx else Language.C), *zig, *shape, str(self._object)]
        command += [*linker.flags, *self._rust_library(linker), "-lm", "-o", str(output)]
        with _announced(compiler, self._job.environment, "C++" if is_cxx else "C"):
            done = process.run(command, env=self._job.environment, cwd=self._job.root)
        if done.status != 0 or not output.exists():  # Zig may fail with status 0
            raise_if_full(done.stderr)
            raise self._unlinked(output, done)

    def _unlinked(self, output: Path, done: process.Completed) -> Failure:
        undefined = sorted(set(_UNDEFINED.findall(done.stderr)))
        notes = [self._wanted(name) for name in undefined if name in self._compiled.new_externals]
        names = ", ".join(f"`{name}`" for name in undefined)
        remedies = [f"add the source that defines {names} to `sources`, or its library to `link-flags`"] if undefined else []
        return fail("E0405", f"`{output.name}` cannot be linked", notes=[*notes, done.stderr.strip()], help=remedies)

    def _wanted(self, name: str) -> str:
        """Which derivative brought a function that the sources do not call."""
        from plugin.engines.complaints import author_s  # noqa: PLC0415
        from plugin.ir.callgraph import CallGraph  # noqa: PLC0415 - only for those who are told

        graph = CallGraph.of(str(self._compiled.module))
        callers = {each for each, body in graph.bodies.items() if re.search(rf'@"?{re.escape(name)}"?\(', body.partition("\n")[2])}
        targets = [each.item.target for each in self._compiled.derivatives if each.item.target in graph.bodies]
        wanting = [each for each in targets if not callers.isdisjoint(graph.reached(each))] or sorted({author_s(each) for each in callers})
        return f"`{name}` is called by a derivative that Enzyme made: {', '.join(f'`{each}`' for each in wanting)}"

    def _calls(self, prefixes: tuple[str, ...]) -> bool:
        return any(name.startswith(prefixes) for name in self._compiled.externals)

    def _rust_library(self, linker: Linker) -> list[str]:
        """The arguments that bring Rust's library, when the module calls it: a static library that rustc makes of an empty crate."""
        if linker.rustc is None or not self._calls(RUST_SYMBOLS):
            return []
        crate, library = self._job.folder / "runtime.rs", self._job.folder / "libruntime.a"
        crate.touch()
        flags = ["--crate-type=staticlib", "-Cpanic=abort", "--print=native-static-libs", "-o", str(library), str(crate)]
        done = process.run([*linker.rustc.command, *flags])
        found = re.search(r"native-static-libs: (.*)", done.stderr)
        if done.status != 0 or found is None:
            raise fail("E0405", "rustc did not give its standard library for linking", notes=[done.stderr.strip()])
        # Zig takes `-lgcc_s` for its own unwinder.
        return [str(library), *found[1].split()]


def _shape_of_library(name: str, triple: str) -> tuple[str, ...]:
    """The flags that make a shared library. A symbol that is missing is to be known now, not when the library is loaded."""
    if "apple" in triple:
        return "-dynamiclib", f"-Wl,-install_name,@rpath/{name}"
    return "-shared", "-Wl,-z,defs", f"-Wl,-soname,{name}"


@contextlib.contextmanager
def _announced(compiler: Compiler, environment: Mapping[str, str], library: str) -> Iterator[None]:
    """Say that Zig makes parts of its library from source before it links with them for the first time: that is felt."""
    made = Path(environment.get("ZIG_GLOBAL_CACHE_DIR", "")) / f"{library}-library-is-made"
    first = compiler.kind is Kind.ZIG and not made.exists()
    if first:
        console.status(f"Zig makes its {library} library, this once")
    yield
    if first:
        with contextlib.suppress(OSError):
            made.touch()
