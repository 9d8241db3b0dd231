"""Our cfgs: one table, from which every list is derived, so that the lists agree by construction.

A *row* is a cfg: its forms and values, who sets it and when, what controls it, its gate. The names of rustc are here because a unit's
`when` and the sources ask for them; three are ours: `llvm_enzyme`, `autodiff_fallback` and `llvm_version_major`. The forms and flags of
rustc's are those of its `default_configuration`, `fill_well_known` and `disallow_cfgs`.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Iterator

from bootstrap.cfg import targets
from bootstrap.cfg.expression import Cfg
from bootstrap.cfg.lists import Entry, Forms, Lists
from bootstrap.cfg.specification import BARE, Expected, Values
from bootstrap.llvm import OLDEST_CLANG

LLVM_MAJOR = 22
"""The LLVM in which modules are optimised."""
ANY: frozenset[str] | None = None


class SetBy(enum.StrEnum):
    """Who sets a cfg."""

    TARGET = "the target"
    CONFIG = "the configuration"
    COMPILER = "the compiler, for a source that it compiles"
    TOOL = "a tool that runs the compiler"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A cfg. `values` is None for any value; of a cfg that the target sets, they are those of the known targets.

    `when` says in words when it is set, `controlled_by` names the flag or key that decides it, `feature` is the gate that it needs,
    `nightly` tells that it is only ever set on a channel that allows unstable features. `internal` cfgs are for the compiler's own sources,
    and those declare them. `yours` may be set by `--cfg` as well. `one_value`: no two of its values
    are set at once; of those that the target sets, one always is.
    """

    name: str
    set_by: SetBy
    when: str
    bare: bool = False
    values: frozenset[str] | None = frozenset()
    controlled_by: str = ""
    feature: str = ""
    nightly: bool = False
    internal: bool = False
    yours: bool = False
    one_value: bool = False

    @property
    def forms(self) -> Forms:
        """Its forms, with the values of every known target where the target sets it."""
        if self.set_by is not SetBy.TARGET or self.values is not None:
            return Forms(bare=self.bare, values=self.values)
        known = targets.values(self.name)
        return Forms(bare=self.bare, values=known or None)


def _target(name: str, when: str, *, bare: bool = False, one_value: bool = False) -> Row:
    values = frozenset[str]() if bare else ANY
    return Row(name=name, set_by=SetBy.TARGET, when=when, bare=bare, values=values, controlled_by="--target", one_value=one_value)


def _compiler(name: str, flag: str, *values: str, feature: str = "", nightly: bool = False, one_value: bool = False) -> Row:
    return Row(
        name=name,
        set_by=SetBy.COMPILER,
        when=f"rustc's {flag} says so",
        bare=not values,
        values=frozenset(values),
        controlled_by=flag,
        feature=feature,
        nightly=nightly,
        one_value=one_value,
    )


def _internal(name: str, flag: str, feature: str, *, nightly: bool = False) -> Row:
    """A cfg for the sources of rustc's own crates, which declare it: nobody else expects it."""
    return dataclasses.replace(_compiler(name, flag, feature=feature, nightly=nightly), internal=True)


def _tool(name: str, tool: str) -> Row:
    return Row(name=name, set_by=SetBy.TOOL, when=f"{tool} runs the compiler", bare=True, controlled_by=tool, yours=True)


