"""`env --format sh|cmake|meson|json`: what another build needs to use this toolchain."""

from __future__ import annotations

import argparse
import sys

from bootstrap.config import load_for
from plugin.wrap.surroundings import FORMATS, surroundings


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--format`."""
    parser.add_argument("--format", choices=FORMATS, default="sh", help="whose words: a shell's, CMake's, Meson's, or JSON")


def run(options: argparse.Namespace) -> int:
    """Print it, with the configuration in force; `eval "$(holoenzyme env)"` makes a shell's builds use it."""
    resolved = load_for(options)
    config = resolved.file.absolute() if resolved.file else None
    form = "json" if options.json else options.format
    sys.stdout.write(FORMATS[form](surroundings(config)))
    return 0
