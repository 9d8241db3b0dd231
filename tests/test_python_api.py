"""The front door to Python: every name is there, and none is imported before it is asked for."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import holoenzyme
from bootstrap.diagnostics import Failure

ROOT = Path(__file__).parents[1]


def said(program: str) -> str:
    """What a Python program prints that can import holoenzyme."""
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_every_name_is_found_where_the_table_says() -> None:
    assert set(holoenzyme.API) | {"Error", "main"} == set(holoenzyme.__all__)
    for name, module in holoenzyme.API.items():
        if name == "to_torch" and importlib.util.find_spec("torch") is None:
            continue
        found = getattr(holoenzyme, name)
        assert found.__module__ == module
        assert found.__doc__, f"{name} has documentation"
    assert set(holoenzyme.API) <= set(dir(holoenzyme))
    assert holoenzyme.Error is Failure


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'holoenzyme' has no attribute 'gard'"):
        _ = holoenzyme.gard  # type: ignore[attr-defined]


def test_the_command_line_loads_nothing_of_it() -> None:
    program = "import holoenzyme; print([each for each in sys.modules if each.startswith(('plugin.python', 'numpy', 'llvmlite', 'numba'))])"
    assert said(program) == "[]"


def test_the_api_itself_needs_neither_numba_nor_llvmlite() -> None:
    program = "import holoenzyme; holoenzyme.grad; print([each for each in ('numba', 'llvmlite', 'jax', 'torch') if each in sys.modules])"
    assert said(program) == "[]"


@pytest.mark.parametrize(
    ("package", "asked", "extra"),
    [
        ("numpy", "holoenzyme.Toolchain", "python"),
        ("numba", "holoenzyme.differentiable", "numba"),
        ("numba", "holoenzyme.grad(lambda x: x)", "numba"),
        ("jax", "holoenzyme.to_jax", "jax"),
        ("torch", "holoenzyme.to_torch", "torch"),
    ],
)
def test_without_a_package_the_message_says_what_to_install(package: str, asked: str, extra: str) -> None:
    program = (
        f"import holoenzyme; sys.modules['{package}'] = None\n"
        f"try: {asked}\n"
        "except holoenzyme.Error as error: print(error.code, error.diagnostics[0].help[0])"
    )
    assert said(program) == f"E0270 pip install 'holoenzyme[{extra}]'"
