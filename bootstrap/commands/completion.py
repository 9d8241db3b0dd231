"""`completion SHELL`: a script that completes commands, options, keys and codes in a shell."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from bootstrap.diagnostics import program

SHELLS = ("bash", "zsh", "tcsh", "fish", "powershell")


def arguments(parser: argparse.ArgumentParser) -> None:
    """`completion SHELL`."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


def run(options: argparse.Namespace) -> int:
    """Print the script, for the name by which this program was called; `eval "$(holoenzyme completion bash)"` switches it on."""
    import shtab  # noqa: PLC0415 - only here

    parser: argparse.ArgumentParser = importlib.import_module("holoenzyme").parser()[0]  # the one thing that knows every command
    parser.prog = Path(program()).name
    for action in _actions(parser):
        _complete(action)
    sys.stdout.write(shtab.complete(parser, shell=options.shell) + "\n")
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument of the parser and of the commands below it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in action.choices.values():
                yield from _actions(below)


def _complete(action: argparse.Action) -> None:
    """Tell shtab what an argument may be: it is known by the word that stands for it."""
    import shtab  # noqa: PLC0415

    from bootstrap.commands.explain import codes  # noqa: PLC0415
    from bootstrap.config import files, keys  # noqa: PLC0415

    plain = [".".join(path) for path, key in keys.keys().items() if not key.is_table and keys.NAMED not in path]
    words = {"KEY": plain, "CODE": codes(), "NAME": files.available_profiles(), "SHELL": list(SHELLS)}
    metavar = str(action.metavar)
    if metavar in words and action.choices is None and (metavar != "NAME" or "--profile" in action.option_strings):
        action.choices = words[metavar]
    elif metavar.startswith(("FILE", "PATH", "OLD", "NEW")):
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    elif metavar.startswith(("DIR", "UNIT")):
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
