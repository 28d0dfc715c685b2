"""What the catalogue computes as we'd write it with JAX alone; what depends on constants only is given ready-made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scitorch.bench.machine import Lazy

jax, jnp = Lazy("jax"), Lazy("jax.numpy")
Way = Callable[..., Any]


def lfilter(b: Any, a: Any, x: Any) -> Any:
    """A recursive filter: JAX compiles the loop."""
    b, a = b / a[0], a / a[0]

    def step(state: Any, sample: Any) -> Any:
        y = b[0] * sample + state[0]
        return jnp.append(state[1:], 0.0) + b[1:] * sample - a[1:] * y, y

    return jax.lax.scan(step, jnp.zeros(len(a) - 1), x)[1]


def sosfilt(sos: Any, x: Any) -> Any:
    """The same in sections."""
    b, a = sos[:, :3] / sos[:, 3:4], sos[:, 3:] / sos[:, 3:4]

    def step(state: Any, sample: Any) -> Any:
        after = []
        for k in range(len(b)):
            y = b[k, 0] * sample + state[k, 0]
            after.append(jnp.append(state[k, 1:], 0.0) + b[k, 1:] * sample - a[k, 1:] * y)
            sample = y
        return jnp.stack(after), sample

    return jax.lax.scan(step, jnp.zeros((len(b), 2)), x)[1]


def spline(slopes: Any, knots: Any) -> Way:
    """A cubic spline's values at x: gathers, and Hermite's form."""

    def evaluate(y: Any, x: Any) -> Any:
        d = slopes @ y
        k = jnp.searchsorted(knots[1:-1], x, side="right")
        h = jnp.diff(knots)[k]
        t = (x - knots[k]) / h
        y0, y1, d0, d1 = y[k], y[k + 1], h * d[k], h * d[k + 1]
        return y0 + t * (d0 + t * (3 * (y1 - y0) - 2 * d0 - d1 + t * (2 * (y0 - y1) + d0 + d1)))

    return evaluate


def sqrtm(a: Any) -> Any:
    """By eigenvectors: JAX has no derivative of its square root."""
    values, vectors = jax.lax.linalg.eig(a, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
    return jnp.linalg.solve(vectors.T, (vectors * jnp.sqrt(values)).T).T.real


def banded(ab: Any, b: Any) -> Any:
    """JAX has a solver for three diagonals, which wants zeros in the corners."""
    upper, lower = jnp.append(ab[0, 1:], 0.0), jnp.append(0.0, ab[2, :-1])
    return jax.lax.linalg.tridiagonal_solve(lower, ab[1], upper, b[:, None])[:, 0]


def hilbert(x: Any) -> Any:
    """The analytic signal."""
    n = x.shape[-1]
    weights = jnp.zeros(n).at[0].set(1).at[n // 2].set(1).at[1 : n // 2].set(2)
    return jnp.fft.ifft(jnp.fft.fft(x) * weights)


def resample(num: int) -> Way:
    """To fewer samples, an even number of them."""

    def of(x: Any) -> Any:
        spectrum = jnp.fft.rfft(x)[: num // 2 + 1]
        spectrum = jnp.append(spectrum[:-1], 2 * spectrum[-1].real)
        return jnp.fft.irfft(spectrum, num) * (num / len(x))

    return of


def upfirdn(up: int, down: int) -> Way:
    """JAX's convolutions have both rates."""

    def of(h: Any, x: Any) -> Any:
        edge = len(h) - 1
        arguments = (x[None, None], h[::-1][None, None], (down,), [(edge, edge)])
        return jax.lax.conv_general_dilated(*arguments, lhs_dilation=(up,))[0, 0]

    return of


def savgol(middle: Any) -> Way:
    """Away from the ends."""
    return lambda x: jnp.convolve(x, middle[::-1], mode="same")


def correlate(image: Any, filter: Any, bias: Any) -> Any:
    """The tutorial's correlation, as its SciPy module has it."""
    signal = Lazy("jax.scipy.signal")
    if image.ndim == 2:
        return signal.correlate2d(image, filter, mode="valid") + bias
    return jax.vmap(lambda one: signal.correlate2d(one, filter, mode="valid"))(image) + bias
