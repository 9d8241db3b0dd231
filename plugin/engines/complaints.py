"""What becomes of Enzyme's words when it refuses a module or crashes over it: a diagnostic, the module and the words kept in files.

`COMPLAINTS` is what there is to know of its messages, a row for each. Where Enzyme names no row of it, its own words are handed on.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from bootstrap.diagnostics import Diagnostic, Failure, Span
from bootstrap.files import raise_if_full
from bootstrap.process import Completed
from plugin.ir.names import plain
from plugin.ir.places import span_in
from plugin.items.carrier import CARRIER

_GENERATED = re.compile(r"^(preprocess_|fwddiffe?\d*|diffe|augmented_|fakeaugmented_|nofree_)+")
_DEFINITION = re.compile(r'^define .*?@"?([^\s("]+)', re.MULTILINE)
_COMPLAINT = re.compile(r"(?i:cannot|illegal|mismatched|unhandled|unknown|constant memory|active|failed) ")
_ERROR = re.compile(
    r"^error: (?P<file>.*?):(?P<line>\d+):(?P<column>\d+): in function (?P<function>\S+) .*?: Enzyme: (?P<message>.*)$", re.MULTILINE
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A message of Enzyme's: `words` find it, `code`, `message` and `help` are what is said instead.

    In both `{function}` is the function it happened in and `{symbol}` is what the group of that name found; `{plain}` is the symbol as
    its author wrote it. A row that `quotes` shows Enzyme's own words in a note.
    """

    words: str
    code: str
    message: str
    help: tuple[str, ...] = ()
    quotes: bool = False


_ACTIVITY = "make the pointer `Duplicated`, or set `runtime-activity = true`: Enzyme then tells them apart while the program runs"
_TYPED = 'say what the pointers of the primal point to: `inputs = [{{ activity = "Duplicated", type = "*f64" }}, ...]`'
_PRECISE = (
    "in C and C++ that keep the rules of aliasing, set `[enzyme] strict-aliasing = true`: then the types that the compiler noted count"
)
_LOOSE = (
    "as a last resort set `[enzyme] loose-types = true`; Enzyme guesses then, and zeros are possible: hold it against central differences"
)
_OPERATION = (
    "keep it out of what is differentiated: compute it before, and pass the result",
    "or give the derivative of a function around it: `[[unit.NAME.rule]]`",
)

