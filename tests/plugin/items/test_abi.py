"""Structs of scalars against what clang emits for each platform: all that a derivative with up to four results may return, and more."""

import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from bootstrap import process
from plugin.items.abi import UnsupportedABIError, struct_return
from plugin.items.layout import FLOAT_SIZES, Layout, size_of
from plugin.languages import Language, driver
from plugin.toolchain import Toolchain

TRIPLES = {"x86_64-linux-gnu": "x86_fp80", "aarch64-linux-gnu": "fp128", "aarch64-macos": ""}
"""Triples as Zig spells them, with the type of C's `long double` where it is not `double`."""

FLOATS = {"half": "_Float16", "bfloat": "__bf16", "float": "float", "double": "double"}
OTHERS = {"i1": "_Bool", "i8": "signed char", "i16": "short", "i32": "int", "i64": "long long", "ptr": "void *"}


def structs(long_double: str) -> list[tuple[str, ...]]:
    """One scalar of any type, then floating-point numbers: up to three of all types, up to five of the usual ones."""
    floats = [*FLOATS, *([long_double] if long_double else [])]
    short = (each for length in range(1, 4) for each in itertools.product([*OTHERS, *floats], *[floats] * length))
    long = (each for length in range(4, 6) for each in itertools.product(["i32", "float", "double"], *[["float", "double"]] * length))
    return [*short, *long]


def layouts(fields: Iterable[str]) -> list[Layout]:
    return [Layout.of_scalar(each) for each in fields]


def declared(fields: tuple[str, ...]) -> str:
    names = {**FLOATS, **OTHERS, "x86_fp80": "long double", "fp128": "long double"}
    tag = "_".join(fields)
    members = " ".join(f"{names[field]} m{index};" for index, field in enumerate(fields))
    return f"struct s_{tag} {{ {members} }}; struct s_{tag} {tag}(struct s_{tag} *p) {{ return *p; }}"


def returned(module: str) -> dict[str, str | None]:
    """The return type of each function of IR text; None where a hidden pointer takes the struct."""
    named = dict(re.findall(r"^(%struct\.\w+) = type (\{.*\})$", module, re.MULTILINE))
    found = re.findall(r"^define (?:dso_local )?(.*?) @(\w+)\((.*)$", module, re.MULTILINE)
    return {name: None if "sret(" in rest else named.get(type_, type_) for type_, name, rest in found}


def packs_different_floats(fields: tuple[str, ...]) -> bool:
    """Whether some eight bytes have floating-point numbers of several small types, and nothing else."""
    offset, packed = 0, dict[int, set[str]]()
    for field in fields:
        offset = -(-offset // size_of(field)) * size_of(field)
        packed.setdefault(offset // 8, set()).add(field)
        offset += size_of(field)
    return any(len(each) > 1 and each <= {"half", "bfloat", "float"} for each in packed.values())


@pytest.fixture(scope="module", params=TRIPLES)
def emitted(
    request: pytest.FixtureRequest, tools: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, str | None]]:
    """A triple, and for each struct the type with which Zig's clang returns it there."""
    folder: Path = tmp_path_factory.mktemp("abi")
    source, module = folder / "structs.c", folder / "structs.ll"
    source.write_text("\n".join(map(declared, structs(TRIPLES[request.param]))), encoding="utf-8")
    command = [*driver(tools.compilers[Language.C], Language.C), "-target", request.param, "-S", "-emit-llvm", "-O1"]
    done = process.run([*command, source, "-o", module], env=tools.environment)
    assert done.status == 0, done.stderr
    return request.param, returned(module.read_text(encoding="utf-8"))


def test_a_struct_is_returned_as_clang_returns_it(emitted: tuple[str, dict[str, str | None]]) -> None:
    triple, types = emitted
    wrong = {}
    for fields in structs(TRIPLES[triple]):
        try:
            ours = struct_return(layouts(fields), triple).coerced
        except UnsupportedABIError:
            assert triple.startswith("x86_64")
            assert packs_different_floats(fields)
            continue
        if ours != types["_".join(fields)]:
            wrong[fields] = ours, types["_".join(fields)]
    assert len(types) > 900
    assert not wrong


def test_different_small_floats_in_eight_bytes_are_refused_with_their_names() -> None:
    with pytest.raises(UnsupportedABIError, match="packs half and float in eight bytes"):
        struct_return(layouts(["half", "float"]), "x86_64-unknown-linux-gnu")


@pytest.mark.parametrize("triple", ["riscv64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "wasm32-unknown-unknown"])
def test_a_platform_without_a_rule_is_refused_by_name(triple: str) -> None:
    with pytest.raises(UnsupportedABIError, match=triple):
        struct_return(layouts(["double", "double"]), triple)


def test_a_struct_has_the_spelling_of_llvm() -> None:
    assert struct_return(layouts(["double", "float", "ptr"]), "x86_64-unknown-linux-gnu").layout.spelling == "{ double, float, ptr }"


LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"


@pytest.mark.parametrize("scalar", [*OTHERS, *FLOAT_SIZES, "i128", "i24"])
def test_a_scalar_takes_the_bytes_that_llvm_says(scalar: str) -> None:
    module = llvm.parse_assembly(f'target datalayout = "{LAYOUT}"\n@g = external global {{ i8, {scalar} }}')
    layout = llvm.create_target_data(LAYOUT)
    pair = module.get_global_variable("g").global_value_type
    [_, member] = pair.elements
    assert size_of(scalar) == layout.get_abi_size(member)
    assert layout.get_element_offset(pair, 1) == size_of(scalar)