_WIDTHS = ("8", "16", "32", "64", "128", "ptr")
_FLOATS = ("f128", "f128_math", "f16", "f16_math")
_SANITIZERS = (
    "address",
    "cfi",
    "dataflow",
    "hwaddress",
    "kcfi",
    "kernel-hwaddress",
    "leak",
    "memory",
    "memtag",
    "realtime",
    "safestack",
    "shadow-call-stack",
    "thread",
)
ROWS = (
    Row(
        name="autodiff_fallback",
        set_by=SetBy.CONFIG,
        when="derivatives are switched on and no engine can be used, so that units are compiled without them",
        bare=True,
        controlled_by="llvm.enzyme",
        feature="autodiff",
        nightly=True,
    ),
    _tool("clippy", "cargo clippy"),
    _compiler("contract_checks", "-Z contract-checks", feature="cfg_contract_checks"),
    _compiler("debug_assertions", "-C debug-assertions"),
    _tool("doc", "rustdoc"),
    _tool("doctest", "rustdoc --test"),
    _internal("emscripten_wasm_eh", "-Z emscripten-wasm-eh", "cfg_emscripten_wasm_eh", nightly=True),
    _compiler("fmt_debug", "-Z fmt-debug", "full", "none", "shallow", feature="fmt_debug", nightly=True, one_value=True),
    Row(
        name="llvm_enzyme",
        set_by=SetBy.CONFIG,
        when="derivatives are switched on and the engine can be used",
        bare=True,
        controlled_by="llvm.enzyme",
        feature="autodiff",
        nightly=True,
    ),
    Row(
        name="llvm_version_major",
        set_by=SetBy.CONFIG,
        when="always: the LLVM in which modules are optimised",
        values=frozenset(str(major) for major in range(OLDEST_CLANG, LLVM_MAJOR + 1)),
        controlled_by="enzyme.artifact",
        one_value=True,
    ),
    _tool("miri", "cargo miri"),
    _compiler("overflow_checks", "-C overflow-checks", feature="cfg_overflow_checks"),
    _compiler("panic", "-C panic", "abort", "immediate-abort", "unwind", one_value=True),
    _compiler("proc_macro", "--crate-type proc-macro"),
    _compiler(
        "relocation_model",
        "-C relocation-model",
        *("dynamic-no-pic", "pic", "pie", "ropi", "ropi-rwpi", "rwpi", "static"),
        feature="cfg_relocation_model",
        nightly=True,
        one_value=True,
    ),
    _tool("rust_analyzer", "rust-analyzer"),
    _tool("rustfmt", "cargo fmt"),
    _compiler("sanitize", "-Z sanitizer", *_SANITIZERS, feature="cfg_sanitize"),
    _compiler("sanitizer_cfi_generalize_pointers", "-Z sanitizer=cfi", feature="cfg_sanitizer_cfi"),
    _compiler("sanitizer_cfi_normalize_integers", "-Z sanitizer=cfi", feature="cfg_sanitizer_cfi"),
    _target("target_abi", "always; the empty string where the triple names none", one_value=True),
    _target("target_arch", "always", one_value=True),
    _target("target_endian", "always", one_value=True),
    _target("target_env", "always; the empty string where the triple names none", one_value=True),
    _target("target_family", "once for each family of the target"),
    Row(
        name="target_feature",
        set_by=SetBy.TARGET,
        when="once for each feature that the target's baseline has",
        values=ANY,
        controlled_by="-C target-feature",
    ),
    Row(
        name="target_has_atomic",
        set_by=SetBy.TARGET,
        when="once for each width that has compare and swap",
        values=frozenset(_WIDTHS),
        controlled_by="--target",
    ),
    _compiler("target_has_atomic_equal_alignment", "--target", *_WIDTHS, feature="cfg_target_has_atomic_equal_alignment"),
    _compiler("target_has_atomic_load_store", "--target", *_WIDTHS, feature="cfg_target_has_atomic"),
    Row(
        name="target_has_atomic_primitive_alignment",
        set_by=SetBy.TARGET,
        when="once for each width that is aligned to its size, since Rust 1.97",
        values=frozenset(_WIDTHS),
        controlled_by="--target",
    ),
    *(_internal(f"target_has_reliable_{each}", "--target", "cfg_target_has_reliable_f16_f128") for each in _FLOATS),
    _compiler("target_object_format", "--target", "coff", "elf", "mach-o", "wasm", "xcoff", feature="cfg_target_object_format"),
    _target("target_os", "always", one_value=True),
    _target("target_pointer_width", "always", one_value=True),
    _compiler("target_thread_local", "--target", feature="cfg_target_thread_local"),
    _target("target_vendor", "always", one_value=True),
    Row(name="test", set_by=SetBy.TOOL, when="a test harness is built", bare=True, controlled_by="--test", yours=True),
    _compiler("ub_checks", "-Z ub-checks", feature="cfg_ub_checks"),
    _target("unix", "target_family is unix", bare=True),
    _target("windows", "target_family is windows", bare=True),
)


@functools.cache
def by_name() -> dict[str, Row]:
    """The rows by name."""
    return {each.name: each for each in ROWS}


def default(triple: str, *, rustc: str | None = None) -> frozenset[Cfg]:
    """What the target sets, as rustc has it: asked of `rustc` where one is given, else from the table of common triples.

    Raises `Failure` (E0253) for a triple that neither knows.
    """
    rows = by_name()
    return frozenset((name, value) for name, value in targets.of(triple, rustc) if name in rows and rows[name].set_by is SetBy.TARGET)


@functools.cache
def well_known() -> Expected:
    """What check-cfg expects without being told."""
    return Expected(names={each.name: _expected(each.forms) for each in ROWS if not each.internal})


def _expected(forms: Forms) -> Values:
    if forms.values is None:
        return Values(anything=True)
    return Values(listed=forms.values) | (BARE if forms.bare else Values())


def disallowed(cfg: Cfg) -> Row | None:
    """The row of a cfg that `--cfg` may not set, whatever its form; None when it may."""
    row = by_name().get(cfg[0])
    return None if row is None or row.yours else row


def lists() -> Lists:
    """The lists that follow from the table, for the audit."""

    def entries(chosen: Iterator[Row]) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                name=each.name,
                forms=each.forms,
                when=each.when,
                nightly=each.nightly,
                controlled_by=each.controlled_by,
                feature=each.feature,
            )
            for each in chosen
        )

    return Lists(
        source="the table of holoenzyme",
        default=entries(each for each in ROWS if each.set_by is not SetBy.TOOL),
        well_known=entries(each for each in ROWS if not each.internal),
        disallowed=tuple(
            dataclasses.replace(each, forms=Forms(bare=True, values=None)) for each in entries(each for each in ROWS if not each.yours)
        ),
        gated=entries(each for each in ROWS if each.feature),
    )
