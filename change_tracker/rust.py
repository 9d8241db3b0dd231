"""A rust-lang/rust tree's own history and option tables, read with tree-sitter.

`Tree` is what the sources say: the entries of CONFIG_CHANGE_HISTORY in their order, the keys of the option structs, the keys of the example
configuration, and the keys that the profiles set. A key of a target is written `target.*.cc`. Nothing of the tree is run. Layouts of 1.77
and later are known: one `config.rs` with all structs, or `config/toml/*.rs` with one file each.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

from change_tracker.change import NAMED, Key

HISTORY = "src/bootstrap/src/utils/change_tracker.rs"
CONFIG = "src/bootstrap/src/core/config/"
STEPS = "src/bootstrap/src/core/build_steps/llvm.rs"
PROFILES = "src/bootstrap/defaults/"
EXAMPLES = ("bootstrap.example.toml", "config.example.toml")
FOLDERS = (HISTORY, CONFIG, STEPS, PROFILES, *EXAMPLES)
"""What is read of a tree: these files, and all files of these folders."""
Files = Mapping[str, bytes]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a file of the tree: offsets in its bytes."""

    file: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RustChange:
    """One entry: `id` is the number of a pull request, `severity` is `Info` or `Warning` as it stands there."""

    id: int
    severity: str
    summary: str
    place: Place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """Something that should be an entry, a key or a file, and cannot be understood."""

    message: str
    place: Place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A key of the structs, and the name of the field that holds it."""

    key: Key
    field: str
    type: str
    place: Place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """A key of the example configuration, its default as it is written there, and as a value where it is one."""

    key: Key
    text: str
    value: Any
    place: Place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """What the code takes where a key is not set: `value` where it is a plain one, else the expression alone."""

    text: str
    value: Any
    place: Place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What the sources of one tree say."""

    history: tuple[RustChange, ...]
    options: Mapping[Key, Option]
    example: Mapping[Key, Documented]
    profiles: Mapping[str, Mapping[Key, Any]]
    defaults: Mapping[Key, tuple[Default, ...]]
    unparsed: tuple[Unparsed, ...]
    ignored_flags: Mapping[str, Place]
    """The options of the command line that are declared and that the configuration never reads."""


class NoTreeSitter(Exception):
    """The extra that reads Rust is not installed."""


class NotATree(Exception):
    """The files are not those of a rust-lang/rust tree with a change tracker."""


def read(files: Files) -> Tree:
    """The tree with these `files`, by their path in it. Raises `NotATree` and `NoTreeSitter`."""
    if HISTORY not in files:
        raise NotATree(f"there is no `{HISTORY}`")
    unparsed: list[Unparsed] = []
    sources = [Source.parse(path, data) for path, data in sorted(files.items()) if path.endswith(".rs")]
    history = list(_history(next(each for each in sources if each.file == HISTORY), unparsed))
    options = _options(sources)
    example = next((_example(path, files[path]) for path in EXAMPLES if path in files), {})
    profiles = {
        path: _profile(path, data, unparsed) for path, data in sorted(files.items()) if path.startswith(PROFILES) and path.endswith(".toml")
    }
    from change_tracker import rust_defaults  # noqa: PLC0415 - it needs the values of this module

    return Tree(
        history=tuple(history),
        options=options,
        example=example,
        profiles=profiles,
        defaults=rust_defaults.defaults(sources, options),
        unparsed=tuple(unparsed),
        ignored_flags=_ignored_flags(sources),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """One Rust file and the root of its syntax tree."""

    file: str
    root: Node

    @classmethod
    def parse(cls, file: str, data: bytes) -> Source:
        """Parse `data`. Raises `NoTreeSitter`."""
        try:
            import tree_sitter  # noqa: PLC0415 - an extra
            import tree_sitter_rust  # noqa: PLC0415
        except ImportError:
            raise NoTreeSitter from None
        return cls(file=file, root=tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language())).parse(data).root_node)

    def place(self, node: Node) -> Place:
        """Where `node` stands."""
        return Place(file=self.file, start=node.start_byte, end=node.end_byte)


def words(node: Node | None) -> str:
    """What a node is written as."""
    return (node.text or b"").decode("utf-8", "replace") if node else ""


def below(node: Node, *types: str) -> Iterator[Node]:
    """Every node of these types below `node`, in the order of the text."""
    stack = [node]
    while stack:
        each = stack.pop()
        if each.type in types:
            yield each
        stack += reversed(each.named_children)


