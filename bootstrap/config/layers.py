"""The layers of the configuration and the one merge.

A *layer* is one source of values: a profile, an included file, the file, the environment, `--set`, the flags. The *law*: a table is
the mapping of its leaves, and of two layers the later one wins, leaf by leaf; a list is a leaf and is replaced as a whole. It is
associative, and the empty layer is neutral. Every value keeps its *origin*, and those that lost to it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Any

from bootstrap.config.toml import Document, KeyPath
from bootstrap.diagnostics import Span

LEAF_DEPTH = 3
"""The deepest table of the model is `unit.<name>`, its keys are the third part; what stands deeper is part of a leaf."""


class Source(enum.StrEnum):
    """The kind of a layer, from the weakest to the strongest."""

    PROFILE = "profile"
    INCLUDE = "include"
    FILE = "file"
    ENVIRONMENT = "environment"
    SET = "--set"
    FLAGS = "flags"
    EDIT = "config set"
    """A value that is to be written into a file; it is checked as a layer, and merged with none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One source of values. `document` is the file behind it; `names` says, for a layer without one, what set a key."""

    source: Source
    name: str
    data: Mapping[str, Any]
    document: Document | None = None
    names: Mapping[KeyPath, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A layer's value for one key."""

    layer: Layer
    path: KeyPath
    value: Any

    @property
    def span(self) -> Span | None:
        """The place of the value, when the layer is a file."""
        return self.layer.document.value_span(self.path) if self.layer.document else None

    @property
    def name(self) -> str:
        """The layer in a few words: `file config.toml`, `environment HOLOENZYME_BUILD_JOBS`, `--set build.jobs=4`."""
        return f"{self.layer.source} {self.layer.names.get(self.path, self.layer.name)}".rstrip()


def flatten(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[KeyPath, Any]:
    """The leaves of `table` by their path; an empty table is a leaf."""
    leaves: dict[KeyPath, Any] = {}
    for name, value in table.items():
        below = (*path, name)
        if isinstance(value, Mapping) and value and len(below) < LEAF_DEPTH:
            leaves.update(flatten(value, below))
        else:
            leaves[below] = value
    return leaves


def unflatten(leaves: Mapping[KeyPath, Any]) -> dict[str, Any]:
    """The table with these leaves; where one path goes through another's leaf, the deeper one stays."""
    root: dict[str, Any] = {}
    for path in sorted(leaves, key=len):
        table: Any = root
        for part in path[:-1]:
            if not isinstance(table.get(part), dict):
                table[part] = {}
            table = table[part]
        table[path[-1]] = dict(leaves[path]) if isinstance(leaves[path], Mapping) else leaves[path]
    return root


def merge(layers: Iterable[Layer]) -> dict[KeyPath, tuple[Origin, ...]]:
    """All values of `layers`, given from the weakest to the strongest, by key: the winner first, the losers after it."""
    origins: dict[KeyPath, tuple[Origin, ...]] = {}
    for layer in layers:
        for path, value in flatten(layer.data).items():
            origins[path] = (Origin(layer=layer, path=path, value=value), *origins.get(path, ()))
    return origins


def winners(origins: Mapping[KeyPath, tuple[Origin, ...]]) -> dict[str, Any]:
    """The table of the values that won."""
    return unflatten({path: each[0].value for path, each in origins.items()})
