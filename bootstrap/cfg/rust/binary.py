"""The lists of a rustc binary without its source: asked of the compiler itself, each question a child with a time limit.

W is what `--print check-cfg` says, D what `--print cfg` says for every target and for flags that set a cfg, X what `--cfg` refuses in an
empty crate, G what such a crate may not ask for. W, and the unstable part of D and G, need a compiler that allows unstable features: a
nightly, or `RUSTC_BOOTSTRAP=1` in the environment of these children alone.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bootstrap.cfg import specification, table, targets
from bootstrap.cfg.expression import Cfg, shown
from bootstrap.cfg.facts import Facts
from bootstrap.cfg.lists import BARE, Entry, Forms, Lists
from bootstrap.cfg.rules.rule import INTERNAL, RESERVED, USE_GATED
from bootstrap.cfg.tokens import named
from bootstrap.diagnostics import Diagnostic, Failure, Severity, fail
from bootstrap.process import Completed, TimedOut, run

SECONDS = 20.0
"""How long one child may take."""
NO_REPORTS = {"RUSTC_ICE": "0"}
"""Without it a compiler that crashes over a question leaves a report in the user's folder."""
VARIABLE = "RUSTC_BOOTSTRAP"
AS_STABLE = "-1"
"""With this value a nightly behaves as a stable compiler does; an older one takes it for a crate's name, which none has."""
STRANGE = "holoenzyme-probe"
"""A value that no cfg has."""
LINT = "explicit_builtin_cfgs_in_flags"
MOST_VALUES = 64
"""Of a name with more values than that not every one is tried."""
TARGET_NAMES = tuple(
    f"target_{each}" for each in ("abi", "arch", "endian", "env", "family", "object_format", "os", "pointer_width", "vendor")
)
"""The cfgs whose expected values are those of all built-in targets."""
STABLE_FLAGS = (("--test",), ("--crate-type=proc-macro",), ("-Cpanic=abort",), ("-Cdebug-assertions=yes",))
UNSTABLE_FLAGS = (
    *(("-Zcontract-checks=yes",), ("-Zub-checks=yes",), ("-Coverflow-checks=yes",), ("-Zemscripten-wasm-eh",)),
    *((f"-Zfmt-debug={each}",) for each in ("full", "shallow", "none")),
    *((f"-Zsanitizer={each}",) for each in ("address", "hwaddress", "leak", "memory", "thread", "safestack", "dataflow", "realtime")),
    ("-Zsanitizer=cfi", "-Clto", "-Ccodegen-units=1", "-Zsanitizer-cfi-generalize-pointers", "-Zsanitizer-cfi-normalize-integers"),
    ("-Zunstable-options", "-Cpanic=immediate-abort"),
    *((f"-Crelocation-model={each}",) for each in ("static", "pic", "pie", "dynamic-no-pic", "ropi", "rwpi", "ropi-rwpi")),
)
"""What makes a compiler set the cfgs that a target does not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compiler:
    """A rustc: its path, what it says it is, whether it allows unstable features, and the environment of its children."""

    path: str
    version: str
    unstable: bool
    environment: Mapping[str, str]

    @classmethod
    def of(cls, path: str, *, allow_bootstrap: bool) -> Compiler:
        """The compiler at `path`.

        Raises `Failure` (E0256) for what is none: not there, not to be run, hanging, crashing, another program.
        """
        found = shutil.which(path)
        if found is None:
            reason = "it is a folder" if Path(path).is_dir() else "it cannot be executed" if Path(path).exists() else "it is not there"
            raise _no_rustc(path, reason)
        try:
            done = run([found, "-vV"], seconds=SECONDS)
        except TimedOut:
            raise _no_rustc(path, f"it does not answer `-vV` within {SECONDS:g} s") from None
        except (OSError, ValueError) as error:
            raise _no_rustc(path, f"it cannot be started: {getattr(error, 'strerror', None) or error}") from None
        if done.signal_name:
            raise _no_rustc(path, f"it was ended by {done.signal_name}")
        lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        if done.status or lines.get("binary") != "rustc" or "release" not in lines:
            raise _no_rustc(path, "it does not answer `-vV` as rustc does")
        nightly = "nightly" in lines["release"] or "dev" in lines["release"]
        return cls(
            path=_direct(found, done.stdout),
            version=f"rustc {lines['release']}",
            unstable=nightly or allow_bootstrap,
            environment={} if nightly or not allow_bootstrap else {VARIABLE: "1"},
        )

    def run(self, *words: str, unstable: bool = False, folder: Path | None = None) -> Completed:
        """Run it once; `unstable` lets it use unstable features, else it behaves as a stable one, whatever the user's environment says."""
        environment = self.environment if unstable else {VARIABLE: AS_STABLE}
        return run([self.path, *words], seconds=SECONDS, env={**environment, **NO_REPORTS}, cwd=folder)