def string(node: Node | None) -> str | None:
    """The value of a string literal, raw or not; None for anything else."""
    text = words(node)
    if node is None or not node.type.endswith("string_literal"):
        return None
    if node.type == "raw_string_literal":
        return text[text.index('"') + 1 : text.rindex('"')]
    plain = re.sub(r"\\\r?\n\s*", "", text)
    return "".join(_character(part) for part in re.findall(r"\\u\{[0-9a-fA-F_]+\}|\\x[0-9a-fA-F]{2}|\\.|[^\\]", plain[1:-1], re.DOTALL))


def _character(part: str) -> str:
    if part.startswith("\\u{"):
        return chr(int(part[3:-1].replace("_", ""), 16))
    return str(ast.literal_eval(f'"{part}"')) if part.startswith("\\") and part != "\\'" else part.removeprefix("\\")


def _history(source: Source, unparsed: list[Unparsed]) -> Iterator[RustChange]:
    """The entries in their order. Those that cannot be understood go to `unparsed`."""
    for item in below(source.root, "const_item", "static_item"):
        if words(item.child_by_field_name("name")) != "CONFIG_CHANGE_HISTORY":
            continue
        listed = next(below(item, "array_expression"), None)
        for element in listed.named_children if listed else ():
            if element.type in ("line_comment", "block_comment", "attribute_item"):
                continue
            entry = _entry(source, element)
            if isinstance(entry, RustChange):
                yield entry
            else:
                unparsed.append(entry)


def _entry(source: Source, node: Node) -> RustChange | Unparsed:
    place = source.place(node)
    fields = {words(each.child_by_field_name("field")): each.child_by_field_name("value") for each in below(node, "field_initializer")}
    number = words(fields.get("change_id")).replace("_", "").removesuffix("usize")
    severity = words(fields.get("severity")).rpartition("::")[2]
    summary = string(fields.get("summary"))
    if node.type != "struct_expression" or node.has_error:
        return Unparsed(message="this is no `ChangeInfo { ... }`", place=place)
    if not (number.isascii() and number.isdecimal()):
        return Unparsed(message="the entry has no `change_id` that is a number", place=place)
    if severity not in ("Info", "Warning"):
        return Unparsed(message=f"the entry {number} has no `severity` that is `Info` or `Warning`", place=place)
    if summary is None:
        return Unparsed(message=f"the entry {number} has no `summary` that is a string", place=place)
    return RustChange(id=int(number), severity=severity, summary=summary, place=place)


FIELD = re.compile(r'([a-z_][a-z0-9_]*)\s*:\s*Option\s*<(.+?)>\s*=\s*"([^"]+)"\s*,', re.DOTALL)
"""A field in `define_config!`: its name, its type and its key."""
COMMENT = re.compile(r"//[^\n]*")


def _options(sources: list[Source]) -> dict[Key, Option]:
    """The keys of the structs that `define_config!` makes, and the plain keys of `TomlConfig`."""
    found: dict[str, list[tuple[str, str, str, Place]]] = {}
    top: Mapping[str, Key] = {}
    options: dict[Key, Option] = {}
    for source in sources:
        for call in below(source.root, "macro_invocation"):
            if words(call.child_by_field_name("macro")) == "define_config":
                name, fields = _struct(source, call)
                found.setdefault(name, []).extend(fields)
        for item in below(source.root, "struct_item"):
            if words(item.child_by_field_name("name")) == "TomlConfig":
                top, plain = _top(source, item)
                options |= {each.key: each for each in plain}
    tables = {**top, **{inner: (*top.get(outer, (outer.lower(),)), key, NAMED) for outer, key, inner in _nested(found)}}
    for name, fields in found.items():
        for field, kind, key, place in fields:
            path = (*tables.get(name, (name.lower(),)), key)
            if (*path, NAMED) not in tables.values():
                options[path] = Option(key=path, field=field, type=kind, place=place)
    return options


MAP = re.compile(r"HashMap<String, ?(\w+)>")


def _nested(structs: Mapping[str, list[tuple[str, str, str, Place]]]) -> Iterator[tuple[str, str, str]]:
    """The structs that stand by a name of the user's in a key of another one: the other struct, the key, the struct."""
    for outer, fields in structs.items():
        for _, kind, key, _ in fields:
            inner = MAP.search(kind)
            if inner and inner[1] in structs:
                yield outer, key, inner[1]


def _struct(source: Source, call: Node) -> tuple[str, list[tuple[str, str, str, Place]]]:
    """The name of the struct that `define_config! { ... }` makes, and its fields."""
    text = COMMENT.sub(lambda match: " " * len(match[0]), words(call))
    name = re.search(r"\bstruct\s+(\w+)", text)
    start = call.start_byte
    fields = [
        (
            match[1],
            " ".join(match[2].split()),
            match[3],
            Place(file=source.file, start=start + len(text[: match.start(1)].encode()), end=start + len(text[: match.end(3)].encode()) + 1),
        )
        for match in FIELD.finditer(text)
    ]
    return name[1] if name else "", fields


