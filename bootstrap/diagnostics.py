"""What is said to a person when something is wrong, and how it is printed.

A *diagnostic* is a value: code, severity, message, and where there is one a *span*, a place in a file. A `Failure` carries one or
more of them up to the command line, the only place that prints. The first digit of a code's number names the exit status:
E02xx configuration, E03xx store, E04xx toolchain, E05xx compilation, E70xx a fault of holoenzyme itself; E01xx are findings.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bootstrap import VERSION

OWN_FAULT = "E7000"


class Severity(enum.StrEnum):
    """How much a diagnostic weighs; only errors change the exit status."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A place in one line of a file. Line and columns count from 1, columns in characters; `end_column` is exclusive."""

    path: Path
    line: int
    column: int
    end_column: int
    source: str = ""
    """The text of the line, without its end; empty when it is not known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A second place that a diagnostic is about, and what is there."""

    span: Span
    message: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing to tell: `message` says what is wrong, `label` stands at the caret, `help` says what to do."""

    code: str
    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    label: str = ""
    related: tuple[Related, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    key: str = ""
    """The configuration key that it is about, such as `unit.gmm.autodiff.0.inputs`, where its maker knew no place for it."""

    @property
    def exit_status(self) -> int:
        """The exit status that belongs to the code's class."""
        return 70 if self.code == OWN_FAULT else int(self.code[1:3])


class Failure(Exception):
    """Ends a command with diagnostics; `main` prints them and exits with `exit_status`. In Python it is `holoenzyme.Error`."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        """What a person reads where no command line prints it: in a traceback, for one."""
        return text_of_all(self.diagnostics)

    @property
    def code(self) -> str:
        """The code of the first diagnostic, such as `E0501`; `diagnostics` has them all."""
        return self.diagnostics[0].code

    @property
    def exit_status(self) -> int:
        """The exit status of the first error, or 0 when there is none."""
        return next((each.exit_status for each in self.diagnostics if each.severity is Severity.ERROR), 0)


def fail(
    code: str,
    message: str,
    *,
    notes: Iterable[str] = (),
    help: Iterable[str] = (),
    span: Span | None = None,
    label: str = "",
) -> Failure:
    """A `Failure` of one error, to be raised by the caller."""
    return Failure(Diagnostic(code=code, message=message, notes=tuple(notes), help=tuple(help), span=span, label=label))


CODES = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTE: "1;36"}
"""SGR parameters of the terminal for each severity."""
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
WINDOW = 120
"""How many columns of a long source line are shown around its span."""
LONGEST = 1000
"""How many columns a source line may have to be told to a program, with every finding in it."""


def text(diagnostic: Diagnostic, *, color: bool = False, explain: bool = True) -> str:
    """The form for a person: the message, the source line with a caret under the place, notes and helps.

    `color` adds terminal escapes; what comes from files cannot bring escapes of its own. `explain` adds how to read the code's page.
    The text does not end with a newline.
    """

    def paint(words: str, sgr: str) -> str:
        return f"\x1b[{sgr}m{words}\x1b[0m" if color and words else words

    sgr = CODES[diagnostic.severity]
    places = [each for each in (diagnostic.span, *(related.span for related in diagnostic.related)) if each]
    width = max((len(str(place.line)) for place in places), default=1)
    lines = [paint(f"{diagnostic.severity}[{diagnostic.code}]", sgr) + ": " + visible(diagnostic.message)]
    if diagnostic.span:
        lines += excerpt(diagnostic.span, diagnostic.label, width=width, arrow="-->", mark="^", paint=lambda words: paint(words, sgr))
    for related in diagnostic.related:
        lines += excerpt(related.span, related.message, width=width, arrow=":::", mark="-", paint=lambda words: paint(words, "1;34"))
    more = [f"run `{program()} explain {diagnostic.code}`"] if explain and has_page(diagnostic.code) else []
    notes = [*([] if diagnostic.span or not diagnostic.label else [diagnostic.label]), *diagnostic.notes]
    for word, said in (("note", notes), ("help", [*diagnostic.help, *more])):
        lines += [f"{' ' * (width + 2)}= {word}: " + visible(each).replace("\n", f"\n{' ' * (width + 10)}") for each in said]
    return "\n".join(lines)


def text_of_all(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """The form for a person of several diagnostics; each code's page is named once."""
    seen: set[str] = set()
    texts = []
    for each in diagnostics:
        texts.append(text(each, color=color, explain=each.code not in seen))
        seen.add(each.code)
    return "\n\n".join(texts)


def page(code: str) -> Path:
    """Where the page of a code is, if it has one."""
    return Path(__file__).parent / "explain" / f"{code}.md"


def has_page(code: str) -> bool:
    """Whether there is a page to read about `code`."""
    return page(code).is_file()


def excerpt(span: Span, label: str, *, width: int, arrow: str, mark: str, paint: Callable[[str], str]) -> Iterator[str]:
    """The lines that show one place: file:line:column, then the source line and what stands at the mark."""
    bar = " " * (width + 2) + "|"
    yield f"{' ' * (width + 1)}{arrow} {shown(span.path)}:{span.line}:{span.column}"
    if not span.source:
        if label:
            yield f"{bar} {paint(visible(label))}"
        return
    before, marked, after = window(span)
    yield bar
    yield f" {span.line:>{width}} | {before}{marked}{after}".rstrip()
    yield f"{bar} {' ' * columns(before)}{paint((mark * max(columns(marked), 1) + ' ' + visible(label)).rstrip())}"


