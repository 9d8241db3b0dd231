"""`check`: reads, validates and gates the configuration, and tells every finding in one run."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bootstrap.diagnostics import FORMATS, Diagnostic, Failure, program, rendered, shown

if TYPE_CHECKING:
    from bootstrap.config import Resolved

MOST = 1000
"""How many findings of one code are told one by one; nobody reads as many."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--format`: how findings are printed."""
    parser.add_argument("--format", choices=FORMATS, help="how to print what is found (default: text, or json with --json)")


def run(options: argparse.Namespace) -> int:
    """Print the findings to standard output; the exit status is 2 when there is an error."""
    from bootstrap import cfg  # noqa: PLC0415 - the model takes 80 ms
    from bootstrap.cfg import levels  # noqa: PLC0415
    from bootstrap.config import advice, arguments_of, examine, in_order  # noqa: PLC0415

    form = options.format or ("json" if options.json else "text")
    given = levels.given(options)
    resolved: Resolved | None = None
    try:
        resolved, found = examine(**arguments_of(options))
        found += [*advice(resolved, options.rules), *cfg.check(resolved, cfgs=options.cfgs)]
        failure = Failure(*in_order(resolved, levels.apply(found, given)))
    except Failure as unreadable:
        failure = unreadable
    _print(rendered(_first(failure.diagnostics), form, color=_color(options)))
    if resolved is not None and form == "text" and failure.exit_status == 0:
        _print("\n".join(_summary(resolved)))
    return failure.exit_status


def _first(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """The first `MOST` findings of each code, and how many more there are."""
    counts = Counter[str]()
    beyond: dict[str, Diagnostic] = {}
    for each in found:
        counts[each.code] += 1
        if counts[each.code] <= MOST:
            yield each
        else:
            beyond[each.code] = Diagnostic(
                code=each.code, severity=each.severity, message=f"{counts[each.code] - MOST} more findings of this kind are not shown"
            )
    yield from beyond.values()


def _summary(resolved: Resolved) -> list[str]:
    """What was read, and what is new for it."""
    from bootstrap import news  # noqa: PLC0415 - reads the history

    file = shown(resolved.file) if resolved.file else "no configuration file"
    counts = f"{_counted(len(resolved.origins), 'key')} set, {_counted(len(resolved.config.unit), 'unit')}"
    words = f"{file}: {counts}, channel {resolved.channel.name}: fine"
    if resolved.file is None:
        return [words, f"`{program()} setup` writes one"]
    return [words, *news.lines(news.news_of(resolved.config.change_id, resolved.data, command="check"), file)]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _color(options: argparse.Namespace) -> bool:
    return options.color == "always" or (options.color != "never" and sys.stdout.isatty())


def _print(words: str) -> None:
    if words:
        sys.stdout.write(words + "\n")