def _top(source: Source, item: Node) -> tuple[dict[str, Key], list[Option]]:
    """Where the structs stand in the configuration, and the keys at its top."""
    tables: dict[str, Key] = {}
    plain = []
    for field in below(item, "field_declaration"):
        name, kind = words(field.child_by_field_name("name")), words(field.child_by_field_name("type"))
        key = name.replace("_", "-")
        inner = re.search(r"Option<(?:HashMap<String,\s*)?([A-Z]\w*)>", kind)
        if inner and inner[1] not in ("String", "Vec", "PathBuf", "HashMap"):
            tables[inner[1]] = (key, NAMED) if "HashMap" in kind else (key,)
        else:
            plain.append(Option(key=(key,), field=name, type=kind, place=source.place(field)))
    return tables, plain


def _ignored_flags(sources: list[Source]) -> dict[str, Place]:
    """The fields of `Flags` that no source of the configuration reads, as `flags.NAME` or by taking the struct apart."""
    found: dict[str, Place] = {}
    read_names: set[str] = set()
    for source in (each for each in sources if each.file.startswith(CONFIG)):
        for item in below(source.root, "struct_item"):
            if words(item.child_by_field_name("name")) == "Flags":
                fields = [each.child_by_field_name("name") for each in below(item, "field_declaration")]
                found |= {words(each): source.place(each) for each in fields if each}
        for access in below(source.root, "field_expression"):
            if words(access.child_by_field_name("value")) == "flags":
                read_names.add(words(access.child_by_field_name("field")))
        for pattern in below(source.root, "struct_pattern"):
            if words(pattern.child_by_field_name("type")) == "Flags":
                read_names |= {re.split(r"\W", words(each))[0] for each in pattern.named_children}
    return {name: place for name, place in found.items() if name not in read_names}


HEADER = re.compile(r"^\[([^\]\n]+)\]", re.MULTILINE)
KEY = re.compile(r"^#?([a-z][a-zA-Z0-9_.-]*) = (.*)$", re.MULTILINE)
"""A key of the example, which is a comment when it shows a default; prose has a space behind the `#`."""
MAX_LINES = 60
"""How many lines a value of the example may take."""


def _example(path: str, data: bytes) -> dict[Key, Documented]:
    """The keys of the example configuration."""
    text = data.decode("utf-8", "replace")
    headers = [(match.start(), match[1]) for match in HEADER.finditer(text)]
    found: dict[Key, Documented] = {}
    for match in KEY.finditer(text):
        section = next((name for start, name in reversed(headers) if start < match.start()), "")
        parts = tuple(match[1].split("."))
        table = tuple(section.split(".")[:2]) if section else ()
        key = parts if len(parts) > 1 and (not table or parts[0] == table[0]) else (*table, *parts)
        key = ("target", NAMED, *key[2:]) if key[0] == "target" else tuple(NAMED if each.isupper() else each for each in key)
        value = _value(text, match.start(2))
        start = len(text[: match.start(1)].encode())
        place = Place(file=path, start=start, end=start + len(match[1].encode()))
        found.setdefault(key, Documented(key=key, text=match[2].strip(), value=value, place=place))
    return found


def _value(text: str, start: int) -> Any:
    """The TOML value that begins at `start`, in comments or not; None when it is prose."""
    lines = text[start:].split("\n")[:MAX_LINES]
    written = lines[0]
    for line in ["", *lines[1:]]:
        written += f"\n{line.removeprefix('#')}" if line else ""
        try:
            return tomllib.loads(f"value = {written}")["value"]
        except tomllib.TOMLDecodeError:
            if not written.startswith("["):
                return None
    return None


def _profile(path: str, data: bytes, unparsed: list[Unparsed]) -> dict[Key, Any]:
    """The keys that a profile sets."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        unparsed.append(Unparsed(message=f"the profile is not valid TOML: {error}", place=Place(file=path, start=0, end=0)))
        return {}
    return dict(_leaves(table, ()))


def _leaves(table: Mapping[str, Any], path: Key) -> Iterator[tuple[Key, Any]]:
    for name, value in table.items():
        below_it = (*path, NAMED if path == ("target",) else name)
        if isinstance(value, dict) and len(below_it) < (3 if below_it[0] == "target" else 2):
            yield from _leaves(value, below_it)
        else:
            yield below_it, value
