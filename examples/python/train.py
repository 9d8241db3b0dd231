"""A small network that learns a sine, written as a loop for Numba and trained by its gradient with Adam."""

import numpy as np

import holoenzyme

HIDDEN, SAMPLES, ROUNDS, RATE = 16, 200, 600, 0.02


@holoenzyme.differentiable
def loss(weights, x, y):
    """The mean square error of a network with one hidden layer; `weights` has its three layers of numbers in a row."""
    total = 0.0
    for i in range(x.size):
        out = 0.0
        for j in range(HIDDEN):
            out += weights[2 * HIDDEN + j] * np.tanh(weights[j] * x[i] + weights[HIDDEN + j])
        total += (out - y[i]) ** 2
    return total / x.size


generator = np.random.default_rng(0)
x = np.linspace(-3, 3, SAMPLES)
y = np.sin(x)
weights = generator.normal(size=3 * HIDDEN)
mean, square = np.zeros_like(weights), np.zeros_like(weights)
for number in range(1, ROUNDS + 1):
    value, gradient = loss.value_and_grad(weights, x, y)
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient**2
    weights -= RATE * (mean / (1 - 0.9**number)) / (np.sqrt(square / (1 - 0.999**number)) + 1e-8)
    if number in {1, 10, 100, ROUNDS}:
        print(f"round {number:3}: loss {value:.2e}")
