"""check-cfg specifications, what they expect, and what `--cfg` takes.

A *specification* such as `cfg(solver, values("cg", "gmres"))` says which cfgs are expected; several are merged by union, and `any()` beats
every list. Grammar and errors are those of rustc's `parse_check_cfg`; the words at the caret are ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from bootstrap.cfg.expression import Cfg
from bootstrap.cfg.tokens import Cursor, Kind, Text, Token, named, quoted, tokens
from bootstrap.diagnostics import Failure, Span

CODE = "E0251"
CFG_CODE = "E0252"
DEEPEST = 4
"""How deep lists may nest; the grammar has three."""
FORM = 'write cfg(NAME), cfg(NAME, values("VALUE", none())) or cfg(any())'
ITEMS = "a name, any() or values(...)"
VALUES = "a string, none() or any()"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What is expected of one name: these `listed` values, None among them for the bare name, or `anything`."""

    listed: frozenset[str | None] = frozenset()
    anything: bool = False

    def __or__(self, other: Values) -> Values:
        """Either; `anything` wins."""
        if self.anything or other.anything:
            return Values(anything=True)
        return Values(listed=self.listed | other.listed)

    def __contains__(self, value: str | None) -> bool:
        return self.anything or value in self.listed

    def __str__(self) -> str:
        strings = sorted(quoted(each) for each in self.listed if each is not None)
        inside = "any()" if self.anything else ", ".join([*strings, *(["none()"] if None in self.listed else [])])
        return f"values({inside})"


BARE = Values(listed=frozenset({None}))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What specifications expect: values by name; `any_name` when a name that is not there is expected too."""

    names: Mapping[str, Values] = dataclasses.field(default_factory=dict)
    any_name: bool = False

    def __or__(self, other: Expected) -> Expected:
        """The union."""
        names = dict(self.names)
        for name, values in other.names.items():
            names[name] = names[name] | values if name in names else values
        return Expected(names=names, any_name=self.any_name or other.any_name)

    def specifications(self) -> tuple[str, ...]:
        """The arguments for rustc's `--check-cfg` that say the same."""
        return (*(f"cfg({named(name)}, {values})" for name, values in self.names.items()), *(["cfg(any())"] if self.any_name else []))


def parse(text: str, *, origin: str = "--check-cfg", span: Span | None = None) -> Expected:
    """What one specification expects. Raises `Failure` (E0251) with a caret."""
    return _Parser(Text(text=text, origin=origin, span=span), CODE).whole()


def parse_cfg(text: str, *, origin: str = "--cfg", span: Span | None = None) -> Cfg:
    """The cfg that `NAME` or `NAME="VALUE"` sets. Raises `Failure` (E0252) with a caret."""
    written = Text(text=text, origin=origin, span=span)
    name, *rest = tokens(written, CFG_CODE)
    if name.kind is not Kind.NAME:
        label = f"`{name.value}` is {name.kind.value}" if name.kind is not Kind.END else ""
        raise written.wrong(CFG_CODE, 'a cfg to set is NAME or NAME="VALUE"', name, label)
    if rest[0].kind is Kind.END:
        return name.value, None
    if rest[0].value != "=":
        raise written.wrong(CFG_CODE, f'expected `=` or nothing after `{name.value}`; a cfg to set is NAME or NAME="VALUE"', rest[0])
    if rest[1].kind is not Kind.STRING:
        lost = rest[1].kind in {Kind.NAME, Kind.END, Kind.KEYWORD}
        hint = (f"a shell takes quotes away: write '{name.value}=\"{text[rest[1].start :].strip() or 'VALUE'}\"'",) if lost else ()
        raise written.wrong(CFG_CODE, f"the value of `{name.value}` must be a string", rest[1], help=hint)
    if rest[2].kind is not Kind.END:
        raise written.wrong(CFG_CODE, f"expected nothing after the value of `{name.value}`", rest[2])
    return name.value, rest[1].value


