"""The history as a page of the manual."""

from __future__ import annotations

from change_tracker.change import Change, Pin, Remove, Rename, Rewrite, Step, dotted
from change_tracker.history import History
from change_tracker.migrate import literal

HEAD = """# Changes of the configuration

Every change of a key, a default or a behaviour has an entry here; the number is its id, the latest comes first. A configuration says which
change it knows with `change-id`. `holoenzyme changes` tells those that came later, `holoenzyme config migrate` carries a file over.
This page is made by `./x.py changes --format markdown > docs/changes.md`.
"""


def markdown(history: History) -> str:
    """The page. An entry that was superseded or taken back says by which."""
    reverted = {number: change.id for number, change in history.reverted().items()}
    superseded = {number: each.id for each in history.changes for number in each.supersedes}
    return "\n".join([HEAD, *(_section(each, reverted.get(each.id), superseded.get(each.id)) for each in reversed(history.changes))])


def _section(change: Change, reverted: int | None, superseded: int | None) -> str:
    lines = [
        f"## {change.id}: {change.kind} ({change.severity}, since {change.since})",
        "",
        f"{change.summary[:1].upper()}{change.summary[1:]}.".replace("..", "."),
        "",
    ]
    fate = {"Taken back by": reverted, "Told anew by": superseded}
    lines += [f"- {words} change {number}." for words, number in fate.items() if number]
    lines += [f"- Takes back change {number}." for number in change.reverts]
    lines += [f"- Tells change {number} anew." for number in change.supersedes]
    if change.keys:
        lines.append("- Keys: " + ", ".join(f"`{dotted(each)}`" for each in change.keys))
    if change.commands:
        lines.append("- Commands: " + ", ".join(f"`{each}`" for each in change.commands))
    lines += [f"- `config migrate` {_step(each)}." for each in change.migration]
    return "\n".join([*lines, ""])


def _step(step: Step) -> str:
    match step:
        case Rename(key=key, to=to):
            return f"turns `{dotted(key)}` into `{dotted(to)}`"
        case Rewrite(key=key, old=old, new=new):
            return f"writes `{dotted(key)} = {literal(new)}` instead of `{literal(old)}`"
        case Pin(key=key, value=value):
            return f"writes `{dotted(key)} = {literal(value)}` where nothing is said"
        case Remove(key=key):
            return f"removes `{dotted(key)}`"
