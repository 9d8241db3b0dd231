"""Does every difference of the model have its entry in the history, and is every entry right?

The history alone says which keys there have to be: what was added and not removed since. With a *base*, an older model and the entries
that it came with, every difference needs a newer entry that names it, and no older entry may have been touched. What is found says what
to write.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from change_tracker.change import RULE, Change, Key, Kind, Pin, Remove, Rename, Rewrite, Severity, Step, covers, dotted
from change_tracker.history import History
from change_tracker.numbers import CHANGES
from change_tracker.schema_diff import (
    DefaultChanged,
    Difference,
    Entry,
    GateChanged,
    KeyAdded,
    KeyRemoved,
    KeyRenamed,
    Schema,
    TypeChanged,
    differences,
)


class Rule(enum.StrEnum):
    """What an entry, or the lack of one, can break."""

    UNTOLD = "untold"
    KEYS = "keys"
    IDS = "ids"
    SEVERITY = "severity"
    UNREADABLE = "unreadable"
    ALTERED = "altered"
    MIGRATION = "migration"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that breaks a rule, and `remedy`, what to do or to write.

    `path` and `key` are its place in an entry's file; without a path, `key` is the key of the model that it is about.
    """

    rule: Rule
    message: str
    path: Path | None = None
    key: tuple[str | int, ...] = ()
    remedy: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What is compared with: `name` says what it is in a message."""

    name: str
    schema: Schema
    history: History


def audit(history: History, model: Schema, base: Base | None, *, version: str) -> list[Finding]:
    """Everything that is wrong, the entries first. `version` is the one that is being made, for the entries to write."""
    found = [Finding(rule=Rule.UNREADABLE, message=each.message, path=each.path, key=each.key) for each in history.faults]
    found += _ids(history)
    for each in history.changes:
        found += _entry(each, history)
    found += _append_only(history, base) if base else []
    keys, replayed = _replay(_whole(history, base))
    found += replayed
    untold = _untold(history, model, base) if base else []
    known = {part for each in untold for part in _keys_of(each)}
    drafts = [_draft(each, base) for each in untold]
    drafts += [_draft(each, None) for each in (_mismatches(keys, model, known) if keys is not None else ())]
    return found + list(_remedied(drafts, next_id=history.latest + 1, version=version))


def _whole(history: History, base: Base | None) -> dict[int, Change | None]:
    """Every entry by its id, those that are gone or cannot be read from the base; None where it is not there either."""
    there = {each.id: each for each in (*(base.history.changes if base else ()), *history.changes)}
    return {number: there.get(number) for number in range(1, max([history.latest, *there]) + 1)}


def _mismatches(keys: frozenset[Key], model: Schema, known: Collection[Key]) -> list[Difference]:
    """Keys of the model that the history does not bring, and those that it brings and the model has not; `known` are told already."""
    absent = [KeyAdded(key=path, entry=entry) for path, entry in model.items() if path not in keys and path not in known]
    return [*absent, *(KeyRemoved(key=path, entry=Entry(type="")) for path in sorted(keys - model.keys()) if path not in known)]


def _ids(history: History) -> Iterator[Finding]:
    for number, paths in history.files.items():
        for path in paths[1:]:
            message = f"change {number} is there twice: `{paths[0].name}` and `{path.name}`"
            remedy = f"rename the one that landed later to `{history.latest + 1:04}-...`, and let its `supersedes` and `reverts` follow"
            yield Finding(rule=Rule.IDS, message=message, path=path, remedy=remedy)
    for number in range(1, history.latest):
        if number not in history.files:
            remedy = (
                f"bring it back with `git log --diff-filter=D -- '{CHANGES.parent.name}/{CHANGES.name}/{number:04}-*'` and `git checkout`"
            )
            yield Finding(rule=Rule.IDS, message=f"change {number} is missing; ids have no gaps", remedy=remedy)


def _entry(change: Change, history: History) -> Iterator[Finding]:
    """What is wrong with one entry by itself."""
    path = change.path
    wanted = RULE.get(change.kind)
    if wanted and change.severity is not wanted:
        message = f"a change of the kind `{change.kind}` is `{wanted}`, not `{change.severity}`"
        yield Finding(rule=Rule.SEVERITY, message=message, path=path, key=("severity",), remedy=WHY[wanted])
    for name, ids in (("supersedes", change.supersedes), ("reverts", change.reverts)):
        for index, number in enumerate(ids):
            if number >= change.id or number not in history.files:
                yield Finding(
                    rule=Rule.IDS, message=f"`{name}` names change {number}, which is no earlier one", path=path, key=(name, index)
                )
    if change.reverts and not _only_reverts(change, history):
        message = "a change that reverts others does nothing else, and this one names keys that they do not"
        yield Finding(rule=Rule.KEYS, message=message, path=path, key=("keys",), remedy="write a change of its own for the rest")
    for finding in _steps(change):
        yield dataclasses.replace(finding, path=path)


MAX_SUMMARIES = 3
"""How many keys an entry to write says something about; its author says what more of them have in common."""
WHY = {
    Severity.INFO: "`info` is for what leaves older files working as they are",
    Severity.WARNING: "`warning` is for a default that is another, and for what is no longer supported",
}


def _only_reverts(change: Change, history: History) -> bool:
    reverted = [key for each in history.changes if each.id in change.reverts for key in each.keys]
    return all(any(covers(old, key) for old in reverted) for key in change.keys)


CARRIED_BY: Mapping[Kind, tuple[type[Step], str]] = {
    Kind.REMOVED: (Remove, '[[migration]]\nremove = "{key}"'),
    Kind.RENAMED: (Rename, '[[migration]]\nrename = "{key}"\nto = "..."'),
    Kind.MOVED: (Rename, '[[migration]]\nrename = "{key}"\nto = "..."'),
    Kind.DEFAULT: (Pin, '[[migration]]\npin = "{key}"\nvalue = ...'),
}
"""The step without which an older file is not carried over, and how it is written."""


def _steps(change: Change) -> Iterator[Finding]:
    """Steps that touch other keys than the entry names, and steps that are missing."""
    for index, step in enumerate(change.migration):
        for key in (step.key, *([step.to] if isinstance(step, Rename) else [])):
            if not any(covers(named, key) for named in change.keys):
                message = f"the step touches `{dotted(key)}`, which is not among `keys`"
                yield Finding(rule=Rule.MIGRATION, message=message, key=("migration", index))
    needed = CARRIED_BY.get(change.kind)
    if needed and change.keys and not any(isinstance(step, needed[0] | Rewrite) for step in change.migration):
        message = f"a change of the kind `{change.kind}` has a step that carries older files over"
        yield Finding(rule=Rule.MIGRATION, message=message, key=("kind",), remedy="add\n" + needed[1].format(key=dotted(change.keys[0])))
    if change.kind is not Kind.BEHAVIOUR and not change.keys:
        yield Finding(rule=Rule.KEYS, message=f"a change of the kind `{change.kind}` names the keys that it touches")


def _append_only(history: History, base: Base) -> Iterator[Finding]:
    """Entries of the base that were deleted or altered, and new ones with an id that is not new. The summary may be improved."""
    now = {each.id: each for each in history.changes}
    for number, paths in base.history.files.items():
        if number not in history.files:
            remedy = f"an entry that landed stays: `git checkout {base.name} -- {paths[0]}`; a later one may revert it"
            yield Finding(rule=Rule.ALTERED, message=f"change {number} of {base.name} was deleted", remedy=remedy)
    for old in base.history.changes:
        new = now.get(old.id)
        if new and new._replace(summary=old.summary, path=old.path) != old:
            remedy = f"`git checkout {base.name} -- {old.path}`, and write another entry that supersedes it"
            message = f"change {old.id} landed in {base.name} and says something else now"
            yield Finding(rule=Rule.ALTERED, message=message, path=new.path, remedy=remedy)


def _replay(entries: Mapping[int, Change | None]) -> tuple[frozenset[Key] | None, list[Finding]]:
    """The keys that there have to be when every entry is true, and the entries that name keys which were not there.

    Behind an entry that is missing nothing is known, and None is given.
    """
    keys: frozenset[Key] = frozenset()
    found: list[Finding] = []
    for change in entries.values():
        if change is None:
            return None, found
        after = _after(keys, change)
        for index, named in enumerate(change.keys):
            if not any(covers(named, each) for each in keys | after):
                message = f"`{dotted(named)}` was no key of the configuration, neither before change {change.id} nor after it"
                found.append(Finding(rule=Rule.KEYS, message=message, path=change.path, key=("keys", index)))
        keys = after
    return keys, found


def _after(keys: frozenset[Key], change: Change) -> frozenset[Key]:
    """The keys after `change`. A step that carries a table carries the keys in it."""
    if change.kind is Kind.ADDED:
        return keys | frozenset(change.keys)
    if change.kind is Kind.REMOVED:
        return frozenset(each for each in keys if not any(covers(named, each) for named in change.keys))
    renames = [step for step in change.migration if isinstance(step, Rename)]
    return frozenset(next(((*step.to, *each[len(step.key) :]) for step in renames if covers(step.key, each)), each) for each in keys)


EXPLAINED_BY: Mapping[type[Difference], frozenset[Kind]] = {
    KeyAdded: frozenset({Kind.ADDED, Kind.RENAMED, Kind.MOVED}),
    KeyRemoved: frozenset({Kind.REMOVED, Kind.RENAMED, Kind.MOVED}),
    DefaultChanged: frozenset({Kind.DEFAULT}),
    TypeChanged: frozenset({Kind.VALUE, Kind.BEHAVIOUR}),
    GateChanged: frozenset({Kind.BEHAVIOUR, Kind.VALUE}),
}

OF_TABLES = frozenset({Kind.REMOVED, Kind.RENAMED, Kind.MOVED})
"""What can happen to a whole table, and then it is named alone."""


def _untold(history: History, model: Schema, base: Base) -> list[Difference]:
    """The differences between the base and the model that no newer entry names."""
    newer = [each for each in history.changes if each.id not in base.history.files]
    renames = {step.key: step.to for each in newer for step in each.migration if isinstance(step, Rename)}
    return [each for each in differences(base.schema, model, renames) if not _told(each, newer)]


def _told(difference: Difference, newer: Sequence[Change]) -> bool:
    if isinstance(difference, KeyRenamed):
        return _named(difference.old, EXPLAINED_BY[KeyRemoved], newer) and _named(difference.key, EXPLAINED_BY[KeyAdded], newer)
    return _named(difference.key, EXPLAINED_BY[type(difference)], newer)


def _named(key: Key, kinds: frozenset[Kind], newer: Sequence[Change]) -> bool:
    return any(
        each.kind in kinds and any(named == key or (each.kind in OF_TABLES and covers(named, key)) for named in each.keys) for each in newer
    )


def _keys_of(difference: Difference) -> tuple[Key, ...]:
    return (difference.old, difference.key) if isinstance(difference, KeyRenamed) else (difference.key,)


def _remedied(drafts: Sequence[Draft], *, next_id: int, version: str) -> Iterator[Finding]:
    """A finding for each draft; the first of a kind shows the file to write, for all of its kind."""
    kinds = list(dict.fromkeys(each.kind for each in drafts))
    for number, kind in enumerate(kinds, start=next_id):
        group = [each for each in drafts if each.kind is kind]
        for index, draft in enumerate(group):
            remedy = f"write `{_file(number, group)}`:\n{_text(kind, group, version)}" if index == 0 else ""
            yield Finding(rule=Rule.UNTOLD, message=f"{draft.message}, and no change says so", key=draft.keys[-1], remedy=remedy)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The entry that a difference needs, as far as it can be known."""

    kind: Kind
    keys: tuple[Key, ...]
    message: str
    summary: str
    step: str = ""


