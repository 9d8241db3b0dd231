"""What the stand-in for a C compiler costs: `python benchmarks/cc.py [--compiler clang-15]`, medians of quotients and differences.

A short file without derivatives is compiled by the compiler and by `holoenzyme cc` in turn: printed is what the stand-in adds, in
milliseconds. Then the same for generated files with derivatives: printed is the quotient. `--limit-plain 60 --limit-derivative 2.5` makes
the exit status 1 where a median is above.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from plugin.wrap.door import main; sys.exit(main())"
"""What the console script does."""

PLAIN = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'
HEAD = """\
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
extern int enzyme_dup, enzyme_const;
double __enzyme_autodiff(void *, ...);
"""
FUNCTIONS = """
double layer{0}(const double *x, size_t n, double a) {{
    double sum = 0, best = -1e300;
    for (size_t i = 0; i < n; i++) {{
        double y = x[i] * a + {0}.5;
        if (y > best)
            best = y;
        sum += sin(y) * exp(-y * y / ({0} + 2.0));
    }}
    for (size_t i = 0; i + 1 < n; i++)
        for (size_t j = i + 1; j < n; j++) {{
            double d = x[i] - x[j];
            sum += d * d / (1 + fabs(d) + {0}.25);
        }}
    return sum / (1 + best * best);
}}

int report{0}(const char *name, const double *x, size_t n, char *buffer, size_t size) {{
    size_t used = 0;
    int lines = 0;
    for (size_t i = 0; i < n && used < size; i++) {{
        int wrote = snprintf(buffer + used, size - used, "%s[%zu] = %g\\n", name, i, x[i] + {0});
        if (wrote < 0)
            return -1;
        used += (size_t)wrote;
        lines += wrote > 0;
        if (strchr(buffer, 'a' + {0} % 26))
            lines++;
    }}
    return lines;
}}
"""
TAIL = """
double model(const double *x, size_t n) {{
    return {0};
}}

void model_grad(const double *x, double *dx, size_t n) {{
    __enzyme_autodiff((void *)model, enzyme_dup, x, dx, enzyme_const, n);
}}
"""


def source(pairs: int, layers: int) -> str:
    """A file of `pairs` times 31 lines, with the gradient of a function that calls `layers` others."""
    calls = " + ".join(f"layer{index}(x, n, {index + 1}.0)" for index in range(layers))
    return HEAD + "".join(FUNCTIONS.format(index) for index in range(pairs)) + TAIL.format(calls)


def seconds(command: list[str], folder: Path) -> float:
    """How long a command takes, which must go well."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True)
    return time.perf_counter() - start


def measured(compiler: list[str], stand_in: list[str], words: list[str], folder: Path, rounds: int) -> list[tuple[float, float]]:
    """The times of both, taken in turn, after one round that warms the caches."""
    return [(seconds([*compiler, *words], folder), seconds([*stand_in, *words], folder)) for _ in range(rounds + 1)][1:]


def main() -> int:
    """Measure, print, and hold against the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="clang", help="the clang to stand in front of")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--limit-plain", type=float, default=float("inf"), help="milliseconds that the stand-in may add")
    parser.add_argument("--limit-derivative", type=float, default=float("inf"), help="how many times longer a derivative may take")
    options = parser.parse_args()
    triple = f"{os.uname().machine}-unknown-linux-gnu"
    compiler = [options.compiler]
    stand_in = [sys.executable, "-c", START, "--set", f'target.{triple}.cc="{options.compiler}"', "cc"]
    passed = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain.c").write_text(PLAIN)
        pairs = measured(compiler, stand_in, ["-O3", "-c", "plain.c"], folder, 2 * options.rounds)
        added = 1000 * statistics.median(ours - theirs for theirs, ours in pairs)
        print(f"without derivatives: {1000 * statistics.median(each for each, _ in pairs):.0f} ms, the stand-in adds {added:.0f} ms")
        passed = passed and added <= options.limit_plain
        for number, layers in ((32, 1), (32, 4), (64, 8), (128, 8)):
            text = source(number, layers)
            (folder / "model.c").write_text(text)
            pairs = measured(compiler, stand_in, ["-O3", "-c", "model.c"], folder, options.rounds)
            quotient = statistics.median(ours / theirs for theirs, ours in pairs)
            plain, ours = (statistics.median(each[index] for each in pairs) for index in (0, 1))
            lines = len(text.splitlines())
            print(
                f"{lines} lines, {layers} functions differentiated: {plain:.2f} s, with the derivative {ours:.2f} s: {quotient:.2f} times"
            )
            passed = passed and quotient <= options.limit_derivative
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
