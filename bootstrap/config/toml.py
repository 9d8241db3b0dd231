"""Reading TOML: the values with `tomllib`, and the places of keys and values only when something must be said.

A *document* is one file in memory, read once: what is parsed, shown and pointed at is the same text even when the file changes.
tomlkit has no positions of valid items (python-poetry/tomlkit#55), so `SpanParser` notes them while it parses; it overrides four
private methods, and a test pins them for the versions that pyproject.toml allows. Without them there are no spans, nothing else.
"""

from __future__ import annotations

import bisect
import dataclasses
import errno
import functools
import os
import re
import stat
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootstrap.diagnostics import Failure, Span, fail

MAX_BYTES = 1 << 18
"""All files of a configuration together; what is larger is a mistake, and is refused before it is parsed."""
MAX_BYTES_FOR_SPANS = 1 << 17
"""tomlkit needs seconds for more; a larger file gets messages without places."""
MAX_KEY_PARTS = 32
DOTTED = re.compile(rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_KEY_PARTS}}}""")
"""A key of more parts: tomllib takes quadratic time over it, and no table here is so deep."""
DIGITS = re.compile(rf"(?<=[\s=,\[])[+-]?\d[\d_]{{{sys.get_int_max_str_digits()},}}", re.ASCII)
"""An integer that Python does not convert."""
POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
READS = 3
"""How often a file is read again when it changes meanwhile."""

KeyPath = tuple[str | int, ...]
"""The way to a value: names of tables and keys, indices of arrays."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a key and its value stand, as offsets in the text; a table's value is the key in its header."""

    key: tuple[int, int] | None
    value: tuple[int, int] | None

    @property
    def is_value(self) -> bool:
        """Whether a value stands there, not only a header."""
        return self.value is not None and (self.key is None or self.value[0] >= self.key[1])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Document:
    """One TOML file: `path` as it is shown, its whole `text` and the parsed `data`."""

    path: Path
    text: str
    data: dict[str, Any]
    mark: str = ""
    """The byte order mark that stood before the text."""
    within: KeyPath = ()
    """The table whose content this is, where it is not all of the file."""

    def table(self, path: KeyPath) -> Document | None:
        """The table at `path` as a document of its own, with its places in this one; None when there is no such table."""
        data: Any = self.data
        for name in path:
            data = data.get(name) if isinstance(data, dict) else None
        return dataclasses.replace(self, data=data, within=(*self.within, *path)) if isinstance(data, dict) else None

    @functools.cached_property
    def places(self) -> Mapping[KeyPath, Place]:
        """The place of every key; empty when the file is too large or tomlkit does not take it."""
        if len(self.text) > MAX_BYTES_FOR_SPANS:
            return {}
        from bootstrap.config.places import find  # noqa: PLC0415 - tomlkit takes 30 ms to import

        depth = len(self.within)
        return {path[depth:]: place for path, place in find(self.text).items() if path[:depth] == self.within}

    @functools.cached_property
    def lines(self) -> list[str]:
        """The lines without their ends; every span of a line has the same string, for a line may be as long as the file."""
        return [line.rstrip("\r") for line in self.text.split("\n")]

    @functools.cached_property
    def line_starts(self) -> list[int]:
        """The offset of each line's first character."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def span(self, start: int, end: int) -> Span:
        """The span of text[start:end], cut at the end of its first line."""
        line = bisect.bisect_right(self.line_starts, start) - 1
        first, source = self.line_starts[line], self.lines[line]
        column = start - first + 1
        end_column = max(min(end - first, len(source)) + 1, column + 1)
        return Span(path=self.path, line=line + 1, column=column, end_column=end_column, source=source)

    def key_span(self, path: KeyPath) -> Span | None:
        """Where the key of `path` stands, or the closest table around it."""
        return self._nearest(path, prefer_value=False)

    def value_span(self, path: KeyPath) -> Span | None:
        """Where the value of `path` stands, or the closest table around it."""
        return self._nearest(path, prefer_value=True)

    def _nearest(self, path: KeyPath, *, prefer_value: bool) -> Span | None:
        for length in range(len(path), 0, -1):
            place = self.places.get(path[:length])
            if place:
                first, second = (place.value, place.key) if prefer_value else (place.key, place.value)
                offsets = first or second
                return self.span(*offsets) if offsets else None
        return None


def read(path: Path, *, room: int = MAX_BYTES) -> Document:
    """Read and parse the file at `path`, which has at most `room` bytes.

    Raises `Failure` with E0201 when it is not there, E0202 when it cannot be read as text, E0205 when it is not TOML.
    """
    raw = _bytes(path, room)
    if 0 in raw:
        line = raw.count(b"\n", 0, raw.index(0)) + 1
        raise fail("E0202", f"`{path}` is not a text file: it has a NUL byte in line {line}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"`{path}` is not UTF-8: byte 0x{raw[error.start]:02x} in line {line}"
        raise fail("E0202", message, help=["save the file as UTF-8"]) from None
    return parse(path, text)


def parse(path: Path, text: str) -> Document:
    """Parse `text`, which stands in `path`, with or without a byte order mark. Raises `Failure` with E0205."""
    mark = text[: text.startswith("\ufeff")]
    text = text.removeprefix(mark)
    if long := DOTTED.search(text):
        document = Document(path=path, text=text, data={})
        raise fail("E0205", f"a key has more than {MAX_KEY_PARTS} parts", span=document.span(long.start(), long.end()))
    try:
        return Document(path=path, text=text, data=tomllib.loads(text), mark=mark)
    except RecursionError:
        raise fail("E0205", f"`{path}` nests arrays or tables too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(Document(path=path, text=text, data={}), str(error)) from None
    except ValueError:  # Python converts no integer of more digits than this
        found, document = DIGITS.search(text), Document(path=path, text=text, data={})
        span = document.span(*found.span()) if found else None
        raise fail("E0205", f"an integer of `{path}` has too many digits to be read", span=span) from None


REASONS = (
    (re.compile(r"cannot declare \((.*?),?\) twice"), "the table `[{}]` is opened twice"),
    (re.compile(r"cannot (?:redefine|mutate) (?:immutable )?namespace \((.*?),?\)"), "the table `[{}]` is written in two ways"),
    (re.compile(r"cannot overwrite a value"), "a key is given twice, or as a value and as a table"),
)
"""What tomllib says in words of its own, and what it means."""


def _not_toml(document: Document, message: str) -> Failure:
    """The failure for what tomllib says, its position turned into a span; of a line that repeats something, the whole of it."""
    match = POSITION.search(message)
    reason = message[: match.start()] if match else message
    reason = reason[:1].lower() + reason[1:]
    repeated = next(((found, words) for pattern, words in REASONS if (found := pattern.search(reason))), None)
    if repeated:
        found, words = repeated
        reason = words.format(found[1].replace("', '", ".").strip("'") if found.groups() else "")
    if not match:
        return fail("E0205", f"`{document.path}` is not valid TOML: {reason}")
    line, column = (int(match[1]), int(match[2])) if match[1] else _last(document.text)
    first = document.line_starts[min(line, len(document.line_starts)) - 1]
    position = first + column - 1
    if reason == "invalid value" and (word := WORD.match(document.text, position)):
        return fail("E0205", f"not valid TOML: `{word[0]}` is no value", span=document.span(*word.span()), label=_meant(word[0]))
    before = document.text[first:position]
    start = first + len(before) - len(before.lstrip()) if repeated and before.strip() else position
    return fail("E0205", f"not valid TOML: {reason}", span=document.span(start, max(position, start + 1)))


WORD = re.compile(r"[^\W\d][\w./+-]*")
"""What stands where a value should, and was meant as a text, or as a boolean of another language."""
BOOLEANS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def _meant(word: str) -> str:
    """What to write instead of a bare word."""
    return f"write `{BOOLEANS[word.lower()]}`" if word.lower() in BOOLEANS else f'a text stands in quotes: `"{word}"`'


def _last(text: str) -> tuple[int, int]:
    """Line and column after the last character that is not white space."""
    lines = text.rstrip().split("\n")
    return len(lines), len(lines[-1]) + 1


def _bytes(path: Path, room: int) -> bytes:
    """All of a regular file, in one state."""
    for _ in range(READS):
        try:
            raw, before, after = _once(path, room)
        except (OSError, ValueError) as error:
            raise _not_readable(path, error) from None
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return raw
    raise fail("E0202", f"`{path}` changes while it is read", help=["run again when the other program is done"])


def _once(path: Path, room: int) -> tuple[bytes, os.stat_result, os.stat_result]:
    """What the file holds, and its status before and after reading. Opening does not wait for the writer of a FIFO."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor)
        _check(path, before, room)
        with open(descriptor, "rb", closefd=False) as file:
            raw = file.read(room + 1)
        return raw, before, os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _check(path: Path, status: os.stat_result, room: int) -> None:
    """Refuse what is no regular file of a sensible size."""
    if stat.S_ISDIR(status.st_mode):
        raise fail("E0202", f"`{path}` is a directory, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise fail("E0202", f"`{path}` is not a regular file")
    if status.st_size > room:
        message = f"`{path}` has {status.st_size} bytes; all files of a configuration together have at most {MAX_BYTES}"
        raise fail("E0202", message)


def _not_readable(path: Path, error: OSError | ValueError) -> Failure:
    """What the operating system's answer means for the user."""
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR):
        return fail("E0201", f"the configuration file `{path}` does not exist")
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return fail("E0202", f"`{path}` cannot be read: {reason.lower()}")
