"""Reading TOML: what is refused, and where things stand."""

import os
import stat
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.config import keys, toml
from bootstrap.diagnostics import Diagnostic, Failure

PINNED = """\
change-id = 3
dotted."key one".x = 'a'
[llvm]   # the header's comment
\tenzyme = "yes"
list = [1, [2.5, "ä"], # inside
  {inner = true}]

[[unit.gmm.autodiff]]
source = "f"
[[unit.gmm.autodiff]]
source = "g"
[rust]
[unit.gmm.more]
x = 1
"""


def refused(path: Path) -> Diagnostic:
    with pytest.raises(Failure) as caught:
        toml.read(path)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def text_at(document: toml.Document, path: toml.KeyPath) -> tuple[str | None, str | None]:
    place = document.places[path]
    return tuple(document.text[slice(*offsets)] if offsets else None for offsets in (place.key, place.value))  # type: ignore[return-value]


def test_the_parser_of_places_keeps_its_contract() -> None:
    """tomlkit's private methods do what `SpanParser` relies on; a failure here means a new tomlkit needs a look."""
    document = toml.parse(Path("c.toml"), PINNED)
    assert text_at(document, ("change-id",)) == ("change-id", "3")
    assert text_at(document, ("dotted", "key one", "x")) == ("x", "'a'")
    assert text_at(document, ("dotted", "key one")) == ('"key one"', '"key one"')
    assert text_at(document, ("llvm",)) == ("llvm", "llvm")
    assert text_at(document, ("llvm", "enzyme")) == ("enzyme", '"yes"')
    assert text_at(document, ("llvm", "list", 1, 1)) == (None, '"ä"')
    assert text_at(document, ("llvm", "list", 2, "inner")) == ("inner", "true")
    assert text_at(document, ("unit", "gmm", "autodiff")) == ("autodiff", "autodiff")
    assert text_at(document, ("unit", "gmm", "autodiff", 0, "source")) == ("source", '"f"')
    assert text_at(document, ("unit", "gmm", "autodiff", 1)) == (None, "unit.gmm.autodiff")
    assert text_at(document, ("unit", "gmm", "autodiff", 1, "source")) == ("source", '"g"')
    assert document.value_span(("unit", "gmm", "autodiff", 1)).line == 10  # type: ignore[union-attr]
    assert text_at(document, ("unit", "gmm", "more", "x")) == ("x", "1")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_spans_count_lines_and_characters(newline: str) -> None:
    document = toml.parse(Path("c.toml"), newline.join(['"ä" = 1', "[a]", "\tkey = [1,", "2]"]))
    span = document.value_span(("a", "key", 1))
    assert span
    assert (span.line, span.column, span.end_column, span.source) == (4, 1, 2, "2]")
    whole = document.value_span(("a", "key"))
    assert whole
    assert (whole.line, whole.column, whole.end_column, whole.source) == (3, 8, 11, "\tkey = [1,")


def test_a_missing_place_falls_back_to_the_table_around_it() -> None:
    document = toml.parse(Path("c.toml"), "[unit.gmm]\nkind = 'ir'\n")
    span = document.value_span(("unit", "gmm", "autodiff", 0, "ret"))
    assert span
    assert (span.line, span.column, span.end_column) == (1, 2, 10)
    assert document.value_span(("nothing", "here")) is None


