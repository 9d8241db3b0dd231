"""What the configuration costs: `python benchmarks/config.py`, medians of 20, in milliseconds.

Reading and validating is measured in this process, after the imports; commands are whole processes of this Python. The configuration
sets 108 keys, as one of rust 1.85's size does.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 20
SETTINGS = """\
change-id = 3
profile = "user"
[llvm]
enzyme = true
link-shared = true
[rust]
channel = "nightly"
[build]
build-dir = "build"
jobs = 4
[enzyme]
provider = "auto"
artifact = "driver-22"
strict-aliasing = false
runtime-activity = false
loose-types = false
[cfg]
set = ["fast", 'solver="cg"']
check = ['cfg(solver, values("cg", "gmres"))']
"""
TARGET = """\
[target.{name}]
cc = "clang"
cxx = "clang++"
linker = "clang"
rustc = "rustc"
llvm-config = "llvm-config"
cpu = "native"
"""
UNIT = """\
[unit.{name}]
sources = ["{name}.c"]
kind = "shared"
flags = ["-O2"]
link-flags = ["-lm"]
when = "cfg(unix)"
[[unit.{name}.autodiff]]
source = "{name}"
target = "{name}_grad"
mode = "reverse"
inputs = ["Duplicated", "Const"]
ret = "Active"
[[unit.{name}.verify]]
target = "{name}_grad"
args = [[1.0, 2.0], 2]
tolerance = 1e-6
"""


def configuration() -> str:
    """A file that sets 108 keys."""
    text = SETTINGS + "".join(TARGET.format(name=f"target{number}") for number in range(2))
    count = 1
    while text.count(" = ") + UNIT.count(" = ") <= 108:  # noqa: PLR2004 - rust 1.85's size
        text += UNIT.format(name=f"unit{count}")
        count += 1
    return text + "".join(f"[target.more{number}]\ncc = 'cc'\n" for number in range(108 - text.count(" = ")))


def median(measured: Callable[[], object]) -> float:
    """Milliseconds that a call takes; the first, which fills caches, does not count."""
    measured()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        measured()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def command(*words: str) -> Callable[[], object]:
    """A whole process of the command line."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HOLOENZYME_")}
    environment |= {"PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    line = [sys.executable, "-c", "import sys, holoenzyme; sys.exit(holoenzyme.main())", *words]
    return lambda: subprocess.run(line, check=True, env=environment, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print the table."""
    sys.path.insert(0, str(ROOT))
    from bootstrap.config import load  # noqa: PLC0415 - the imports are not part of the figure

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("config.toml").write_text(configuration(), encoding="utf-8")
        keys = configuration().count(" = ")
        figures = {
            "python -c pass": (median(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)), None),
            f"read and validate {keys} keys": (median(lambda: load(None, environment={})), 10),
            "holoenzyme --help": (median(command("--help")), 80),
            "holoenzyme config get rust.channel": (median(command("config", "get", "rust.channel")), 150),
            "holoenzyme check": (median(command("check")), None),
            "holoenzyme config set build.jobs 4": (median(command("config", "set", "build.jobs", "4")), 250),
        }
    for name, (measured, goal) in figures.items():
        sys.stdout.write(f"{name:<40} {measured:7.1f} ms" + (f"   (at most {goal})" if goal else "") + "\n")


if __name__ == "__main__":
    main()
