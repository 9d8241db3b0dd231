"""What all tests share: the marker `needs`, which ties a test to the tools that it runs."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bootstrap.console import console

PROBES = {
    **{name: (sys.executable, "-c", f"import {name}") for name in ("jax", "torch")},
    "llvm-15-dev": ("test", "-e", "/usr/lib/llvm-15/lib/cmake/llvm/LLVMConfig.cmake"),
    "unshare": ("unshare", "--map-root-user", "--mount", "true"),
}
"""How to find out whether a tool can be used, where `TOOL --version` does not tell."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tools are missing; fail it where HOLOENZYME_REQUIRE, a list with commas, promises them."""
    required = os.environ.get("HOLOENZYME_REQUIRE", "").split(",")
    for marker in item.iter_markers("needs"):
        missing = [name for name in marker.args if not usable(name)]
        promised = [name for name in missing if name in required]
        if promised:
            pytest.fail(f"HOLOENZYME_REQUIRE names {', '.join(promised)}, which can't be used here", pytrace=False)
        if missing:
            pytest.skip(f"needs {', '.join(missing)}")


@functools.cache
def usable(name: str) -> bool:
    """Whether the tool `name` is on PATH and starts: what is found may be the shim of a version manager with nothing behind."""
    command = PROBES.get(name, (name, "--version"))
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


@pytest.fixture(autouse=True)
def _console_as_it_was() -> Iterator[None]:
    """The console is one for a process, and a command line sets it up: no test is to find what another one said."""
    before = console.verbosity, console.color
    yield
    console.verbosity, console.color = before
