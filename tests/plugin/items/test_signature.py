"""Signatures as they stand in a unit's record."""

import json
from collections.abc import Callable

import pytest

from plugin.items.activity import AutoDiffItem
from plugin.items.signature import Derivative, Function


@pytest.fixture
def made(derivative: Callable[..., Derivative], reverse: Callable[..., AutoDiffItem]) -> Derivative:
    return derivative(reverse("f", "f_grad", "Duplicated Const Active", "Active"), "double <- ptr %x, i32 signext %n, double %a")


def test_a_derivative_comes_back_from_its_json(made: Derivative) -> None:
    back = Derivative.from_json(json.loads(json.dumps(made.as_json())))
    assert back.as_json() == made.as_json()
    assert (back.item.mode, back.item.inputs, back.item.ret) == (made.item.mode, made.item.inputs, made.item.ret)
    assert (back.primal.spelling, back.results) == (made.primal.spelling, made.results)
    assert [(each.name, each.type, each.role, each.index) for each in back.parameters] == [
        ("x0", "ptr", "primal", 0),
        ("dx0", "ptr", "shadow", 0),
        ("x1", "i32", "primal", 1),
        ("x2", "double", "primal", 2),
        ("dret", "double", "seed", -1),
    ]


@pytest.mark.parametrize("key", ["target", "source", "mode", "inputs", "ret", "primal", "parameters", "results"])
def test_json_that_lacks_something_is_no_derivative(made: Derivative, key: str) -> None:
    data = made.as_json()
    del data[key]
    with pytest.raises(KeyError):
        Derivative.from_json(data)


@pytest.mark.parametrize("change", [{"mode": "sideways"}, {"ret": "Activ"}, {"inputs": ["Dupe"]}])
def test_json_with_other_words_is_no_derivative(made: Derivative, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        Derivative.from_json(made.as_json() | change)


def test_a_function_is_spelled_as_llvm_does() -> None:
    f = Function(name="f", returns="double", parameters=("ptr", "i64"), extensions=("", ""))
    assert f.spelling == "double (ptr, i64)"
    none = Function(name="f", returns="void", parameters=(), extensions=(), is_variadic=True)
    assert none.spelling == "void (...)"
