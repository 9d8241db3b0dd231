"""`audit`: that things which must agree do. What is audited is a module of `SUBJECTS`, of the same shape as a command."""

from __future__ import annotations

import argparse
import importlib
from typing import Protocol, cast

SUBJECTS = {
    "cfg": ("bootstrap.commands.audit_cfg", "the lists of cfgs: ours, those of a rust-lang/rust tree, or those of a rustc binary"),
    "changes": ("bootstrap.commands.audit_changes", "the change history of a rust-lang/rust tree, and what it is about"),
    "config": ("bootstrap.commands.audit_config", "our own change history: every difference of the configuration has its entry"),
}
"""The subject's name, its module and what it is about."""


class Subject(Protocol):
    """What a module of `SUBJECTS` offers."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the subject's own arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Audit it; gives the exit status, raises `Failure`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subjects, each with the options that `parser` has so far."""
    shared = argparse.ArgumentParser(add_help=False, parents=[parser], conflict_handler="resolve")
    subjects = parser.add_subparsers(dest="subject", metavar="SUBJECT", required=True)
    for name, (module, summary) in SUBJECTS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        subject = subjects.add_parser(
            name, help=summary, description=description, parents=[shared], conflict_handler="resolve", allow_abbrev=False
        )
        cast("Subject", importlib.import_module(module)).arguments(subject)


def run(options: argparse.Namespace) -> int:
    """Audit the chosen subject."""
    return cast("Subject", importlib.import_module(SUBJECTS[options.subject][0])).run(options)
