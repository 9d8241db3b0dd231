"""The words of cfg expressions and check-cfg specifications, as Rust's lexer cuts them.

A *token* is a word with its place in the text. Identifiers may be raw (`r#fn`), strings may have Rust's escapes or be raw (`r"x"`);
every other literal is one token too, so that it can be refused as what it is. Comments are white space.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from bootstrap.diagnostics import Diagnostic, Failure, Related, Span

LONGEST = 1 << 13
"""Characters that an expression may have; a longer one is a mistake."""


class Kind(enum.StrEnum):
    """What a token is."""

    NAME = "an identifier"
    STRING = "a string"
    LITERAL = "a literal that is no string"
    BOOLEAN = "a boolean"
    KEYWORD = "a keyword"
    SIGN = "a sign"
    END = "the end"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word: `value` is what it means (a name without `r#`, the contents of a string), `start` and `end` are offsets."""

    kind: Kind
    value: str
    start: int
    end: int


KEYWORDS = frozenset(
    [
        "_",
        "Self",
        "abstract",
        "as",
        "async",
        "await",
        "become",
        "box",
        "break",
        "const",
        "continue",
        "crate",
        "do",
        "dyn",
        "else",
        "enum",
        "extern",
        "final",
        "fn",
        "for",
        "gen",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "macro",
        "match",
        "mod",
        "move",
        "mut",
        "override",
        "priv",
        "pub",
        "ref",
        "return",
        "self",
        "static",
        "struct",
        "super",
        "trait",
        "try",
        "type",
        "typeof",
        "unsafe",
        "unsized",
        "use",
        "virtual",
        "where",
        "while",
        "yield",
    ]
)
"""What cannot be a name unless it is raw; of the editions that know it."""
NEVER_RAW = frozenset({"_", "crate", "self", "Self", "super"})
TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)
    | (?P<raw>r(?P<hashes>\#*)"(?P<inside>.*?)"(?P=hashes))
    | (?P<prefixed>(?:b|c|br|cr)\#*"(?:[^"\\]|\\.)*"\#* | b?'(?:[^'\\]|\\.)')
    | "(?P<string>(?:[^"\\]|\\.)*)"
    | (?P<name>(?:r\#)?[^\W\d](?:\w|[^\x00-\x7f\s])*)
    | (?P<number>\d[\w.]*)
    | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPE = re.compile(
    r"""\\(?:(?P<one>[nrt\\0'"])|x(?P<hex>[0-7][0-9A-Fa-f])|u\{(?P<code>[0-9A-Fa-f_]{1,11})\}|(?P<continued>\n\s*)|(?P<wrong>.))""",
    re.DOTALL,
)
SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
LAST_CHARACTER = 0x10FFFF


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What is read, and where it is written.

    `origin` names it where it has no place in a file, such as `--cfg`; `span` is the place of the value that holds it, if it has one.
    """

    text: str
    origin: str
    span: Span | None = None

    def place(self, start: int, end: int) -> tuple[Span, tuple[Related, ...]]:
        """The place of text[start:end], in its file where it stands there as it is, else in the text alone with the file beside it."""
        if self.span and "\n" not in self.text:
            offset = self.span.source.find(self.text, self.span.column - 1)
            if offset >= 0:
                return dataclasses.replace(self.span, column=offset + start + 1, end_column=offset + max(end, start + 1) + 1), ()
        line = self.text.count("\n", 0, start)
        first = self.text.rfind("\n", 0, start) + 1
        source = self.text[first:].split("\n", 1)[0]
        column = start - first + 1
        end_column = max(min(end - first, len(source)) + 1, column + 1)
        span = Span(path=Path(self.origin), line=line + 1, column=column, end_column=end_column, source=source)
        return span, (Related(span=self.span, message="written here"),) if self.span else ()

    def wrong(self, code: str, message: str, at: Token | tuple[int, int], label: str = "", *, help: tuple[str, ...] = ()) -> Failure:  # noqa: A002 - the word of a diagnostic
        """The failure that points at a part of the text."""
        start, end = (at.start, at.end) if isinstance(at, Token) else at
        span, related = self.place(start, end)
        return Failure(Diagnostic(code=code, message=message, span=span, label=label, related=related, help=help))


def tokens(text: Text, code: str) -> Iterator[Token]:
    """The tokens of `text` and an END; raises `Failure` with `code` for what Rust's lexer refuses."""
    if len(text.text) > LONGEST:
        raise text.wrong(code, f"more than {LONGEST} characters", (0, 1))
    for match in TOKEN.finditer(text.text):
        if match.lastgroup != "space":
            yield _token(text, match, code)
    end = len(text.text.rstrip())
    yield Token(kind=Kind.END, value="", start=end, end=end + 1)


class Cursor:
    """One token of look-ahead over a text: what a parser stands on. `code` is that of its errors."""

    def __init__(self, text: Text, code: str) -> None:
        self.text = text
        self.rest = tokens(text, code)
        self.token = next(self.rest)

    def at(self, sign: str) -> bool:
        """Whether the next token is this sign."""
        return self.token.kind is Kind.SIGN and self.token.value == sign

    def advance(self) -> Token:
        """Take the next token."""
        taken = self.token
        if taken.kind is not Kind.END:
            self.token = next(self.rest)
        return taken


def _token(text: Text, match: re.Match[str], code: str) -> Token:
    start, end = match.span()
    word = match[0]
    if match["raw"] is not None:
        return Token(kind=Kind.STRING, value=match["inside"], start=start, end=end)
    if match["string"] is not None:
        return Token(kind=Kind.STRING, value=_unescaped(text, match, code), start=start, end=end)
    if match["name"] is not None:
        return _named(text, word, (start, end), code)
    if match["sign"] is not None:
        if word in "\"'":
            raise text.wrong(code, "a quoted text has no end", (start, len(text.text)), "it begins here")
        return Token(kind=Kind.SIGN, value=word, start=start, end=end)
    return Token(kind=Kind.LITERAL, value=word, start=start, end=end)


def _named(text: Text, word: str, at: tuple[int, int], code: str) -> Token:
    """An identifier, a keyword or a boolean."""
    name = unicodedata.normalize("NFC", word.removeprefix("r#"))
    raw = word.startswith("r#")
    if raw and name in NEVER_RAW:
        raise text.wrong(code, f"`{name}` cannot be a raw identifier", at)
    if not name.isidentifier():
        raise text.wrong(code, f"`{name}` is not an identifier", at)
    kind = Kind.NAME if raw else Kind.BOOLEAN if name in {"true", "false"} else Kind.KEYWORD if name in KEYWORDS else Kind.NAME
    return Token(kind=kind, value=name, start=at[0], end=at[1])


def _unescaped(text: Text, match: re.Match[str], code: str) -> str:
    """The contents of a string without its escapes."""
    first = match.start("string")

    def meant(escape: re.Match[str]) -> str:
        if escape["one"]:
            return SIMPLE.get(escape["one"], escape["one"])
        if escape["continued"]:
            return ""
        number = int((escape["hex"] or escape["code"] or "").replace("_", "") or "110000", 16)
        if number > LAST_CHARACTER or 0xD800 <= number < 0xE000:  # noqa: PLR2004 - the surrogates
            raise text.wrong(code, "an escape that Rust does not have", (first + escape.start(), first + escape.end()))
        return chr(number)

    return ESCAPE.sub(meant, match["string"])


def quoted(value: str) -> str:
    """`value` as a string that `tokens` reads back."""
    plain = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
    return '"' + "".join(plain.get(each, each if each.isprintable() else f"\\u{{{ord(each):x}}}") for each in value) + '"'


def named(name: str) -> str:
    """`name` as an identifier that `tokens` reads back: raw where it is a keyword."""
    return f"r#{name}" if name in KEYWORDS or name in {"true", "false"} else name
