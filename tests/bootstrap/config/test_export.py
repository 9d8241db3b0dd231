"""The model in words that can be compared."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from bootstrap.config.export import exported, typed
from bootstrap.config.keys import keys
from bootstrap.config.model import ChangeId, Natural, Number, TypedActivity, Word


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "boolean"),
        (Word, "string"),
        (Word | None, "string"),
        (Natural, "integer >= 0 <= 9223372036854775807"),
        (Annotated[float, Field(gt=0)], "float > 0"),
        (Literal["a", "b"], '"a" | "b"'),
        (tuple[Literal["a", "b"], ...], 'array of ("a" | "b")'),
        (Annotated[tuple[Word, ...], Field(min_length=1)], "array of string at least 1"),
        (ChangeId, 'integer >= 0 <= 9223372036854775807 | "ignore"'),
        (Number, "Number"),
    ],
)
def test_a_type_in_words(annotation: object, words: str) -> None:
    assert typed(annotation) == words


def test_a_table_or_a_word_is_a_union() -> None:
    assert typed(TypedActivity).endswith('| "DuplicatedOnly" | table')


def test_every_key_that_is_no_mere_table_is_exported() -> None:
    model = exported()
    assert model["build", "jobs"].type == "integer >= 0 <= 4096"
    assert (model["build", "jobs"].default, model["build", "jobs"].since) == (0, "0.1.0")
    assert model["llvm", "enzyme"].gate == "autodiff"
    assert model["unit", "*", "sources"].required
    assert model["unit", "*", "autodiff"].type == "array of table"
    assert ("unit",) not in model
    assert ("llvm",) not in model
    assert set(keys()) - set(model) == {("llvm",), ("rust",), ("build",), ("enzyme",), ("cfg",), ("target",), ("unit",)}
