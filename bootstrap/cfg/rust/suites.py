"""What the tests and the book of a tree say about cfgs: revisions, snapshots, the test of all well-known values, the documentation.

A *snapshot* is the expected output of a test beside it, `NAME.REVISION.stderr`. A *directive* is a comment that starts with `//@`.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bootstrap.cfg.expression import Cfg
from bootstrap.cfg.rust.syntax import Source, descend, place, string, text
from bootstrap.cfg.rust.tree import Tree
from bootstrap.cfg.specification import parse_cfg
from bootstrap.diagnostics import Failure, Span

if TYPE_CHECKING:
    from tree_sitter import Node

DISALLOWED = "tests/ui/cfg/disallowed-cli-cfgs"
VALUES = "tests/ui/check-cfg/well-known-values"
CHECK_CFG = "tests/ui/check-cfg"
GATE_TESTS = "tests/ui/feature-gates"
BOOK = "src/doc/rustc/src/check-cfg.md"
REVISIONS = b"revisions:"
WRONG = "_UNEXPECTED_VALUE"
NAMES = "expected names are: "
MORE = re.compile(r" and (\d+) more$")
VALUES_OF = "expected values for `"
EXPERIMENTAL = "is experimental and subject to change"
BEFORE_LIST = "the list of known names is as follows"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A name, where it stands, and what more is known of it."""

    name: str
    span: Span
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """The test of disallowed cfgs: its revisions, the cfg that each of them sets, and the lines of each snapshot by revision."""

    revisions: tuple[Named, ...]
    flags: Mapping[str, tuple[Cfg, Span]]
    snapshots: Mapping[str, tuple[str, tuple[str, ...]]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The names that a snapshot gives as expected; `declared` is what the directives of its test say.

    `more` is how many others there are: a short listing leaves the well-known ones out and counts them.
    """

    names: tuple[str, ...]
    span: Span
    declared: str
    more: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The page about check-cfg: the names that it lists, its date, and the file that it names as their source."""

    names: tuple[Named, ...]
    start: Span
    date: Named | None
    path: Named | None


def directives(source: Source) -> Iterator[tuple[str, Node]]:
    """The directives of a test: what follows `//@`."""
    for comment in descend(source.root, "line_comment"):
        said = text(comment).strip()
        if said.startswith("//@"):
            yield said[3:].strip(), comment


def refusals(tree: Tree) -> Refusals | None:
    """The test `disallowed-cli-cfgs` and its snapshots."""
    source = tree.source(f"{DISALLOWED}.rs")
    if source is None:
        return None
    revisions, flags = [], {}
    for said, comment in directives(source):
        span = source.span(comment)
        if said.startswith("revisions:"):
            revisions += [Named(name=each, span=place(source.path, span.line, span.source, each)) for each in said.split(":", 1)[1].split()]
        elif said.startswith("[") and "]compile-flags:" in said:
            revision, rest = said[1:].split("]compile-flags:", 1)
            cfg = _flag(rest)
            if cfg is None:
                tree.not_understood(source, comment, "which cfg this revision sets")
            else:
                flags[revision.strip()] = (cfg, span)
    return Refusals(revisions=tuple(revisions), flags=flags, snapshots=dict(_snapshots(tree)))


def _flag(flags: str) -> Cfg | None:
    """The cfg of `--cfg SPEC` or `--cfg=SPEC`."""
    spec = flags.strip().removeprefix("--cfg=").removeprefix("--cfg ")
    try:
        return parse_cfg(spec)
    except Failure:
        return None


def _snapshots(tree: Tree) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Each snapshot of the test, by its revision: its path and its lines."""
    name = PurePosixPath(DISALLOWED).name
    folder = str(PurePosixPath(DISALLOWED).parent)
    for path in tree.files(folder, ".stderr"):
        file = PurePosixPath(path).name
        if file.startswith(f"{name}."):
            yield file.removeprefix(f"{name}.").removesuffix(".stderr").removesuffix("stderr"), (path, tuple(tree.lines(path) or ()))


def tested_values(tree: Tree) -> tuple[tuple[Named, ...], Span] | None:
    """The names of the test `well-known-values`, and the place of its list; a name's note is the comment that follows it.

    A name in a comment is tested elsewhere; its note is that comment.
    """
    source = tree.source(f"{VALUES}.rs")
    attribute = (
        next((each for each in descend(source.root, "attribute_item") if WRONG.encode() in (each.text or b"")), None) if source else None
    )
    attribute = tree.sound(source, attribute, "attribute with every well-known name") if source else None
    if source is None or attribute is None:
        return None
    found: list[Named] = []
    leaves = _with_comments(attribute)
    for index, leaf in enumerate(leaves):
        following = text(leaves[index + 1]).strip() if index + 1 < len(leaves) else ""
        if leaf.type == "line_comment":
            commented = text(leaf).removeprefix("//").split("=")
            if len(commented) == 2 and WRONG in commented[1]:  # noqa: PLR2004 - NAME = VALUE
                found.append(Named(name=commented[0].strip(), span=source.span(leaf), note=following))
        elif string(leaf) == WRONG:
            name, after = leaves[index - 2], leaves[index + 1 : index + 3]
            said = next((text(each).strip() for each in after if each.type == "line_comment"), "")
            found.append(Named(name=text(name).removeprefix("r#"), span=source.span(name, leaf), note=said))
    return tuple(found), source.span(attribute)


def _with_comments(node: Node) -> list[Node]:
    found: list[Node] = []
    stack = [node]
    while stack:
        each = stack.pop()
        if each.type in {"line_comment", "string_literal"} or not each.child_count:
            found.append(each)
        else:
            stack += reversed(each.children)
    return found


def listings(tree: Tree) -> list[Listing]:
    """Every place of a snapshot about check-cfg that gives expected names; those of a long listing may stand on a line each."""
    found = []
    for path in tree.files(CHECK_CFG, ".stderr") if (tree.root / CHECK_CFG).is_dir() else ():
        lines = tree.lines(path) or []
        for number, line in enumerate(lines, 1):
            _, mark, listed = line.partition(NAMES)
            if mark:
                span = place(tree.root / path, number, line, mark + listed)
                more = MORE.search(listed)
                rest = itertools.takewhile(lambda each: each.startswith("`"), lines[number:])
                names = tuple(each.removeprefix("r#") for each in quoted("".join([listed, *rest])))
                found.append(Listing(names=names, span=span, declared=_declared(tree, path), more=int(more[1]) if more else None))
    if not (tree.root / CHECK_CFG).is_dir():
        tree.gap("E0182", f"the folder `{CHECK_CFG}` is missing, so its snapshots are not audited")
    return found


def _declared(tree: Tree, snapshot: str) -> str:
    """What the directives of the test of a snapshot say."""
    path = f"{CHECK_CFG}/{PurePosixPath(snapshot).name.split('.')[0]}.rs"
    return "\n".join(line for line in tree.lines(path) or () if line.lstrip().startswith("//@"))


def quoted(line: str) -> list[str]:
    """What stands in backquotes."""
    return line.split("`")[1::2]


def known_values(tree: Tree) -> dict[str, tuple[frozenset[str | None], Span]]:
    """The values of each well-known name, as the snapshot of `well-known-values` gives them; None among them for the bare name."""
    found: dict[str, tuple[frozenset[str | None], Span]] = {}
    path = f"{VALUES}.stderr"
    for number, line in enumerate(tree.lines(path) or (), 1):
        _, mark, rest = line.partition(VALUES_OF)
        name, _, listed = rest.partition("` are: ")
        if mark and listed and " more" not in listed:
            values = frozenset(quoted(listed)) | (frozenset({None}) if listed.startswith("(none)") else frozenset())
            found.setdefault(name, (values, place(tree.root / path, number, line, mark)))
    return found


def book(tree: Tree) -> Book | None:
    """The page about check-cfg."""
    lines = tree.lines(BOOK)
    if lines is None:
        return None
    path = tree.root / BOOK
    start = next((number for number, line in enumerate(lines) if BEFORE_LIST in line), None)
    if start is None:
        tree.gap("E0185", f"`{BOOK}` has no list of well-known names, so it is not audited")
        return None
    names, named = [], None
    for number, line in enumerate(lines[start + 1 :], start + 2):
        item = line.strip()
        if item.startswith("<!--"):
            cited = next((word for word in item.split() if word.endswith(".rs")), None)
            named = Named(name=cited, span=place(path, number, line, cited)) if cited else None
        elif item.startswith("- `"):
            names.append(Named(name=quoted(item)[0], span=place(path, number, line, f"`{quoted(item)[0]}`")))
        elif item and names:
            break
    dates = [each for each in quoted(lines[start]) if each[:4].isdigit()]
    date = Named(name=dates[0], span=place(path, start + 1, lines[start], dates[0])) if dates else None
    return Book(names=tuple(names), start=place(path, start + 1, lines[start]), date=date, path=named)


def gate_messages(tree: Tree) -> set[str]:
    """The names of cfgs of which a snapshot of a feature gate's test says that they are experimental."""
    found: set[str] = set()
    if not (tree.root / GATE_TESTS).is_dir():
        tree.gap("E0182", f"the folder `{GATE_TESTS}` is missing, so the tests of gates are not audited")
    for path in tree.files(GATE_TESTS, ".stderr") if (tree.root / GATE_TESTS).is_dir() else ():
        data = tree.glance(path)
        if EXPERIMENTAL.encode() in data:
            for line in data.decode("utf-8", "replace").splitlines():
                if EXPERIMENTAL in line:
                    found |= {each.removeprefix("cfg(").removesuffix(")") for each in quoted(line) if each.startswith("cfg(")}
    return found


def colliding(tree: Tree, names: frozenset[str]) -> list[Named]:
    """Revisions of UI tests whose name, as the test runner turns it into a cfg, is one of `names`."""
    found = []
    for path in tree.files("tests/ui", ".rs") if (tree.root / "tests/ui").is_dir() else ():
        data = tree.glance(path)
        if REVISIONS in data and any(names & _as_cfgs(line.decode("utf-8", "replace")) for line in data.splitlines() if REVISIONS in line):
            source = Source.parse(tree.root / path, data)
            for said, comment in directives(source):
                if said.startswith("revisions:"):
                    span = source.span(comment)
                    found += [
                        Named(name=each, span=place(source.path, span.line, span.source, each))
                        for each in said.split()
                        if names & _as_cfgs(each)
                    ]
    return found


def _as_cfgs(revisions: str) -> set[str]:
    return set(revisions.lower().replace("-", "_").split())
