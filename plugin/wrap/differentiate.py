"""The worker's job: a module that a compiler wrote, with its derivatives, as object, assembly, bitcode or IR."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import process
from bootstrap.diagnostics import Failure, fail
from bootstrap.files import raise_if_full
from plugin.compile import CompileUnit, OutputKind
from plugin.ir import bitcode
from plugin.items.activity import AutoDiffItem

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef

    from plugin.pipeline import Compiled
    from plugin.worker import Begin
    from plugin.wrap.split import Parts

_CPU = re.compile(r'"target-cpu"="([^"]+)"')
_TRIPLE = re.compile(r'(?m)^target triple = "([^"]+)"')
_DEFINED = re.compile(r'(?m)^define [^\n]*?@("(?:[^"\\]|\\.)*"|[-\w.$]+)\(')
_CALLS_ENZYME = re.compile(r'(?m)^(?:declare|define)\b[^\n]*@"?[-\w.$]*__enzyme_')


LEAST = 60_000
"""How long the text of functions that take no part in a derivative must be before it pays to compile them apart: some 150 lines of C."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The words that compile IR text to an object, and those that join two objects into one; inputs and `-o` follow."""

    compile: tuple[str, ...]
    join: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Differentiate:
    """`unit` is a unit of sources of bitcode or IR, with all items that may be meant, `helpers` what it may use; `output` is written.

    With `as_text` the output is assembly, or IR where `unit.kind` is bitcode. `rest` and `signal` are as in `plugin.wrap.make.Request`.
    """

    unit: CompileUnit
    helpers: tuple[Path, ...]
    output: Path
    as_text: bool
    rest: Rest | None
    signal: int | None

    def run(self, begin: Begin) -> str | None:
        """Do it; gives what the compiler said of the rest, or None when the modules ask for no derivative, and nothing is written.

        Raises as `compile_unit` does, and E0550, E0551, E0422.
        """
        from plugin import pipeline  # noqa: PLC0415, F401 - llvmlite is for workers only, and takes its time while the compiler works

        if self.signal is not None:
            begin("wait")
            if os.read(self.signal, 1) != b"1":
                return None
        begin("read")
        parts = self._split() if self.rest else None
        if parts is None or self.rest is None:
            return "" if self._differentiated(begin, self.unit, self.output) else None
        return self._apart(begin, parts, self.rest)

    def _split(self) -> Parts | None:
        from plugin.wrap.split import split  # noqa: PLC0415 - only for C and C++

        source = self.unit.sources[0]
        text = source.read_text(encoding="utf-8", errors="surrogateescape")
        tag = hashlib.sha256(f"{self.unit.root}/{self.unit.name}\n{text}".encode("utf-8", "surrogateescape")).hexdigest()[:12]
        sources, targets = [each.source for each in self.unit.items], [each.target for each in self.unit.items]
        return split(text, sources, targets, tag, LEAST)

    def _apart(self, begin: Begin, parts: Parts, rest: Rest) -> str | None:
        """The two parts at the same time, then joined."""
        derived, other = self.unit.folder / "derived.ll", self.unit.folder / "rest.ll"
        for path, text in ((derived, parts.derived), (other, parts.rest)):
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
        objects = [each.with_suffix(".o") for each in (derived, other)]
        compiling: list[process.Completed] = []
        command = [*rest.compile, str(other), "-o", str(objects[1])]
        thread = threading.Thread(target=lambda: compiling.append(process.run(command, env=self.unit.environment)))
        thread.start()
        is_asked = self._differentiated(begin, dataclasses.replace(self.unit, sources=(derived,)), objects[0])
        begin("join")
        thread.join()
        if not is_asked:
            return None
        joined = process.run([*rest.join, *map(str, objects), "-o", str(self.output)], env=self.unit.environment)
        for done in (*compiling, joined):
            if done.status:
                raise_if_full(done.stderr)
                words = done.stderr.strip() or f"it ended with {done.signal_name or done.status}"
                raise fail("E0422", f"the compiler cannot finish `{self.unit.name}`", notes=[words], help=["`-v` shows the command"])
        return "".join(each.stderr for each in compiling)

    def _differentiated(self, begin: Begin, unit: CompileUnit, output: Path) -> bool:
        from plugin.pipeline import Clock, compile_unit  # noqa: PLC0415 - llvmlite is for workers only

        asked = self._asked(unit)
        if asked is None:
            return False
        compiled = compile_unit(asked, Clock(begin))
        begin("emit")
        self._emit(compiled, output)
        return True

    def _asked(self, unit: CompileUnit) -> CompileUnit | None:
        """The unit with the items whose primal it has and for the processor that it was compiled for; None when it asks for nothing."""
        texts = [_text(each) for each in unit.sources]
        if None in texts:
            return unit  # the pipeline's front end says what is wrong
        text = "\n".join(filter(None, texts))
        items = _defined(text, unit.items)
        if not items and not _CALLS_ENZYME.search(text):
            return None
        for triple in _TRIPLE.findall(text):
            _refuse_foreign(triple, unit.triple)
        cpu = _CPU.search(text)
        sources = (*unit.sources, *(_lent(each, unit.folder) for each in self.helpers))
        return dataclasses.replace(unit, items=items, cpu=cpu[1] if cpu else "", sources=sources)

    def _emit(self, compiled: Compiled, output: Path) -> None:
        from plugin.ir.initialisers import in_sections  # noqa: PLC0415 - llvmlite is for workers only

        if self.unit.kind is OutputKind.BITCODE:
            output.write_bytes(str(compiled.module).encode() if self.as_text else compiled.module.as_bitcode())
            return
        ready = in_sections(compiled.module)
        machine = compiled.machine
        output.write_bytes(machine.emit_assembly(ready).encode() if self.as_text else machine.emit_object(ready))


