"""What may stand in a rule, whatever the function is."""

import pytest

from plugin.rules.rule import Rule


@pytest.mark.parametrize(
    "given",
    [
        {"augmented": "a", "reverse": "r"},
        {"augmented": "a", "reverse": "r", "forward": "f"},
        {"forward": "f"},
        {"inactive": True},
        {"like": "sin"},
        {"free": "give", "size": 0},
    ],
)
def test_a_rule_that_says_one_thing_is_right(given: dict[str, object]) -> None:
    assert list(Rule(symbol="f", **given).faults_of_form()) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "part", "words"),
    [
        ({}, "symbol", "says nothing"),
        ({"inactive": True, "like": "sin"}, "symbol", "several things"),
        ({"augmented": "a"}, "augmented", "no `reverse`"),
        ({"reverse": "r"}, "reverse", "no `augmented`"),
        ({"free": "give"}, "free", "no `size`"),
        ({"size": 1}, "size", "no `free`"),
        ({"like": "sine"}, "like", "no derivative of a function `sine`"),
    ],
)
def test_what_is_wrong_is_told_of_its_part(given: dict[str, object], part: str, words: str) -> None:
    [(told, message, remedy)] = Rule(symbol="f", **given).faults_of_form()  # type: ignore[arg-type]
    assert told == part
    assert words in message
    assert remedy
