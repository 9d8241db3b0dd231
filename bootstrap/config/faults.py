"""Turning what pydantic finds wrong with a layer into diagnostics: a code, a place, what was found and what to write."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bootstrap.config import keys
from bootstrap.config.layers import LEAF_DEPTH, Layer, Origin, unflatten
from bootstrap.config.model import DIGEST, Config, kind
from bootstrap.config.toml import KeyPath
from bootstrap.diagnostics import Diagnostic, Span

MAX_FAULTS = 100
"""How many faults of one layer are told one by one."""
WRONG_TYPE, UNKNOWN, VALUE, MISSING = "E0203", "E0204", "E0206", "E0207"
EXPECTED = {
    "bool_type": "a boolean",
    "int_type": "an integer",
    "float_type": "a number",
    "string_type": "a string",
    "literal_error": "a string",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
CODES = {
    **dict.fromkeys([*EXPECTED, "union_tag_invalid"], WRONG_TYPE),
    "extra_forbidden": UNKNOWN,
    "missing": MISSING,
    "literal_error": VALUE,
}
"""The code for each of pydantic's error types; every other one is a value that is not allowed."""
_MISFITS = {MISSING: 0, VALUE: 1}
BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
LIMITS = {
    "too_short": ("is empty", "at least one is needed"),
    "finite_number": ("is not a finite number", "write a finite number"),
    "string_too_long": ("is too long", ""),
    "string_unicode": ("holds bytes that are no UTF-8", ""),
    "recursion_loop": ("is nested too deeply", ""),
}
YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
MAX_BITS = 128
LIKELY = 0.8
"""How like a key beside it a word is to be meant for that one, whatever other tables have; difflib's measure."""
FEW = 8
"""How many keys are listed where none is like the one that was written."""
QUOTED_LENGTH = 60
"""How much of a value a message shows."""


def check(layer: Layer) -> list[Diagnostic]:
    """The faults of one layer by itself; a required key may still come from another layer."""
    errors = [each for each in _errors(layer.data) if each["type"] != "missing"]
    found = [_diagnostic(each, path_of(each["loc"]), layer) for each in errors[:MAX_FAULTS]]
    if len(errors) > MAX_FAULTS:
        more = f"{len(errors) - MAX_FAULTS} more faults in `{layer.name}` are not shown"
        found.append(Diagnostic(code=found[-1].code, message=more))
    return found


def sound(origins: Mapping[KeyPath, tuple[Origin, ...]]) -> tuple[Config, dict[str, Any], frozenset[KeyPath]]:
    """The configuration and its table without the keys that are wrong, and these keys.

    A key of a unit that has to be there stands with the model's example, so that the rest of the unit can be looked at.
    """
    leaves: dict[KeyPath, Any] = {path: each[0].value for path, each in origins.items()}
    wrong = set[KeyPath]()
    while True:
        data = unflatten(leaves)
        try:
            return Config.model_validate(data), data, frozenset(wrong)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False, include_input=False)
        found = {(_leaf(each["loc"]), each["type"] == "missing" and len(path_of(each["loc"])) <= LEAF_DEPTH) for each in errors}
        del errors
        absent = {path for path, is_absent in found if is_absent}
        cut = {path for path, _ in found} - absent
        tables = {each for path in cut for each in _around(path)}  # an empty one is a leaf
        leaves = {path: value for path, value in leaves.items() if path not in tables and cut.isdisjoint(_around(path))}
        leaves |= {path: key.example for path in absent if (key := keys.find(path))}
        wrong |= absent | cut


def _leaf(location: tuple[str | int, ...]) -> KeyPath:
    """The leaf of the configuration that pydantic's location is in; an array is one, whichever of its items is meant."""
    return tuple(itertools.takewhile(lambda part: isinstance(part, str), path_of(location)[:LEAF_DEPTH]))


def _around(path: KeyPath) -> list[KeyPath]:
    """A path, and those of the tables around it."""
    return [path[:length] for length in range(1, len(path) + 1)]


def fits(path: KeyPath, value: object) -> bool:
    """Whether the model takes `value` at `path`, whatever else is missing."""
    return misfit(path, value) == 0


def incomplete(data: dict[str, Any], layer_of: Callable[[KeyPath], Layer | None]) -> list[Diagnostic]:
    """The required keys that no layer gives; `layer_of` names the layer that opened a table."""
    errors = [each for each in _errors(data) if each["type"] == "missing"]
    paths = [(each, path_of(each["loc"])) for each in errors[:MAX_FAULTS]]
    return [_diagnostic(each, path, layer_of(path)) for each, path in paths]


def misfit(path: KeyPath, value: object) -> int:
    """How badly `value` fits the model at `path`, whatever else is missing: 0 well, 1 it is not allowed, 2 it has the wrong type."""
    data: Any = value
    for part in reversed(path):
        data = {part: data}
    return max((_MISFITS.get(_code(each), 2) for each in _errors(data)), default=0)


