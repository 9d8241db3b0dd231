"""The front door: the command line, the Python API, and where the rooms meet.

What Python programs use (`API`) is imported when it is asked for: the command line needs none of it.
`COMMANDS` is the whole command line: a command is a module with `arguments(parser)` and `run(options) -> int`, imported only when it is
asked for. This is the one place where a `Failure` becomes text and an exit status.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from bootstrap import VERSION
from bootstrap.console import console
from bootstrap.diagnostics import OWN_FAULT, Failure, fail, program, rendered
from bootstrap.files import of_os_error
from plugin.wrap import door

if TYPE_CHECKING:
    from plugin.python.check import check_grad
    from plugin.python.jax_adapter import to_jax
    from plugin.python.library import Library
    from plugin.python.numba_source import Differentiable, differentiable
    from plugin.python.toolchain import AutoDiff, Toolchain
    from plugin.python.torch_adapter import to_torch
    from plugin.python.transforms import grad, hessian, hvp, jvp, value_and_grad, vjp

__version__ = VERSION

Error = Failure
"""What everything here raises when compiling or differentiating fails; `code` is that of `explain CODE`, `diagnostics` has all."""

API = {
    "AutoDiff": "plugin.python.toolchain",
    "Differentiable": "plugin.python.numba_source",
    "Library": "plugin.python.library",
    "Toolchain": "plugin.python.toolchain",
    "check_grad": "plugin.python.check",
    "differentiable": "plugin.python.numba_source",
    "grad": "plugin.python.transforms",
    "hessian": "plugin.python.transforms",
    "hvp": "plugin.python.transforms",
    "jvp": "plugin.python.transforms",
    "to_jax": "plugin.python.jax_adapter",
    "to_torch": "plugin.python.torch_adapter",
    "value_and_grad": "plugin.python.transforms",
    "vjp": "plugin.python.transforms",
}
"""Each name of the Python API, and the module that has it; docs/python.md is its manual."""

EXTRAS = {"jax": ("JAX", "jax"), "numba": ("Numba", "numba"), "numpy": ("NumPy", "python"), "torch": ("PyTorch", "torch")}
"""Packages that parts of the Python API need: each with its name in a message, and the extra that brings it."""

__all__ = [
    "AutoDiff",
    "Differentiable",
    "Error",
    "Library",
    "Toolchain",
    "check_grad",
    "differentiable",
    "grad",
    "hessian",
    "hvp",
    "jvp",
    "main",
    "to_jax",
    "to_torch",
    "value_and_grad",
    "vjp",
]


if not TYPE_CHECKING:  # a type checker knows the names from above, and that there are no others

    def __getattr__(name: str) -> object:
        """A name of the Python API; raises `AttributeError`, and `Error` (E0270) where NumPy is missing."""
        if name not in API:
            raise AttributeError(f"module 'holoenzyme' has no attribute {name!r}")
        try:
            found: object = getattr(importlib.import_module(API[name]), name)
        except ModuleNotFoundError as missing:
            package, extra = EXTRAS.get(missing.name or "", ("", ""))
            if not package:
                raise
            raise fail("E0270", f"`holoenzyme.{name}` needs {package}", help=[f"pip install 'holoenzyme[{extra}]'"]) from None
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *API})


COMMANDS = {
    "setup": ("bootstrap.commands.setup", "write a config.toml, or carry on the one that is there"),
    "check": ("bootstrap.commands.check", "read and validate the configuration: every finding in one run, and the news"),
    "config": ("bootstrap.commands.config", "show, explain and change the resolved configuration"),
    "doctor": ("plugin.commands.doctor", "what is on this machine, what would be used, and why not the others"),
    "fetch": ("plugin.commands.fetch", "bring the pinned artifacts; list, verify or prune them"),
    "build": ("plugin.commands.build", "compile units and check their derivatives"),
    "verify": ("plugin.commands.verify", "hold each derivative against central differences"),
    "cc": ("plugin.commands.stand_in", "stand in front of the C compiler of an existing build"),
    "c++": ("plugin.commands.stand_in", "stand in front of the C++ compiler of an existing build"),
    "rustc": ("plugin.commands.stand_in", "stand in front of rustc: cargo's RUSTC_WRAPPER"),
    "env": ("plugin.commands.env", "what another build needs to use this toolchain"),
    "clean": ("plugin.commands.clean", "remove what was built"),
    "cfg": ("plugin.commands.cfg", "the active cfgs, or the value of an expression"),
    "audit": ("bootstrap.commands.audit", "that the cfg lists, the changes and the configuration agree"),
    "changes": ("bootstrap.commands.changes", "what changed in the configuration, what concerns yours first"),
    "explain": ("bootstrap.commands.explain", "print the page of a diagnostic's code"),
    "completion": ("bootstrap.commands.completion", "print a completion script for a shell"),
    "test": ("bootstrap.commands.test", "run the checks and the tests of a checkout"),
}


class Command(Protocol):
    """What a module of `COMMANDS` offers."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; gives the exit status, raises `Failure`."""


CHOICE = re.compile(r"^argument (.+?): invalid choice: '(.*)' \(choose from (.*)\)$", re.DOTALL)
"""What argparse says of a word that is not one of the choices."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are diagnostics as all others are."""

    def error(self, message: str) -> NoReturn:
        """Raise `Failure` (E0200); a word that is none of several is told with the nearest of them."""
        wrong = CHOICE.search(message)
        if wrong is None:
            raise fail("E0200", message, help=[f"run `{self.prog} --help`"])
        import difflib  # noqa: PLC0415 - only for a mistake

        choices = re.findall(r"[\w+-]+", wrong[3])
        close = difflib.get_close_matches(wrong[2], choices, n=1)
        helps = [f"did you mean `{close[0]}`?" if close else f"it is one of {', '.join(f'`{each}`' for each in choices)}"]
        raise fail("E0200", f"{wrong[1]} cannot be `{wrong[2]}`", help=[*helps, f"run `{self.prog} --help`"])


