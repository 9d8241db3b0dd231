"""Running one command's module as the command line does."""

from __future__ import annotations

import argparse
from types import ModuleType

import holoenzyme


def run(module: ModuleType, *words: str) -> int:
    """The exit status of the command, with the options of every command at their defaults. Raises `Failure`."""
    parser = argparse.ArgumentParser(parents=[holoenzyme.global_options()], conflict_handler="resolve")
    module.arguments(parser)
    options = parser.parse_args(words, argparse.Namespace(**holoenzyme.DEFAULTS, command=module.__name__.rpartition(".")[2]))
    status = module.run(options)
    assert isinstance(status, int)
    return status