def test_without_tomlkits_methods_there_are_no_places(monkeypatch: pytest.MonkeyPatch) -> None:
    from bootstrap.config import places  # noqa: PLC0415

    monkeypatch.setattr(places.SpanParser, "_parse_value", lambda self: self.no_such_method())
    document = toml.parse(Path("c.toml"), "a = 1")
    assert document.places == {}
    assert document.value_span(("a",)) is None


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")
    document = toml.read(path)
    assert document.data == {"a": 1}
    assert document.mark == "\ufeff"
    assert document.value_span(("a",)).column == 5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"a = 1\nb = \x00\n", "E0202", "NUL byte in line 2"),
        (b"a = 1\n# \xff\n", "E0202", "not UTF-8: byte 0xff in line 2"),
        (b"a = 1\nb = \n", "E0205", "invalid value"),
        (b"a = 1\na = 2\n", "E0205", "given twice"),
        (b"[a]\n[a]\n", "E0205", "`[a]` is opened twice"),
        (b"[a]\nb.c = 1\n[a.b]\n", "E0205", "`[a.b]` is opened twice"),
        (b"a = 1\r b = 2", "E0205", "newline"),
        (b"a = " + b"9" * 5000, "E0205", "digits"),
        (b"a = " + b"[" * 5000, "E0205", "deeply"),
        (b"a = " + b"{a=" * 5000, "E0205", "deeply"),
        (b"a" + b".a" * 100_000 + b" = 1", "E0205", "more than 32 parts"),
        (b'"a"' + b" . 'a'" * 40 + b" = 1", "E0205", "more than 32 parts"),
        (b"#" * (toml.MAX_BYTES + 1), "E0202", "at most"),
    ],
)
def test_what_is_no_configuration_is_refused_with_a_reason(tmp_path: Path, content: bytes, code: str, words: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    started = time.monotonic()
    diagnostic = refused(path)
    assert time.monotonic() - started < 2
    assert diagnostic.code == code
    assert words in diagnostic.message


def test_a_syntax_error_points_at_its_character(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[llvm]\nenzyme = yes\n")
    span = refused(path).span
    assert span
    assert (span.path, span.line, span.column, span.source) == (path, 2, 10, "enzyme = yes")
    path.write_text("[llvm")
    span = refused(path).span
    assert span
    assert (span.line, span.column) == (1, 6)


def test_a_directory_a_pipe_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert (refused(pipe).code, refused(pipe).message) == ("E0202", f"`{pipe}` is not a regular file")
    assert (refused(tmp_path).code, refused(tmp_path).message) == ("E0202", f"`{tmp_path}` is a directory, not a file")
    assert refused(tmp_path / "none.toml").code == "E0201"
    assert refused(tmp_path / "pipe" / "c.toml").code == "E0201"
    assert refused(tmp_path / "a\0b").code == "E0202"


def test_an_unreadable_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", forbidden)
    assert refused(tmp_path / "c.toml").message.endswith("cannot be read: permission denied")


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.toml"
    path.write_text("a = 1\n")
    real, calls = os.fstat, []

    def moving(descriptor: int) -> os.stat_result:
        calls.append(descriptor)
        if len(calls) == 2:  # after the first reading
            path.write_text("a = 22\n")
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", moving)
    assert toml.read(path).data == {"a": 22}
    assert len(calls) == 4


def test_a_file_that_never_rests_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.toml"
    path.write_text("a = 1\n")
    real = os.fstat

    def growing(descriptor: int) -> os.stat_result:
        with path.open("a") as file:
            file.write("#")
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", growing)
    assert "changes while it is read" in refused(path).message


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_literal_means_its_value(value: object) -> None:
    assert tomllib.loads(f"x = {keys.literal(value)}")["x"] == value


@given(st.lists(NAMES, min_size=1, max_size=4).map(tuple), VALUES)
def test_every_place_holds_the_value_that_tomllib_reads(path: tuple[str, ...], value: object) -> None:
    document = toml.parse(Path("c.toml"), f"# first\n{keys.dotted(path)} = {keys.literal(value)} # last\n")
    place = document.places[path]
    assert place.key
    assert place.value
    assert tomllib.loads(f"{document.text[slice(*place.key)]} = 0") == {path[-1]: 0}
    assert tomllib.loads(f"x = {document.text[slice(*place.value)]}")["x"] == value


@pytest.mark.parametrize(
    ("value", "label", "width"),
    [
        ("True", "write `true`", 4),
        ("no", "write `false`", 2),
        ("nightly # c", 'a text stands in quotes: `"nightly"`', 7),
        ("src/a.c", 'a text stands in quotes: `"src/a.c"`', 7),
    ],
)
def test_a_bare_word_is_told_with_what_was_meant(value: str, label: str, width: int) -> None:
    with pytest.raises(Failure) as caught:
        toml.parse(Path("config.toml"), f"[a]\nkey = {value}\n")
    (found,) = caught.value.diagnostics
    assert (found.message, found.label) == (f"not valid TOML: `{value.split(maxsplit=1)[0]}` is no value", label)
    assert found.span
    assert (found.span.line, found.span.column, found.span.end_column) == (2, 7, 7 + width)


def test_an_integer_of_too_many_digits_is_pointed_at() -> None:
    with pytest.raises(Failure) as caught:
        toml.parse(Path("config.toml"), "[a]\nb = 1 # 2\nkey = -" + "9_" * 4400 + "9\n")
    (found,) = caught.value.diagnostics
    assert found.span
    assert (found.code, found.span.line, found.span.column) == ("E0205", 3, 7)


def test_the_spans_of_a_line_have_one_string() -> None:
    document = toml.parse(Path("config.toml"), "a = [1, 2]\r\nb = 3\n")
    first, second = document.value_span(("a", 0)), document.value_span(("a", 1))
    assert first
    assert second
    assert first.source is second.source
    assert first.source == "a = [1, 2]"
