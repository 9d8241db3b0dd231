"""Units built and checked: what is fresh is left alone, what is not is made in a working folder and moved into place when it is whole.

A unit has two steps, *compile* and *verify*. Their records stand in the unit's record file, which is written last: a build that is
killed leaves the old state or the new one.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.files import of_os_error, write_atomically
from bootstrap.llvm import Kind, host_triple
from bootstrap.steps import FileState, Record, states
from bootstrap.store import Store
from plugin import worker
from plugin.compile import CompileUnit, Linker, OutputKind
from plugin.compile import Unit as Made
from plugin.engines.engine import EngineOptions, PluginEngine
from plugin.header import header
from plugin.items.signature import Derivative
from plugin.languages import Language, language_of
from plugin.pkgconfig import package
from plugin.plan import Plan, placed, root_of
from plugin.target import target_of
from plugin.verify import Verdict, VerifyUnit

if TYPE_CHECKING:
    from plugin.toolchain import Toolchain

LOCK = ".lock"
"""The file in a unit's folder whose holder may write there."""

VERIFY_SECONDS = 600.0
"""How long the checks of one unit may take."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says about a build."""

    jobs: int
    offline: bool = False
    keep_ir: bool = False
    verify_again: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a unit. `seconds` is empty when nothing was done; `derivatives` are all, `verdicts` those that were checked.

    `compiled` is the record of the compile step.
    """

    plan: Plan
    compiled: Record
    derivatives: tuple[Derivative, ...]
    verdicts: tuple[Verdict, ...]
    seconds: Mapping[str, float]


def build(plans: Sequence[Plan], options: Options) -> list[Report | Failure]:
    """Build and check units of one configuration, several at once; gives for each its report, or the failure that ended it."""
    fresh = {plan.name: _fresh(plan, options) for plan in plans}
    stale = [plan for plan in plans if fresh[plan.name] is None]
    if not stale:
        return [each for each in fresh.values() if each]
    tools = _tools(stale, options) if any(_compiled(plan) is None for plan in stale) else None
    with concurrent.futures.ThreadPoolExecutor(max_workers=options.jobs) as pool:
        try:
            made = dict(zip((plan.name for plan in stale), pool.map(lambda plan: _attempt(plan, tools, options), stale), strict=True))
        except BaseException:
            worker.end_all()
            raise
    return [fresh[plan.name] or made[plan.name] for plan in plans]


def build_one(plan: Plan, options: Options) -> Report:
    """Build and check one unit in this thread; raises its `Failure`, and leaves other workers alone when it is interrupted."""
    report = _fresh(plan, options) or _attempt(plan, None, options)
    if isinstance(report, Failure):
        raise report
    return report


def _attempt(plan: Plan, tools: Toolchain | None, options: Options) -> Report | Failure:
    try:
        with locked(plan.folder):
            # Another process may have done it while this one waited.
            return _fresh(plan, options) or _make(plan, tools, options)
    except Failure as failure:
        return Failure(*(plan.placed(each) for each in failure.diagnostics))
    except OSError as error:
        return Failure(of_os_error(error, plan.folder))


def _compiled(plan: Plan) -> Record | None:
    """The record of the compile step, when it is fresh."""
    record = plan.records().get("compile")
    return record if record and record.is_fresh(plan.compile_request()) else None


def _fresh(plan: Plan, options: Options) -> Report | None:
    """The report of a unit that needs nothing done."""
    compiled = _compiled(plan)
    if compiled is None or options.verify_again:
        return None
    verified = plan.records().get("verify")
    if plan.unit.verify and not (verified and verified.is_fresh(plan.verify_request(compiled))):
        return None
    verdicts = tuple(Verdict(**each) for each in verified.value["verdicts"]) if verified and plan.unit.verify else ()
    return Report(plan=plan, compiled=compiled, derivatives=_derivatives(compiled), verdicts=verdicts, seconds={})


def _derivatives(compiled: Record) -> tuple[Derivative, ...]:
    return tuple(map(Derivative.from_json, compiled.value["derivatives"]))


def _tools(plans: Sequence[Plan], options: Options) -> Toolchain:
    languages = frozenset().union(*(plan.languages for plan in plans))
    links = any(plan.links for plan in plans)
    resolved = plans[0].resolved
    scratch = plans[0].folder.parents[1] / ".scratch"
    # Where nothing is to be done, nobody asks where tools come from.
    from plugin import toolchain  # noqa: PLC0415
    from plugin.engines.choice import Place  # noqa: PLC0415

    try:
        place = Place(root=resolved.root, store=Store(), scratch=scratch, offline=options.offline)
        ir = [source for plan in plans for source in plan.sources if language_of(source) is Language.IR]
        missing = plans[0].missing_engine is not None
        return toolchain.assemble(resolved.config, place, languages, links=links, ir=ir, without_engine=missing)
    except Failure as failure:
        raise Failure(*(placed(resolved, each) for each in failure.diagnostics)) from None


def _make(plan: Plan, tools: Toolchain | None, options: Options) -> Report:
    seconds: dict[str, float] = {}
    compiled = _compiled(plan)
    if compiled is None:
        compiled, times = _compile(plan, tools or _tools([plan], options), options)
        seconds |= times
        _write_records(plan, {"compile": compiled})
    verdicts: tuple[Verdict, ...] = ()
    if plan.unit.verify:
        start = time.perf_counter()
        verdicts = _verify(plan, _derivatives(compiled))
        seconds["verify"] = time.perf_counter() - start
        value = {"verdicts": [dataclasses.asdict(each) for each in verdicts]}
        checked = Record(request=plan.verify_request(compiled), inputs=(), outputs=(), value=value)
        _write_records(plan, {"compile": compiled, "verify": checked})
    return Report(plan=plan, compiled=compiled, derivatives=_derivatives(compiled), verdicts=verdicts, seconds=seconds)


# Compile


def _compile(plan: Plan, tools: Toolchain, options: Options) -> tuple[Record, Mapping[str, float]]:
    started = time.time_ns()
    with _working_folder(plan) as folder:
        made = _run(plan, folder, _job(plan, tools, folder))
        # What lies in the store is known by the digest of its artifact.
        sources = states(each for each in made.inputs if not each.is_relative_to(tools.store))
        inputs = [*sources, *(FileState.of(each, is_tool=True) for each in _tool_files(tools))]
        described = list(_describe(plan, made, folder))
        _publish(plan, made, described, folder, options)
    outputs = states({plan.output, *([plan.library] if made.library else []), *(plan.folder / each.name for each in described)})
    # A source that was written while it was compiled may have been read before that: then the step is not taken to be done.
    request = "" if any(each.sha256 and each.mtime_ns >= started for each in inputs) else plan.compile_request()
    value = {
        "triple": host_triple(),
        "compilers": {language: each.version for language, each in tools.compilers.items() if language in plan.languages},
        "engine": {"path": str(tools.engine.path), "llvm": tools.engine.llvm} if tools.engine else None,
        "derivatives": [each.as_json() for each in made.derivatives],
        "functions": [each.as_json() for each in made.functions],
        "new-externals": list(made.new_externals),
        "seconds": dict(made.seconds),
    }
    return Record(request=request, inputs=tuple(inputs), outputs=outputs, value=value), made.seconds


def _job(plan: Plan, tools: Toolchain, folder: Path) -> CompileUnit:
    enzyme = plan.resolved.config.enzyme
    return CompileUnit(
        name=plan.name,
        kind=plan.kind,
        root=root_of(plan.resolved),
        folder=folder,
        sources=plan.sources,
        flags=plan.unit.flags,
        definitions=plan.definitions(),
        items=plan.items,
        rules=plan.rules,
        compilers=tools.compilers,
        linker=_linker(plan, tools),
        engine=tools.engine,
        engine_options=EngineOptions(strict_aliasing=enzyme.strict_aliasing, loose_types=enzyme.loose_types),
        fallback=plan.missing_engine is not None,
        newest_llvm=tools.newest_llvm,
        runtime_activity=enzyme.runtime_activity,
        debug_types=enzyme.debug_types,
        cpu=target_of(plan.resolved.config).cpu,
        triple=host_triple(),
        callable_library=bool(plan.unit.verify),
        environment=tools.environment,
    )


def _linker(plan: Plan, tools: Toolchain) -> Linker | None:
    if tools.linker is None:
        return None
    cxx, rustc = (tools.compilers[each] if each in plan.languages else None for each in (Language.CXX, Language.RUST))
    return Linker(compiler=tools.linker, cxx=cxx, rustc=rustc, flags=plan.unit.link_flags)


def _tool_files(tools: Toolchain) -> set[Path]:
    """The compilers of this machine; what comes from the pinned list is known by its digest."""
    compilers = [*tools.compilers.values(), *([tools.linker] if tools.linker else [])]
    files = {each.executable for each in compilers if each.kind is not Kind.ZIG}
    return files | ({tools.engine.opt, tools.engine.link, tools.engine.path} if isinstance(tools.engine, PluginEngine) else set())


def _run(plan: Plan, folder: Path, job: CompileUnit) -> Made:
    """The job's result. When it fails, what it left is kept for a report, in the unit's folder under `failed`."""
    try:
        return worker.run(job)
    except Failure as failure:
        if not any(str(folder) in note for each in failure.diagnostics for note in each.notes):
            raise
        kept = _keep(plan, folder)
        raise Failure(*(_moved(each, folder, kept) for each in failure.diagnostics)) from None
    except worker.Crashed as crash:
        kept = _keep(plan, folder)
        (kept / "worker.log").write_text(crash.words, encoding="utf-8")
        raise Failure(crashed(plan.name, crash, kept)) from None


def crashed(name: str, crash: worker.Crashed, kept: Path) -> Diagnostic:
    """What to tell of a worker that crashed over a unit; what it left is in `kept`."""
    lines = crash.words.splitlines()
    telling = (line for line in lines if re.search("[Ee]rror|ERROR|Assertion|UNREACHABLE", line))
    reason = next(telling, lines[0] if lines else "it said nothing")
    return Diagnostic(
        code="E0512",
        message=f"LLVM crashed while `{name}` was in the stage `{crash.stage}` ({crash.reason})",
        notes=(reason, f"the modules and all that it said are kept in {kept}"),
        help=("where this is about your code, inline assembly for one, mend it; else report it with these files",),
    )


def _keep(plan: Plan, folder: Path) -> Path:
    kept = plan.folder / "failed"
    shutil.rmtree(kept, ignore_errors=True)
    folder.rename(kept)
    return kept


def _moved(diagnostic: Diagnostic, old: Path, new: Path) -> Diagnostic:
    return dataclasses.replace(diagnostic, notes=tuple(note.replace(str(old), str(new)) for note in diagnostic.notes))


def _publish(plan: Plan, made: Made, described: Iterable[Path], folder: Path, options: Options) -> None:
    shutil.rmtree(plan.folder / "failed", ignore_errors=True)
    if options.keep_ir:
        kept = plan.folder / "ir"
        kept.mkdir(exist_ok=True)
        for name in ("lowered.ll", "pre.ll", "enzyme.ll", "enzyme.bc"):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).replace(kept / name)
    if made.library and made.library != made.output:
        plan.library.parent.mkdir(exist_ok=True)
        made.library.replace(plan.library)
    made.output.replace(plan.output)
    for path in described:
        path.replace(plan.folder / path.name)


def _describe(plan: Plan, made: Made, folder: Path) -> Iterator[Path]:
    """Write what other builds need to use an object or a library: a header, and for a library what pkg-config tells; gives the files."""
    if plan.kind not in {OutputKind.OBJECT, OutputKind.SHARED}:
        return
    if made.derivatives:
        path = folder / f"{plan.name}.h"
        path.write_text(header(plan.name, made.functions, made.derivatives, host_triple()), encoding="utf-8")
        yield path
    if plan.kind is OutputKind.SHARED:
        path = folder / f"{plan.name}.pc"
        path.write_text(package(plan.name, [target for each in made.derivatives for target in each.item.targets]), encoding="utf-8")
        yield path


# Verify


def _verify(plan: Plan, derivatives: Sequence[Derivative]) -> tuple[Verdict, ...]:
    try:
        return worker.run(VerifyUnit(library=plan.library, checks=plan.checks(derivatives)), seconds=VERIFY_SECONDS)
    except worker.Crashed as crash:
        notes = (crash.words.splitlines()[-1],) if crash.words else ()
        message = f"`{crash.stage}` of `{plan.name}`, or its primal, crashed while it was checked ({crash.reason})"
        remedies = ("see that `args` are as long as the primal reads and writes",)
        raise Failure(Diagnostic(code="E0102", message=message, notes=notes, help=remedies)) from None


# Folders and records


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within the block no other process works in a unit's folder, which is made if need be; raises `Failure` (E0237)."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - 40 ms that a build with nothing to do need not spend

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            console.status(f"waiting for another process that works in {folder}")
            lock.acquire()
    except OSError as error:
        message = f"the build folder `{folder}` cannot be written: {error.strerror}"
        help_ = ("set `[build] build-dir` to a folder that is yours",)
        raise Failure(Diagnostic(code="E0237", message=message, help=help_)) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _working_folder(plan: Plan) -> Iterator[Path]:
    """A folder to make the unit in, on the same file system as its place. What processes that were killed have left is removed."""
    for stale in plan.folder.glob(".work-*"):
        shutil.rmtree(stale, ignore_errors=True)
    for stale in plan.folder.glob(f".{plan.record_path.name}.*"):
        stale.unlink(missing_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".work-", dir=plan.folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_records(plan: Plan, records: Mapping[str, Record]) -> None:
    data = {"unit": plan.name, "kind": plan.kind, "steps": {name: record.as_json() for name, record in records.items()}}
    write_atomically(plan.record_path, json.dumps(data, indent=1) + "\n")