def _parsed(source: Path) -> ModuleRef | None:
    """The module in a file of bitcode or IR; None when LLVM does not take it."""
    import llvmlite.binding as llvm  # noqa: PLC0415 - for workers only

    data = source.read_bytes()
    producer = bitcode.producer(data) if bitcode.is_bitcode(data) else None
    if producer and producer[1] > llvm.llvm_version_info[0]:
        return None
    with contextlib.suppress(RuntimeError):
        return llvm.parse_bitcode(data) if bitcode.is_bitcode(data) else llvm.parse_assembly(data.decode("utf-8", "replace"))
    return None


def _lent(source: Path, folder: Path) -> Path:
    """A module that others may look into and that another object defines: the linker takes that one's definitions.

    Raises `Failure` (E0551) for a variable of its own: the other object has the one that counts, and no name for it.
    """
    module = _parsed(source)
    assert module is not None  # noqa: S101 - our own compiler has just written it
    for value in (*module.functions, *module.global_variables):
        head = str(value).rpartition("define ")[2].partition("\n")[0]
        if value.is_declaration or value.name.startswith("llvm."):
            continue
        if value.linkage.name in {"internal", "private"}:
            if " global " in head:
                raise _own_variable(source.name, value.name)
        elif " comdat" not in head:
            value.linkage = "linkonce_odr"
    path = folder / f"lent-{source.name}"
    path.write_bytes(module.as_bitcode())
    return path


def _text(source: Path) -> str | None:
    """The IR text of a module; None when LLVM does not take it."""
    if source.suffix == ".ll":
        return source.read_text(encoding="utf-8", errors="replace")
    module = _parsed(source)
    return None if module is None else str(module)


def _defined(text: str, items: tuple[AutoDiffItem, ...]) -> tuple[AutoDiffItem, ...]:
    """The items whose primal is defined in IR text, or another one of these items makes."""
    names = {name.strip('"') for name in _DEFINED.findall(text)} if items else set()
    found: list[AutoDiffItem] = []
    while more := [each for each in items if each not in found and each.source in names]:
        found += more
        names |= {each.target for each in more}
    return tuple(sorted(found, key=lambda each: each.index))


def _refuse_foreign(triple: str, host: str) -> None:
    """Raise `Failure` (E0550) for a module that is for another machine: code is made here with the host's code generator alone."""
    machine = triple.partition("-")[0].replace("arm64", "aarch64")
    if machine and machine != host.partition("-")[0].replace("arm64", "aarch64"):
        raise fail(
            "E0550",
            f"a derivative is asked for in a module for {triple}, and this machine is {host}",
            help=["compile the sources with derivatives on a machine of that kind"],
        )


def _own_variable(source: str, name: str) -> Failure:
    return fail(
        "E0551",
        f"a derivative needs a function of `{source.partition('-')[2].removesuffix('.bc')}`, which keeps state in `{name}` for itself",
        notes=["each object would have a state of its own"],
        help=["compile and link with `-flto`: then there is one module", "or put both functions in one file"],
    )
