"""What a configuration was told already: one small record for each, so that news is told once.

A record counts only for the file that it was written for, and only while that file says the `change-id` that it said then; so a
configuration that moved, or was replaced, is told anew. A record that cannot be understood is none.
"""

from __future__ import annotations

import hashlib
import json


def name(config: str) -> str:
    """The name of the record's file for the configuration with the real path `config`."""
    return f"{hashlib.sha256(config.encode(errors='surrogateescape')).hexdigest()[:24]}.json"


def written(config: str, change_id: int | None, latest: int) -> str:
    """The record that `config`, saying `change_id`, was told everything up to `latest`."""
    return json.dumps({"config": config, "change-id": change_id, "told": latest}) + "\n"


def read(text: str, config: str, change_id: int | None) -> int:
    """The id up to which `config` was told, by the record `text`; 0 when the record does not say so."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return 0
    if not isinstance(record, dict) or (record.get("config"), record.get("change-id")) != (config, change_id):
        return 0
    told = record.get("told")
    return told if isinstance(told, int) and not isinstance(told, bool) and told > 0 else 0