def _direct(path: str, version: str) -> str:
    """The same compiler without the launcher of a version manager in front, which costs more than most questions."""
    try:
        sysroot = run([path, "--print=sysroot"], seconds=SECONDS, env=NO_REPORTS).stdout.strip()
        direct = str(Path(sysroot, "bin", "rustc"))
        return direct if sysroot and run([direct, "-vV"], seconds=SECONDS).stdout == version else path
    except (OSError, ValueError, TimedOut):
        return path


def _no_rustc(path: str, reason: str) -> Failure:
    return fail("E0256", f"`{path}` is no rustc that can be audited: {reason}", help=["name a rustc with `--rustc PATH`"])


def read(path: str, *, allow_bootstrap: bool = False, jobs: int | None = None) -> Facts:
    """The facts of the compiler at `path`. Raises `Failure` (E0256) when it is none, or stops answering."""
    compiler = Compiler.of(path, allow_bootstrap=allow_bootstrap)
    with tempfile.TemporaryDirectory(prefix="holoenzyme-") as name, ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        probe = _Probe(compiler, Path(name), pool)
        try:
            return probe.facts()
        except TimedOut as error:
            raise _no_rustc(path, str(error)) from None
        except OSError as error:
            raise _no_rustc(path, f"it cannot be started: {error.strerror or error}") from None


