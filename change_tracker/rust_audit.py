"""Does a rust tree's change history keep its own rules, and do its example, profiles and option structs agree?

The written rule: an entry is added at the end, in the order in which changes are merged; `Info` is for what leaves configurations working,
`Warning` for a default that changes and for what is removed. What an entry does is judged by the words of its summary, so findings about
severities and named keys are hints, not proofs.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterator, Mapping, Sequence

from change_tracker.change import NAMED, Key, dotted
from change_tracker.migrate import literal
from change_tracker.rust import Default, Documented, Place, RustChange, Tree


class Rule(enum.StrEnum):
    """What a tree can break."""

    DUPLICATE = "duplicate"
    ORDER = "order"
    SEVERITY = "severity"
    NAMED = "named"
    UNDOCUMENTED = "undocumented"
    PHANTOM = "phantom"
    DEFAULT = "default"
    UNPARSED = "unparsed"
    UNTOLD = "untold"
    TWICE = "twice"
    IGNORED = "ignored"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that breaks a rule, where, and a second place that it is about."""

    rule: Rule
    message: str
    place: Place | None = None
    label: str = ""
    related: tuple[tuple[Place, str], ...] = ()
    remedy: str = ""


def audit(tree: Tree, *, landed: Mapping[int, int] | None = None) -> list[Finding]:
    """What is wrong in one tree. `landed` has the time at which each entry landed, by its id, where git knows it."""
    return [
        *(Finding(rule=Rule.UNPARSED, message=each.message, place=each.place) for each in tree.unparsed),
        *_duplicates(tree.history),
        *_out_of_order(tree.history, landed or {}),
        *_severities(tree.history),
        *_named(tree),
        *_undocumented(tree),
        *_phantoms(tree),
        *_defaults(tree),
        *_twice(tree),
        *_ignored(tree),
    ]


def _duplicates(history: Sequence[RustChange]) -> Iterator[Finding]:
    first: dict[int, RustChange] = {}
    for each in history:
        if each.id in first:
            related = ((first[each.id].place, "the first"),)
            remedy = "remove one of them, or give it the number of its own pull request"
            yield Finding(rule=Rule.DUPLICATE, message=f"the id {each.id} is there twice", place=each.place, related=related, remedy=remedy)
        first.setdefault(each.id, each)


def _out_of_order(history: Sequence[RustChange], landed: Mapping[int, int]) -> Iterator[Finding]:
    """Entries that stand behind one that landed later: whoever knew that one is never told of them."""
    latest: RustChange | None = None
    for each in history:
        if each.id not in landed:
            continue
        if latest and landed[each.id] < landed[latest.id]:
            message = f"{each.id} landed before {latest.id} and stands behind it; the list is in the order of merging"
            yield Finding(
                rule=Rule.ORDER,
                message=message,
                place=each.place,
                related=((latest.place, "landed later"),),
                remedy=f"move it above {latest.id}",
            )
        else:
            latest = each


REMOVAL = re.compile(r"^removed\b|\b(?:has|have|was|were) been removed\b|\bwas removed\b|\bwas also removed\b", re.IGNORECASE)
DEFAULT = re.compile(
    r"\bdefault value\b.*\bchang|\bnew default value\b|\bdefaults? to\b|\bglobal default to\b|\bbecome the default\b"
    r"|\bis (?:now )?(?:a default|enabled by default)\b|\bis now the default\b|\bswitched `[^`]+` option from\b",
    re.IGNORECASE,
)
ADDITION = re.compile(r"^(?:added?\b|(?:a )?new (?:option|`[^`]+` option)\b)", re.IGNORECASE)
MORE = re.compile(r"\bno longer\b|\brenamed\b|\bdefault\b|\bremoved?\b|\bdeprecated\b|\bmoved\b|\brequire", re.IGNORECASE)
"""Words that say that something besides an addition happened."""


def _severities(history: Sequence[RustChange]) -> Iterator[Finding]:
    for each in history:
        reason = ""
        if each.severity == "Info" and REMOVAL.search(each.summary):
            reason = "something is removed, so it is a `Warning`"
        elif each.severity == "Info" and DEFAULT.search(each.summary):
            reason = "a default changes, so it is a `Warning`"
        elif each.severity == "Warning" and ADDITION.search(each.summary) and not MORE.search(each.summary):
            reason = "something is added and nothing else, so it is an `Info`"
        if reason:
            yield Finding(rule=Rule.SEVERITY, message=f"{each.id} is marked `{each.severity}`: {reason}", place=each.place)


