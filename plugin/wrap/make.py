"""What is made of modules in a worker, put in its place, and what is told when that fails."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import llvm
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.files import write_atomically
from plugin import worker
from plugin.compile import CompileUnit, OutputKind
from plugin.items.activity import AutoDiffItem
from plugin.wrap.differentiate import Differentiate, Rest
from plugin.wrap.tools import Tools

if TYPE_CHECKING:
    from plugin.plan import Plan
    from plugin.wrap.cc import Scratch


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be made: `output`, at an optimisation `level`, of `modules`, which may use what is in `helpers`.

    `rest` says how the compiler makes an object of what takes no part in a derivative, where that may be apart. `signal` is a
    pipe from which a byte comes when the modules are there.
    """

    modules: tuple[Path, ...]
    output: str
    level: int
    kind: OutputKind = OutputKind.OBJECT
    as_text: bool = False
    helpers: tuple[Path, ...] = ()
    rest: Rest | None = None
    signal: int | None = None


class Making:
    """A request in a worker, begun at once, with the items of `plans` that are the modules' own."""

    def __init__(self, scratch: Scratch, tools: Tools, request: Request, plans: Sequence[Plan]) -> None:
        self._scratch, self._request = scratch, request
        self._made = Path(scratch.file("made"))
        self._owners = [(plan, item) for plan in plans for item in plan.items]
        job = Differentiate(
            unit=_unit(tools, request, self._made.parent, tuple(_distinct(self._owners))),
            helpers=request.helpers,
            output=self._made,
            as_text=request.as_text,
            rest=request.rest,
            signal=request.signal,
        )
        self._worker = worker.Forked(job)

    def result(self) -> str | None:
        """What the compiler said of the rest, when the output is in its place; None when no derivative is asked for.

        Raises `Failure` as the pipeline does.
        """
        kept = str(self._made.parent)
        try:
            said = self._worker.result()
        except Failure as failure:
            self._scratch.keep = any(kept in note for each in failure.diagnostics for note in each.notes)
            raise Failure(*(_placed(each, self._owners) for each in failure.diagnostics)) from None
        except worker.Crashed as crash:
            from plugin.build import crashed  # noqa: PLC0415 - brings all that a build needs

            self._scratch.keep = True
            raise Failure(crashed(Path(self._request.output).name, crash, self._made.parent)) from None
        if said is not None:
            publish(self._made, self._request.output)
        return said


def _distinct(owners: Sequence[tuple[Plan, AutoDiffItem]]) -> Iterator[AutoDiffItem]:
    """The items, each once: a source may be in several units that ask for the same. Their indices are those of `owners`."""
    seen: set[AutoDiffItem] = set()
    for index, (_, item) in enumerate(owners):
        same = dataclasses.replace(item, index=-1)
        if same not in seen:
            yield dataclasses.replace(item, index=index)
        seen.add(same)


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
        engine=tools.engine,
        engine_options=tools.options,
        newest_llvm=tools.newest_llvm,
        runtime_activity=tools.runtime_activity,
        cpu="",
        triple=llvm.host_triple(),
        callable_library=False,
        environment=tools.environment,
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
