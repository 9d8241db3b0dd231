"""The configuration: one model, its layers, and the resolved values with the places that they came from."""

from __future__ import annotations

from bootstrap.config.resolve import Resolved, load, load_for, read, require_unit

__all__ = ["Resolved", "load", "load_for", "read", "require_unit"]
