"""How long `audit cfg` takes over a whole tree of rust-lang/rust, and over a compiler.

    python -m benchmarks.audit_cfg DIR [RUSTC]

prints the median of several audits of the tree at DIR after start-up, and its parts; with RUSTC also one audit of that compiler, with
unstable features allowed. The first audit, which reads from a cold disk, does not count. Ends with 1 when a limit is exceeded.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from bootstrap.cfg.audit import audit
from bootstrap.cfg.rust import binary, source

REPEATS = 7
LIMIT_TREE = 1.5
"""Seconds that the audit of a tree may take."""
LIMIT_COMPILER = 20.0
"""Seconds that the audit of a compiler may take."""


def tree(root: Path) -> bool:
    """Measure the audit of a tree; gives whether it keeps its limit."""
    source.read(root)
    reading, judging = [], []
    for _ in range(REPEATS):
        started = time.perf_counter()
        facts = source.read(root)
        done = time.perf_counter()
        found = audit(facts)
        reading.append(done - started)
        judging.append(time.perf_counter() - done)
    whole, read, judged = (statistics.median(each) for each in (map(sum, zip(reading, judging, strict=True)), reading, judging))
    print(f"tree      {whole:6.2f} s  (reading {read:.2f} s, rules {judged:.3f} s, {len(found)} findings)")
    return whole <= LIMIT_TREE


def compiler(path: str) -> bool:
    """Measure the audit of a compiler; gives whether it keeps its limit."""
    started = time.perf_counter()
    found = audit(binary.read(path, allow_bootstrap=True))
    whole = time.perf_counter() - started
    print(f"compiler  {whole:6.2f} s  ({len(found)} findings)")
    return whole <= LIMIT_COMPILER


if __name__ == "__main__":
    kept = [tree(Path(sys.argv[1])), *(compiler(each) for each in sys.argv[2:3])]
    sys.exit(0 if all(kept) else 1)
