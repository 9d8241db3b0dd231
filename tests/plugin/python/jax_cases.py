"""Compiled functions in JAX's programs."""

import numpy as np
import pytest

from plugin.python.library import Library
from plugin.python.toolchain import Toolchain

pytestmark = [pytest.mark.needs("jax"), pytest.mark.filterwarnings("ignore")]

X = np.array([1.2, 0.7, -0.3, 2.0], np.float32)


def test_jax_takes_value_and_gradient_of_a_compiled_function(kernels: Library) -> None:
    import jax  # noqa: PLC0415 - only where it is installed

    from plugin.python.jax_adapter import to_jax  # noqa: PLC0415

    rosenbrock = to_jax(kernels.rosenbrock)

    def loss(x: jax.Array) -> jax.Array:
        return jax.numpy.log(rosenbrock(x, x.size))

    x = jax.numpy.asarray(X)
    assert float(loss(x)) == pytest.approx(np.log(483.8), rel=1e-6)
    expected = np.array([355.6, 72.6, 68.6, 382.0]) / 483.8
    np.testing.assert_allclose(jax.grad(loss)(x), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x), expected, rtol=1e-5)
    rows = jax.numpy.stack([x, 2 * x])
    np.testing.assert_allclose(jax.vmap(lambda row: rosenbrock(row, row.size))(rows)[0], 483.8, rtol=1e-6)


def test_jax_takes_a_function_of_numba_that_returns_an_array(toolchain: Toolchain) -> None:
    import jax  # noqa: PLC0415

    from plugin.python.jax_adapter import to_jax  # noqa: PLC0415

    waves = to_jax(lambda x, k: np.sin(x * k), result=jax.ShapeDtypeStruct((4,), np.float32), toolchain=toolchain)
    x = jax.numpy.asarray(X)
    np.testing.assert_allclose(waves(x, 2.0), np.sin(2 * X), rtol=1e-5)
    by_x, by_k = jax.grad(lambda x, k: waves(x, k).sum(), argnums=(0, 1))(x, 2.0)
    np.testing.assert_allclose(by_x, 2 * np.cos(2 * X), rtol=1e-5)
    assert float(by_k) == pytest.approx(float(np.sum(X * np.cos(2 * X))), rel=1e-5)
