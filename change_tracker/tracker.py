"""What is news for one configuration: the changes after its `change-id`, those that concern it first.

A change *concerns* a configuration when it touches a key that is set there, a default that it relies on, or the command that runs.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from typing import NamedTuple

from change_tracker.change import NAMED, Change, Key, Kind, Rename, Rewrite, covers, dotted
from change_tracker.history import History

NAMED_TABLES = frozenset({"target", "unit"})
"""The tables whose tables have names of the user's."""
OF_THOSE_WHO_SET = frozenset({Kind.ADDED, Kind.REMOVED, Kind.RENAMED, Kind.MOVED, Kind.VALUE, Kind.BEHAVIOUR})
"""What concerns a configuration that sets one of the keys."""
OF_THOSE_WHO_RELY = frozenset({Kind.DEFAULT, Kind.BEHAVIOUR})
"""What concerns a configuration that does not set one of them."""


class Standing(enum.StrEnum):
    """Where a configuration stands."""

    CURRENT = "current"
    """It knows the latest change."""
    BEHIND = "behind"
    """There are changes after its id."""
    UNTRACKED = "untracked"
    """It says no id."""
    IGNORED = "ignored"
    """It wants no news."""
    UNKNOWN = "unknown"
    """Its id is not one of ours."""
    NEWER = "newer"
    """Its id is later than ours: the tool is older than the configuration."""


class Use(NamedTuple):
    """What a configuration makes use of: the keys that it sets, as it names them, and commands."""

    paths: Collection[Key] = ()
    commands: Collection[str] = ()


class News(NamedTuple):
    """What is to be told: `concerning` comes first, of the `others` a count is enough.

    `since` is the id after which they came, `told` a later one up to which they were told before, 0 where there is none.
    """

    standing: Standing
    since: int | None
    latest: int
    told: int = 0
    concerning: tuple[Change, ...] = ()
    others: tuple[Change, ...] = ()

    @property
    def says(self) -> bool:
        """Whether there is anything to tell: a change, or that the configuration has no place in the history."""
        return bool(self.all) or self.standing not in (Standing.CURRENT, Standing.BEHIND, Standing.IGNORED)

    @property
    def all(self) -> tuple[Change, ...]:
        """All that is told, in the order in which it landed."""
        return tuple(sorted((*self.concerning, *self.others), key=lambda each: each.id))


def pattern(path: Sequence[str | int]) -> Key:
    """A path of a file as the history writes keys: the names of units and targets become `*`, indices go."""
    parts = [part for part in path if isinstance(part, str)]
    return tuple(NAMED if index == 1 and parts[0] in NAMED_TABLES else part for index, part in enumerate(parts))


def standing(change_id: int | str | None, ids: Collection[int]) -> Standing:
    """Where a configuration with this `change-id` stands in a history of these `ids`; 0 knows of none of them."""
    latest = max(ids, default=0)
    if change_id is None:
        return Standing.UNTRACKED
    if isinstance(change_id, str):
        return Standing.IGNORED
    if change_id == latest:
        return Standing.CURRENT
    if change_id > latest:
        return Standing.NEWER
    return Standing.BEHIND if change_id in ids or change_id == 0 else Standing.UNKNOWN


def news(history: History, change_id: int | str | None, use: Use, *, after: int = 0) -> News:
    """What a configuration with this `change-id` has to be told; `after` is a later id that it was told up to already."""
    where = standing(change_id, history.files.keys())
    since = change_id if isinstance(change_id, int) else None
    if where is not Standing.BEHIND or since is None:
        return News(standing=where, since=since, latest=history.latest)
    recent = history.told(max(since, after))
    first = tuple(each for each in recent if concerns(each, use))
    others = tuple(each for each in recent if each not in first)
    told = after if after > since else 0
    return News(standing=where, since=since, latest=history.latest, told=told, concerning=first, others=others)


def concerns(change: Change, use: Use) -> bool:
    """Whether `change` touches what `use` says. What was added concerns who has it already, and nobody else."""
    if any(each in change.commands for each in use.commands):
        return True
    if change.kind is Kind.BEHAVIOUR and not change.keys:
        return not change.commands
    return any(
        (change.kind in OF_THOSE_WHO_SET and _sets(use, each)) or (change.kind in OF_THOSE_WHO_RELY and _relies(use, each))
        for each in change.keys
    )


def _sets(use: Use, changed: Key) -> bool:
    return any(covers(changed, pattern(each)) for each in use.paths)


def _relies(use: Use, changed: Key) -> bool:
    """Whether a default of `changed` is in force: in a table that is always there, or in one that the user opened."""
    if NAMED not in changed:
        return not _sets(use, changed)
    opened = {each[1] for each in use.paths if each[0] == changed[0] and len(each) > 1}
    return any(not any(each[1] == name and covers(changed, pattern(each)) for each in use.paths if len(each) > 1) for name in opened)


def explanation(history: History, path: Sequence[str | int], value: object = None) -> str | None:
    """Why `path`, as a file has it, is not known or its `value` not allowed, if a change is the reason; else None.

    One sentence, such as "`build.old` was renamed to `build.new` in change 7 (0.2.0)". The last change that touched the key counts.
    """
    named = pattern(path)
    reverted = history.reverted()
    for change in reversed([each for each in history.changes if each.id not in reverted]):
        words = _explained(change, named, value)
        if words:
            return f"{words} in change {change.id} ({change.since})"
        if _brought(change, named):
            return None
    return None


def _brought(change: Change, named: Key) -> bool:
    """Whether the key is there since `change`, whatever became of one with this name before."""
    targets = [step.to for step in change.migration if isinstance(step, Rename)]
    return (change.kind is Kind.ADDED and named in change.keys) or any(covers(each, named) for each in targets)


def _explained(change: Change, named: Key, value: object) -> str | None:
    for step in change.migration:
        if isinstance(step, Rename) and covers(step.key, named):
            what = "moved" if change.kind is Kind.MOVED else "renamed"
            return f"`{dotted(named)}` was {what} to `{dotted((*step.to, *named[len(step.key) :]))}`"
        if isinstance(step, Rewrite) and step.key == named and value is not None and value in (step.old, [step.old]):
            return f"`{dotted(named)}` says `{step.new}` instead of `{step.old}`"
    if change.kind is Kind.REMOVED and any(covers(each, named) for each in change.keys):
        return f"`{dotted(named)}` was removed"
    return None
