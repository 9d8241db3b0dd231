"""What the news of the change tracker cost a command, in milliseconds; the goal is 5 ms at most.

`python benchmarks/changes.py [ENTRIES]` measures three configurations: one that knows every change, one that is behind and was told, and
one that is behind and is told now, with the record written. First over a made history of ENTRIES changes (100), of which ten are news, many
times in one process; then over holoenzyme's own history, as the first thing that a process does after its work, with all imports.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from bootstrap.config import resolve  # noqa: E402 - a script is not in the folder that it imports from
from change_tracker import history, numbers  # noqa: E402

RUNS = 200
PROCESSES = 11
NEWS = 10
ENTRY = """severity = "warning"
kind = "renamed"
keys = ["build.old-{number}", "build.new-{number}"]
summary = "`build.old-{number}` is `build.new-{number}` now, and what it does stays the same for all who do not set it"
since = "0.2.0"

[[migration]]
rename = "build.old-{number}"
to = "build.new-{number}"
"""
CONFIG = 'change-id = {known}\n[build]\njobs = 3\n[unit.a]\nsources = ["a.c"]\n'
CHILD = """
import argparse, sys, time
from pathlib import Path
import holoenzyme
from bootstrap.config import resolve
from bootstrap.console import Console
Console.interactive = property(lambda _: True)
resolved, options = resolve.read(Path(sys.argv[1])), argparse.Namespace(json=False, dry_run=False, command="build")
start = time.perf_counter()
from bootstrap import herald
herald.tell(resolved, options)
print((time.perf_counter() - start) * 1000)
"""


def summed_up(times: list[float]) -> str:
    """The median and the worst of times in milliseconds."""
    return f"median {statistics.median(times):6.2f} ms, worst {max(times):6.2f} ms"


def repeated(file: Path, before: Callable[[], object]) -> str:
    """Telling the news for `file` in this process, with `before` done each time."""
    from bootstrap import herald  # noqa: PLC0415 - as a command imports it

    resolved, options = resolve.read(file), argparse.Namespace(json=False, dry_run=False, command="build")
    herald.tell(resolved, options)
    times = []
    for _ in range(RUNS):
        before()
        start = time.perf_counter()
        herald.tell(resolved, options)
        times.append((time.perf_counter() - start) * 1000)
    return summed_up(times)


def alone(file: Path, before: Callable[[], object]) -> str:
    """Telling the news for `file` in a process of its own, with `before` done each time."""
    times = []
    for _ in range(PROCESSES):
        before()
        command = [sys.executable, "-c", CHILD, str(file)]
        done = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        times.append(float(done.stdout))
    return summed_up(times)


def measure(root: Path, latest: int, news: int, way: Callable[[Path, Callable[[], object]], str]) -> None:
    """Measure the three configurations in one `way` and print a line for each."""
    forget = lambda: shutil.rmtree(root / "state", ignore_errors=True)  # noqa: E731 - a word for what is done in between
    for words, known, before in (
        ("knows every change", latest, lambda: None),
        ("is behind and was told", latest - news, lambda: None),
        ("is behind and is told now", latest - news, forget),
    ):
        file = root / "config.toml"
        file.write_text(CONFIG.format(known=known))
        way(file, before) if before is not forget else None
        print(f"  {words:<28} {way(file, before)}")


def main() -> None:
    """Measure and print."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        os.environ |= {"XDG_STATE_HOME": str(root / "state"), "HOME": str(root)}
        os.environ.pop("CI", None)
        print("a process of its own, with imports")
        measure(root, numbers.latest(), 1, alone)
        (root / "changes").mkdir()
        for number in range(1, entries + 1):
            (root / "changes" / f"{number:04}-x.toml").write_text(ENTRY.format(number=number))
        for function in (numbers.listed, numbers.latest, history.read):
            function.__defaults__ = (root / "changes",)
        from bootstrap.console import Console  # noqa: PLC0415 - with its switch below

        Console.interactive = property(lambda _: True)  # type: ignore[method-assign,assignment]
        print(f"the same process, {entries} changes, {NEWS} of them news")
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            sys.stderr = nowhere
            measure(root, entries, NEWS, repeated)
            sys.stderr = sys.__stderr__


if __name__ == "__main__":
    main()
