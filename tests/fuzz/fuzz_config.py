"""Fuzz the reader by coverage with atheris: `python tests/fuzz/fuzz_config.py -max_total_time=60`.

An input is the text of a configuration. Whatever it is, `load` gives a configuration or raises `Failure`, and every form of what is
wrong can be printed; anything else is a finding, which atheris writes to a file beside.
"""

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["bootstrap", "tomllib", "tomlkit"]):
    from bootstrap.config import load
    from bootstrap.diagnostics import FORMATS, Failure, rendered

SCRATCH = Path(tempfile.mkdtemp(prefix="holoenzyme-fuzz-"))
FILE = SCRATCH / "config.toml"


def fuzz(raw: bytes) -> None:
    """One input."""
    FILE.write_bytes(raw)
    try:
        load(FILE, environment={})
    except Failure as failure:
        for form in FORMATS:
            rendered(failure.diagnostics, form).encode()


if __name__ == "__main__":
    found = SCRATCH / "found"
    found.mkdir()
    seeds = ROOT / "tests" / "data" / "config"
    atheris.Setup([*sys.argv, "-timeout=2", "-rss_limit_mb=1000", str(found), str(seeds)], fuzz)  # new inputs go to the first folder
    atheris.Fuzz()