def expected_of(specifications: Iterable[Expected]) -> Expected:
    """The union of several."""
    whole = Expected()
    for each in specifications:
        whole |= each
    return whole


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One element of a list: a token, and what stands in brackets after it, None without brackets."""

    token: Token
    arguments: tuple[_Item, ...] | None
    end: int

    @property
    def at(self) -> tuple[int, int]:
        """Where all of it stands."""
        return self.token.start, self.end

    def calls(self, name: str) -> bool:
        """Whether it is `NAME(...)`."""
        return self.arguments is not None and self.token.kind is Kind.NAME and self.token.value == name


class _Parser(Cursor):
    """Reads one specification; the first error ends it, as in rustc."""

    def whole(self) -> Expected:
        """`whole = "cfg" list`."""
        whole = self.item()
        if self.token.kind is not Kind.END:
            raise self.wrong("expected the end of the specification", self.token)
        if not whole.calls("cfg"):
            raise self.wrong("a specification is cfg(...)", whole.at, FORM)
        return self.expected(whole.arguments or ())

    def item(self, depth: int = 0) -> _Item:
        """`item = token [list]`, `list = "(" [item {"," item} [","]] ")"`."""
        first = self.advance()
        if first.kind in {Kind.END, Kind.SIGN, Kind.KEYWORD}:
            label = f"`{first.value}` is a keyword" if first.kind is Kind.KEYWORD else FORM
            raise self.wrong("expected a name" if first.kind is not Kind.END else "the specification ends too early", first, label)
        if not self.at("("):
            return _Item(token=first, arguments=None, end=first.end)
        return self.list(first, depth + 1)

    def list(self, first: Token, depth: int) -> _Item:
        """The list that follows `first`."""
        bracket = self.advance()
        arguments: list[_Item] = []
        if depth > DEEPEST:
            raise self.wrong(f"lists are nested more than {DEEPEST} deep", bracket)
        while not self.at(")"):
            if self.token.kind is Kind.END:
                raise self.wrong("a bracket is never closed", bracket, "it is opened here")
            if arguments and not self.comma():
                raise self.wrong(f"expected `,` or `)`, found `{self.token.value}`", self.token)
            if not self.at(")"):
                arguments.append(self.item(depth))
        return _Item(token=first, arguments=tuple(arguments), end=self.advance().end)

    def expected(self, items: tuple[_Item, ...]) -> Expected:
        """What the items in `cfg(...)` say: names first, then `values(...)`; or `any()` alone."""
        names: dict[str, None] = {}
        values: Values | None = None
        any_name: _Item | None = None
        for each in items:
            if each.calls("values"):
                if not names:
                    raise self.wrong("`values(...)` stands before the names", each.at, "names come first")
                if values is not None:
                    raise self.wrong("`values(...)` is given twice", each.at)
                values = self.values(each)
            elif each.calls("any") and not each.arguments:
                if any_name:
                    raise self.wrong("`any()` is given twice", each.at)
                any_name = each
            else:
                names[self.name(each, after_values=values is not None)] = None
        if any_name and (names or values is not None):
            raise self.wrong("`cfg(any())` can only be given alone", any_name.at)
        return Expected(names=dict.fromkeys(names, BARE if values is None else values), any_name=any_name is not None)

    def name(self, item: _Item, *, after_values: bool) -> str:
        """The name that an item is."""
        if item.token.kind is not Kind.NAME:
            raise self.wrong(f"a name is expected, found {item.token.kind.value}", item.at, f"`cfg(...)` takes {ITEMS}")
        if item.arguments is not None:
            what = "`any()` takes nothing" if item.token.value == "any" else f"`{item.token.value}(...)` is not known here"
            raise self.wrong(what, item.at, f"`cfg(...)` takes {ITEMS}")
        if after_values:
            raise self.wrong("a name stands after `values(...)`", item.at, "names come first")
        return item.token.value

    def values(self, item: _Item) -> Values:
        """`values(...)`: strings and `none()`, or `any()` alone."""
        found = Values()
        for each in item.arguments or ():
            value = self.value(each)
            if found.anything and value.anything:
                raise self.wrong("`any()` is given twice", each.at)
            if (found.anything or value.anything) and each is not (item.arguments or ())[0]:
                raise self.wrong("`values(...)` takes strings and none(), or any() alone", each.at)
            found |= value
        return found

    def value(self, item: _Item) -> Values:
        """One value in `values(...)`."""
        if item.arguments is None and item.token.kind is Kind.STRING:
            return Values(listed=frozenset({item.token.value}))
        if item.calls("none") and not item.arguments:
            return BARE
        if item.calls("any") and not item.arguments:
            return Values(anything=True)
        if item.calls("none") or item.calls("any"):
            raise self.wrong(f"`{item.token.value}()` takes nothing", item.at)
        label = f'write "{item.token.value}"' if item.arguments is None and item.token.value.isalnum() else ""
        raise self.wrong(f"`values(...)` takes {VALUES}", item.at, label)

    def comma(self) -> bool:
        """Pass over a comma, if there is one; false without one."""
        return self.at(",") and bool(self.advance())

    def wrong(self, message: str, at: Token | tuple[int, int], label: str = "") -> Failure:
        """The failure at a place; the message names the argument as rustc's does."""
        return self.text.wrong(CODE, f"invalid `{self.text.origin}`: {message}", at, label)
