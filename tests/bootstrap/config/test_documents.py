"""The generated files are fresh, complete and true."""

import json
import re
import tomllib

import jsonschema
import pytest

from bootstrap.config import documents, keys
from bootstrap.config.layers import flatten
from bootstrap.config.model import Config
from bootstrap.gates import FEATURES


@pytest.mark.parametrize("path", documents.generated(), ids=lambda path: path.name)
def test_generated_files_are_fresh(path: object) -> None:
    assert documents.generated()[path] == path.read_text(encoding="utf-8"), f"stale: run `{documents.REFRESH}`"  # type: ignore[attr-defined,index]


def uncommented() -> dict[str, object]:
    """The example with every key switched on."""
    return tomllib.loads(re.sub(r"^#(?=\[|[a-z0-9-]+ = )", "", documents.example(), flags=re.MULTILINE))


def test_the_example_as_it_is_sets_nothing() -> None:
    assert Config.model_validate(tomllib.loads(documents.example())) == Config()


def test_the_example_with_every_key_switched_on_is_valid_and_complete() -> None:
    data = uncommented()
    config = Config.model_validate(data)
    found = {keys.pattern(path) for path in flatten(data)}
    unit = data["unit"]["example"]  # type: ignore[index]
    found |= {("unit", "*", table, key) for table in ("autodiff", "rule", "verify") for key in unit[table][0]}
    expected = {
        path
        for path, key in keys.keys().items()
        if not key.is_table and (len(path) < 4 or path[3] not in ("inputs", "args") or len(path) == 4)
    }
    assert found == expected
    assert config.unit["example"].autodiff


def test_every_default_in_the_example_is_the_default() -> None:
    defaults = Config().model_dump(mode="json", by_alias=True)
    for path, value in flatten(uncommented()).items():
        key = keys.find(path)
        assert key
        if keys.NAMED not in key.path and key.default is not None:
            table, *rest = map(str, path)
            assert value == (defaults[table][rest[0]] if rest else defaults[table])


SCHEMA = json.loads(documents.schema())
GOOD = """
change-id = 3
[rust]
channel = "nightly"
[llvm]
enzyme = true
[target.x86_64-unknown-linux-gnu]
cc = "gcc"
[unit.u]
sources = ["a.c"]
[[unit.u.autodiff]]
source = "f"
target = "g"
mode = "reverse"
inputs = ["Active", { activity = "Const", type = "f64" }]
[[unit.u.verify]]
target = "g"
args = [1, 2.5, true, [1, [2.5]], { count = 3 }]
"""
BAD = [
    "nope = 1",
    "change-id = 'x'",
    "change-id = -1",
    "llvm.enzyme = 'yes'",
    "llvm.enzime = true",
    "rust.channel = 'nightyl'",
    "build.jobs = 1.5",
    "unit.u.kind = 'ir'",
    "unit.u.sources = []",
    "unit.'a/b'.sources = ['a']",
    "unit.u = {sources = ['a'], verify = [{target = 'g', args = ['s']}]}",
    "cfg.set = ['']",
]


def test_the_schema_is_a_schema_and_takes_what_the_model_takes() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for text in (GOOD, documents.example(), ""):
        data = tomllib.loads(text)
        Config.model_validate(data)
        jsonschema.validate(data, SCHEMA)
    jsonschema.validate(uncommented(), SCHEMA)


@pytest.mark.parametrize("text", BAD)
def test_the_schema_refuses_what_the_model_refuses(text: str) -> None:
    data = tomllib.loads(text)
    with pytest.raises(ValueError, match="validation error"):
        Config.model_validate(data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


def test_the_schema_tells_an_editor_about_every_key() -> None:
    definitions = SCHEMA["definitions"]
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert definitions["Llvm"]["properties"]["enzyme"] == {
        "default": False,
        "description": "the autodiff flag: units may ask for derivatives, made by Enzyme",
        "type": "boolean",
        "x-since": "0.1.0",
    }
    for definition in [SCHEMA, *definitions.values()]:
        for key in definition.get("properties", {}).values():
            assert key["description"]


def test_the_table_names_every_key_and_every_gate() -> None:
    table = documents.table()
    for path, key in keys.keys().items():
        assert (f"| `{'.'.join('NAME' if part == '*' else part for part in path)}` |" in table) is not key.is_table
    for feature in FEATURES:
        assert f"the feature {feature.name} ({feature.status})" in table


def test_a_manual_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold the lines"):
        documents.with_table("# Configuration\n")
    assert documents.with_table(f"a\n{documents.BEGIN}\nold\n{documents.END}\nb\n").startswith(f"a\n{documents.BEGIN}\n\n| key |")


def test_every_key_has_what_the_documents_show() -> None:
    for path, key in keys.keys().items():
        assert key.doc, path
        assert key.since, path
        assert not key.doc.endswith("."), path
        assert key.example is not None or key.section, path