def _errors(data: object) -> list[ErrorDetails]:
    try:
        Config.model_validate(data)
    except ValidationError as error:
        # An array is called empty when all that is in it is wrong: that is told already.
        return [each for each in error.errors(include_url=False) if each["type"] != "too_short" or not each["input"]]
    return []


def _code(error: ErrorDetails) -> str:
    """The code of one of pydantic's errors; a word is wanted where a literal is."""
    if error["type"] == "literal_error" and not isinstance(error["input"], str):
        return WRONG_TYPE
    return CODES.get(error["type"], VALUE)


def in_order(found: Iterable[Diagnostic], paths: Sequence[Path] = ()) -> list[Diagnostic]:
    """Diagnostics sorted by file, in the order of `paths`, then by place; those without a place come first."""

    def place(each: Diagnostic) -> tuple[int, int, int]:
        if not each.span:
            return (-1, 0, 0)
        return (paths.index(each.span.path) if each.span.path in paths else len(paths), each.span.line, each.span.column)

    return sorted(found, key=place)


def path_of(location: tuple[str | int, ...]) -> KeyPath:
    """Pydantic's location without the tags of unions and the mark of a key."""
    return tuple(part for part in location if isinstance(part, int) or (part[:1] + part[-1:] != "<>" and part != "[key]"))


def _diagnostic(error: ErrorDetails, path: KeyPath, layer: Layer | None) -> Diagnostic:
    """One of pydantic's errors, for a person."""
    code = _code(error)
    describe = {WRONG_TYPE: _wrong_type, UNKNOWN: _unknown, MISSING: _missing, VALUE: _value}[code]
    message, label = describe(error, path)
    notes = _about(path) if code == MISSING else (*_set_by(layer, path), *_default(path), *_changed(path, error["input"]))
    return Diagnostic(code=code, message=message, label=label, span=_span(error, path, layer), notes=notes)


def _span(error: ErrorDetails, path: KeyPath, layer: Layer | None) -> Span | None:
    if layer is None or layer.document is None:
        return None
    if error["type"] == "missing":
        return layer.document.value_span(path[:-1])
    at_key = error["type"] == "extra_forbidden" or "[key]" in error["loc"]
    return layer.document.key_span(path) if at_key else layer.document.value_span(path)


def _set_by(layer: Layer | None, path: KeyPath) -> tuple[str, ...]:
    """For a layer without a file: what set the value."""
    if layer is None or layer.document is not None:
        return ()
    name = next((layer.names[path[:length]] for length in range(len(path), 0, -1) if path[:length] in layer.names), layer.name)
    return (f"set by {layer.source} {name}".rstrip(),)


def _default(path: KeyPath) -> tuple[str, ...]:
    """The note on a key's default."""
    found = keys.find(path)
    if found is None or found.section or found.default is None or path[-1] != found.path[-1]:
        return ()
    return (f"default is {keys.literal(found.default)}",)


def _changed(path: KeyPath, value: object) -> tuple[str, ...]:
    """The note on a change of the configuration, when one is the reason."""
    from bootstrap import news  # noqa: PLC0415 - reads the whole history; only for what is wrong already

    words = news.explained(path, value)
    return (words,) if words else ()


def _about(path: KeyPath) -> tuple[str, ...]:
    """The note on what a key means."""
    found = keys.find(path)
    return (f"`{path[-1]}`: {found.doc}",) if found else ()