def window(span: Span) -> tuple[str, str, str]:
    """The source line of `span` cut to about `WINDOW` columns: what stands before the span, in it, and after it."""
    start, end = span.column - 1, max(span.end_column - 1, span.column)
    left = max(0, start - WINDOW // 2) if len(span.source) > WINDOW else 0
    right = max(left + WINDOW, min(end, left + 2 * WINDOW))
    before = ("..." if left else "") + visible(span.source[left:start])
    after = visible(span.source[end:right]) + ("..." if right < len(span.source) else "")
    return before, visible(span.source[start : min(end, right)]), after


def visible(words: str) -> str:
    """`words` without characters that move the cursor or change the terminal: tabs become spaces, others their escape."""
    if words.isascii() and words.isprintable():
        return words
    return "".join(
        each if each.isprintable() or each == "\n" else "    " if each == "\t" else each.encode("unicode_escape").decode() for each in words
    )


def columns(words: str) -> int:
    """How many columns of a terminal `words` takes."""
    if words.isascii():
        return len(words)
    return sum(0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in words)


def shown(path: Path) -> str:
    """`path` as a person wants to read it: relative when it is under the working directory."""
    try:
        return visible(str(path.relative_to(Path.cwd())))
    except (ValueError, OSError):
        return visible(str(path))


def program() -> str:
    """How this program was called, for messages that say what to run."""
    return "./x.py" if Path(sys.argv[0]).name == "x.py" else "holoenzyme"


def title(code: str) -> str:
    """The title of a code's page, or the code itself where there is none."""
    if not has_page(code):
        return code
    with page(code).open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").removeprefix(f"{code}:").strip()


FORMATS = ("text", "json", "github", "sarif")


def rendered(diagnostics: Iterable[Diagnostic], form: str, *, color: bool = False) -> str:
    """`diagnostics` in one of `FORMATS`, without a newline at the end."""
    if form == "text":
        return text_of_all(diagnostics, color=color)
    if form == "sarif":
        return sarif_of_all(diagnostics, version=VERSION)
    return json_of_all(diagnostics) if form == "json" else github_of_all(diagnostics)


def json_of_all(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON array of objects with the fields of `Diagnostic`; a place has its path, line, columns and source line."""
    import json  # noqa: PLC0415 - the start of a command has no use for it

    return json.dumps([dataclasses.asdict(_quoting(each)) for each in diagnostics], default=str, ensure_ascii=False, indent=2)


def _quoting(diagnostic: Diagnostic) -> Diagnostic:
    """`diagnostic` without the source lines that are too long to be repeated in every finding for a program."""
    related = tuple(dataclasses.replace(each, span=_brief(each.span)) for each in diagnostic.related)
    return dataclasses.replace(diagnostic, span=_brief(diagnostic.span) if diagnostic.span else None, related=related)


def _brief(span: Span) -> Span:
    return span if len(span.source) <= LONGEST else dataclasses.replace(span, source="")


def github_of_all(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands, one a line, which GitHub shows as annotations of the files."""
    return "\n".join(map(_github, diagnostics))


def _github(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    place = {"file": shown(span.path), "line": span.line, "col": span.column, "endColumn": span.end_column} if span else {}
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in {**place, "title": diagnostic.code}.items())
    words = "\n".join(filter(None, [diagnostic.message, diagnostic.label, *diagnostic.notes, *diagnostic.help]))
    level = "notice" if diagnostic.severity is Severity.NOTE else diagnostic.severity
    return f"::{level} {properties}::{_escaped(words)}"


def _escaped(words: str, more: str = "") -> str:
    return "".join(f"%{ord(each):02X}" if each in "%\r\n" + more else each for each in words)


def sarif_of_all(diagnostics: Iterable[Diagnostic], *, version: str, default: Path = Path("config.toml")) -> str:
    """A SARIF 2.1.0 log of one run of holoenzyme `version`; what has no place of its own is put at the file `default`."""
    import json  # noqa: PLC0415

    found = [_quoting(each) for each in diagnostics]
    codes = sorted({each.code for each in found})
    driver = {"name": "holoenzyme", "version": version, "rules": [_rule(each) for each in codes]}
    results = [_result(each, codes.index(each.code), default) for each in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _rule(code: str) -> dict[str, object]:
    rule: dict[str, object] = {"id": code, "shortDescription": {"text": title(code)}}
    if has_page(code):
        words = page(code).read_text(encoding="utf-8")
        rule["help"] = {"text": words, "markdown": words}
    return rule


def _result(diagnostic: Diagnostic, rule: int, default: Path) -> dict[str, object]:
    import hashlib  # noqa: PLC0415

    words = "\n".join(filter(None, [diagnostic.message, diagnostic.label, *diagnostic.notes, *diagnostic.help]))
    span = diagnostic.span
    identity = "\0".join([diagnostic.code, _uri(span.path if span else default), span.source.strip() if span else "", diagnostic.message])
    related = [{**_location(each.span), "id": index, "message": {"text": each.message}} for index, each in enumerate(diagnostic.related)]
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": words},
        "locations": [_location(span) if span else {"physicalLocation": {"artifactLocation": {"uri": _uri(default)}}}],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {"holoenzyme/v1": hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()},
    }


def _location(span: Span) -> dict[str, object]:
    region: dict[str, object] = {"startLine": span.line, "startColumn": span.column, "endColumn": span.end_column}
    if span.source:
        region["snippet"] = {"text": span.source}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.path)}, "region": region}}


def _uri(path: Path) -> str:
    """A URI relative to the working directory, as code scanning wants it, or an absolute one for what is outside."""
    import urllib.parse  # noqa: PLC0415

    absolute = Path.cwd() / path
    if absolute.is_relative_to(Path.cwd()):
        return urllib.parse.quote(os.fsencode(absolute.relative_to(Path.cwd()).as_posix()))
    return "file://" + urllib.parse.quote(os.fsencode(absolute.as_posix()))
