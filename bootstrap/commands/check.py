"""`check`: reads, validates and gates the configuration, and tells every finding in one run."""

from __future__ import annotations

import argparse
import sys

from bootstrap.diagnostics import FORMATS, Failure, rendered, shown


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--format`: how findings are printed."""
    parser.add_argument("--format", choices=FORMATS, help="how to print what is found (default: text, or json with --json)")


def run(options: argparse.Namespace) -> int:
    """Print the findings to standard output; the exit status is 2 when there is an error."""
    from bootstrap.config import load_for  # noqa: PLC0415 - the model takes 80 ms

    form = options.format or ("json" if options.json else "text")
    try:
        resolved = load_for(options)
    except Failure as failure:
        _print(rendered(failure.diagnostics, form, color=_color(options)))
        return failure.exit_status
    _print(rendered(resolved.warnings, form, color=_color(options)))
    if form == "text":
        file = shown(resolved.file) if resolved.file else "no configuration file"
        units = len(resolved.config.unit)
        _print(f"{file}: {len(resolved.origins)} keys set, {units} unit{'' if units == 1 else 's'}, channel {resolved.channel.name}: fine")
    return 0


def _color(options: argparse.Namespace) -> bool:
    return options.color == "always" or (options.color != "never" and sys.stdout.isatty())


def _print(words: str) -> None:
    if words:
        sys.stdout.write(words + "\n")
