"""What is generated from the model: the example file, the JSON Schema and the table of the manual."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from bootstrap.config import keys
from bootstrap.config.keys import NAMED, Key
from bootstrap.config.model import Config
from bootstrap.gates import FEATURES

CHECKOUT = Path(__file__).parents[2]
EXAMPLE, SCHEMA, MANUAL = "config.example.toml", "docs/config.schema.json", "docs/configuration.md"
REFRESH = "./x.py config schema --refresh"
BEGIN, END = f"<!-- begin of the keys, made by `{REFRESH}` -->", "<!-- end of the keys -->"
NAMES = {"target": "x86_64-unknown-linux-gnu", "unit": "example"}
"""The names that the example gives to what users name."""


def generated() -> dict[Path, str]:
    """The text of every generated file of a checkout, by its path."""
    manual = CHECKOUT / MANUAL
    return {CHECKOUT / EXAMPLE: example(), CHECKOUT / SCHEMA: schema(), manual: with_table(manual.read_text(encoding="utf-8"))}


def schema() -> str:
    """The JSON Schema (draft 7, as editors want it) of `config.toml`."""
    whole = Config.model_json_schema(ref_template="#/definitions/{model}", schema_generator=_Draft7)
    return json.dumps(_plain(whole), indent=2, ensure_ascii=False) + "\n"


class _Draft7(GenerateJsonSchema):
    schema_dialect = "http://json-schema.org/draft-07/schema#"

    def generate(self, schema: Any, mode: Any = "validation") -> dict[str, Any]:
        made = super().generate(schema, mode)
        definitions = made.pop("$defs")
        return {"$schema": self.schema_dialect, **made, "title": "holoenzyme's config.toml", "definitions": definitions}


def _plain(schema: Any) -> Any:
    """Without what only disturbs an editor: titles of single keys, the null of keys that are not set, branches that exclude each other."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        name: _plain(each) for name, each in schema.items() if not (name == "title" and isinstance(each, str) and "$schema" not in schema)
    }
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")
    branches = [each for each in made.get("anyOf", []) if each != {"type": "null"}]
    if len(branches) == 1:
        del made["anyOf"]
        made = {**branches[0], **made}
    if "default" in made and (made["default"] is None or isinstance(made["default"], dict)):
        del made["default"]
    if "patternProperties" in made:
        made["additionalProperties"] = False
    return made


def example() -> str:
    """`config.example.toml`: every key with its meaning, type, default, version and gate, commented out."""
    head = [
        f"#:schema {SCHEMA}",
        "# Every key of the configuration. A line that begins with `#` and a key shows its default, or an example where there is none.",
        f"# This file is made by `{REFRESH}`.",
    ]
    return "\n".join([*head, *(line for each in keys.keys().values() for line in _example_of(each))]) + "\n"


def _example_of(key: Key) -> Iterator[str]:
    if len(key.path) > keys.NAMED_DEPTH and key.path[-2] in ("inputs", "args"):
        return  # a table inside of an array: shown by the array's own comment
    yield ""
    yield f"# {key.doc[:1].upper()}{key.doc[1:]}."
    header = ".".join(NAMES.get(key.path[index - 1], part) if part == NAMED else part for index, part in enumerate(key.path))
    if key.is_table:
        yield f"#[{header}.{NAMES[key.path[0]]}]" if key.path[0] in NAMES else f"[{header}]"
    elif key.section and len(key.path) == keys.NAMED_DEPTH:
        yield f"#[[{header}]]"
    else:
        yield f"# {facts(key)}"
        yield f"#{key.path[-1]} = {keys.literal(key.example)}"


def facts(key: Key) -> str:
    """Type, default, version and gate of a key in one line."""
    default = "required" if key.required else "not set by default" if key.default is None else f"default {keys.literal(key.default)}"
    gate = f"; needs the feature {gate_words(key)}" if key.gate else ""
    return f"{key.type[:1].upper()}{key.type[1:]}; {default}; since {key.since}{gate}."


def gate_words(key: Key) -> str:
    """The feature that gates a key and its status."""
    feature = next(each for each in FEATURES if each.name == key.gate)
    values = [keys.literal(each.value) for each in feature.gates if each.key == key.path and isinstance(each.value, str | bool)]
    return f"{feature.name} ({feature.status})" + (f" for {' and '.join(values)}" if values else "")


def table() -> str:
    """The table of the manual, in Markdown."""
    rows = ["| key | type | default | since | meaning |", "|---|---|---|---|---|"]
    for key in keys.keys().values():
        if not key.is_table:
            name = ".".join("NAME" if each == NAMED else each for each in key.path)
            default = "required" if key.required else "" if key.default is None else f"`{keys.literal(key.default)}`"
            gate = f" Needs the feature {gate_words(key)}." if key.gate else ""
            rows.append(f"| `{name}` | {key.type} | {default} | {key.since} | {key.doc[:1].upper()}{key.doc[1:]}.{gate} |")
    return "\n".join(rows)


def with_table(manual: str) -> str:
    """The page of the manual with its table made anew. Raises `ValueError` when it lacks the marks of the table."""
    before, begin, rest = manual.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{MANUAL} must hold the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"
