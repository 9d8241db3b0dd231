"""The configuration's table for the machine that it is read on."""

from __future__ import annotations

from bootstrap import llvm
from bootstrap.config.model import Config, Target


def target_of(config: Config) -> Target:
    """The configuration's table for this machine, or its defaults."""
    return config.target.get(llvm.host_triple(), Target())
