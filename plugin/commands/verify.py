"""`verify [UNIT or DIR]...`: as `build`, with every derivative held against central differences anew."""

from __future__ import annotations

import argparse

from plugin.commands import units


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is the command's own."""
    units.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Check the units that were named, or all; what is not built yet is built first."""
    return units.build(options, verify_again=True)
