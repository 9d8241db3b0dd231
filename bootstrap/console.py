"""What is said while a command works: status lines and child commands, on standard error, as loud as the user asked.

Results do not pass through here; they go to standard output from the command line's own functions.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
from collections.abc import Callable, Sequence


@dataclasses.dataclass(slots=True)
class Console:
    """The one console of a process; `main` sets it up from `-v`, `-q` and `--color`."""

    verbosity: int = 0
    """-1 quiet, 0 as usual, 1 and more: every child command."""

    color: str = "auto"
    """`auto`, `always` or `never`."""

    relay: Callable[[str, object], None] | None = None
    """In a worker: takes what would be printed, as the name of a method here and its argument."""

    @property
    def colored(self) -> bool:
        """Whether messages on standard error are coloured; NO_COLOR (no-color.org) is honoured."""
        if self.color == "auto":
            return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        return self.color == "always"

    @property
    def interactive(self) -> bool:
        """Whether a person watches standard error, so that progress may be drawn."""
        return self.verbosity >= 0 and sys.stderr.isatty()

    def status(self, text: str) -> None:
        """One line about what is being done."""
        if self.relay:
            self.relay("status", text)
        elif self.verbosity >= 0:
            print(text, file=sys.stderr, flush=True)

    def command(self, words: Sequence[str]) -> None:
        """A child command, as one could paste it into a shell; shown with `-v`."""
        if self.relay:
            self.relay("command", tuple(words))
        elif self.verbosity >= 1:
            print(f"+ {shlex.join(words)}", file=sys.stderr, flush=True)


console = Console()
