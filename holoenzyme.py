"""The front door: the command line, and where the rooms meet.

`COMMANDS` is the whole command line: a command is a module with `arguments(parser)` and `run(options) -> int`, imported only when it is
asked for. This is the one place where a `Failure` becomes text and an exit status.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Collection, Sequence
from typing import NoReturn, Protocol, cast

from bootstrap.console import console
from bootstrap.diagnostics import OWN_FAULT, Failure, fail, program, text_of_all
from bootstrap.files import of_os_error

__version__ = "0.1.0"

COMMANDS = {
    "build": ("plugin.commands.build", "compile units and check their derivatives"),
    "verify": ("plugin.commands.verify", "hold each derivative against central differences"),
    "fetch": ("plugin.commands.fetch", "bring the pinned artifacts; list, verify or prune them"),
    "check": ("bootstrap.commands.check", "read and validate the configuration: every finding in one run"),
    "config": ("bootstrap.commands.config", "show, explain and change the resolved configuration"),
    "explain": ("bootstrap.commands.explain", "print the page of a diagnostic's code"),
    "clean": ("plugin.commands.clean", "remove what was built"),
    "test": ("bootstrap.commands.test", "run the checks and the tests of a checkout"),
}


class Command(Protocol):
    """What a module of `COMMANDS` offers."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; gives the exit status, raises `Failure`."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are diagnostics as all others are."""

    def error(self, message: str) -> NoReturn:
        """Raise `Failure` (E0200)."""
        raise fail("E0200", message, help=[f"run `{self.prog} --help`"])


def global_options() -> Parser:
    """The options that every command takes, before its name or after it."""
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("options of every command")
    group.add_argument("--config", metavar="FILE or DIR", help="the configuration to read")
    group.add_argument("--set", metavar="KEY=VALUE", action="append", help="set one key, over all files")
    group.add_argument("--profile", metavar="NAME", help="the profile to start from")
    group.add_argument("--json", action="store_true", help="print the result as JSON")
    group.add_argument("--color", choices=["auto", "always", "never"], help="whether to colour messages")
    group.add_argument("-v", "--verbose", action="count", help="show every child command")
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but results and errors")
    group.add_argument("-j", "--jobs", type=int, metavar="N", help="how many units may be built at once")
    group.add_argument("--offline", action="store_true", help="fetch nothing")
    group.add_argument("--dry-run", action="store_true", help="say what would be done")
    group.add_argument("--keep-ir", action="store_true", help="keep the modules between the stages")
    return parser


DEFAULTS: dict[str, object] = {
    "config": None,
    "set": [],
    "profile": None,
    "json": False,
    "color": "auto",
    "verbose": 0,
    "quiet": False,
    "jobs": None,
    "offline": False,
    "dry_run": False,
    "keep_ir": False,
}


def parser(loaded: Collection[str] = COMMANDS.keys()) -> Parser:
    """The parser of the whole command line; the own arguments only of the commands that are `loaded`, so that no other is imported."""
    options = global_options()
    description = "Automatic differentiation for compiled code: Enzyme in your build."
    whole = Parser(prog=program(), description=description, parents=[options], allow_abbrev=False)
    whole.add_argument("--version", action="version", version=f"holoenzyme {__version__}")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        command = commands.add_parser(name, help=summary, description=description, parents=[options], allow_abbrev=False)
        if name in loaded:
            cast("Command", importlib.import_module(module)).arguments(command)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    try:
        options = _options(words)
        return cast("Command", importlib.import_module(COMMANDS[options.command][0])).run(options)
    except Failure as failure:
        return _report(failure)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read our output has seen enough; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        return _report(Failure(of_os_error(error)))
    except Exception:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        return _report(_own_fault())


def _open_standard_streams() -> None:
    """Put /dev/null in the place of standard streams that were closed: files and pipes of ours must not take their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:  # noqa: PLR2004 - input, output and errors
        pass
    os.close(descriptor)


def _options(words: Sequence[str]) -> argparse.Namespace:
    """The parsed command line, with the console set up for it."""
    chosen = [word for word in global_options().parse_known_args(words)[1] if word in COMMANDS][:1]
    options = parser(chosen).parse_args(words, argparse.Namespace(**DEFAULTS))
    console.verbosity = -1 if options.quiet else options.verbose
    console.color = options.color
    return options


def _report(failure: Failure) -> int:
    print(text_of_all(failure.diagnostics, color=console.colored), file=sys.stderr)
    return failure.exit_status


def _own_fault() -> Failure:
    """The failure that says that this program is wrong, its traceback in a file that is named."""
    what = traceback.format_exc().strip()
    notes = [what.splitlines()[-1]]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="holoenzyme-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write(what + "\n")
        notes.append(f"what happened is written in {file.name}")
    except OSError as error:
        notes.append(f"what happened could not be written to a file: {error.strerror}")
    return fail(OWN_FAULT, "this is a fault of holoenzyme, not of yours", notes=notes, help=["report it with all of this"])


if __name__ == "__main__":
    sys.exit(main())
