"""`cc`, `c++` and `rustc`: stand in front of a compiler. Everything after the name is the compiler's; `plugin.wrap` does the work."""

from __future__ import annotations

import argparse

from plugin.wrap import door


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare that all belongs to the compiler."""
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="what the compiler is given, options and all")


def run(options: argparse.Namespace) -> int:
    """Run the compiler's stand-in without options of ours; `main` goes there by itself when it sees the name."""
    return door.stand_in([], options.command, options.arguments)
