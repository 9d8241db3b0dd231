"""The real rust tree, found as the tests of the cfg lists find it."""

from tests.bootstrap.cfg.rust.conftest import rust_src

__all__ = ["rust_src"]
