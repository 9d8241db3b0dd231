"""Fits the parameters of the Lorenz system to noisy observations, with SciPy's L-BFGS-B and a gradient through the whole integration."""

import numpy as np
from scipy.optimize import minimize

import holoenzyme

STEP, STEPS = 0.01, 150


@holoenzyme.differentiable
def loss(parameters, start, observed):
    """Half the mean square of the distance between a trajectory (Runge and Kutta's fourth order) and the observations."""
    sigma, rho, beta = parameters
    x, y, z = start
    total = 0.0
    for i in range(observed.shape[0]):
        ax, ay, az = sigma * (y - x), x * (rho - z) - y, x * y - beta * z
        u, v, w = x + STEP / 2 * ax, y + STEP / 2 * ay, z + STEP / 2 * az
        bx, by, bz = sigma * (v - u), u * (rho - w) - v, u * v - beta * w
        u, v, w = x + STEP / 2 * bx, y + STEP / 2 * by, z + STEP / 2 * bz
        cx, cy, cz = sigma * (v - u), u * (rho - w) - v, u * v - beta * w
        u, v, w = x + STEP * cx, y + STEP * cy, z + STEP * cz
        dx, dy, dz = sigma * (v - u), u * (rho - w) - v, u * v - beta * w
        x += STEP / 6 * (ax + 2 * bx + 2 * cx + dx)
        y += STEP / 6 * (ay + 2 * by + 2 * cy + dy)
        z += STEP / 6 * (az + 2 * bz + 2 * cz + dz)
        observed_x, observed_y, observed_z = observed[i, 0], observed[i, 1], observed[i, 2]
        total += (x - observed_x) ** 2 + (y - observed_y) ** 2 + (z - observed_z) ** 2
    return total / (2 * observed.shape[0])


def trajectory(sigma, rho, beta, start):
    """What is observed, without noise."""
    state, states = np.array(start), []

    def slope(at):
        x, y, z = at
        return np.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

    for _ in range(STEPS):
        a = slope(state)
        b = slope(state + STEP / 2 * a)
        c = slope(state + STEP / 2 * b)
        d = slope(state + STEP * c)
        state = state + STEP / 6 * (a + 2 * b + 2 * c + d)
        states.append(state)
    return np.array(states)


start = np.array([1.0, 1.0, 1.0])
observed = trajectory(10.0, 28.0, 8 / 3, start) + np.random.default_rng(0).normal(scale=0.05, size=(STEPS, 3))
guess = np.array([8.0, 25.0, 2.0])

print(f"the gradient at the guess agrees with differences to {holoenzyme.check_grad(loss, guess, start, observed):.0e}")
found = minimize(loss.value_and_grad, guess, args=(start, observed), jac=True, method="L-BFGS-B")
print(f"{found.nit} iterations, loss {found.fun:.5f}")
print("sigma {:.3f}, rho {:.3f}, beta {:.3f}".format(*found.x))
