"""The resolved configuration as people and scripts read it: entries with origins, one key explained, differences, the minimal file."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from bootstrap.config import keys, overrides
from bootstrap.config.keys import Key
from bootstrap.config.layers import Origin, Source
from bootstrap.config.resolve import Resolved, arguments_of, read
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Failure, fail, shown

UNSET = "not set"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key with the value in force, as TOML has it; `value` is None when it is not set and has no default."""

    path: KeyPath
    key: Key
    value: Any
    origin: Origin | None

    @property
    def name(self) -> str:
        """The key as one writes it."""
        return keys.dotted(self.path)

    @property
    def literal(self) -> str:
        """The value as one writes it."""
        return keys.literal(self.value)

    @property
    def line(self) -> str:
        """A line of TOML; a comment when the key is not set."""
        return f"# {self.name} is {UNSET}" if self.value is None else f"{self.name} = {self.literal}"

    @property
    def place(self) -> str:
        """Where the value comes from, in words."""
        return where(self.origin, self.path)

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from the default."""
        return self.key.required or bool(self.value != self.key.default)

    def as_json(self) -> dict[str, Any]:
        """The entry for a script."""
        return {"key": self.name, "value": self.value, "default": self.key.default, "origin": origin_json(self.origin, self.path)}


def where(origin: Origin | None, path: KeyPath) -> str:
    """An origin in words: `file config.toml:6:10`, `environment HOLOENZYME_BUILD_JOBS`, `default`."""
    if origin is None:
        return "default"
    document = origin.layer.document
    if document is None:
        return origin.name
    span = document.value_span(path)
    name = f"profile {origin.layer.name} " if origin.layer.source is Source.PROFILE else f"{origin.layer.source} "
    return f"{name}{shown(document.path)}" + (f":{span.line}:{span.column}" if span else "")


def origin_json(origin: Origin | None, path: KeyPath) -> dict[str, Any]:
    """An origin for a script: the layer, and the file, line and column or what else set it."""
    if origin is None:
        return {"layer": "default"}
    document = origin.layer.document
    if document is None:
        return {"layer": origin.layer.source.value, "by": origin.layer.names.get(path, origin.name)}
    span = document.value_span(path)
    return {"layer": origin.layer.source.value, "file": str(document.path), **({"line": span.line, "column": span.column} if span else {})}


def read_for(options: argparse.Namespace) -> Resolved:
    """The configuration with the global options, whether or not it passes the rules and the gates."""
    return read(**arguments_of(options))


def entries(resolved: Resolved) -> list[Entry]:
    """Every key with a value of its own, in the model's order; arrays of tables are one value."""
    values = resolved.config.model_dump(mode="json", by_alias=True)
    tables = list(values)
    found = []
    for key in keys.keys().values():
        if not key.is_table and len(key.path) <= keys.NAMED_DEPTH:
            found += [Entry(path=path, key=key, value=_at(values, path), origin=resolved.origin(path)) for path in _paths(key, values)]
    return sorted(found, key=lambda each: (tables.index(each.key.path[0]), each.path[1] if keys.NAMED in each.key.path else ""))


def _paths(key: Key, values: dict[str, Any]) -> Iterator[KeyPath]:
    if keys.NAMED in key.path:
        yield from ((key.path[0], name, *key.path[2:]) for name in values[key.path[0]])
    else:
        yield key.path


def _at(value: Any, path: KeyPath) -> Any:
    for part in path:
        value = value[part]
    return value


def entry(resolved: Resolved, path: KeyPath) -> Entry:
    """The entry of `path`, which may go into an array. Raises `Failure` with E0204 when there is no such key."""
    key = keys.find(path)
    try:
        value = _at(resolved.config.model_dump(mode="json", by_alias=True), path)
    except (LookupError, TypeError):
        raise unknown(resolved, path) from None
    if key is None:
        raise unknown(resolved, path)
    return Entry(path=path, key=key, value=value, origin=resolved.origin(path))


def described(resolved: Resolved, path: KeyPath) -> Entry:
    """As `entry`, also for a key of a unit, a target or an item that is not there: then with the default."""
    try:
        return entry(resolved, path)
    except Failure:
        key = keys.find(path)
        if key is None or key.is_table:
            raise
        return Entry(path=path, key=key, value=key.default, origin=None)


def unknown(resolved: Resolved, path: KeyPath) -> Failure:
    """The failure for a key that is not there, with near matches."""
    known = [each.name for each in entries(resolved)]
    name = keys.dotted(path)
    close = difflib.get_close_matches(name[:100], known, n=3) or [each for each in known if each.endswith(f".{path[-1]}")][:3]
    meant = f"did you mean {keys.either(f'`{each}`' for each in close)}?" if close else "`config list` shows every key"
    return fail("E0204", f"there is no key `{name}`", help=[meant])


def layers_json(resolved: Resolved, found: Entry) -> list[dict[str, Any]]:
    """Every layer that sets the entry, the winner first, for a script."""
    return [{**origin_json(each, found.path), "value": _value(each, found.path)} for each in resolved.layers_of(found.path)]


def _value(origin: Origin, path: KeyPath) -> Any:
    """What an origin gives to `path`, which may lie inside of its own value."""
    try:
        return _at(origin.value, path[len(origin.path) :])
    except (LookupError, TypeError):
        return None


def explanation(resolved: Resolved, found: Entry) -> str:
    """The page of one key: value, meaning, and every layer below the winner with its place."""
    from bootstrap.config.documents import facts  # noqa: PLC0415 - only here

    rows = [(where(each, found.path), keys.literal(_value(each, found.path))) for each in resolved.layers_of(found.path)]
    if not found.key.required:
        rows.append(("default", UNSET if found.key.default is None else keys.literal(found.key.default)))
    width = max((len(place) for place, _ in rows), default=0)
    lines = [found.line, "", f"{found.key.doc[:1].upper()}{found.key.doc[1:]}.", facts(found.key), ""]
    lines += [f"{'->' if index == 0 else '  '} {place:<{width}}  {value}" for index, (place, value) in enumerate(rows)]
    if len(found.path) <= keys.NAMED_DEPTH and not found.key.is_table:
        lines += ["", f"Variable: {overrides.Variables.name(found.path)}"]
    return "\n".join(lines)


def differences(old: Sequence[Entry], new: Sequence[Entry]) -> list[tuple[str, Entry | None, Entry | None]]:
    """The keys whose values differ: the key, the old and the new entry."""
    before, after = ({each.path: each for each in found} for found in (old, new))
    paths = dict.fromkeys([*before, *after])
    pairs = [(path, before.get(path), after.get(path)) for path in paths]
    return [(keys.dotted(path), first, second) for path, first, second in pairs if _differ(first, second)]


def _differ(first: Entry | None, second: Entry | None) -> bool:
    """Whether two values differ; one that only one side has counts when it is not the default."""
    if first and second:
        return bool(first.value != second.value)
    only = first or second
    return only is not None and only.is_changed


def minimal_values(resolved: Resolved) -> dict[str, Any]:
    """What differs from the defaults, as the tables of a file that alone gives the same configuration."""
    return resolved.config.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"include", "profile"})


def minimal(resolved: Resolved) -> str:
    """A `config.toml` that alone gives the same configuration, and says only what differs from the defaults."""
    import tomlkit  # noqa: PLC0415 - only here

    return tomlkit.dumps(minimal_values(resolved))
