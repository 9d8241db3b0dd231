"""News for a configuration in words and as JSON, as `changes`, `check` and the herald tell them, and why a key is not known."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.diagnostics import program
from change_tracker import history, tracker
from change_tracker.change import Change, Key, Kind
from change_tracker.history import History
from change_tracker.numbers import CHANGE_ID
from change_tracker.tracker import News, Standing, Use

CARRIED = frozenset(Kind) - {Kind.ADDED, Kind.BEHAVIOUR}
"""The kinds of changes that `config migrate` has something to do for."""


def news_of(change_id: int | str | None, data: Mapping[str, Any], *, command: str | None = None, after: int = 0) -> News:
    """The news for a configuration that says `change_id` and sets `data`; `after` is a later id that it was told up to."""
    start = change_id if isinstance(change_id, int) else 0
    use = Use(paths=frozenset(leaves(data)), commands=(command,) if command else ())
    return tracker.news(history.read(after=max(start, after)), change_id, use, after=after)


def leaves(data: object, path: Key = ()) -> Iterator[Key]:
    """The keys that `data` sets, those in tables of an array too; a table with nothing in it is one."""
    if isinstance(data, Mapping) and data:
        for name, value in data.items():
            yield from leaves(value, (*path, name))
    else:
        yield path
        for each in data if isinstance(data, list | tuple) else ():
            if isinstance(each, Mapping):
                yield from leaves(each, path)


@functools.cache
def past() -> History:
    """The whole history, read once. Raises `OSError`."""
    return history.read()


def explained(path: Sequence[str | int], value: object = None) -> str | None:
    """Why a file's key is not known, or its `value` not allowed, when a change is the reason: a sentence for a note, else None.

    What it explains, `config migrate` puts right. Reads the whole history once, so it is for when something is wrong already.
    """
    if path[-1] == CHANGE_ID and len(path) > 1:
        return f"`{CHANGE_ID}` is about the whole file, and belongs to its top"
    try:
        return tracker.explanation(past(), path, value)
    except OSError:
        return None


def lines(news: News, name: str | None, *, everything: bool = False) -> list[str]:
    """`news` for a person; `name` is the configuration's, None where an id was asked for.

    Of what does not concern the configuration there is a count, unless `everything` is wanted.
    """
    if news.standing is not Standing.BEHIND:
        return [_standing(news, name) if name else f"no changes of the configuration since change {news.since}"]
    if not news.all:
        return [f"all that changed in the configuration since change {news.since} was taken back"]
    first = news.all if everything else news.concerning
    found = [_heading(news, name), *(_line(each, mine=everything and each in news.concerning) for each in first)]
    if news.others and not everything:
        others = f"{len(news.others)} more do not concern it" if news.concerning else "none of them concerns it"
        found.append(f"{others}: `{program()} changes --all` shows them")
    if name and any(each.kind in CARRIED for each in news.concerning):
        found.append(f"`{program()} config migrate` carries the file over")
    return [*found, f"write `change-id = {news.latest}` when you know them"] if name else found


def _heading(news: News, name: str | None) -> str:
    count = f"{len(news.all)} change{'' if len(news.all) == 1 else 's'} of the configuration"
    if news.told:
        return f"{count} since change {news.told}, which you were told of"
    if not news.since:
        return count + (f", and `{name}` knows none of them" if name else "")
    return f"{count} since change {news.since}" + (f", which `{name}` knows" if name else "")


def _standing(news: News, name: str) -> str:
    latest, cited = news.latest, f"`{name}`"
    remedy = f"write `change-id = {latest}` at its top to be told what changes from now on"
    return {
        Standing.CURRENT: f"{cited} knows every change of the configuration, up to {latest}",
        Standing.UNTRACKED: f"{cited} has no `change-id` to go by; {remedy}",
        Standing.IGNORED: f'{cited} says `change-id = "ignore"` and is told no changes; the latest is {latest}',
        Standing.UNKNOWN: f"{cited} says `change-id = {news.since}`, which is no change of this version; its changes go up to {latest}",
        Standing.NEWER: f"{cited} knows change {news.since}, and this version only {latest}: it is older than the configuration",
    }[news.standing]


def _line(change: Change, *, mine: bool) -> str:
    return f"  {change.severity:<7} {change.id:>3}  {change.summary} ({change.since}){'  <- concerns you' if mine else ''}"


def as_json(change: Change, *, concerns: bool) -> dict[str, Any]:
    """One change for a program."""
    return {
        "id": change.id,
        "severity": change.severity,
        "kind": change.kind,
        "keys": [".".join(each) for each in change.keys],
        "commands": list(change.commands),
        "summary": change.summary,
        "since": change.since,
        "migrates": bool(change.migration),
        "supersedes": list(change.supersedes),
        "reverts": list(change.reverts),
        "concerns": concerns,
    }


def news_as_json(news: News) -> dict[str, Any]:
    """`news` for a program."""
    changes = [as_json(each, concerns=each in news.concerning) for each in news.all]
    return {"standing": news.standing, "since": news.since, "latest": news.latest, "changes": changes}
