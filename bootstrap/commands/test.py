"""`./x.py test`: the checks and tests of a checkout, run by the tools of requirements-dev.lock."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from bootstrap import environment, installation
from bootstrap.console import console
from bootstrap.process import run as run_child

CHECKS = {
    "ruff check": ("ruff", "check"),
    "ruff format": ("ruff", "format", "--check"),
    "mypy": ("mypy",),
    "import-linter": ("lint-imports",),
}
"""What is checked before the tests run: its name, and the command, a program of the environment and its arguments."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Every word after `test` is pytest's, those with a hyphen too."""
    parser.prefix_chars = "\0"
    parser.add_argument("pytest", nargs="*", metavar="ARGUMENT", help="for pytest; with any, pytest alone is run")


def run(options: argparse.Namespace) -> int:
    """Run every check, then pytest; one line each says how it went. Gives 1 when any of them failed.

    Raises `Failure` when the tools can't be installed.
    """
    installation.provide(environment.DEVELOPMENT)
    programs = Path(environment.location(environment.DEVELOPMENT), "bin")
    failed = [] if options.pytest else [name for name, command in CHECKS.items() if not passes(name, programs, command)]
    if not tests_pass(programs, options.pytest):
        failed.append("pytest")
    if failed:
        console.status(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def passes(name: str, programs: Path, command: tuple[str, ...]) -> bool:
    """Whether a check passes; what it says is shown only when it doesn't."""
    started = time.monotonic()
    program, *rest = command
    done = run_child([programs / program, *rest], cwd=Path(environment.ROOT))
    if done.status:
        sys.stderr.write(done.stdout + done.stderr)
    report(name, passed=done.status == 0, started=started)
    return done.status == 0


def tests_pass(programs: Path, words: list[str]) -> bool:
    """Whether pytest passes. It speaks for itself while it runs, so its output is not captured.

    Tests find the environment's programs, such as uv, before others.
    """
    started = time.monotonic()
    command = [str(programs / "python"), "-m", "pytest", *words]
    console.command(command)
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    status = subprocess.run(command, cwd=environment.ROOT, env={**os.environ, "PATH": path}, check=False).returncode
    report("pytest", passed=status == 0, started=started)
    return status == 0


def report(name: str, *, passed: bool, started: float) -> None:
    """The one line about a check."""
    console.status(f"{name:<14} {'passed' if passed else 'FAILED'} {time.monotonic() - started:6.1f} s")
