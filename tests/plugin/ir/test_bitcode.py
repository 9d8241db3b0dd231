"""The producer of bitcode: what real compilers wrote is read, and whatever else a file holds, nothing is raised."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import llvmlite.binding as llvm
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap import process
from bootstrap.llvm import find_clang, find_rustc
from plugin.ir.bitcode import MAGIC, WRAPPER_MAGIC, is_bitcode, producer
from plugin.languages import Language, driver
from plugin.toolchain import Toolchain

OWN = llvm.parse_assembly("define void @f() {\n ret void\n}").as_bitcode()
LLVMLITE = f"LLVM{'.'.join(map(str, llvm.llvm_version_info))}", llvm.llvm_version_info[0]
ANY_LLVM = 99


def wrapped(data: bytes) -> bytes:
    """Bitcode in the wrapper that Darwin's tools write: magic, version, offset, size, CPU type."""
    return WRAPPER_MAGIC + b"".join(number.to_bytes(4, "little") for number in (0, 20, len(data), 7)) + data


def bits(fields: Iterable[tuple[int, int]]) -> bytes:
    """Numbers of given widths, as a bitstream has them."""
    value = position = 0
    for number, width in fields:
        value |= number << position
        position += width
    return value.to_bytes(-(-position // 8), "little")


def vbr(number: int, width: int) -> list[tuple[int, int]]:
    """A number in the variable form of a bitstream."""
    data = width - 1
    chunks = [number >> shift & (1 << data) - 1 for shift in range(0, max(number.bit_length(), 1), data)]
    return [(chunk | (index < len(chunks) - 1) << data, width) for index, chunk in enumerate(chunks)]


def identification(*contents: tuple[int, int]) -> bytes:
    """Bitcode that begins with an identification block, its abbreviations three bits wide, of these contents."""
    head = [(1, 2), *vbr(13, 8), *vbr(3, 4)]
    padding = -sum(width for _, width in head) % 32
    return MAGIC + bits([*head, (0, padding), (100, 32), *contents])


def unabbreviated(code: int, operands: list[int]) -> list[tuple[int, int]]:
    return [(3, 3), *vbr(code, 6), *vbr(len(operands), 6), *itertools.chain.from_iterable(vbr(each, 6) for each in operands)]


def test_the_bitcode_of_llvmlite_names_its_llvm() -> None:
    assert is_bitcode(OWN)
    assert producer(OWN) == LLVMLITE


def test_a_wrapper_is_looked_through() -> None:
    assert is_bitcode(wrapped(OWN))
    assert producer(wrapped(OWN)) == LLVMLITE


@pytest.mark.needs("rustc")
def test_the_bitcode_of_rustc_names_its_llvm(tmp_path: Path) -> None:
    rustc = find_rustc(ANY_LLVM)
    (tmp_path / "f.rs").write_text('#[no_mangle] pub extern "C" fn f() {}\n', encoding="utf-8")
    assert process.run([*rustc.command, "--crate-type=lib", "--emit=llvm-bc=f.bc", "f.rs"], cwd=tmp_path).status == 0
    found = producer((tmp_path / "f.bc").read_bytes())
    assert found is not None
    assert found[1] == rustc.llvm


@pytest.mark.needs("clang-15")
def test_the_bitcode_of_an_old_clang_names_its_llvm(tmp_path: Path) -> None:
    clang, _ = find_clang(ANY_LLVM, "clang-15")
    assert clang
    (tmp_path / "f.c").write_text("void f(void) {}\n", encoding="utf-8")
    assert process.run([*clang.command, "-emit-llvm", "-c", "f.c", "-o", "f.bc"], cwd=tmp_path).status == 0
    name, llvm_version = producer((tmp_path / "f.bc").read_bytes()) or ("", 0)
    assert (name[:6], llvm_version) == ("LLVM15", 15)


def test_the_bitcode_of_zig_names_its_llvm(tmp_path: Path, tools: Toolchain) -> None:
    zig = tools.compilers[Language.C]
    (tmp_path / "f.c").write_text("void f(void) {}\n", encoding="utf-8")
    command = [*driver(zig, Language.C), "-emit-llvm", "-c", "f.c", "-o", "f.bc"]
    assert process.run(command, cwd=tmp_path, env=tools.environment).status == 0
    found = producer((tmp_path / "f.bc").read_bytes())
    assert found is not None
    assert found[1] == zig.llvm


@pytest.mark.parametrize(
    ("name", "expected"),
    [("LLVM3.9.1", 3), ("LLVM17.0.6git", 17), ("APPLE_1_1600.0.26.3_0", None), ("LLVM", None), ("", None)],
)
def test_a_record_without_abbreviation_is_read(name: str, expected: int | None) -> None:
    found = producer(identification(*unabbreviated(1, [ord(letter) for letter in name])))
    assert found == (None if expected is None else (name, expected))


def test_records_before_the_name_are_passed_over() -> None:
    contents = [*unabbreviated(2, [0]), *unabbreviated(7, []), *unabbreviated(1, list(b"LLVM21.1.0"))]
    assert producer(identification(*contents)) == ("LLVM21.1.0", 21)


@pytest.mark.parametrize("data", [b"", b"BC", MAGIC, WRAPPER_MAGIC, b"; ModuleID = 'f'", b"\x7fELF" + bytes(60)])
def test_what_names_no_producer_gives_none(data: bytes) -> None:
    assert producer(data) is None


@pytest.mark.parametrize("text", [b"", b"BC", b"define void @f() { ret void }", b"!<arch>\n"])
def test_what_is_not_bitcode_is_told_apart(text: bytes) -> None:
    assert not is_bitcode(text)


def test_the_name_is_there_or_not_wherever_a_file_is_cut_off() -> None:
    for data in (OWN, wrapped(OWN)):
        assert {producer(data[:length]) for length in range(len(data))} == {None, LLVMLITE}


DEFINED: dict[str, list[tuple[int, int]]] = {
    # Abbreviations that no LLVM writes: the code of the record, then an array whose elements take no bits.
    "literals": [(1, 1), *vbr(1, 8), (0, 1), (3, 3), (1, 1), *vbr(65, 8)],
    "no width": [(1, 1), *vbr(1, 8), (0, 1), (3, 3), (0, 1), (1, 3), *vbr(0, 5)],
}


@pytest.mark.parametrize("elements", DEFINED.values(), ids=DEFINED)
def test_an_array_that_takes_no_room_does_not_take_forever(elements: list[tuple[int, int]]) -> None:
    contents = [(2, 3), *vbr(3, 5), *elements, (4, 3), *vbr(10**15, 6)]
    assert producer(identification(*contents)) is None


def test_a_character_that_is_none_gives_none() -> None:
    assert producer(identification(*unabbreviated(1, [1 << 80]))) is None


bitstreams = st.lists(st.tuples(st.integers(0, 15), st.sampled_from([1, 3, 4]))).map(lambda contents: identification(*fitting(contents)))


def fitting(contents: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(number & (1 << width) - 1, width) for number, width in contents]


@given(st.one_of(st.binary(), st.binary().map(MAGIC.__add__), st.binary().map(WRAPPER_MAGIC.__add__), bitstreams))
def test_nothing_that_a_file_may_hold_is_raised(data: bytes) -> None:
    found = producer(data)
    assert found is None or (str(found[1]) in found[0] and found[1] >= 0)


@given(st.lists(st.tuples(st.integers(0, len(OWN) - 1), st.integers(0, 255)), max_size=8))
def test_nothing_that_damage_may_do_is_raised(damage: list[tuple[int, int]]) -> None:
    data = bytearray(OWN)
    for position, byte in damage:
        data[position % 64 if byte % 2 else position] = byte
    found = producer(bytes(data))
    assert found is None or found[1] >= 0
