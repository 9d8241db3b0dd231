"""The one model of the configuration: every section and key with its type, default, meaning and first version.

From here come the parser, the messages, `config.example.toml`, `docs/config.schema.json`, the manual's table and the completion;
adding a key is one entry here. A *section* is a table with fixed keys; *units* and *targets* are tables with names of the user's.
The attribute of the key `build-dir` is `build_dir`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Strict, StringConstraints, Tag
from typing_extensions import TypeAliasType

MAX_INTEGER = 2**63 - 1
"""The largest integer that every reader of TOML knows."""

KINDS = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", tuple: "array", dict: "table"}


def kind(value: object) -> str:
    """What TOML calls the type of `value`."""
    return "table" if isinstance(value, BaseModel) else KINDS.get(type(value), "date")


def tag(value: object) -> str:
    """Chooses the branch of a union by the value's kind, so that one fault gives one error; angle brackets mark it in a path."""
    return f"<{kind(value)}>"


def key(default: Any = ..., doc: str = "", *, since: str = "0.1.0", example: Any = None) -> Any:
    """One key: its default (`...` when it is required), what it means, since which version, a value to show where there is no default."""
    return Field(default, description=doc, json_schema_extra={"x-since": since}, examples=None if example is None else [example])


class Section(BaseModel):
    """A table of the configuration: frozen, strictly typed, kebab-case, no key that is not declared."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        alias_generator=lambda name: name.replace("_", "-"),
    )


Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
Word = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$")]
Symbol = Annotated[str, StringConstraints(pattern=r"^[^\x00\s]+$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=100)]
"""The name of a unit or a target: it becomes a folder, so it is no path and not made of dots alone."""
DIGEST = r"^[0-9a-f]{64}$"
Digest = Annotated[str, StringConstraints(pattern=DIGEST)]
"""A sha256, as `sha256sum` prints it."""
Texts = Annotated[tuple[Text, ...], Strict(strict=False)]
Words = Annotated[tuple[Word, ...], Strict(strict=False)]
Symbols = Annotated[tuple[Symbol, ...], Strict(strict=False)]
Integer = Annotated[int, Field(ge=-MAX_INTEGER - 1, le=MAX_INTEGER)]
Natural = Annotated[int, Field(ge=0, le=MAX_INTEGER)]

Channel = Literal["stable", "beta", "nightly", "dev", "auto-detect"]
Provider = Literal["auto", "pinned", "path", "url", "source"]
Kind = Literal["object", "shared", "executable", "bitcode", "ir"]
Mode = Literal["forward", "reverse"]
Activity = Literal["None", "Const", "Active", "ActiveOnly", "Dual", "DualOnly", "Dualv", "DualvOnly", "Duplicated", "DuplicatedOnly"]
ChangeId = Annotated[
    Annotated[Natural, Tag("<integer>")] | Annotated[Literal["ignore"], Tag("<string>")],
    Discriminator(tag),
]


class Llvm(Section):
    """LLVM and the autodiff flag."""

    enzyme: bool = key(False, "the autodiff flag: units may ask for derivatives, made by Enzyme")
    link_shared: bool = key(True, "use libLLVM as a shared library; a plugin of Enzyme needs it")


class Rust(Section):
    """What the toolchain may offer."""

    channel: Channel = key("stable", "which features are allowed: unstable ones need nightly or dev")


class Build(Section):
    """Where and how to build."""

    build_dir: Word = key("build", "where everything that is made goes, relative to this file")
    jobs: Annotated[int, Field(ge=0, le=4096)] = key(0, "how many steps may run at once; 0: one for each core")


class Enzyme(Section):
    """Which Enzyme runs, and how."""

    provider: Provider = key("auto", "where the engine comes from")
    artifact: Word = key("driver-22", "a name of the pinned list; with `auto` the one that is preferred")
    path: Word | None = key(None, "a pass plugin, relative to this file, for the provider `path`", example="enzyme/LLVMEnzyme-15.so")
    url: Word | None = key(None, "where a pass plugin, or an archive that has one, is downloaded", example="file:///srv/enzyme-15.tar.gz")
    sha256: Digest | None = key(None, "the digest of what `url` gives", example="0" * 64)
    member: Word | None = key(None, "the plugin's path in the archive that `url` gives", example="lib/LLVMEnzyme-15.so")
    source: Word | None = key(None, "a folder with a CMake project that builds a pass plugin, relative to this file", example="enzyme")
    cmake_flags: Words = key((), "flags for CMake when it configures `source`", example=["-DENZYME_CLANG=OFF"])
    strict_aliasing: bool = key(False, "let type analysis rely on C's strict aliasing")
    runtime_activity: bool = key(
        False, "decide at run time whether a pointer is active; false: only where a constant pointer may meet an active one"
    )
    debug_types: bool = key(True, "tell Enzyme the types that debug information has; what is said by `type` counts without it")
    loose_types: bool = key(False, "guess a type where analysis finds none, instead of failing")


class Cfg(Section):
    """Conditions that `when` and the sources can ask for."""

    set: Words = key((), 'the cfgs to set, as NAME or NAME="VALUE"')
    check: Words = key((), "the cfgs to expect, as rustc's --check-cfg takes them")


class Target(Section):
    """Tools and options for one target triple."""

    cc: Word | None = key(None, "the C compiler", example="clang-22")
    cxx: Word | None = key(None, "the C++ compiler", example="clang++-22")
    linker: Word | None = key(None, "the linker driver", example="clang-22")
    rustc: Word | None = key(None, "the Rust compiler", example="rustc")
    llvm_config: Word | None = key(None, "the `llvm-config` of an LLVM to use", example="/usr/lib/llvm-22/bin/llvm-config")
    cpu: Word = key("native", "the CPU to compile for")


class Input(Section):
    """An input of a primal whose type is said."""

    activity: Activity = key(..., "the activity, by rustc's name", example="Duplicated")
    type: Word | None = key(None, "the type, such as `*f64`; found out where it is not given", example="*f64")


TypedActivity = Annotated[
    Annotated[Activity, Tag("<string>")] | Annotated[Input, Tag("<table>")],
    Discriminator(tag),
]


class AutoDiff(Section):
    """One derivative that is asked for."""

    source: Symbol = key(..., "the primal's symbol", example="f")
    target: Symbol = key(
        ..., "the derivative's symbol; a function of this name in the sources is a placeholder and is replaced", example="f_grad"
    )
    mode: Mode = key(..., "the mode of differentiation", example="reverse")
    inputs: Annotated[tuple[TypedActivity, ...], Strict(strict=False)] = key(
        ..., "an activity for each argument of the primal", example=["Duplicated", "Const"]
    )
    ret: Activity = key("None", "the activity of what the primal returns")
    ret_type: Word | None = key(None, "the type of what the primal returns; found out where it is not given", example="{f64, f64}")
    width: Annotated[int, Field(ge=1, le=64)] = key(1, "how many derivatives are made at once, each with shadows of its own")
    augmented: Symbol | None = key(
        None, "splits reverse mode: the symbol of the augmented primal; `target` is the reverse pass", example="f_augmented"
    )
    on_short_shadow: Symbol | None = key(
        None, "the symbol of a function to call where a slice's shadow is too short", example="short_shadow"
    )
    runtime_activity: bool | None = key(
        None, "as `enzyme.runtime-activity`, for this derivative; as that says where it is not given", example=True
    )
    strong_zero: bool = key(False, "let zero times infinity, or times what is no number, be zero in the derivative")
    inactive_globals: Symbols = key((), "global variables that have no derivative")
    active_globals: Symbols = key((), "global variables that have one: what is stored in them and read again is differentiated")


class Uniform(Section):
    """Generated numbers, uniform between two bounds."""

    count: Annotated[int, Field(ge=0, le=2**31 - 1)] = key(..., "how many", example=100)
    seed: Natural = key(0, "the seed of the generator")
    low: float = key(0.0, "the lower bound")
    high: float = key(1.0, "the upper bound")


Number = TypeAliasType(
    "Number",
    Annotated[
        Annotated[Integer, Tag("<integer>")]
        | Annotated[float, Tag("<float>")]
        | Annotated["Annotated[tuple[Number, ...], Strict(strict=False)]", Tag("<array>")],
        Discriminator(tag),
    ],
)
Argument = Annotated[
    Annotated[bool, Tag("<boolean>")]
    | Annotated[Integer, Tag("<integer>")]
    | Annotated[float, Tag("<float>")]
    | Annotated[Annotated[tuple[Number, ...], Strict(strict=False)], Tag("<array>")]
    | Annotated[Uniform, Tag("<table>")],
    Discriminator(tag),
]


class Verify(Section):
    """One check of a derivative against central differences."""

    target: Symbol = key(..., "the derivative to check", example="f_grad")
    args: Annotated[tuple[Argument, ...], Strict(strict=False)] = key(
        ..., "an argument for each parameter of the primal", example=[[1.2, 0.7, -0.3, 2.0], 4]
    )
    tolerance: Annotated[float, Field(gt=0)] = key(1e-6, "the largest relative difference that passes")


class Rule(Section):
    """What Enzyme is to know of a function that it cannot differentiate, or not well."""

    symbol: Symbol = key(..., "the function, by its symbol", example="solve")
    augmented: Symbol | None = key(
        None, "the first sweep of reverse mode, a function of the sources that returns a tape and the value", example="solve_augmented"
    )
    reverse: Symbol | None = key(
        None, "the second sweep of reverse mode, which takes the tape and adds to the shadows", example="solve_reverse"
    )
    forward: Symbol | None = key(None, "the function's forward mode, which returns the value and its tangent", example="solve_forward")
    inactive: bool = key(False, "nothing that it does has a derivative")
    like: Word | None = key(None, "a function of C's mathematical library that it behaves like", example="erf")
    free: Symbol | None = key(None, "what frees the memory that it allocates", example="pool_free")
    free_arguments: Annotated[tuple[Annotated[int, Field(ge=-1, le=255)], ...], Strict(strict=False)] = key(
        (-1,), "what `free` takes: -1 is what the allocation returned, other numbers are the allocation's arguments, from 0"
    )
    size: Annotated[int, Field(ge=0, le=255)] | None = key(
        None, "which argument of the allocation is the number of bytes, from 0", example=0
    )


class Unit(Section):
    """Sources that are compiled together."""

    sources: Annotated[tuple[Word, ...], Strict(strict=False), Field(min_length=1)] = key(
        ..., "the files, relative to this file", example=["f.c"]
    )
    kind: Kind = key("shared", "what to make of them")
    flags: Texts = key((), "flags for the compiler")
    link_flags: Texts = key((), "flags for the linker")
    when: Word | None = key(None, "a cfg expression; the unit is left out where it is false", example="cfg(all(unix, llvm_enzyme))")
    autodiff: Annotated[tuple[AutoDiff, ...], Strict(strict=False)] = key((), "the derivatives to make")
    rule: Annotated[tuple[Rule, ...], Strict(strict=False)] = key((), "what Enzyme is to know of functions")
    verify: Annotated[tuple[Verify, ...], Strict(strict=False)] = key((), "the checks to run")


class Config(Section):
    """The whole configuration."""

    change_id: ChangeId | None = key(None, 'the last change of holoenzyme that this file knows of, or "ignore"', example="ignore")
    profile: Word | None = key(None, "a set of defaults to start from: user, dev or dist", example="user")
    include: Words = key((), "files to take defaults from, relative to this file; the later one wins")
    llvm: Llvm = key(Llvm(), "LLVM and the autodiff flag")
    rust: Rust = key(Rust(), "what the toolchain may offer")
    build: Build = key(Build(), "where and how to build")
    enzyme: Enzyme = key(Enzyme(), "which Enzyme runs, and how")
    cfg: Cfg = key(Cfg(), "conditions that `when` and the sources can ask for")
    target: dict[Name, Target] = key({}, "tools and options for one target triple")
    unit: dict[Name, Unit] = key({}, "sources that are compiled together")
