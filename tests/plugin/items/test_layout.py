"""Layouts of IR types against LLVM's own, and those of the configuration's types against the IR types that C makes of them."""

import llvmlite.binding as llvm
import pytest

from plugin.items.layout import Layout, UnknownLayoutError, is_integer, together, up
from plugin.types.type_language import parse

LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
NAMED = (
    "%pair = type { double, float }",
    "%outer = type { i8, %pair, [2 x %pair] }",
    "%hidden = type opaque",
    "%bits = type <{ i8, double }>",
)


@pytest.mark.parametrize(
    "type_",
    [
        "double",
        "{ double, i32 }",
        "{ i8, double, i16 }",
        "[3 x { float, i8 }]",
        "<{ i8, double }>",
        "{ x86_fp80, i8 }",
        "{ half, { bfloat, [2 x i1] }, fp128 }",
        "%outer",
        "{ %bits, i8, ptr }",
        "{ i128, i24 }",
    ],
)
def test_a_layout_is_that_of_llvm(type_: str) -> None:
    unit = llvm.parse_assembly(f'target datalayout = "{LAYOUT}"\n' + "\n".join(NAMED) + f"\n@g = external global {type_}")
    data, global_type = llvm.create_target_data(LAYOUT), unit.get_global_variable("g").global_value_type
    layout = Layout.of_ir(type_, NAMED)
    assert layout.size == data.get_abi_size(global_type)
    assert layout.alignment == data.get_abi_alignment(global_type)
    if global_type.is_struct:
        offsets = dict(layout.scalars)
        assert all(data.get_element_offset(global_type, index) in offsets for index in range(len(list(global_type.elements))))


def test_a_vector_is_an_array_to_c() -> None:
    assert Layout.of_ir("{ <2 x float>, float }") == Layout.of_ir("[3 x float]") == Layout.of_type(parse("{f32, f32, f32}"))
    assert Layout.of_ir("<2 x float>").alignment == 4


@pytest.mark.parametrize(
    ("type_", "ir"),
    [
        ("f16", "half"),
        ("usize", "i64"),
        ("*f64", "ptr"),
        ("[f32; 3]", "[3 x float]"),
        ("{i8, f64, [bf16; 2]}", "{ i8, double, [2 x bfloat] }"),
        ("[f64]", "{ ptr, i64 }"),
        ("{f80, f128}", "{ x86_fp80, fp128 }"),
    ],
)
def test_a_type_of_the_configuration_is_laid_out_as_in_c(type_: str, ir: str) -> None:
    assert Layout.of_type(parse(type_)) == Layout.of_ir(ir)


def test_offsets_that_are_said_are_kept() -> None:
    layout = Layout.of_type(parse("{f64@0, f32@16}"))
    assert (layout.scalars, layout.size) == (((0, "double"), (16, "float")), 24)
    assert layout.spelling == "<{ double, [8 x i8], float, [4 x i8] }>"
    assert Layout.of_ir(layout.spelling).size == 24


@pytest.mark.parametrize(
    ("type_", "spelling"),
    [
        ("double", "double"),
        ("{ double, { float, i8 } }", "{ double, float, i8 }"),
        ("[2 x double]", "{ double, double }"),
        ("[3 x i8]", "[3 x i8]"),
    ],
)
def test_a_layout_is_spelled_as_an_ir_type_of_the_same_layout(type_: str, spelling: str) -> None:
    layout = Layout.of_ir(type_)
    assert layout.spelling == spelling
    assert Layout.of_ir(spelling) == layout


@pytest.mark.parametrize("type_", ["{ double, i32 }", "double", "<{ i8, double }>"])
def test_a_layout_comes_back_from_its_json(type_: str) -> None:
    layout = Layout.of_ir(type_)
    assert Layout.from_json(layout.as_json()) == layout


@pytest.mark.parametrize("type_", ["%hidden", "%missing", "ppc_fp128", "{ double, label }"])
def test_a_type_without_a_layout_is_told(type_: str) -> None:
    with pytest.raises(UnknownLayoutError):
        Layout.of_ir(type_, NAMED)


def test_what_a_layout_has() -> None:
    layout = Layout.of_ir("{ ptr, double, i32 }")
    assert (layout.has_pointers, layout.floats, layout.is_scalar) == (True, ((8, "double"),), False)
    assert Layout.of_ir("{ double }").is_scalar
    assert [is_integer(each) for each in ("i1", "i128", "ptr", "iron")] == [True, True, False, False]


def test_parts_lie_in_a_struct_as_in_c() -> None:
    layout, offsets = together([Layout.of_ir("float"), Layout.of_ir("{ double, float }"), Layout.of_ir("float")])
    assert (offsets, layout.size, layout.alignment) == ((0, 8, 24), 32, 8)
    assert Layout.of_ir("{ float, i8 }").repeated(2).scalars == ((0, "float"), (4, "i8"), (8, "float"), (12, "i8"))
    assert [up(each, 8) for each in (0, 1, 8, 9)] == [0, 8, 8, 16]
