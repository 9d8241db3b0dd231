from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.diagnostics import Failure, Span
from plugin.types.type_language import SCALARS, Array, Field, Pointer, Scalar, Slice, Struct, Type, element_of, parse

F32, F64, I32 = Scalar(name="f32"), Scalar(name="f64"), Scalar(name="i32")


def placed(types: list[Type], gaps: list[int]) -> Struct:
    """A struct of types with gaps between them."""
    fields: list[Field] = []
    for type_, gap in zip(types, gaps, strict=False):
        fields.append(Field(type=type_, offset=(fields[-1].end if fields else 0) + gap))
    return Struct(fields=tuple(fields))


def larger(types: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    several = st.lists(types, max_size=4)
    return st.one_of(
        st.builds(Pointer, target=types),
        st.builds(Array, element=types, length=st.integers(0, 2**40)),
        st.builds(Slice, element=types),
        several.map(Struct.of),
        st.builds(placed, several, st.lists(st.integers(0, 20), min_size=4, max_size=4)),
    )


TYPES = st.recursive(st.sampled_from(sorted(SCALARS)).map(lambda name: Scalar(name=name)), larger, max_leaves=12)


@given(TYPES)
def test_what_is_spelled_is_read_back(type_: Type) -> None:
    assert parse(type_.spelling) == type_


@given(TYPES)
def test_a_type_is_as_long_as_a_whole_number_of_its_alignments(type_: Type) -> None:
    assert type_.size % type_.alignment == 0
    if isinstance(type_, Struct):
        assert all(each.end <= type_.size for each in type_.fields)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("f64", F64),
        (" * * f32 ", Pointer(target=Pointer(target=F32))),
        ("[f64; 3]", Array(element=F64, length=3)),
        ("*[[f64; 3]; 2]", Pointer(target=Array(element=Array(element=F64, length=3), length=2))),
        ("[f64]", Slice(element=F64)),
        ("[{f64, i32,}]", Slice(element=Struct(fields=(Field(type=F64, offset=0), Field(type=I32, offset=8))))),
        ("{}", Struct(fields=())),
        ("{i32, f64, i32}", Struct(fields=(Field(type=I32, offset=0), Field(type=F64, offset=8), Field(type=I32, offset=16)))),
        ("{f64@16, i32@0}", Struct(fields=(Field(type=I32, offset=0), Field(type=F64, offset=16)))),
        ("{f64@0}", Struct.of([F64])),
    ],
)
def test_each_form_is_read(text: str, type_: Type) -> None:
    assert parse(text) == type_


@pytest.mark.parametrize(
    ("text", "size", "alignment"),
    [
        ("f80", 16, 16),
        ("i1", 1, 1),
        ("usize", 8, 8),
        ("*i8", 8, 8),
        ("[f32]", 16, 8),
        ("[f32; 3]", 12, 4),
        ("{}", 0, 1),
        ("{i8, f64, i8}", 24, 8),
        ("{i8, {f32, i8}, i16}", 16, 4),
        ("{f64@0, f64@16}", 24, 8),
        ("{i8@0, f64@1}", 9, 1),
        ("[{i8, i16}; 0]", 0, 2),
    ],
)
def test_sizes_are_those_of_c(text: str, size: int, alignment: int) -> None:
    type_ = parse(text)
    assert (type_.size, type_.alignment) == (size, alignment)


@pytest.mark.parametrize(
    ("text", "message", "caret", "label"),
    [
        ("*double", "there is no type `double`", "double", "did you mean `f64`?"),
        ("f63", "there is no type `f63`", "f63", "did you mean `f64`?"),
        ("*string", "there is no type `string`", "string", "known are f16"),
        ("", "a type is missing", "", "such as `f64`"),
        ("*", "a type is missing", "", ""),
        ("[f64; 4", "a bracket is never closed", "[", "it is opened here"),
        ("[f64; n]", "a length must be a whole number, found `n`", "n", ""),
        ("[f64; 4.0]", "a length must be a whole number, found `4.0`", "4.0", ""),
        ("[f64; -1]", "a length must be a whole number, found `-`", "-", ""),
        ("[f64; 1000000000000000000]", "a length must not be over", "1000000000000000000", ""),
        ("[f64; 4; 4]", "expected `]`, found `;`", "; 4]", ""),
        ("[f64, f64]", "expected `;` and a length, or `]`, found `,`", ",", ""),
        ("{f64, f32@16}", "some fields have an offset and some do not", "16", "give all or none"),
        ("{f64@0, f32}", "some fields have an offset and some do not", "0", "give all or none"),
        ("{f64@0, i32@4}", "fields overlap: `f64` at 0 ends at 8", "4", "this field begins at 4"),
        ("{f64@x}", "an offset must be a whole number, found `x`", "x", ""),
        ("{f64 f64}", "expected `,` or `}`, found `f64`", "f64}", ""),
        ("f64 f64", "expected the end, found `f64`", "f64", ""),
        ("'f64'", "a quoted text has no end", "'", ""),
        ('"f64"', "expected a type, found `f64`", '"f64"', "a type is a name"),
        ("*" * 100 + "f64", "types are nested more than 64 deep", "", ""),
    ],
)
def test_what_cannot_be_read_is_shown_where_it_stands(text: str, message: str, caret: str, label: str) -> None:
    line = f'inputs = [{{ activity = "Duplicated", type = "{text}" }}]'
    place = line.index(text, 40) if text else line.index('""') + 1
    span = Span(path=Path("config.toml"), line=7, column=place, end_column=place + len(text) + 2, source=line)
    with pytest.raises(Failure) as failure:
        parse(text, origin="type", span=span)
    [told] = failure.value.diagnostics
    assert told.code == "E0249"
    assert told.message.startswith(message)
    assert label in told.label
    assert told.span is not None
    if text:
        assert (told.span.path, told.span.line) == (span.path, 7)
    if caret:
        assert line[told.span.column - 1 :].startswith(caret)


@pytest.mark.parametrize(
    ("text", "element"),
    [("*f64", "f64"), ("[f64]", "f64"), ("*[[f32; 2]; 3]", "f32"), ("**f64", "*f64"), ("f64", None), ("[f64; 2]", None)],
)
def test_the_element_of_a_pointer_or_a_slice(text: str, element: str | None) -> None:
    found = element_of(parse(text))
    assert (found and found.spelling) == element