def global_options() -> Parser:
    """The options that every command takes, before its name or after it."""
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("options of every command")
    group.add_argument("--config", metavar="FILE or DIR", help="the configuration to read")
    group.add_argument("--set", metavar="KEY=VALUE", action="append", help="set one key, over all files")
    group.add_argument("--profile", metavar="NAME", help="the profile to start from")
    group.add_argument("--cfg", dest="cfgs", metavar="SPEC", action="append", help='set a cfg: NAME or NAME="VALUE"')
    for flag, verb in (("-A", "allow"), ("-W", "warn about"), ("-D", "refuse")):
        level = functools.partial(_level, flag)
        group.add_argument(flag, dest="levels", metavar="CODE", action="append", type=level, help=f"{verb} a lint, a rule or a code")
    group.add_argument("--json", action="store_true", help="print the result as JSON")
    group.add_argument("--color", choices=["auto", "always", "never"], help="whether to colour messages")
    group.add_argument("-v", "--verbose", action="count", help="show every child command")
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but results and errors")
    group.add_argument("-j", "--jobs", type=int, metavar="N", help="how many units may be built at once")
    group.add_argument("--offline", action="store_true", help="fetch nothing")
    group.add_argument("--dry-run", action="store_true", help="say what would be done")
    group.add_argument("--keep-ir", action="store_true", help="keep the modules between the stages")
    return parser


def _level(flag: str, name: str) -> tuple[str, str]:
    return flag, name


DEFAULTS: dict[str, object] = {
    "config": None,
    "set": [],
    "profile": None,
    "cfgs": [],
    "levels": [],
    "json": False,
    "color": "auto",
    "verbose": 0,
    "quiet": False,
    "jobs": None,
    "offline": False,
    "dry_run": False,
    "keep_ir": False,
    "resolved": None,
    "rules": ("plugin.engines.key_rules",),
}
"""What a command finds in its options when nothing is said; `resolved` is the configuration that it read, `rules` are modules with rules
for it that bootstrap cannot know."""

ANSWER_THEMSELVES = frozenset({"check", "changes", "config"})
"""The commands that tell the news as part of what they say, or are asked for one thing only."""


def parser(loaded: Collection[str] = COMMANDS.keys()) -> tuple[Parser, Mapping[str, Parser]]:
    """The parser of the whole command line, and that of each command.

    The commands' own arguments are there only for those that are `loaded`, so that no other command is imported.
    """
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
    return whole, commands.choices


OBJECTS = 100_000
"""How many new objects there may be before Python looks for garbage among them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    # What is imported stays: to search all of it for garbage every few hundred objects, as is usual, takes 8 ms of a start.
    gc.set_threshold(OBJECTS)
    words = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    try:
        stand_in = door.split(words)
        return door.stand_in(*stand_in) if stand_in else _run(_options(words))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        return ended_by(error)


def ended_by(error: BaseException) -> int:
    """What a command that `error` ended has to say is said; gives the exit status."""
    if isinstance(error, Failure):
        return _report(error)
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, BrokenPipeError):
        # Who read our output has seen enough; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return _report(Failure(of_os_error(error)) if isinstance(error, OSError) else _own_fault())


def _run(options: argparse.Namespace) -> int:
    status = cast("Command", importlib.import_module(COMMANDS[options.command][0])).run(options)
    if options.resolved is not None and options.command not in ANSWER_THEMSELVES:
        from bootstrap import herald  # noqa: PLC0415 - for commands that read a configuration

        herald.tell(options.resolved, options)
    # What was imported is not to be searched for garbage when the interpreter ends: that would take 16 ms.
    gc.freeze()
    return status


def _open_standard_streams() -> None:
    """Put /dev/null in the place of standard streams that were closed: files and pipes of ours must not take their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:  # noqa: PLR2004 - input, output and errors
        pass
    os.close(descriptor)


def _options(words: Sequence[str]) -> argparse.Namespace:
    """The parsed command line, with the console set up for it."""
    options = argparse.Namespace(**DEFAULTS)
    chosen = [word for word in global_options().parse_known_args(words)[1] if word in COMMANDS][:1]
    whole, commands = parser(chosen)
    if chosen:
        # What stands before the command and what stands after it are read into one namespace: argparse's own way drops
        # `--set` before the command when there is another after it.
        place = words.index(chosen[0])
        global_options().parse_args(words[:place], options)
        options.command = chosen[0]
        commands[chosen[0]].parse_args(words[place + 1 :], options)
    else:
        whole.parse_args(words, options)
    set_up_console(options)
    return options


def set_up_console(options: argparse.Namespace) -> None:
    """Let messages be as loud and as colourful as the global options say."""
    console.verbosity = -1 if options.quiet else options.verbose
    console.color = options.color


def _report(failure: Failure) -> int:
    # Standard output is for results; a script that asked for JSON finds the diagnostics as JSON on standard error.
    form = "json" if "--json" in sys.argv[1:] else "text"
    print(rendered(failure.diagnostics, form, color=console.colored), file=sys.stderr)
    return failure.exit_status


def _own_fault() -> Failure:
    """The failure that says that this program is wrong, its traceback in a file that is named."""
    import tempfile  # noqa: PLC0415 - only for a fault
    import traceback  # noqa: PLC0415

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
