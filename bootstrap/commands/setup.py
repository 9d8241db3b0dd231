"""`setup [PROFILE]`: writes a first configuration, and carries an old one on.

On a terminal it asks what cannot be found out: for whom (the profile), and whether unstable features may be used. Without one the same
answers come from the command line, and what is not said has its default. A file that is there is never lost: it is carried on, or with
`--replace` kept as `config.toml.bak`.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.diagnostics import Failure, fail, program, shown

if TYPE_CHECKING:
    from bootstrap.config.layers import Layer

EXISTS = "E0218"
PROFILES = {
    "user": "to differentiate your own kernels",
    "dev": "to work on holoenzyme itself",
    "dist": "for what leaves this machine: the pinned engine, and CPUs that others have",
}
AUTODIFF = "Derivatives are an unstable feature. Allow it (channel nightly, llvm.enzyme)?"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the user wants: the profile, and whether derivatives are switched on."""

    profile: str
    autodiff: bool


def arguments(parser: argparse.ArgumentParser) -> None:
    """The answers, for a run without a terminal."""
    parser.add_argument(
        "wanted", nargs="?", metavar="PROFILE", choices=tuple(PROFILES), help=f"one of {', '.join(PROFILES)}; asked when it is not given"
    )
    parser.add_argument(
        "--autodiff", action=argparse.BooleanOptionalAction, help="switch derivatives on, an unstable feature (default: yes)"
    )
    parser.add_argument("--replace", action="store_true", help="write a new file in the place of one that is there, which is kept as .bak")


def run(options: argparse.Namespace) -> int:
    """Write the file, or carry on the one that is there; says what to do next on standard output. Raises `Failure`."""
    from bootstrap.config import edit, faults, files, load, overrides  # noqa: PLC0415 - not for `--help`

    named = options.config or os.environ.get(files.VARIABLE)
    file = files.to_write(Path(named or "."))
    if file.exists() and not options.replace:
        return _carry_on(options, file)
    layer, found = overrides.from_options(options.set)
    found += faults.check(layer) if layer else []
    if found:
        raise Failure(*found)
    answers = _ask(options) if sys.stdin.isatty() and sys.stdout.isatty() else _given(options)
    text = _text(answers, layer)
    if options.dry_run:
        sys.stdout.write(text)
        return 0
    edit.replace(file, text, keep=True)
    sys.stdout.write(f"wrote {shown(file)}\n")
    load(file)
    _next_steps()
    return 0


def _given(options: argparse.Namespace) -> Answers:
    return Answers(profile=options.wanted or "user", autodiff=options.autodiff is not False)


def _ask(options: argparse.Namespace) -> Answers:
    """Ask what the command line does not say."""
    profile = options.wanted
    if profile is None:
        sys.stdout.write("For whom is this configuration?\n")
        for number, (name, meaning) in enumerate(PROFILES.items(), 1):
            sys.stdout.write(f"  {number}. {name:<5} {meaning}\n")
        profile = _choose()
    autodiff = options.autodiff if options.autodiff is not None else _yes(AUTODIFF)
    return Answers(profile=profile, autodiff=autodiff)


def _choose() -> str:
    """The profile that is chosen by number or name; the first for an empty answer."""
    names = list(PROFILES)
    while True:
        answer = _answer("Profile [1]: ").lower() or "1"
        if answer in names:
            return answer
        if answer.isdecimal() and 1 <= int(answer) <= len(names):
            return names[int(answer) - 1]
        sys.stdout.write(f"Please say one of {', '.join(names)}, or its number.\n")


def _yes(question: str) -> bool:
    while True:
        answer = _answer(f"{question} [Y/n] ").lower()
        if answer in ("", "y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
        sys.stdout.write("Please say y or n.\n")


def _answer(question: str) -> str:
    """A line of the user's. Raises `Failure` when the input ends: nothing is written then."""
    try:
        return input(question).strip()
    except EOFError:
        sys.stdout.write("\n")
        raise fail("E0200", "the answers ended before the questions", help=["nothing was written; run again"]) from None


def _text(answers: Answers, layer: Layer | None) -> str:
    """The new file: the schema for editors, the id of the last change, the answers, and what `--set` gives."""
    from bootstrap.config import edit, toml  # noqa: PLC0415
    from bootstrap.config.layers import flatten  # noqa: PLC0415
    from change_tracker import history  # noqa: PLC0415

    values: dict[toml.KeyPath, object] = {("change-id",): history.read().latest, ("profile",): answers.profile}
    if answers.autodiff:
        values |= {("rust", "channel"): "dev" if answers.profile == "dev" else "nightly", ("llvm", "enzyme"): True}
    values |= flatten(layer.data) if layer else {}
    text = f"# Every key stands in config.example.toml; `{program()} config explain KEY` tells more.\n"
    for path, value in values.items():
        text = edit.changed(toml.parse(Path("config.toml"), text), path, value)
    return text


def _next_steps() -> None:
    sys.stdout.write(
        f"Next: `{program()} check` tells whether all is well, `{program()} doctor` what this machine has;\n"
        "a unit is a table `[unit.NAME]` with `sources`, see docs/configuration.md.\n"
    )


def _carry_on(options: argparse.Namespace, file: Path) -> int:
    """There is a file: tell what is new for it, and on a terminal offer to note that it is known."""
    from bootstrap import news  # noqa: PLC0415
    from bootstrap.config import edit, load  # noqa: PLC0415

    if options.wanted or options.autodiff is not None:
        helps = [f"change single keys with `{program()} config set`", "or add `--replace` to write it anew; the old one is kept as .bak"]
        raise fail(EXISTS, f"`{shown(file)}` is there already", help=helps)
    resolved = load(file)
    found = news.news_of(resolved.config.change_id, resolved.data)
    sys.stdout.write(f"{shown(file)} is there already.\n" + "".join(f"{line}\n" for line in news.lines(found, shown(file))))
    known = resolved.config.change_id in (found.latest, "ignore")
    if not known and sys.stdin.isatty() and sys.stdout.isatty() and _yes(f"Note that the changes up to {found.latest} are known?"):
        edit.write(edit.plan(file, "change-id", str(found.latest)))
        sys.stdout.write(f"wrote change-id = {found.latest}\n")
    return 0
