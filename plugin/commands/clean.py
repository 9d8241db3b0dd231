"""`clean [UNIT or DIR]...`: remove what was built of units; sources, configuration and artifacts stay."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from bootstrap.console import console
from plugin.build import LOCK, locked
from plugin.commands import units
from plugin.plan import unit_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is the command's own."""
    units.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Remove the folders of the units that were named, or of all."""
    for resolved, names in units.chosen(options):
        for name in names:
            folder = unit_folder(resolved, name)
            if folder.is_dir():
                console.status(f"removing {folder}")
                if not options.dry_run:
                    _empty(folder)
    return 0


def _empty(folder: Path) -> None:
    """Remove all but the lock, which another process may be waiting for."""
    with locked(folder):
        for each in folder.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            elif each.name != LOCK:
                each.unlink()
