"""Newton's method with a compiled Hessian, on Rosenbrock's function in five dimensions."""

import numpy as np

import holoenzyme

SOURCE = """
#include <stddef.h>

double rosenbrock(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        sum += 100 * a * a + b * b;
    }
    return sum;
}
"""

function = holoenzyme.Toolchain().compile(SOURCE).rosenbrock
gradient, hessian = holoenzyme.grad(function), holoenzyme.hessian(function)

x = np.array([0.8, 1.2, 0.9, 1.1, 1.3])
for step in range(20):
    slope = gradient(x, x.size)
    print(f"{step:2}  f {function(x, x.size):10.3e}  slope {np.linalg.norm(slope):8.1e}")
    if np.linalg.norm(slope) < 1e-10:
        break
    x = x - np.linalg.solve(hessian(x, x.size), slope)
print("minimum at", x)