def _wrong_type(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    expected = EXPECTED.get(error["type"]) or _either(str(error.get("ctx", {}).get("expected_tags", "")))
    if len(path) == LEAF_DEPTH - 1 and keys.keys().get((str(path[0]), keys.NAMED, str(path[1]))):
        return f"`{path[1]}` is a key of one {path[0]}, not of all", f"it belongs {keys.place((str(path[0]), keys.NAMED))}"
    return f"`{keys.dotted(path)}` expects {expected}, found {_article(kind(error['input']))}", _write(expected, path, error["input"])


def _either(expected_tags: str) -> str:
    """The kinds that a union takes: `an integer or a string`."""
    tags = [each.strip("' <>") for each in expected_tags.split(",")]
    return keys.either(_article("number" if each == "float" else each) for each in tags if each != "integer" or "float" not in tags)


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _write(expected: str, path: KeyPath, value: object) -> str:
    """What to write instead of `value`: itself in another form where it has one, else the form."""
    found = keys.find(path)
    choices = list(keys.choices(found.field.annotation)) if found else []
    simple = not _is_long(value) and isinstance(value, str | bool | int | float)
    word = str(value).strip().lower() if simple else ""
    match expected:
        case "a boolean":
            form = "`true`" if word in YES else "`false`" if word in NO else "`true` or `false`"
        case "an integer" | "a number":
            plain = "a number, without quotes" if isinstance(value, str) else "a whole number" if expected == "an integer" else "a number"
            form = f"`{int(float(word))}`" if _is_whole(word) else plain
        case "a string" if len(choices) > 1:
            form = "one of " + ", ".join(f"`{keys.quote(each)}`" for each in choices)
        case "a string":
            form = f"`{keys.quote(word)}`" if simple else "text in quotes"
        case "an array" if not isinstance(value, dict):
            form = f"`[{keys.literal(value)}]`" if simple else "values in square brackets"
        case "an integer or a string" if _is_whole(word):
            form = f"`{int(float(word))}`"
        case "a table" | "an array":
            form = f"`{_header(path, is_array=expected == 'an array' or isinstance(path[-1], int))}` and its keys below it"
        case _ if found and found.path == path:
            form = _article(found.type)
        case _:
            return ""
    return f"write {form}"


def _is_long(value: object) -> bool:
    """Whether `value` is too long to be shown; Python does not even convert an integer of many digits."""
    return value.bit_length() > MAX_BITS if isinstance(value, int) else len(str(value)) > QUOTED_LENGTH


def _header(path: KeyPath, *, is_array: bool) -> str:
    """The header of the table at `path`; of all units or targets, that of one of them."""
    words, known = keys.dotted(tuple(each for each in path if isinstance(each, str))), keys.keys()
    name = ".NAME" if len(path) == 1 and (*path, keys.NAMED) in {each[:2] for each in known} else ""
    return f"[[{words}]]" if is_array else f"[{words}{name}]"


def _is_whole(word: str) -> bool:
    digits = word.removeprefix("-").removesuffix(".0")
    return digits.isascii() and digits.isdecimal()


def _unknown(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    del error
    table = keys.dotted(path[:-1])
    return f"unknown key {quoted(path[-1])}" + (f" in `[{table}]`" if table else ""), _did_you_mean(path)


def _did_you_mean(path: KeyPath) -> str:
    """Where a key of this very name belongs, or up to three near matches, those beside it first."""
    name, above, known = str(path[-1])[:100], keys.pattern(path)[:-1], keys.keys()
    word = name.lower().replace("_", "-")
    beside = [each[-1] for each in known if each[:-1] == above]
    if likely := difflib.get_close_matches(word, beside, n=3, cutoff=LIKELY):
        return f"did you mean {keys.either(f'`{each}`' for each in likely)}?"
    tables = sorted({keys.place(each[:-1]) for each in known if each[-1] == name})
    if tables:
        return f"this key belongs {keys.either(tables[:3])}"
    close = difflib.get_close_matches(word, {each[-1] for each in known}, n=3)
    here = [f"`{each}`" for each in close if (*above, each) in known]
    if close and (*above, close[0]) not in known:
        here = [f"`{each[-1]}` {keys.place(each[:-1])}" for each in known if each[-1] == close[0]] + here
    return f"did you mean {keys.either(here[:3])}?" if here else f"no such key{_listed(beside)}"


def _listed(names: Sequence[str]) -> str:
    """The keys of a table, for a word that is like none of them."""
    some = ", ".join(f"`{each}`" for each in names[:FEW])
    return f"; the keys here are {some}{', ...' if len(names) > FEW else ''}" if names else ""


def _missing(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    del error
    return f"`{keys.dotted(path[:-1])}` lacks the key `{path[-1]}`", f"add `{path[-1]} = ...`"


def _value(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    """Message and label for a value of the right type that is not allowed."""
    name, value = f"`{keys.dotted(path)}`", error["input"]
    if "[key]" in error["loc"]:
        return f"{quoted(path[-1])} cannot be a name", "a name is made of letters, digits, `_`, `-` and `.`, at most 100 of them"
    if error["type"] in LIMITS:
        what, label = LIMITS[error["type"]]
        return f"{name} {what}", label
    if error["type"] == "literal_error":
        return f"{name} cannot be {quoted(value)}", _choice(path, value)
    if error["type"] in BOUNDS:
        entry, words = BOUNDS[error["type"]]
        return f"{name} cannot be {quoted(value)}", f"must be {words} {error.get('ctx', {})[entry]}"
    if error.get("ctx", {}).get("pattern") == DIGEST:
        return f"{name} cannot be {quoted(value)}", "a digest is 64 of `0` to `9` and `a` to `f`"
    reason = "must not be empty" if value == "" else "must not hold a NUL" if "\0" in str(value) else "must not hold white space"
    return f"{name} cannot be {quoted(value)}", reason


def _choice(path: KeyPath, value: object) -> str:
    """The near match among a key's values, and all of them."""
    found = keys.find(path)
    choices = list(keys.choices(found.field.annotation)) if found else []
    if found and len(choices) == 1:
        return f"write `{value}`, without quotes" if _is_whole(str(value)[:QUOTED_LENGTH]) else f"write {_article(found.type)}"
    lower = {each.lower(): each for each in choices}
    close = difflib.get_close_matches(str(value)[:100].lower(), lower, n=1)
    listed = "one of " + ", ".join(f"`{each}`" for each in choices)
    return f"did you mean `{lower[close[0]]}`? {listed}" if close else listed


def quoted(value: object) -> str:
    """`value` in backquotes, a string in quotes only where it needs them, cut to what fits a line."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return f"an integer of {value.bit_length()} bits"
    words = value if isinstance(value, str) and keys.BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False, default=str)
    return f"`{words if len(words) <= QUOTED_LENGTH else words[: QUOTED_LENGTH - 3] + '...'}`"
