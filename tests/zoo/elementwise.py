"""Elementwise operators: partial derivatives, zero, missing rules, complex numbers, results that carry no gradient."""

import math

import numpy as np
import scipy.special
import torch

from scitorch import Sample, not_implemented, operator, zero
from zoo.draw import complex_normal
from zoo.references import reference

_BATCHES = ((), (3,), (2, 2))


def _reals(rng):
    return [Sample(rng.normal(size=shape)) for shape in _BATCHES]


def _reals_and_complex(rng):
    return [*_reals(rng), Sample(complex_normal(rng, 3))]


@operator("()->()", batch="native")
def cube(x):
    return x**3


cube.partials(x=lambda x: 3 * x**2).samples(_reals_and_complex)
reference(cube, lambda x: x**3)


@operator("()->()")
def exponential(x):
    """Looped over, with a partial derivative made of the result."""
    return np.exp(x)


exponential.partials(x=lambda out: out).samples(_reals_and_complex)
reference(exponential, torch.exp)


@operator("(),(),()->()", batch="native")
def affine(x, shift=None, scale=2.0):
    """An optional argument, and one with a number as its default."""
    return x * scale if shift is None else x * scale + shift


affine.partials(x=lambda scale: scale, shift=lambda: 1.0, scale=lambda x: x)
affine.samples(
    lambda rng: [
        Sample(rng.normal(size=3)),
        Sample(rng.normal(size=(2, 1)), rng.normal(size=3)),
        Sample(rng.normal(size=3), None, rng.normal(size=())),
        Sample(rng.normal(size=3), rng.normal(size=3), rng.normal(size=(2, 1))),
        Sample(complex_normal(rng, 2), rng.normal(size=2), complex_normal(rng)),
    ]
)
reference(affine, lambda x, shift=None, scale=2.0: x * scale + (0 if shift is None else shift))

bessel = operator("(),()->()", batch="native", args=("v", "z"), name="bessel")(scipy.special.jv)
"""An existing callable that tells no argument names, and one argument whose derivative isn't implemented."""
bessel.partials(
    v=not_implemented("the derivative with respect to the order"),
    z=lambda v, z: (bessel(v - 1, z) - bessel(v + 1, z)) / 2,
)
bessel.samples(
    lambda rng: [
        Sample(1, rng.uniform(0.5, 3, size=3)),
        Sample(np.array([[0.0], [2.0]]), rng.uniform(0.5, 3, size=2)),
    ]
)
bessel.special_points(lambda rng: [Sample(np.arange(3.0), np.zeros(3))])


def _bessel_integral(v, z):
    """Bessel's integral for a whole order, by the trapezoidal rule, which converges exponentially there."""
    angles = torch.arange(64, dtype=torch.double) * (2 * math.pi / 64)
    v, z = (torch.as_tensor(x)[..., None] for x in (v, z))
    return torch.cos(v * angles - z * angles.sin()).mean(-1)


reference(bessel, _bessel_integral)


@operator("(),()->()", batch="native")
def staircase(x, step):
    """Flat in one argument."""
    return np.floor(x / step) * step


staircase.partials(x=zero, step=lambda x, step: torch.floor(x / step))
staircase.samples(
    lambda rng: [
        Sample(np.array([0.3, 1.6, -2.4]), np.array(0.5)),
        Sample(np.array([[0.3], [2.8]]), np.array([0.5, 2.0])),
    ]
)
reference(staircase, lambda x, step: torch.floor(x / step) * step)


@operator("(),()->()", batch="native")
def half_ruled(x, y):
    """One argument without a rule."""
    return x * y**2


half_ruled.vjp(x=lambda g, y: g * y**2)
half_ruled.samples(lambda rng: [Sample(rng.normal(size=3), rng.normal(size=3))])
reference(half_ruled, lambda x, y: x * y**2)


@operator("()->()", batch="native")
def cosine_by_kernel(x):
    """No rule at all, as a kernel that runs in another operator's backward pass may have none."""
    return np.cos(x)


cosine_by_kernel.samples(_reals)
reference(cosine_by_kernel, torch.cos)


@operator("(),()->()", batch="native")
def once(x, y):
    """Differentiable once in x: the rule runs a kernel that has no rule itself."""
    return np.sin(x) * y


once.vjp(x=lambda g, x, y: g * y * cosine_by_kernel(x), y=lambda g, x: g * torch.sin(x))
once.samples(lambda rng: [Sample(rng.normal(size=3), rng.normal(size=3))])
reference(once, lambda x, y: torch.sin(x) * y)


@operator("()->(),()", batch="native")
def sine_and_cosine(x):
    """Two results, with partial derivatives made of the results."""
    return np.sin(x), np.cos(x)


sine_and_cosine.partials(x=lambda out: (out[1], -out[0])).samples(_reals_and_complex)
reference(sine_and_cosine, lambda x: (torch.sin(x), torch.cos(x)))


@operator("()->(),()", batch="native", dtype=(None, "bool"))
def rectified(x):
    """A bool beside a float."""
    return np.maximum(x, 0), x > 0


rectified.vjp(x=lambda g, out: g[0] * out[1]).samples(_reals)
rectified.special_points(lambda rng: [Sample(np.zeros(2))])
reference(rectified, lambda x: (torch.relu(x), x > 0))


@operator("()->()", batch="native", dtype="real")
def abs2(z):
    """A real function of a complex number."""
    return z.real**2 + z.imag**2


abs2.vjp(z=lambda g, z: 2 * g * z).samples(_reals_and_complex)
reference(abs2, lambda z: (z * z.conj()).real)


@operator("()->(),()", dtype="real")
def polar(z):
    """Two real functions of a complex number, looped over."""
    return np.abs(z), np.angle(z)


polar.vjp(z=lambda g, z: (g[0] + 1j * g[1] / z.abs()) * torch.sgn(z))
polar.samples(lambda rng: [Sample(complex_normal(rng, *shape)) for shape in _BATCHES])
reference(polar, lambda z: (torch.abs(z), torch.angle(z)))


@operator("()->()", batch="native")
def conjugate(z):
    """Complex, but not holomorphic."""
    return np.conj(z)


conjugate.vjp(z=lambda g: g.conj()).samples(_reals_and_complex)
reference(conjugate, lambda z: torch.conj(z).resolve_conj())


@operator("(),()->()", batch="native", dtype="complex")
def from_parts(real, imag):
    """A complex function of real numbers."""
    return real + 1j * imag


from_parts.vjp(real=lambda g: g, imag=lambda g: -1j * g)
from_parts.samples(lambda rng: [Sample(rng.normal(size=3), rng.normal(size=(2, 1)))])
reference(from_parts, torch.complex)


@operator("()->()", batch="native")
def logarithm(x):
    """Explicit forward rules, and a reverse rule."""
    return np.log(x)


logarithm.vjp(x=lambda g, x: g / x.conj()).jvp(x=lambda tangent, x: tangent / x)
logarithm.samples(
    lambda rng: [Sample(rng.uniform(0.5, 2, size=shape)) for shape in _BATCHES] + [Sample(complex_normal(rng, 2))]
)
reference(logarithm, torch.log)


@operator("(),()->()", batch="native")
def product_forward(x, y):
    """Forward rules alone: reverse mode must raise."""
    return x * y


product_forward.jvp(x=lambda tangent, y: tangent * y, y=lambda tangent, x: tangent * x)
product_forward.samples(lambda rng: [Sample(rng.normal(size=(2, 1)), rng.normal(size=3))])
reference(product_forward, lambda x, y: x * y)