def _draft(difference: Difference, base: Base | None) -> Draft:
    name, since = f"`{dotted(difference.key)}`", f" since {base.name}" if base else ""
    keys = _keys_of(difference)
    match difference:
        case KeyAdded(entry=entry):
            return Draft(kind=Kind.ADDED, keys=keys, message=f"{name} was added{since}", summary=f"{name}: {entry.doc or '...'}")
        case KeyRemoved():
            step = f'remove = "{dotted(difference.key)}"'
            return Draft(kind=Kind.REMOVED, keys=keys, message=f"{name} was removed{since}", summary=f"{name} is gone: ...", step=step)
        case KeyRenamed(old=old):
            kind = Kind.RENAMED if old[:-1] == difference.key[:-1] else Kind.MOVED
            step = f'rename = "{dotted(old)}"\nto = "{dotted(difference.key)}"'
            message, summary = f"`{dotted(old)}` became {name}{since}", f"`{dotted(old)}` is {name} now"
            return Draft(kind=kind, keys=keys, message=message, summary=summary, step=step)
        case DefaultChanged(old=before, new=now):
            words = f"the default of {name} is {_literal(now)} instead of {_literal(before)}"
            step = "" if before.default is None else f'pin = "{dotted(difference.key)}"\nvalue = {_literal(before)}'
            return Draft(kind=Kind.DEFAULT, keys=keys, message=f"{words}{since}", summary=words, step=step)
        case TypeChanged(old=before, new=now):
            words = f"{name} takes `{now}` instead of `{before}`"
            widened = set(before.split(" | ")) < set(now.split(" | "))  # older files keep working
            step = "" if widened else f'rewrite = "{dotted(difference.key)}"\nfrom = ...\nto = ...'
            return Draft(kind=Kind.BEHAVIOUR if widened else Kind.VALUE, keys=keys, message=f"{words}{since}", summary=words, step=step)
        case GateChanged(old=before, new=now):
            words = f"{name} needs the feature `{now}`" if now else f"{name} no longer needs the feature `{before}`"
            return Draft(kind=Kind.BEHAVIOUR, keys=keys, message=f"{words}{since}", summary=words)


def _literal(entry: Entry) -> str:
    """The default of `entry` as TOML writes it."""
    return "required" if entry.required else "unset" if entry.default is None else json.dumps(entry.default, ensure_ascii=False)


def _file(number: int, group: Sequence[Draft]) -> str:
    """The path of the entry to write."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{dotted(group[0].keys[-1])} {group[0].kind}".lower()).strip("-")
    return f"{CHANGES.parent.name}/{CHANGES.name}/{number:04}-{words}.toml"


def _text(kind: Kind, group: Sequence[Draft], version: str) -> str:
    """The entry to write, with `...` where only its author knows."""
    names = [dotted(each) for draft in group for each in draft.keys]
    keys = ", ".join(f'"{each}"' for each in names)
    severity = RULE.get(kind, Severity.INFO)
    summary = json.dumps("; ".join(draft.summary for draft in group) if len(group) <= MAX_SUMMARIES else "...", ensure_ascii=False)
    steps = "".join(f"\n\n[[migration]]\n{draft.step}" for draft in group if draft.step)
    return f'severity = "{severity}"\nkind = "{kind}"\nkeys = [{keys}]\nsummary = {summary}\nsince = "{version}"{steps}'
