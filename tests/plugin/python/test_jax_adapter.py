"""The cases of JAX, in a process of their own: JAX has threads, and other tests fork."""

import sys
from pathlib import Path

import pytest

from bootstrap.process import run

CASES = Path(__file__).with_name("jax_cases.py")


@pytest.mark.needs("jax")
def test_cases_of_jax() -> None:
    done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CASES)])
    assert done.status == 0, done.stdout
    assert "2 passed" in done.stdout
