"""The four lists that must agree about cfgs, whoever keeps them.

D, *default*: what is set; W, *well-known*: what check-cfg expects; X, *disallowed*: what `--cfg` may not set; G, *gated*: what needs a
feature. A list has *entries*; one name may have several, such as a bare form and a valued one set in different places. A *form* is the
bare name, or the name with a value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from bootstrap.diagnostics import Span

LISTS = ("default", "well_known", "disallowed", "gated")
LETTERS = {"default": "D", "well_known": "W", "disallowed": "X", "gated": "G"}
NO_VALUES: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """Forms of one name: `bare`, and with `values`: none when empty, these, or any and all when None."""

    bare: bool = False
    values: frozenset[str] | None = NO_VALUES

    @property
    def valued(self) -> bool:
        """Whether there is a form with a value."""
        return self.values is None or bool(self.values)

    def __or__(self, other: Forms) -> Forms:
        """The forms of either."""
        values = None if self.values is None or other.values is None else self.values | other.values
        return Forms(bare=self.bare or other.bare, values=values)

    def __contains__(self, value: str | None) -> bool:
        return self.bare if value is None else self.values is None or value in self.values

    def __str__(self) -> str:
        return "+".join([*(["b"] if self.bare else []), *(["v"] if self.valued else [])]) or "-"


BARE = Forms(bare=True)
ANY_VALUE = Forms(values=None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a list, and the place where it is written.

    `when` is the condition in words; `nightly`: only set by a nightly build; `elsewhere`: set, but not where the others are;
    `controlled_by` is the flag of a disallowed cfg; `feature` that of a gated one.
    """

    name: str
    forms: Forms = BARE
    span: Span | None = None
    when: str = ""
    nightly: bool = False
    elsewhere: bool = False
    controlled_by: str = ""
    feature: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The lists of one source; None where it cannot tell."""

    source: str
    default: tuple[Entry, ...] | None = None
    well_known: tuple[Entry, ...] | None = None
    disallowed: tuple[Entry, ...] | None = None
    gated: tuple[Entry, ...] | None = None

    def entries(self, which: str) -> tuple[Entry, ...]:
        """One of `LISTS`; empty where the source cannot tell."""
        found: tuple[Entry, ...] | None = getattr(self, which)
        return found or ()

    def has(self, *which: str) -> bool:
        """Whether the source tells all of these."""
        return all(getattr(self, each) is not None for each in which)

    def forms(self, which: str) -> dict[str, Forms]:
        """The forms of each name of a list, in its order."""
        return merged(self.entries(which))

    def own(self, which: str) -> list[str]:
        """The names of a list, without those that are only set elsewhere."""
        return list(dict.fromkeys(each.name for each in self.entries(which) if not each.elsewhere))

    def first(self, which: str, name: str) -> Entry:
        """The first entry of a name that is in the list."""
        return next(each for each in self.entries(which) if each.name == name)

    def names(self) -> list[str]:
        """Every name of every list, sorted."""
        return sorted({each.name for which in LISTS for each in self.entries(which)})


def merged(entries: Iterable[Entry]) -> dict[str, Forms]:
    """The forms of each name."""
    forms: dict[str, Forms] = {}
    for each in entries:
        forms[each.name] = forms[each.name] | each.forms if each.name in forms else each.forms
    return forms


def table(lists: Lists) -> str:
    """The lists side by side, a line a name: the forms (b bare, v with a value) and the feature of a gated one; ends with the totals."""
    columns: Mapping[str, Mapping[str, Forms]] = {which: lists.forms(which) for which in LISTS}
    gates = {each.name: each.feature or "gated" for each in lists.entries("gated")}
    rows = [("name", "D", "W", "X", "G")]
    for name in lists.names():
        cells = [_cell(lists, which, columns[which].get(name)) for which in LISTS[:3]]
        rows.append((name, _set(lists, name, cells[0]), cells[1], cells[2], gates.get(name, "?" if lists.gated is None else "-")))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, [*widths, 0], strict=True)).rstrip() for row in rows]
    total = [len(lists.names()), *(len(lists.own(which)) if lists.has(which) else "?" for which in LISTS)]
    return "\n".join([*lines, "{} names: D {}, W {}, X {}, G {}".format(*total)])


def _cell(lists: Lists, which: str, forms: Forms | None) -> str:
    return "?" if not lists.has(which) else str(forms) if forms else "-"


def _set(lists: Lists, name: str, cell: str) -> str:
    """The cell of D: `*` for what is set elsewhere, and the word nightly where all of it is."""
    mine = [each for each in lists.entries("default") if each.name == name]
    elsewhere = "*" if any(each.elsewhere for each in mine) else ""
    bare, valued = ([each for each in mine if each.forms.bare], [each for each in mine if each.forms.valued])
    nightly = [letter for letter, group in (("b", bare), ("v", valued)) if group and all(each.nightly for each in group)]
    return cell + elsewhere + (f" (nightly {'+'.join(nightly)})" if nightly else "")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a list has of a name before and after; None where it does not have it. Of a gated name it is the feature.

    `added` and `removed` are values, where both sources tell all of them.
    """

    which: str
    name: str
    before: str | None
    after: str | None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        sign = "+" if self.before is None else "-" if self.after is None else "~"
        change = (
            self.after if self.before in {None, self.after} else self.before if self.after is None else f"{self.before} -> {self.after}"
        )
        values = [f'{sign}"{value}"' for sign, values in (("+", self.added), ("-", self.removed)) for value in values]
        return " ".join([LETTERS[self.which], sign, self.name, *([change] if change else []), *values])


def differences(old: Lists, new: Lists) -> list[Difference]:
    """What changed between two sources, in the lists that both tell."""
    return [each for which in LISTS if old.has(which) and new.has(which) for each in _differences(old, new, which)]


def _differences(old: Lists, new: Lists, which: str) -> Iterator[Difference]:
    before, after = _contents(old, which), _contents(new, which)
    had, has = ({name: forms.values for name, forms in each.forms(which).items()} for each in (old, new))
    for name in sorted(before.keys() | after.keys()):
        earlier, later = had.get(name), has.get(name)
        added, removed = (later - earlier, earlier - later) if earlier is not None and later is not None else (NO_VALUES, NO_VALUES)
        if before.get(name) != after.get(name) or added or removed:
            yield Difference(
                which=which,
                name=name,
                before=before.get(name),
                after=after.get(name),
                added=tuple(sorted(added)),
                removed=tuple(sorted(removed)),
            )


def _contents(lists: Lists, which: str) -> dict[str, str]:
    if which == "gated":
        return {each.name: each.feature for each in lists.entries(which)}
    return {name: _set(lists, name, str(forms)) if which == "default" else str(forms) for name, forms in lists.forms(which).items()}


def as_json(lists: Lists) -> list[dict[str, object]]:
    """An object a name, with what each list has of it; None where the source cannot tell."""
    return [{"name": name, **{which: _as_json(lists, which, name) for which in LISTS}} for name in lists.names()]


def _as_json(lists: Lists, which: str, name: str) -> list[dict[str, object]] | None:
    if not lists.has(which):
        return None
    mine = [each for each in lists.entries(which) if each.name == name]
    return [
        {
            "bare": each.forms.bare,
            "values": "any" if each.forms.values is None else sorted(each.forms.values),
            **{key: value for key in ("when", "nightly", "elsewhere", "controlled_by", "feature") if (value := getattr(each, key))},
            **({"path": str(each.span.path), "line": each.span.line, "column": each.span.column} if each.span else {}),
        }
        for each in mine
    ]