COMPLAINTS = (
    Complaint(
        words=r"No (?:augmented forward pass|reverse pass|forward mode derivative) found for (?P<symbol>[^\s(]*__enzyme_[^\s(]*)",
        code="E0539",
        message="`{function}` differentiates a function that calls `{plain}`, which Enzyme has not replaced yet",
        help=("let the function that is differentiated call the derivative directly, not through a pointer",),
    ),
    Complaint(
        words=r"No (?:augmented forward pass|reverse pass|forward mode derivative) found for (?:.*\(mangled from )?(?P<symbol>[^\s()]+)",
        code="E0507",
        message="`{function}` calls `{plain}`, which has no body in this unit and no derivative that Enzyme knows",
        help=(
            "add the source that defines `{plain}` to `sources`",
            (
                'or give its derivative: `[[unit.NAME.rule]]` with `symbol = "{symbol}"`, '
                "or in the sources `void *__enzyme_register_gradient_{symbol}[] = {{{symbol}, augmented, reverse}};`"
            ),
            "or say that it has none: `inactive = true` in the rule, or `void *__enzyme_inactivefn_{symbol}[] = {{{symbol}}};`",
        ),
    ),
    Complaint(
        words=r"No create nofree of empty function (?:\(.*\) )?(?P<symbol>[^\s()]+)",
        code="E0534",
        message="`{function}` calls `{plain}`, which has no body in this unit and may free memory that the derivative still needs",
        help=(
            "add the source that defines `{plain}` to `sources`",
            'or say that it frees nothing and has no derivative: `[[unit.NAME.rule]]` with `symbol = "{symbol}"` and `inactive = true`',
            "or that it frees nothing, in the sources: `void *__enzyme_nofree_{symbol}[] = {{{symbol}}};`",
        ),
    ),
    Complaint(
        words=r"Cannot deduce type|TypeAnalysisDepthLimit|not enough type information",
        code="E0514",
        message="Enzyme cannot tell what `{function}` copies or stores",
        help=(_TYPED, _PRECISE, _LOOSE),
        quotes=True,
    ),
    Complaint(
        words=r"Illegal (?:updateAnalysis|orIn|adding|checkedOrIn)",
        code="E0514",
        message="`{function}` uses the same bytes as a number and as something else",
        help=(
            "set `[enzyme] strict-aliasing = false`, as it is by itself: then a place may have two types",
            "or keep the two uses apart: a `struct` in the place of a `union`, no cast between pointers to numbers and to integers",
            _LOOSE,
        ),
        quotes=True,
    ),
    Complaint(
        words=r"(?i:mismatched activity|constant memory is stored)",
        code="E0532",
        message="in `{function}` a pointer that is constant and one that has a derivative become one",
        help=(_ACTIVITY,),
        quotes=True,
    ),
    Complaint(
        words=r"Runtime Activity not (?:yet )?implemented",
        code="E0532",
        message="`{function}` calls BLAS, for which Enzyme cannot decide at run time what is active",
        help=("set `runtime-activity = false`, and let each pointer be either constant or active",),
        quotes=True,
    ),
    Complaint(
        words=r"(?i:cannot handle unknown|unknown (?:binary operator|instruction|intrinsic)|atomic|unhandled|Complex inputs)",
        code="E0531",
        message="`{function}` does something that Enzyme has no derivative of",
        help=_OPERATION,
        quotes=True,
    ),
    Complaint(
        words=r"Number of arg operands != function parameters",
        code="E0531",
        message="`{function}` calls a function with a variable number of arguments",
        help=("give the function that it calls a fixed number of parameters",),
        quotes=True,
    ),
    Complaint(
        words=r"failed to find fn to differentiate.* - found - declare .*@\"?(?P<symbol>[^\s(\"]+)",
        code="E0516",
        message="`{plain}` is to be differentiated and has no body in this unit",
        help=("add the source that defines `{plain}` to `sources`",),
    ),
    Complaint(
        words=r"failed to find fn to differentiate",
        code="E0530",
        message="the call in `{function}` does not say which function is to be differentiated",
        help=("name the function itself in the call; for a pointer, differentiate a function that calls it",),
        quotes=True,
    ),
    Complaint(
        words=r"Had too many arguments",
        code="E0530",
        message="the call in `{function}` has more arguments than the function that it differentiates",
        help=('leave out what is too much; a seed of the return belongs to `__enzyme_reverse`, or to an item with ret = "Active"',),
        quotes=True,
    ),
    Complaint(
        words=r"Insufficient number of args|TooFewArguments",
        code="E0530",
        message="the call in `{function}` has fewer arguments than the function that it differentiates",
        help=("give each argument, with its shadow behind it where it has one; a marker that is misspelt counts as an argument",),
        quotes=True,
    ),
    Complaint(
        words=r"missing argument shadow",
        code="E0530",
        message="in the call in `{function}` an argument has no shadow behind it",
        help=("put the shadow behind the argument, or `enzyme_const` before it",),
        quotes=True,
    ),
    Complaint(
        words=r"Cannot cast \S+ (?:primal|shadow) argument",
        code="E0530",
        message="in the call in `{function}` an argument is not of the type that the function takes",
        help=("cast it to the parameter's type: a variable number of arguments knows no conversions; see that no marker is misspelt",),
        quotes=True,
    ),
    Complaint(
        words=r"Cannot cast return type",
        code="E0530",
        message="the call in `{function}` is declared with a return type that the derivative does not have",
        help=("the derivative returns the gradients of the active arguments, one as it is, several as a struct",),
        quotes=True,
    ),
    Complaint(
        words=r"enzyme_width|vector width|IllegalVectorWidth",
        code="E0530",
        message="the width of the call in `{function}` is not one constant",
        help=("put a literal behind `enzyme_width`, once",),
        quotes=True,
    ),
    Complaint(
        words=r"enzyme_batch must be followd",
        code="E0530",
        message="in the call in `{function}` a marker of vectors of shadows has no offset behind it",
        help=("put the bytes from one shadow to the next behind `enzyme_dupv`",),
        quotes=True,
    ),
    Complaint(
        words=r"illegal enzyme metadata classification",
        code="E0530",
        message="the call in `{function}` has a marker that Enzyme does not know",
        help=("markers are `enzyme_dup`, `enzyme_dupnoneed`, `enzyme_out`, `enzyme_const` and what Enzyme's manual adds",),
        quotes=True,
    ),
    Complaint(
        words=r"enzyme_primal_return not available",
        code="E0530",
        message="the call in `{function}` asks the reverse half of a split derivative for the primal's value",
        help=("take the value from `__enzyme_augmentfwd`",),
        quotes=True,
    ),
    Complaint(
        words=r"need \d+ bytes have \d+ bytes",
        code="E0530",
        message="the tape of the call in `{function}` is too small",
        help=("take its size from `__enzyme_augmentsize`",),
        quotes=True,
    ),
)