QUOTED = re.compile(r"`([a-z]+(?:\.(?:<[a-z]+>|\*|[a-z0-9_-]+))+)(?: ?=[^`]*)?`")
"""A key with its section, as summaries write it: `rust.lld`, `target.<triple>.runner`, `llvm.ninja = true`."""
NEW = re.compile(r"\bnew (?:option )?`([a-z][a-z0-9_-]*)`", re.IGNORECASE)
"""A new key without its section."""
GONE = re.compile(r"\bremoved\b|\brenamed\b|\bmoved\b|\breplaced\b|\bdeprecated\b", re.IGNORECASE)


def _named(tree: Tree) -> Iterator[Finding]:
    """Keys that a summary names, and that are no keys; those that the entry or a later one takes away were keys once."""
    sections = {key[0] for key in tree.options if len(key) > 1}
    for index, each in enumerate(tree.history):
        later = " ".join(other.summary for other in tree.history[index:] if GONE.search(other.summary))
        for name in dict.fromkeys(match[1] for match in QUOTED.finditer(each.summary)):
            key = _key(name)
            if key[0] in sections and key not in tree.options and name not in later and name.replace("_", "-") not in later:
                yield _no_key(tree, each, name, key[-1])
        names = {key[-1] for key in tree.options}
        for name in dict.fromkeys(match[1] for match in NEW.finditer(each.summary)):
            if name not in names | sections and name not in later:
                yield _no_key(tree, each, name, name)


def _key(name: str) -> Key:
    parts = tuple(name.split("."))
    return ("target", NAMED, *parts[2:]) if parts[0] == "target" else parts


def _no_key(tree: Tree, change: RustChange, name: str, last: str) -> Finding:
    import difflib  # noqa: PLC0415 - only for who has findings

    keys = {key[-1]: dotted(key) for key in tree.options}
    close = difflib.get_close_matches(last.replace("_", "-"), keys, n=1)
    message = f"{change.id} names `{name}`, and there is no such key"
    return Finding(rule=Rule.NAMED, message=message, place=change.place, remedy=f"is it `{keys[close[0]]}`?" if close else "")


def _undocumented(tree: Tree) -> Iterator[Finding]:
    """Keys that the example does not show; the first that an entry about a renaming or a removal names is an old name that still works."""
    old = {_key(match[1]) for each in tree.history if GONE.search(each.summary) and (match := QUOTED.search(each.summary))}
    if tree.example:
        for key, option in tree.options.items():
            if key not in tree.example and key not in old:
                message = f"`{dotted(key)}` is a key, and the example configuration does not show it"
                yield Finding(
                    rule=Rule.UNDOCUMENTED, message=message, place=option.place, remedy=f"add `#{key[-1]} = ...` with what it means"
                )


def _phantoms(tree: Tree) -> Iterator[Finding]:
    """Keys that the example or a profile shows, and that no struct has: who sets them gets an error."""
    for key, documented in tree.example.items():
        if key not in tree.options:
            message = f"`{dotted(key)}` is in the example configuration, and no struct has it: setting it is an error"
            yield Finding(rule=Rule.PHANTOM, message=message, place=documented.place, remedy="remove it")
    for path, keys in tree.profiles.items():
        for key in keys:
            if key not in tree.options:
                message = f"the profile `{path}` sets `{dotted(key)}`, and no struct has it"
                yield Finding(rule=Rule.PHANTOM, message=message, place=Place(file=path, start=0, end=0), remedy="remove it")


def _defaults(tree: Tree) -> Iterator[Finding]:
    """Keys whose documented default is not that of the code."""
    for key, documented in tree.example.items():
        given = [each for each in tree.defaults.get(key, ()) if each.text != "None"]
        if documented.value is None or not given or any(_agree(documented, each) for each in given):
            continue
        code = given[-1]
        if code.value is None and (not code.text.endswith(")") or code.text.endswith("::default()")):
            continue  # a constant, or the default of a type, whose value is not known here
        takes = f"takes `{literal(code.value)}`" if code.value is not None else f"asks `{code.text}`"
        message = f"the default of `{dotted(key)}` is documented as `{documented.text}`, and the code {takes}"
        yield Finding(
            rule=Rule.DEFAULT,
            message=message,
            place=documented.place,
            related=((code.place, "the code"),),
            remedy="document what the code does",
        )


