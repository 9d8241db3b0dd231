"""cfg expressions: `cfg(all(unix, not(target_os = "macos")))`, as rustc reads and evaluates them.

An *expression* is a tree of predicates over *options*, names with or without a value. A *cfg* is such a pair as it is set; an option holds
when its cfg is among the active ones, `all()` holds, `any()` does not. The grammar is that of the reference's conditional compilation;
its `version` and `target` are experimental in rustc and are refused here.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Iterator

from bootstrap.cfg.tokens import NEVER_RAW, Cursor, Kind, Text, Token, named, quoted
from bootstrap.diagnostics import Span

CODE = "E0250"
DEEPEST = 64
"""How deep predicates may nest."""
PREDICATES = ("all", "any", "not")

Cfg = tuple[str, str | None]
"""A cfg that is set: its name, and its value or None."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A name, or a name with the value that it must have; `token` and `value_token` say where they stand."""

    name: str
    value: str | None = None
    token: Token | None = dataclasses.field(default=None, compare=False)
    value_token: Token | None = dataclasses.field(default=None, compare=False)

    def __str__(self) -> str:
        return shown((self.name, self.value))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """`true` or `false`."""

    value: bool

    def __str__(self) -> str:
        return str(self.value).lower()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """`all(...)`, `any(...)` or `not(...)`; a `not` has one operand."""

    kind: str
    operands: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.operands))})"


Expression = Option | Literal | Predicate


def shown(cfg: Cfg) -> str:
    """A cfg as rustc's `--print cfg` has it."""
    name, value = cfg
    return named(name) if value is None else f"{named(name)}={quoted(value)}"


def parse(text: str, *, origin: str = "<expression>", span: Span | None = None) -> Expression:
    """The tree of an expression, with or without `cfg(...)` around it.

    `origin` names the text in messages, `span` is the place of the value that holds it. Raises `Failure` (E0250) with a caret.
    """
    parser = _Parser(Text(text=text, origin=origin, span=span), CODE)
    tree = parser.whole()
    parser.expect_end()
    return tree


def holds(expression: Expression | str, active: Collection[Cfg]) -> bool:
    """Whether `expression` is true where the cfgs `active` are set; a text is parsed first, which may raise `Failure` (E0250)."""
    tree = parse(expression) if isinstance(expression, str) else expression
    if isinstance(tree, Literal):
        return tree.value
    if isinstance(tree, Option):
        return (tree.name, tree.value) in active
    if tree.kind == "not":
        return not holds(tree.operands[0], active)
    return (all if tree.kind == "all" else any)(holds(each, active) for each in tree.operands)


def options(expression: Expression) -> Iterator[Option]:
    """Every option of `expression`, from left to right."""
    if isinstance(expression, Option):
        yield expression
    elif isinstance(expression, Predicate):
        for each in expression.operands:
            yield from options(each)


class _Parser(Cursor):
    """A method a rule of the grammar."""

    def whole(self) -> Expression:
        """`whole = "cfg" "(" predicate [","] ")" | predicate`."""
        if self.token.value != "cfg" or self.token.kind is not Kind.NAME:
            return self.predicate(0)
        first = self.advance()
        if not self.at("("):
            return self.option(first)
        (only,) = self.operands(first, 0, exactly_one=True)
        return only

    def predicate(self, depth: int) -> Expression:
        """`predicate = option | "true" | "false" | ("all" | "any") "(" [predicates] ")" | "not" "(" predicate [","] ")"`."""
        if depth > DEEPEST:
            raise self.text.wrong(CODE, f"predicates are nested more than {DEEPEST} deep", self.token)
        first = self.name()
        if first.kind is Kind.BOOLEAN:
            return Literal(value=first.value == "true")
        if not self.at("("):
            return self.option(first)
        if first.value not in PREDICATES:
            raise self.unknown(first)
        return Predicate(kind=first.value, operands=self.operands(first, depth + 1, exactly_one=first.value == "not"))

    def name(self) -> Token:
        """An identifier or a boolean."""
        if self.token.kind in {Kind.NAME, Kind.BOOLEAN}:
            return self.advance()
        said = {
            Kind.KEYWORD: f"`{self.token.value}` is a keyword"
            + ("" if self.token.value in NEVER_RAW else f"; write `r#{self.token.value}` for a cfg of this name"),
            Kind.STRING: "a string alone is no predicate",
            Kind.END: "a predicate is missing",
        }
        raise self.text.wrong(
            CODE,
            said.get(self.token.kind, "expected a predicate"),
            self.token,
            'a predicate is NAME, NAME = "VALUE", all(...), any(...) or not(...)',
        )

    def option(self, name: Token) -> Option:
        """`option = name ["=" string]`."""
        if not self.at("="):
            return Option(name=name.value, token=name)
        self.advance()
        value = self.token
        if value.kind is not Kind.STRING:
            label = f'write "{value.value}"' if value.value.isalnum() else 'write "VALUE"'
            raise self.text.wrong(CODE, f"the value of `{name.value}` must be a string", value, label)
        self.advance()
        return Option(name=name.value, value=value.value, token=name, value_token=value)

    def operands(self, opener: Token, depth: int, *, exactly_one: bool) -> tuple[Expression, ...]:
        """`"(" [predicate {"," predicate} [","]] ")"`; where `exactly_one` is asked for, no more and no less."""
        bracket = self.advance()
        found: list[Expression] = []
        while not self.at(")"):
            found.append(self.predicate(depth))
            if self.at(")"):
                break
            if not self.at(","):
                raise self.unclosed(bracket)
            self.advance()
        end = self.advance()
        if exactly_one and len(found) != 1:
            raise self.text.wrong(
                CODE,
                f"`{opener.value}` takes one predicate, found {len(found)}",
                (opener.start, end.end),
                "for several write all(...) or any(...)",
            )
        return tuple(found)

    def unclosed(self, bracket: Token) -> Exception:
        """What to raise where neither a comma nor the end of a list follows."""
        if self.token.kind is Kind.END:
            return self.text.wrong(CODE, "a bracket is never closed", bracket, "it is opened here")
        return self.text.wrong(CODE, f"expected `,` or `)`, found `{self.token.value}`", self.token)

    def unknown(self, name: Token) -> Exception:
        """What to raise for `name(...)`."""
        if name.value in {"version", "target"}:
            return self.text.wrong(CODE, f"`{name.value}(...)` is experimental in rustc and is not a predicate here", name)
        near = difflib.get_close_matches(name.value, PREDICATES, n=1)
        label = f"did you mean `{near[0]}`?" if near else "the predicates are all(...), any(...) and not(...)"
        return self.text.wrong(CODE, f"there is no predicate `{name.value}`", name, label)

    def expect_end(self) -> None:
        """Nothing may follow, not even a comma."""
        if self.token.kind is not Kind.END:
            label = "for several predicates write all(...) or any(...)" if self.at(",") else ""
            raise self.text.wrong(CODE, f"expected the end, found `{self.token.value}`", self.token, label)