class _Probe:
    """The questions, asked in parallel."""

    def __init__(self, compiler: Compiler, folder: Path, pool: ThreadPoolExecutor) -> None:
        self.compiler, self.folder, self.pool = compiler, folder, pool
        self.gaps: list[Diagnostic] = []
        self.silent: set[str] = set()
        """The targets that the compiler has in its list and cannot print, for want of their back end."""

    def facts(self) -> Facts:
        """All lists, and what could not be asked."""
        (self.folder / "empty.rs").write_text("#![no_std]\n", encoding="utf-8")
        known = self.well_known()
        stable, nightly = self.set_by_default()
        seen = {name for name, _ in stable | nightly}
        names = sorted(seen | {each.name for each in known or ()} | INTERNAL | RESERVED | USE_GATED | set(table.by_name()))
        lists = Lists(
            source=f"{self.compiler.version} at {self.compiler.path}",
            default=self.default(stable, nightly),
            well_known=known,
            disallowed=self.disallowed(names, _values(stable | nightly, known or ())),
            gated=self.gated(names),
        )
        expected, of_targets = _expected(known), self.of_targets(nightly, known)
        return Facts(lists=lists, gaps=tuple(self.gaps), complete=None, values=expected, targets=of_targets)

    def of_targets(self, seen: set[Cfg], known: Sequence[Entry] | None) -> dict[str, frozenset[str]] | None:
        """The values that the targets have; None where not all were asked. A target that cannot be printed may have any expected one."""
        if known is None:
            return None
        if self.silent:
            count = f"{len(self.silent)} target{'s' if len(self.silent) > 1 else ''}"
            message = f"{count} cannot be printed by {self.compiler.version}, so it is not told which values no target has"
            note = f"they are: {', '.join(sorted(self.silent))}"
            self.gaps.append(Diagnostic(code="E0186", severity=Severity.NOTE, message=message, notes=(note,)))
        held = {cfg for cfg in seen if cfg[1] is not None}
        held |= {(each.name, value) for each in known for value in each.forms.values or ()} if self.silent else set()
        return {wanted: frozenset(value for name, value in held if name == wanted and value is not None) for wanted in TARGET_NAMES}

    def well_known(self) -> tuple[Entry, ...] | None:
        """W; None on a compiler that does not allow to ask for it."""
        if not self.compiler.unstable:
            self.gap(
                f"{self.compiler.version} tells its well-known names only with unstable features",
                "pass `--allow-bootstrap` to set RUSTC_BOOTSTRAP=1 for the children that ask",
            )
            return None
        done = self.compiler.run(
            "-Zunstable-options", "--print=check-cfg", "--check-cfg=cfg()", "empty.rs", unstable=True, folder=self.folder
        )
        if done.status:
            self.gap(f"`--print check-cfg` is not understood by {self.compiler.version}: {_first(done)}")
            return None
        found = specification.expected_of(self.specifications(done.stdout.splitlines()))
        return tuple(
            Entry(
                name=name,
                forms=Forms(
                    bare=None in values, values=None if values.anything else frozenset(each for each in values.listed if each is not None)
                ),
            )
            for name, values in sorted(found.names.items())
        )

    def specifications(self, lines: Iterable[str]) -> Iterator[specification.Expected]:
        """What the lines of `--print check-cfg` say: specifications, or before 1.89 names with a value."""
        for line in filter(None, map(str.strip, lines)):
            try:
                if line.startswith("cfg("):
                    yield specification.parse(line, origin="--print check-cfg")
                elif line not in {"any()", "any()=any()"}:
                    yield _old_form(line)
            except Failure as failure:
                self.gap(f"a line of `--print check-cfg` could not be understood: {failure.diagnostics[0].message}", line)

    def set_by_default(self) -> tuple[set[Cfg], set[Cfg]]:
        """What is set on every channel, and with unstable features on, over all targets and flags."""
        triples = self.compiler.run("--print=target-list").stdout.split()
        every = [*(("--target", each) for each in triples), *STABLE_FLAGS]
        if not self.compiler.unstable:
            return self.union(every, unstable=False), set()
        # The values of every target come with unstable features on; without them it is enough to see which forms there are.
        common = [*(("--target", each) for each in triples if each in targets.COMMON), *STABLE_FLAGS]
        return self.union(common, unstable=False), self.union([*every, *UNSTABLE_FLAGS], unstable=True)

    def union(self, questions: Sequence[tuple[str, ...]], *, unstable: bool) -> set[Cfg]:
        """Every cfg that one of the questions prints; flags that a host does not have are passed over."""
        found: set[Cfg] = set()
        answers = self.pool.map(lambda words: self.compiler.run("--print=cfg", *words, unstable=unstable), questions)
        for words, done in zip(questions, answers, strict=True):
            if done.status and words[0] == "--target":
                self.silent.add(words[1])
            for line in done.stdout.splitlines() if not done.status else ():
                try:
                    found.add(specification.parse_cfg(line, origin="--print cfg"))
                except Failure:
                    self.gap(f"a line of `--print cfg` could not be understood: {line[:80]}")
        return found

    def default(self, stable: set[Cfg], unstable: set[Cfg]) -> tuple[Entry, ...]:
        """D: an entry a form; `nightly` is what is only set with unstable features on and not hidden for being gated."""
        forms: dict[tuple[str, bool], tuple[set[str], bool]] = {}
        for name, value in sorted(stable | unstable, key=shown):
            values, early = forms.setdefault((name, value is None), (set(), False))
            if value is not None:
                values.add(value)
            forms[name, value is None] = (values, early or (name, value) in stable)
        return tuple(
            Entry(name=name, forms=BARE if bare else Forms(values=frozenset(values)), nightly=not early and name not in USE_GATED)
            for (name, bare), (values, early) in forms.items()
        )

    def disallowed(self, names: Sequence[str], values: Mapping[str, set[str]]) -> tuple[Entry, ...]:
        """X: each name, bare, with a strange value and with its own values, as far as the lint refuses them."""
        attempts: list[Cfg] = [(name, value) for name in names for value in (None, STRANGE, *sorted(values.get(name, ()))[:MOST_VALUES])]
        size = max(1, len(attempts) // 8 + 1)
        chunks = [attempts[start : start + size] for start in range(0, len(attempts), size)]
        flags: dict[str, str] = {}
        refused: dict[str, Forms] = {}
        for messages in self.pool.map(self.refusals, chunks):
            for (name, value), flag in messages:
                form = BARE if value is None else Forms(values=None if value == STRANGE else frozenset({value}))
                refused[name] = refused.get(name, Forms()) | form
                flags[name] = flag
        return tuple(Entry(name=name, forms=forms, controlled_by=flags[name]) for name, forms in sorted(refused.items()))

    def refusals(self, attempts: Sequence[Cfg]) -> list[tuple[Cfg, str]]:
        """Those of `attempts` that the lint refuses, each with the flag that it names."""
        words = [word for each in attempts for word in ("--cfg", shown(each))]
        done = self.compiler.run(
            *words,
            "--crate-type=lib",
            "--emit=metadata",
            "--error-format=json",
            "-oempty.rmeta",
            f"-D{LINT}",
            "empty.rs",
            folder=self.private(),
        )
        found = []
        for message in _messages(done):
            if (message.get("code") or {}).get("code") == LINT:
                cfg = specification.parse_cfg(_between(str(message["message"]), "--cfg "))
                notes = [str(each.get("message", "")) for each in message.get("children", ())]
                found.append((cfg, next((_between(note, "controlled by `") for note in notes if "controlled by" in note), "")))
        return found

    def private(self) -> Path:
        """A folder for one child, with the empty crate in it."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "empty.rs").write_text("#![no_std]\n", encoding="utf-8")
        return folder

    def gated(self, names: Sequence[str]) -> tuple[Entry, ...] | None:
        """G: the names that a crate may not ask for, with the features that the compiler tells where unstable ones are allowed."""
        folder = self.private()
        lines = "".join(f"#[cfg({named(name)})] mod m{index} {{}}\n" for index, name in enumerate(names))
        (folder / "asks.rs").write_text(f"#![no_std]\n{lines}", encoding="utf-8")
        words = ("--crate-type=lib", "--emit=metadata", "--error-format=json", "-oasks.rmeta", "asks.rs")
        done = self.compiler.run(*words, unstable=self.compiler.unstable, folder=folder)
        found: dict[str, str] = {}
        for message in _messages(done):
            if (message.get("code") or {}).get("code") == "E0658":
                hints = [str(each.get("message", "")) for each in message.get("children", ())]
                feature = next((hint.split("#![feature(", 1)[1].split(")", 1)[0] for hint in hints if "#![feature(" in hint), "")
                found[_between(str(message["message"]), "cfg(").removesuffix(")")] = feature
        return tuple(Entry(name=name, forms=Forms(bare=True, values=None), feature=feature) for name, feature in sorted(found.items()))

    def gap(self, message: str, remedy: str = "") -> None:
        """Note what the compiler does not tell."""
        self.gaps.append(Diagnostic(code="E0186", severity=Severity.WARNING, message=message, help=(remedy,) if remedy else ()))


def _expected(known: Sequence[Entry] | None) -> dict[str, tuple[frozenset[str | None], None]] | None:
    """The listed values of each well-known name; None where W is not known."""
    if known is None:
        return None
    return {each.name: (frozenset[str | None](each.forms.values), None) for each in known if each.forms.values}


def _values(seen: Iterable[Cfg], known: Iterable[Entry]) -> dict[str, set[str]]:
    """The values to try: those seen, those expected, and those of our table."""
    found: dict[str, set[str]] = {}
    for name, value in seen:
        if value is not None:
            found.setdefault(name, set()).add(value)
    for each in (*known, *table.lists().entries("well_known")):
        found.setdefault(each.name, set()).update(each.forms.values or ())
    return found


def _old_form(line: str) -> specification.Expected:
    """`name`, `name="value"`, `name=` for no value at all, `name=any()` for any."""
    name, sign, value = line.partition("=")
    if value == "any()":
        values = specification.Values(anything=True)
    elif sign and not value:
        values = specification.Values()
    else:
        name, text = specification.parse_cfg(line)
        values = specification.Values(listed=frozenset({text}))
    return specification.Expected(names={name.removeprefix("r#"): values})


def _between(message: str, start: str) -> str:
    """What follows `start` up to the next backquote."""
    return message.split(start, 1)[-1].split("`", 1)[0]


def _messages(done: Completed) -> Iterator[dict[str, Any]]:
    for line in done.stderr.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message


def _first(done: Completed) -> str:
    return next(iter(done.stderr.strip().splitlines()), f"exit status {done.status}")
