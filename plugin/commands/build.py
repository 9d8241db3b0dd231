"""`build [UNIT or DIR]...`: compile units, check their derivatives, and tell what came of it."""

from __future__ import annotations

import argparse

from plugin.commands import units


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is the command's own."""
    units.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Build the units that were named, or all; 0 when every derivative that was checked agrees."""
    return units.build(options, verify_again=False)
