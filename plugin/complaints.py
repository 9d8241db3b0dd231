"""What becomes of Enzyme's words when it refuses a module or crashes over it: a diagnostic, the module and the words kept in files."""

from __future__ import annotations

import re
from pathlib import Path

from bootstrap.diagnostics import Diagnostic, Failure, Span
from bootstrap.files import raise_if_full
from bootstrap.process import Completed
from plugin.definition import CARRIER

_GENERATED = re.compile(r"^(preprocess_|fwddiffe?\d*|diffe|augmented_|fakeaugmented_|nofree_)+")
_COMPLAINT = re.compile(r"(?i:cannot|illegal|mismatched|unhandled|unknown|constant memory|active|failed) ")
_ERROR = re.compile(
    r"^error: (?P<file>.*?):(?P<line>\d+):(?P<column>\d+): in function (?P<function>\S+) .*?: Enzyme: (?P<message>.*)$", re.MULTILINE
)
_NO_RULE = re.compile(
    r"No (?:augmented forward pass|reverse pass|forward mode derivative|create nofree of empty function) ?(?:found for )?"
    r"(?P<callee>[^\s(]+)(?:\((?P<plain>.*)\))?$"
)


def refusal(done: Completed, module: Path, folder: Path, root: Path) -> Failure:
    """Why an engine that ended as `done` made nothing of the IR text `module`. Places are relative to `root`.

    E0508 when it crashed, else E0507, E0510, E0514. All that it said goes to a file in `folder`; the diagnostic names that and the
    module.
    """
    raise_if_full(done.stderr)
    log = folder / "enzyme.log"
    log.write_text(done.stderr + done.stdout, encoding="utf-8")
    kept = (f"the module is kept in {module}", f"all that Enzyme said is in {log}")
    if done.signal_name or done.status >= 128:  # noqa: PLR2004 - a shell's way to say that a signal ended it
        return Failure(_crash(done, kept))
    return Failure(explain(done.stderr, root, kept))


def _crash(done: Completed, kept: tuple[str, ...]) -> Diagnostic:
    words = next((line for line in done.stderr.splitlines() if "Assertion" in line or "UNREACHABLE" in line), "")
    reason = re.sub(r"^.*?(Assertion|UNREACHABLE)", r"\1", words)
    return Diagnostic(
        code="E0508",
        message=f"Enzyme crashed ({done.signal_name or f'exit status {done.status}'})",
        notes=(*([reason] if reason else []), *kept),
        help=("leave out items and sources until it works, to find the function that it cannot do", "report it to Enzyme with both files"),
    )


def explain(stderr: str, root: Path, kept: tuple[str, ...]) -> Diagnostic:
    """Enzyme's message in the words of someone who wrote the function, not of someone who wrote Enzyme."""
    found = _ERROR.search(stderr)
    if found is None:
        first = next((line for line in stderr.splitlines() if "rror" in line), "it gave no reason")
        return Diagnostic(code="E0510", message=f"Enzyme refused the module: {first}", notes=kept)
    function = _GENERATED.sub("", found["function"]).partition(CARRIER)[0]
    span = _span(root / found["file"], int(found["line"]), int(found["column"]))
    rule = _NO_RULE.search(found["message"])
    if rule:
        return _missing_rule(function, rule["callee"], rule["plain"] or rule["callee"], span, kept)
    message = _message(found["message"], stderr)
    if message.startswith(("Cannot deduce type", "Illegal updateAnalysis")):
        untyped = f"Enzyme cannot tell what `{function}` copies or stores"
        return Diagnostic(code="E0514", message=untyped, span=span, notes=(message, *kept), help=(_TYPED, _LOOSE))
    return Diagnostic(code="E0510", message=f"Enzyme cannot differentiate `{function}`: {message}", span=span, notes=kept)


def _message(words: str, stderr: str) -> str:
    """What Enzyme complains of, without the instruction that follows; it may come only after a dump of a function or of an analysis."""
    if words.startswith((";", "<analysis>", "in Mode:")):
        words = next((line for line in stderr.splitlines() if _COMPLAINT.match(line)), "it did not say why")
    return words.split("  ")[0].strip().rstrip(":")


_TYPED = "in C and C++ that keep the rules of aliasing, set `[enzyme] strict-aliasing = true`: then the types that the compiler noted count"
_LOOSE = (
    "as a last resort set `[enzyme] loose-types = true`; Enzyme guesses then, and zeros are possible: hold it against central differences"
)


def _missing_rule(function: str, callee: str, plain: str, span: Span | None, kept: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        code="E0507",
        message=f"`{function}` calls `{plain}`, which has no body in this unit and no derivative that Enzyme knows",
        span=span,
        notes=kept,
        help=(
            f"add the source that defines `{plain}` to `sources`",
            f"or give its derivative in the sources: `void *__enzyme_register_gradient_{callee}[] = {{{callee}, augmented, reverse}};`",
            f"or say that it has none: `void *__enzyme_inactivefn_{callee}[] = {{{callee}}};`",
        ),
    )


def _span(path: Path, line: int, column: int) -> Span | None:
    """The place in a source file, when debug information gave one and the file can be read."""
    try:
        source = path.read_text(encoding="utf-8", errors="replace").splitlines()[line - 1] if line else ""
    except (OSError, IndexError):
        return None
    return Span(path=path, line=line, column=max(column, 1), end_column=max(column, 1) + 1, source=source) if source else None