def _agree(documented: Documented, code: Default) -> bool:
    """Whether the code takes the documented value; a computed default agrees where the value is a part of it."""
    if isinstance(documented.value, list) and isinstance(code.value, list):
        return sorted(map(literal, documented.value)) == sorted(map(literal, code.value))
    if code.value is not None:
        return type(code.value) is type(documented.value) and bool(code.value == documented.value)
    parts = documented.value if isinstance(documented.value, list) else [documented.value]
    return all(_inside(literal(each), code.text) for each in parts)


def _twice(tree: Tree) -> Iterator[Finding]:
    """Keys whose default is computed in two ways: the last one wins, the other is dead."""
    for key, given in tree.defaults.items():
        different = {each.text: each for each in given if each.text != "None"}
        texts = list(different)
        if len(texts) > 1 and not any(one != other and _inside(one, other) for one in texts for other in texts):
            first, *_, last = different.values()
            message = f"the default of `{dotted(key)}` is computed twice, as `{first.text}` and as `{last.text}`"
            yield Finding(
                rule=Rule.TWICE,
                message=message,
                place=first.place,
                related=((last.place, "and here"),),
                remedy="keep the one that is in force",
            )


def _ignored(tree: Tree) -> Iterator[Finding]:
    for name, place in tree.ignored_flags.items():
        message = f"`--{name.replace('_', '-')}` is accepted on the command line, and the configuration never reads it"
        yield Finding(rule=Rule.IGNORED, message=message, place=place, remedy="read it, or remove it")


def _inside(one: str, other: str) -> bool:
    """Whether an expression is a part of another, as `0` of `jobs.unwrap_or(0)`."""
    return re.search(rf"(?<!\w){re.escape(one)}(?!\w)", other) is not None


def compare(old: Tree, new: Tree) -> list[Finding]:
    """The differences between two trees that no entry of `new` that `old` has not tells."""
    known = {each.id for each in old.history}
    told = " ".join(each.summary for each in new.history if each.id not in known)
    return [each for name, each in _differences(old, new) if not _tells(told, name)]


def _tells(told: str, key: Key) -> bool:
    """Whether the text of the new entries names a key, with its section or without."""
    names = {key[-1], key[-1].replace("-", "_")}
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", told) for name in names)


def _differences(old: Tree, new: Tree) -> Iterator[tuple[Key, Finding]]:
    for key, option in new.options.items():
        name, before = f"`{dotted(key)}`", old.options.get(key)
        if before is None:
            yield key, _untold(f"{name} was added", option.place, "Info", f"New option {name} ...")
        elif option.type != before.type:
            yield key, _untold(f"{name} takes `{option.type}` instead of `{before.type}`", option.place, "Warning", f"{name} now takes ...")
    for key in old.options:
        if key not in new.options:
            yield key, _untold(f"`{dotted(key)}` was removed", None, "Warning", f"Removed `{dotted(key)}` ...")
    for key, now in new.example.items():
        then = old.example.get(key)
        if then and key in new.options and then.text != now.text:
            message = f"the default of `{dotted(key)}` is documented as `{now.text}` instead of `{then.text}`"
            yield key, _untold(message, now.place, "Warning", f"The default of `{dotted(key)}` ...")


def _untold(message: str, place: Place | None, severity: str, summary: str) -> Finding:
    """A difference without an entry, and the entry to write."""
    fields = f'    change_id: NUMBER,\n    severity: ChangeSeverity::{severity},\n    summary: "{summary}",'
    remedy = f"add to the end of CONFIG_CHANGE_HISTORY\nChangeInfo {{\n{fields}\n}},"
    return Finding(rule=Rule.UNTOLD, message=f"{message}, and no entry says so", place=place, remedy=remedy)


def since(history: Sequence[RustChange], number: int) -> tuple[RustChange, ...] | None:
    """The entries behind the one with this id, as upstream counts; None when there is none with it.

    A number above all others is that of a newer tree, and nothing came behind it.
    """
    places = [index for index, each in enumerate(history) if each.id == number]
    if places:
        return tuple(history[places[0] + 1 :])
    return () if number > max((each.id for each in history), default=0) else None


def concerning(changes: Sequence[RustChange], keys: Sequence[Key]) -> tuple[RustChange, ...]:
    """The entries whose summary names one of `keys`: with its section, or by its name alone in backquotes."""
    return tuple(each for each in changes if any(_mentions(each.summary, key) for key in keys))


def _mentions(summary: str, key: Key) -> bool:
    quoted = re.findall(r"`([^`]+)`", summary)
    words = [re.split(r"\s*=", each)[0].strip("'\" ").replace("_", "-") for each in [*quoted, *re.findall(r"\b[a-z]+\.[a-z_-]+", summary)]]
    return any(_key(each) == key or each == key[-1] for each in words)