CRASHES = {
    "unknown subtype": "it does not finish some functions of libm, such as `lgamma`: give a derivative, `[[unit.NAME.rule]]`",
    "cannot find deal with ptr": "it does not follow inline assembly: give the derivative of a function around it, `[[unit.NAME.rule]]`",
}
"""What to do about a crash that says these words."""


def refusal(done: Completed, module: Path, folder: Path, root: Path) -> Failure:
    """Why an engine that ended as `done` made nothing of the IR text `module`. Places are relative to `root`.

    E0508 when it crashed, else a code of `COMPLAINTS`, or E0510. All that it said goes to a file in `folder`; the diagnostic names
    that and the module.
    """
    raise_if_full(done.stderr)
    log = folder / "enzyme.log"
    log.write_text(done.stderr + done.stdout, encoding="utf-8")
    kept = (f"the module is kept in {module}", f"all that Enzyme said is in {log}")
    if done.signal_name or done.status >= 128:  # noqa: PLR2004 - a shell's way to say that a signal ended it
        return Failure(_crash(done, kept))
    return Failure(explain(done.stderr, module.read_text(encoding="utf-8"), root, kept))


def _crash(done: Completed, kept: tuple[str, ...]) -> Diagnostic:
    words = next((line for line in done.stderr.splitlines() if "Assertion" in line or "UNREACHABLE" in line), "")
    reason = re.sub(r"^.*?(Assertion|UNREACHABLE)", r"\1", words)
    printed = [author_s(name) for name in _DEFINITION.findall(done.stderr)]
    place = [f"the last function that it printed is `{printed[-1]}`"] if printed else []
    known = [remedy for words, remedy in CRASHES.items() if words in done.stderr]
    return Diagnostic(
        code="E0508",
        message=f"Enzyme crashed ({done.signal_name or f'exit status {done.status}'})",
        notes=(*([reason] if reason else []), *place, *kept),
        help=(
            *known,
            "leave out items and sources until it works, to find the function that it cannot do",
            "report it to Enzyme with both files",
        ),
    )


def author_s(function: str) -> str:
    """The name that its author gave a function that Enzyme made a copy of, or that only carries its return."""
    return plain(_GENERATED.sub("", function).partition(CARRIER)[0])


def explain(stderr: str, text: str, root: Path, kept: tuple[str, ...]) -> Diagnostic:
    """Enzyme's message about the module `text` in the words of someone who wrote the function, not of someone who wrote Enzyme."""
    error = _ERROR.search(stderr)
    if error is None:
        first = next((line for line in stderr.splitlines() if "rror" in line), "it gave no reason")
        return Diagnostic(code="E0510", message=f"Enzyme refused the module: {first}", notes=kept)
    function = author_s(error["function"])
    span = span_in(error["file"], int(error["line"]), int(error["column"]), text, root)
    # It may give its reason only after a dump of a function or of an analysis.
    said = error["message"]
    if said.startswith((";", "<analysis>", "in Mode:")):
        said = next((line for line in stderr.splitlines() if _COMPLAINT.match(line)), "it did not say why")
    own_words = said.split("  ")[0].strip().rstrip(":")
    for complaint in COMPLAINTS:
        found = re.search(complaint.words, said)
        if found:
            return _translated(complaint, function, found.groupdict().get("symbol") or "", own_words, span, kept)
    return Diagnostic(code="E0510", message=f"Enzyme cannot differentiate `{function}`: {own_words}", span=span, notes=kept)


def _translated(complaint: Complaint, function: str, symbol: str, words: str, span: Span | None, kept: tuple[str, ...]) -> Diagnostic:
    names = {"function": function, "symbol": symbol, "plain": plain(symbol)}
    return Diagnostic(
        code=complaint.code,
        message=complaint.message.format(**names),
        span=span,
        notes=(*([f"Enzyme: {words}"] if complaint.quotes else []), *kept),
        help=tuple(each.format(**names) for each in complaint.help),
    )
