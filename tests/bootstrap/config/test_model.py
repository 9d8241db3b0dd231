"""The model's own habits."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from bootstrap.config import keys
from bootstrap.config.model import Config, Section, Unit, kind

ROOT = Path(__file__).parents[3]


def sections() -> list[type[Section]]:
    return [Config, *dict.fromkeys(key.section for key in keys.keys().values() if key.section)]


@pytest.mark.parametrize("section", sections(), ids=lambda each: each.__name__)
def test_every_section_is_frozen_strict_and_closed(section: type[Section]) -> None:
    settings = section.model_config
    assert (settings.get("frozen"), settings.get("strict"), settings.get("extra")) == (True, True, "forbid")
    assert section.__doc__


def test_keys_are_kebab_case_only() -> None:
    assert Config.model_validate({"build": {"build-dir": "x"}}).build.build_dir == "x"
    with pytest.raises(ValidationError):
        Config.model_validate({"build": {"build_dir": "x"}})


def test_lists_become_tuples_and_a_word_is_no_list() -> None:
    unit = Unit.model_validate({"sources": ["a.c"]})
    assert unit.sources == ("a.c",)
    assert hash(unit.sources)
    with pytest.raises(ValidationError):
        Unit.model_validate({"sources": "a.c"})


@pytest.mark.parametrize(
    ("value", "expected"), [(True, "boolean"), (1, "integer"), (1.5, "float"), ("", "string"), ([], "array"), ({}, "table")]
)
def test_kinds_are_tomls(value: object, expected: str) -> None:
    assert kind(value) == expected


@pytest.mark.parametrize("name", ["a", "a.b", "-", "_", "a-b_c.1", "x" * 100])
def test_names_that_can_be_folders(name: str) -> None:
    assert list(Config.model_validate({"unit": {name: {"sources": ["a"]}}}).unit) == [name]


@pytest.mark.parametrize("name", ["", ".", "..", "...", "a/b", "a b", "ä", "a\n", "x" * 101, "a\\b", "~", "*"])
def test_names_that_cannot(name: str) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"unit": {name: {"sources": ["a"]}}})


def child(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_good_path_imports_neither_tomlkit_nor_plugins_of_pydantic(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("profile = 'dist'\n[rust]\nchannel = 'nightly'\n[llvm]\nenzyme = true\n")
    heavy = ["tomlkit", "pydantic.plugin._loader", "subprocess", "shtab", "llvmlite", "rich", "bootstrap.config.places"]
    program = f"import sys, pathlib; from bootstrap.config import load; load(pathlib.Path({str(path)!r}))"
    program += f"; print([each for each in {heavy} if each in sys.modules])"
    assert child(program) == "[]\n"


def test_pydantic_finds_its_plugins_after_us() -> None:
    program = "import bootstrap.config, pydantic.plugin._loader as loader; print(loader.get_plugins.__module__)"
    assert child(program) == "pydantic.plugin._loader\n"


def test_help_does_not_import_the_model() -> None:
    program = "import sys, holoenzyme\ntry: holoenzyme.main(['--help'])\nexcept SystemExit: pass\nprint('pydantic' in sys.modules)"
    assert child(program).endswith("False\n")
