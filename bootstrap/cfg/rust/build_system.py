"""What the build system of a tree and its crates say about cfgs: what they expect and pass, options, platforms."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bootstrap.cfg import specification
from bootstrap.cfg.rust.suites import Named
from bootstrap.cfg.rust.syntax import Source, children, constant, descend, function, macro, place, string, text, words
from bootstrap.cfg.rust.tree import Tree
from bootstrap.diagnostics import Failure, Span

if TYPE_CHECKING:
    from tree_sitter import Node

BOOTSTRAP = "src/bootstrap/src"
EXTRA = f"{BOOTSTRAP}/lib.rs"
OPTIONS = "compiler/rustc_session/src/options.rs"
CONFIG = "compiler/rustc_session/src/config.rs"
PLATFORMS = {
    f"{BOOTSTRAP}/core/download.rs": ("is_download_ci_available", "SUPPORTED_PLATFORMS"),
    f"{BOOTSTRAP}/core/build_steps/llvm.rs": ("is_ci_llvm_available", "supported_platforms"),
}
"""Where platforms with artifacts of the CI are listed: the file, the function, and the name of the list."""
MANIFESTS = ("compiler", "library", "src/tools", "vendor")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A name that is declared with check-cfg by an extra of bootstrap, a flag of bootstrap or the lints of a crate."""

    name: str
    span: Span
    where: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Platforms:
    """A list of platforms that is kept by hand."""

    name: str
    triples: Mapping[str, Span]
    span: Span


def extra_cfgs(tree: Tree) -> tuple[Declared, ...] | None:
    """The rows of `EXTRA_CHECK_CFGS`: (mode or None, name, values or None)."""
    source = tree.source(EXTRA)
    item = tree.sound(source, constant(source.root, "EXTRA_CHECK_CFGS"), "constant `EXTRA_CHECK_CFGS`") if source else None
    rows = next(descend(item, "array_expression"), None) if item else None
    if source is None or rows is None:
        return None
    found = []
    for row in children(rows):
        parts = children(row)
        name = string(parts[1]) if len(parts) == 3 else None  # noqa: PLR2004 - mode, name, values
        if name is None:
            tree.not_understood(source, row, "this extra cfg")
            continue
        found.append(Declared(name=name, span=source.span(row), where=f"EXTRA_CHECK_CFGS for {text(parts[0])}"))
    return tuple(found)


def flags(tree: Tree) -> tuple[tuple[Named, ...], tuple[Declared, ...]]:
    """The cfgs that bootstrap passes with `--cfg`, and those that it declares with `--check-cfg`, each at its string."""
    passed: list[Named] = []
    declared: list[Declared] = []
    for path in tree.files(BOOTSTRAP, ".rs") if (tree.root / BOOTSTRAP).is_dir() else ():
        if path.endswith("tests.rs") or b"-cfg" not in tree.glance(path):
            continue
        source = tree.source(path)
        if source is None:
            continue
        literals = [(said, node) for node in descend(source.root, "string_literal") if (said := string(node)) is not None]
        for position, (said, node) in enumerate(literals):
            if said == "--cfg" or said.startswith(("--cfg=", "--cfg ")):
                name = _passed(source, literals[position : position + 2])
                if name is None:
                    tree.not_understood(source, node, "which cfg is passed here")
                else:
                    passed.append(Named(name=name, span=source.span(node)))
            elif said.startswith("--check-cfg=") and "{" not in said:
                names = _names(said.removeprefix("--check-cfg="))
                declared += [Declared(name=name, span=source.span(node), where="a flag of bootstrap") for name in names]
    return tuple(passed), tuple(declared)


def _passed(source: Source, literals: Sequence[tuple[str, Node]]) -> str | None:
    """The cfg of `--cfg=X`, of `--cfg X ...`, or of `--cfg` with the string of the next argument; None for anything else."""
    said, node = literals[0]
    word = said.removeprefix("--cfg").lstrip("= ").split(" ")[0]
    if not word and len(literals) > 1:
        between = b"".join(source.data[node.end_byte : literals[1][1].start_byte].split())
        word = literals[1][0] if between in {b",", b").arg("} else ""
    try:
        return specification.parse_cfg(word)[0]
    except Failure:
        return None


