"""From a source to a module: C, C++, Rust and LLVM IR become bitcode, each with the version of LLVM that wrote it.

Compilers are asked for code that is not optimised yet but is ready to be: with lifetimes, TBAA and line tables, or with debug information
on types where they are to be told to Enzyme. The pipeline optimises.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import llvmlite.binding as llvm

from bootstrap import process
from bootstrap.diagnostics import Failure, fail
from bootstrap.files import raise_if_full
from bootstrap.llvm import Compiler, Kind
from plugin.compile import OutputKind
from plugin.ir import bitcode, module
from plugin.items.activity import ENZYME
from plugin.languages import ZIG, Language, driver, language_of

if TYPE_CHECKING:
    from plugin.compile import CompileUnit

_TO_BITCODE = ("-O3", "-Xclang", "-disable-llvm-passes", "-emit-llvm", "-c", "-fPIC", "-fno-discard-value-names")
_RUSTC = (
    "-Copt-level=3",
    "-Cno-prepopulate-passes",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
)
_RUSTC_DEBUG = {True: "-Cdebuginfo=2", False: "-Cdebuginfo=line-tables-only"}
_CLANG_DEBUG = {True: ("-g", "-fstandalone-debug"), False: ("-gline-tables-only",)}
"""Types or lines. Without the second flag clang leaves out the classes whose constructors or virtual functions are elsewhere."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What came of a source: its module, the file that has the module as it was written, and the files it was made from."""

    module: llvm.ModuleRef
    path: Path
    inputs: tuple[Path, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """How sources of a unit are compiled, from the folder `root`.

    `flags` are the unit's own, `definitions` tell each language the active cfgs, `environment` is what the compilers need besides ours,
    `debug_types` whether debug information is to describe types where something is differentiated, as it is with `has_items`.
    """

    root: Path
    compilers: Mapping[Language, Compiler]
    flags: tuple[str, ...]
    definitions: Mapping[Language, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    cpu: str
    newest_llvm: int
    is_program: bool
    is_x86: bool
    environment: Mapping[str, str]
    debug_types: bool = False
    has_items: bool = False

    @classmethod
    def of(cls, job: CompileUnit) -> Self:
        """The front end of a job."""
        return cls(
            root=job.root,
            compilers=job.compilers,
            flags=job.flags,
            definitions=job.definitions,
            cpu=job.cpu,
            newest_llvm=job.newest_llvm,
            is_program=job.kind is OutputKind.EXECUTABLE,
            is_x86=job.triple.startswith("x86_64"),
            environment=job.environment,
            debug_types=job.engine is not None and job.debug_types,
            has_items=bool(job.items),
        )

    def read(self, source: Path, folder: Path) -> Read:
        """The module of `source`; what is written on the way goes into `folder`.

        Raises `Failure`: E0402 for a module of a newer LLVM than `newest_llvm`, E0501 when the compiler rejects the source, E0502
        when it is IR that LLVM does not accept.
        """
        language = language_of(source)
        if language is Language.IR:
            return Read(module=self._parse(source.read_bytes(), source), path=source, inputs=(source,))
        output = folder / f"{source.name}.bc"
        compiler = self.compilers[language]
        command = self._rustc(compiler, source, output) if language is Language.RUST else self._clang(compiler, language, source, output)
        done = process.run(command, env=self.environment, cwd=self.root)
        if done.status != 0 or not output.exists():  # Zig may fail with status 0
            raise_if_full(done.stderr)
            raise _rejected(source, done)
        listing = output.with_suffix(".inputs")
        read = _named_by_rustc(listing) if language is Language.RUST else _named_by_clang(listing)
        inputs = sorted({source, *(self.root / name for name in read)})
        return Read(module=self._parse(output.read_bytes(), source), path=output, inputs=tuple(inputs))

    def _clang(self, compiler: Compiler, language: Language, source: Path, output: Path) -> list[str]:
        # `-MD` would do, but with Zig it takes the place of the output.
        inputs = ["-header-include-file", str(output.with_suffix(".inputs")), "-sys-header-deps"]
        listing = [word for each in inputs for word in ("-Xclang", each)]
        return [
            *driver(compiler, language),
            *_TO_BITCODE,
            *_CLANG_DEBUG[self._describes_types(source)],
            *self._for_cpu(compiler),
            *self.definitions.get(language, ()),
            *self.flags,
            *listing,
            str(source),
            "-o",
            str(output),
        ]

    def _describes_types(self, source: Path) -> bool:
        return self.debug_types and (self.has_items or ENZYME.encode() in source.read_bytes())

    def _for_cpu(self, compiler: Compiler) -> list[str]:
        if compiler.kind is Kind.ZIG:
            return [*ZIG, *([] if self.cpu == "native" else [f"-mcpu={self.cpu.replace('-', '_')}"])]
        return [f"{'-march' if self.is_x86 else '-mcpu'}={self.cpu}"]

    def _rustc(self, compiler: Compiler, source: Path, output: Path) -> list[str]:
        edition = [] if any(flag.startswith("--edition") for flag in self.flags) else ["--edition=2021"]
        name = re.sub(r"\W", "_", source.stem)
        crate = [f"--crate-name={name}", f"--crate-type={'bin' if self.is_program else 'lib'}", f"-Ctarget-cpu={self.cpu}"]
        emit = f"--emit=llvm-bc={output},dep-info={output.with_suffix('.inputs')}"
        return [
            *compiler.command,
            *edition,
            *crate,
            emit,
            *_RUSTC,
            _RUSTC_DEBUG[self._describes_types(source)],
            *self.definitions.get(Language.RUST, ()),
            *self.flags,
            str(source),
        ]

    def _parse(self, data: bytes, source: Path) -> llvm.ModuleRef:
        self._refuse_newer(bitcode.producer(data) if bitcode.is_bitcode(data) else _ident(data), source)
        if not bitcode.is_bitcode(data):
            # Of these LLVM would make an empty module.
            if b"\0" in data or not data.strip():
                raise module.not_ir(source.name, "it is neither bitcode nor text" if data.strip() else "it is empty")
            return module.read_assembly(data.decode("utf-8", "replace"), source.name, source)
        try:
            return llvm.parse_bitcode(data)
        except RuntimeError as error:
            raise module.not_ir(source.name, str(error)) from None

    def _refuse_newer(self, producer: tuple[str, int] | None, source: Path) -> None:
        if producer is not None and producer[1] > self.newest_llvm:
            raise fail(
                "E0402",
                f"`{source.name}` was written by {producer[0]}, the engine reads LLVM {self.newest_llvm} and older",
                notes=["LLVM reads modules of older versions, never of newer ones"],
                help=[f"compile the source with LLVM {self.newest_llvm} or older, or name it in `sources` and holoenzyme will"],
            )


def _ident(data: bytes) -> tuple[str, int] | None:
    """What a textual module says of the clang that wrote it, in `!llvm.ident`; other producers do not name their LLVM."""
    found = re.search(rb'!\{!"([^"]*clang version (\d+)\.[^"]*)"\}', data)
    return (found[1].decode("ascii", "replace"), int(found[2])) if found else None


def _rejected(source: Path, done: process.Completed) -> Failure:
    words = done.stderr.strip() or f"it ended with {done.signal_name or done.status} and said nothing"
    return fail("E0501", f"the compiler rejected `{source.name}`", notes=[words], help=["`-v` shows the command"])


def _named_by_clang(listing: Path) -> list[str]:
    """The headers that a source included, a line each."""
    return listing.read_text(encoding="utf-8", errors="surrogateescape").splitlines() if listing.exists() else []


def _named_by_rustc(listing: Path) -> list[str]:
    """The files behind the first colon of a dependency file in make's syntax."""
    rule = listing.read_text(encoding="utf-8", errors="surrogateescape").split("\n", 1)[0].partition(": ")[2]
    return [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|\S)+", rule)]
