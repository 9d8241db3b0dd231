"""The configuration: one model, its layers, and the resolved values with the places that they came from."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator

LOADER = "pydantic.plugin._loader"


@contextlib.contextmanager
def _without_plugins() -> Iterator[None]:
    """Build the model without pydantic's plugins: to find them it reads the metadata of everything that is installed.

    That takes longer than to read and validate a configuration a hundred times, and PYDANTIC_DISABLE_PLUGINS comes too late to save the
    imports. Others in the process, when there are any, find the plugins as ever; where pydantic has no such module, nothing is gained.
    """
    if LOADER in sys.modules:
        yield
        return
    sys.modules[LOADER] = types.ModuleType(LOADER)
    sys.modules[LOADER].__dict__["get_plugins"] = tuple
    try:
        yield
    finally:
        del sys.modules[LOADER]


with _without_plugins():
    from bootstrap.config.resolve import Resolved, advice, arguments_of, examine, extended, in_order, load, load_for, read, require_unit

__all__ = ["Resolved", "advice", "arguments_of", "examine", "extended", "in_order", "load", "load_for", "read", "require_unit"]