def _names(spec: str) -> list[str]:
    try:
        return list(specification.parse(spec).names)
    except Failure:
        return []


def lints(tree: Tree) -> tuple[Declared, ...]:
    """What crates declare in the `check-cfg` of their lint `unexpected_cfgs`."""
    found: list[Declared] = []
    for folder in MANIFESTS:
        for path in _manifests(tree, folder):
            data = tree.glance(path)
            if b"check-cfg" in data:
                found += _declared(tree, path, data)
    return tuple(found)


def _manifests(tree: Tree, folder: str) -> list[str]:
    """The manifests of the crates right below a folder."""
    if not (tree.root / folder).is_dir():
        return []
    return sorted(f"{folder}/{each.parent.name}/Cargo.toml" for each in (tree.root / folder).glob("*/Cargo.toml") if each.is_file())


def _declared(tree: Tree, path: str, data: bytes) -> Iterator[Declared]:
    lines = data.decode("utf-8", "replace").splitlines()
    try:
        manifest: dict[str, Any] = tomllib.loads("\n".join(lines))
        specs = manifest["lints"]["rust"]["unexpected_cfgs"]["check-cfg"]
    except tomllib.TOMLDecodeError as error:
        tree.gap("E0183", f"`{path}` cannot be parsed: {error}")
        return
    except (KeyError, TypeError):
        return
    for spec in specs:
        number, line = next(((number, line) for number, line in enumerate(lines, 1) if str(spec) in line), (1, lines[0]))
        for name in _names(str(spec)):
            yield Declared(name=name, span=place(tree.root / path, number, line, str(spec)), where=path)


def options(tree: Tree) -> dict[str, set[str]] | None:
    """The options of the compiler by their group: `C` and `Z`, and under an empty group what may be a flag of its own."""
    source, config = tree.source(OPTIONS), tree.source(CONFIG)
    if source is None or config is None:
        return None
    found: dict[str, set[str]] = {}
    for call in descend(source.root, "macro_invocation"):
        block = next((each for each in call.children if each.type == "token_tree"), None)
        group = next(filter(None, (string(each) for each in block.children)), None) if block and macro(call) == "options" else None
        if block is None or group is None:
            continue
        pairs = zip(block.children, block.children[1:], strict=False)
        found.setdefault(group, set()).update(text(name) for name, colon in pairs if colon.type == ":" and name.type == "identifier")
    if not {"C", "Z"} <= found.keys():
        tree.gap("E0185", f"`{OPTIONS}` has no macro `options!` for -C and -Z, so flags are not audited")
        return None
    return {**found, "": {said for each in descend(config.root, "string_literal") if (said := string(each))}}


def platforms(tree: Tree) -> tuple[Platforms, ...]:
    """The lists of platforms that say for which the CI has artifacts."""
    found = []
    for path, (where, name) in PLATFORMS.items():
        source = tree.source(path, optional=True)
        body = function(source.root, where) if source else None
        item = _list(body, name) if body else None
        if source is not None and item is not None:
            triples = {said: source.span(each) for each in descend(item, "string_literal") if (said := string(each))}
            found.append(Platforms(name=f"{where} in {path}", triples=triples, span=source.span(item)))
    return tuple(found)


def _list(body: Node, name: str) -> Node | None:
    """The constant or variable `name` of a function."""
    item = constant(body, name)
    if item is not None:
        return item
    return next(
        (
            each
            for each in descend(body, "let_declaration")
            if (bound := each.child_by_field_name("pattern")) is not None and text(bound) == name
        ),
        None,
    )


def spellings(source: Source, kind: str) -> dict[str, str]:
    """What the constants of a type are called: `NAME` to text, from the arms `KIND::NAME => "TEXT"` of a match."""
    found: dict[str, str] = {}
    for arm in descend(source.root, "match_arm"):
        pattern, value = arm.child_by_field_name("pattern"), arm.child_by_field_name("value")
        parts = [text(each) for each in words(pattern)] if pattern else []
        said = string(value) if value else None
        if said is not None and len(parts) == 3 and parts[:2] == [kind, "::"]:  # noqa: PLR2004 - KIND, ::, NAME
            found[parts[2]] = said
    return found
