"""A pointer that is its own shadow stops the program, before anything is written."""

import ctypes
import dataclasses
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugin.compile import CompileUnit
from plugin.items.activity import AutoDiffItem

SOURCE = (
    "double f(const double *x, double *y) { y[0] = x[0] * x[0]; return x[0]; }\ndouble g(const double *x) { return x ? x[0] * x[0] : 7; }\n"
)
CHILD = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
x, y, dx = ((ctypes.c_double * 1)(3.0) for _ in range(3))
getattr(library, sys.argv[2])(*[{"x": x, "y": y, "dx": dx}[name] for name in sys.argv[3:]], ctypes.c_double(1))
"""


@pytest.fixture(scope="module")
def library(job: Callable[..., CompileUnit], reverse: Callable[..., AutoDiffItem], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The derivatives of both, and that of `f` that decides while the program runs what is active."""
    source = tmp_path_factory.mktemp("alias") / "k.c"
    source.write_text(SOURCE, encoding="utf-8")
    plain = reverse("f", "f_grad", "Duplicated Duplicated", "ActiveOnly")
    runtime = dataclasses.replace(plain, target="f_runtime", runtime_activity=True, index=1)
    items = [plain, runtime, reverse("g", "g_grad", "Duplicated", "ActiveOnly", 2)]
    return job("alias", [source], items).run(lambda _: None).output


def called(library: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHILD, library, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("arguments", "name"), [("x x y dx", "dx"), ("x dx y y", "dy")])
def test_a_shadow_that_is_its_primal_is_told(library: Path, arguments: str, name: str) -> None:
    done = called(library, "f_grad", *arguments.split())
    assert done.returncode == -signal.SIGABRT
    assert done.stderr == f"holoenzyme: shadow '{name}' of f_grad is its primal, it needs memory of its own\n"


def test_where_it_means_that_the_pointer_is_constant_it_does(library: Path) -> None:
    assert called(library, "f_runtime", "x", "x", "y", "dx").returncode == 0


def test_null_may_be_its_own_shadow(library: Path) -> None:
    loaded = ctypes.CDLL(str(library))
    loaded.g_grad(None, None, ctypes.c_double(1))
    x, dx = (ctypes.c_double * 1)(3.0), (ctypes.c_double * 1)(0.0)
    loaded.g_grad(x, dx, ctypes.c_double(1))
    assert dx[0] == 6
