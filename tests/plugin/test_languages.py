"""Which language a source is in, and which command compiles it."""

from pathlib import Path

import pytest

from bootstrap.diagnostics import Failure
from bootstrap.llvm import Compiler, Kind
from plugin.languages import Language, driver, language_of


@pytest.mark.parametrize(
    ("language", "names"),
    [
        (Language.C, ["f.c", "f.cpp.c", "/deep/er/f.c"]),
        (Language.CXX, ["f.cc", "f.cpp", "f.cxx", "f.c++", "f.C"]),
        (Language.RUST, ["f.rs"]),
        (Language.IR, ["f.ll", "f.bc"]),
    ],
)
def test_a_suffix_tells_the_language(language: Language, names: list[str]) -> None:
    assert {language_of(Path(name)) for name in names} == {language}


@pytest.mark.parametrize("name", ["f.py", "f", "f.h", "c", ".c.", "f.c~"])
def test_a_suffix_that_is_not_known_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(Failure) as failure:
        language_of(Path(name))
    [told] = failure.value.diagnostics
    assert (told.code, told.exit_status) == ("E0233", 2)
    assert f"`{name}`" in told.message
    assert {".c", ".cpp", ".rs", ".ll"} <= set(told.help[0].replace(",", "").split())


@pytest.mark.parametrize(
    ("kind", "language", "words"),
    [
        (Kind.CLANG, Language.C, ["/bin/it"]),
        (Kind.CLANG, Language.CXX, ["/bin/it", "--driver-mode=g++"]),
        (Kind.ZIG, Language.C, ["/bin/it", "cc"]),
        (Kind.ZIG, Language.CXX, ["/bin/it", "c++"]),
        (Kind.CC, Language.C, ["/bin/it"]),
    ],
)
def test_a_compiler_has_a_command_for_each_language(kind: Kind, language: Language, words: list[str]) -> None:
    assert driver(Compiler(kind=kind, command=("/bin/it",), version="1", llvm=0), language) == words
