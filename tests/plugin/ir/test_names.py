"""Symbols as their authors wrote them; the expected forms are those of `c++filt` and of `rustfilt`."""

import pytest

from plugin.ir.names import plain


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("f", "f"),
        ("", ""),
        ("_ZN5outer7mysteryEd", "outer::mystery(double)"),
        ("_ZN5outer5ModelIiE5valueEd", "outer::Model<int>::value(double)"),
        ("_Znothing", "_Znothing"),
        ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
        ("_RNvNtCs9ltgdHTiPiY_4core3fmt5write", "core::fmt::write"),
        ("_RNvMs_NtCsabc_5crate1aNtB4_3Foo3bar", "crate::a::Foo::bar"),
        ("_RINvNtC3std3mem8align_ofdE", "std::mem::align_of"),
        ("_R", "_R"),
    ],
)
def test_a_symbol_is_shown_as_it_was_written(symbol: str, name: str) -> None:
    assert plain(symbol) == name
