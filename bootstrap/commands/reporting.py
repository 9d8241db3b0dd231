"""What several commands do with what they found on the way."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, Severity, text_of_all


def report(found: Iterable[Diagnostic]) -> None:
    """Print warnings to standard error; raise `Failure` with all when one of them is an error."""
    diagnostics = list(found)
    if any(each.severity is Severity.ERROR for each in diagnostics):
        raise Failure(*diagnostics)
    if diagnostics and console.verbosity >= 0:
        print(text_of_all(diagnostics, color=console.colored), file=sys.stderr)
