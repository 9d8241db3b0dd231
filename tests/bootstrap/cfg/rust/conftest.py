"""The small tree, and the real one where it can be had."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.bootstrap.cfg.rust import rust_source
from tests.bootstrap.cfg.rust.small_tree import SmallTree


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A small tree whose lists agree."""
    return SmallTree().write(tmp_path / "rust")


@pytest.fixture(scope="session")
def rust_src() -> Path:
    """The tree of Rust 1.85.0; without it the test is skipped, or fails where HOLOENZYME_REQUIRE names `rust-src`."""
    try:
        return rust_source.find()
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        if "rust-src" in os.environ.get("HOLOENZYME_REQUIRE", "").split(","):
            raise
        pytest.skip(f"needs the source of Rust 1.85: {error}")
