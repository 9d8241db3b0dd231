"""A toolchain whose cache is new for each run of the tests."""

from pathlib import Path

import pytest

from plugin.python.library import Library
from plugin.python.toolchain import Toolchain

KERNELS = """
#include <math.h>
#include <stddef.h>

double rosenbrock(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        sum += 100 * a * a + b * b;
    }
    return sum;
}

double power(double base, double factor, int exponent) {
    double product = factor;
    for (int i = 0; i < exponent; i++) product *= base;
    return product;
}

float norm(const float *x, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}

/* the squares go through memory that the caller lends */
double through(const double *x, double *work, size_t n) {
    for (size_t i = 0; i < n; i++) work[i] = x[i] * x[i];
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += work[i] * (double)i;
    return sum;
}

void squares(const double *x, double *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = x[i] * x[i];
}

double at(const double *x, const int *where, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += sin(x[where[i]]);
    return sum;
}

short nearest(double x) { return (short)x; }
"""


@pytest.fixture(scope="session")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    """The default configuration, and a cache of its own."""
    return Toolchain(cache=tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def kernels(toolchain: Toolchain) -> Library:
    """The functions of `KERNELS`."""
    return toolchain.compile(KERNELS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file with `KERNELS`."""
    path = tmp_path / "kernels.c"
    path.write_text(KERNELS)
    return path
