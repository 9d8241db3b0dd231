"""An inverse problem: which initial temperature of a rod gave the one that is measured later? Plots it where Matplotlib is."""

import sys

import numpy as np
from scipy.optimize import minimize

import holoenzyme

POINTS, STEPS, DIFFUSION, WEIGHT = 64, 200, 0.2, 1e-6

SOURCE = """
#include <stdlib.h>
#include <string.h>

/* Explicit steps of the heat equation on a rod whose ends are kept at 0. */
static void diffuse(const double *start, double *u, long n, long steps, double rate) {
    double *next = malloc(n * sizeof *next);
    for (long i = 0; i < n; i++) u[i] = start[i];
    for (long step = 0; step < steps; step++) {
        for (long i = 0; i < n; i++) {
            double left = i > 0 ? u[i - 1] : 0, right = i + 1 < n ? u[i + 1] : 0;
            next[i] = u[i] + rate * (left - 2 * u[i] + right);
        }
        for (long i = 0; i < n; i++) u[i] = next[i];
    }
    free(next);
}

void temperature(const double *start, double *end, long n, long steps, double rate) { diffuse(start, end, n, steps, rate); }

/* Half the square of the misfit, and a little of the roughness. */
double misfit(const double *start, const double *measured, long n, long steps, double rate, double weight) {
    double *u = malloc(n * sizeof *u), sum = 0;
    diffuse(start, u, n, steps, rate);
    for (long i = 0; i < n; i++) sum += 0.5 * (u[i] - measured[i]) * (u[i] - measured[i]);
    for (long i = 0; i + 1 < n; i++) sum += 0.5 * weight * (start[i + 1] - start[i]) * (start[i + 1] - start[i]);
    free(u);
    return sum;
}
"""

library = holoenzyme.Toolchain().compile(SOURCE)
place = np.linspace(0, 1, POINTS)
truth = np.exp(-200 * (place - 0.3) ** 2) + 0.6 * np.exp(-400 * (place - 0.7) ** 2)
measured = np.zeros(POINTS)
library.temperature(truth, measured, POINTS, STEPS, DIFFUSION)

gradient = holoenzyme.value_and_grad(library.misfit)
found = minimize(gradient, np.zeros(POINTS), args=(measured, POINTS, STEPS, DIFFUSION, WEIGHT), jac=True, options={"maxiter": 500})
reached = np.zeros(POINTS)
library.temperature(found.x, reached, POINTS, STEPS, DIFFUSION)
print(f"{found.nit} iterations; the measurement is met to {np.abs(reached - measured).max():.1e}")
print(f"the peaks are at {place[np.argmax(found.x[:32])]:.2f} and {place[32 + np.argmax(found.x[32:])]:.2f}")

try:
    import matplotlib as mpl
except ModuleNotFoundError:
    sys.exit()
mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402 - after the choice of what draws

plt.plot(place, truth, label="initial temperature")
plt.plot(place, measured, label="measured later")
plt.plot(place, found.x, "--", label="found from it")
plt.legend()
plt.savefig("heat_source.png")
print("heat_source.png is drawn")
