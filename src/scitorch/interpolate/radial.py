"""Interpolation of scattered data by radial basis functions."""

from __future__ import annotations

import warnings
from functools import reduce

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError
from scitorch.interpolate.checks import as_data, in_precision, real_of
from scitorch.linalg.systems import solve_general

OWNER = "RBFInterpolator"
MINIMAL_DEGREE = {"multiquadric": 0, "linear": 0, "thin_plate_spline": 1, "cubic": 1, "quintic": 2}
SCALE_INVARIANT = ("linear", "thin_plate_spline", "cubic", "quintic")


def _root(r2: Tensor) -> Tensor:
    """The distance, with the derivative zero where there is none: at a centre itself."""
    return torch.where(r2 > 0, torch.sqrt(torch.where(r2 > 0, r2, 1)), 0)


# Of the squared distance, so that smooth functions stay smooth at the centre.
KERNELS = {
    "linear": lambda r2: -_root(r2),
    "thin_plate_spline": lambda r2: r2 * torch.log(torch.where(r2 > 0, r2, 1)) / 2,
    "cubic": lambda r2: r2 * _root(r2),
    "quintic": lambda r2: -(r2**2) * _root(r2),
    "multiquadric": lambda r2: -torch.sqrt(r2 + 1),
    "inverse_multiquadric": lambda r2: 1 / torch.sqrt(r2 + 1),
    "inverse_quadratic": lambda r2: 1 / (r2 + 1),
    "gaussian": lambda r2: torch.exp(-r2),
}


class RBFInterpolator:
    """Interpolation of scattered data by a sum of radial functions and a polynomial.

    Parameters
    ----------
    y : Tensor of shape (p, n)
        The points where the data is given; real.
    d : Tensor of shape (p, ...)
        The data; real or complex.
    neighbors : int, optional
        Use that many nearest points for each evaluation, instead of all. Which ones they are is found by comparing all
        distances, and has no derivative.
    smoothing : float or Tensor of shape (p,), optional
        How far the interpolant may pass by the data; with 0 it passes through.
    kernel : str, optional
        "linear", "thin_plate_spline", "cubic", "quintic", "multiquadric", "inverse_multiquadric", "inverse_quadratic"
        or "gaussian".
    epsilon : float or Tensor without dimensions, optional
        The factor of distances; by default 1 for the first four kernels, necessary for the others.
    degree : int, optional
        The degree of the polynomial, -1 for none; by default the least that the kernel asks for.

    Raises
    ------
    ArgumentError
        For shapes that don't fit, an unknown kernel, a missing epsilon, fewer points than monomials.

    Warns
    -----
    UserWarning
        For a degree that is too low for the kernel.

    Notes
    -----
    Differentiable in `y`, `d`, `smoothing`, `epsilon` and the points of evaluation, by torch operations with a dense
    linear solve (SciPy's cost). To any order away from the centres; at a centre, infinitely smooth kernels go on to
    have every derivative, "linear" has none (zero comes out), "thin_plate_spline" the first, "cubic" the second, and
    "quintic" the fourth.

    References
    ----------
    `scipy.interpolate.RBFInterpolator`; G. Fasshauer, "Meshfree Approximation Methods with Matlab" (2007).

    Examples
    --------
    >>> import torch
    >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> RBFInterpolator(points, points.sum(1))(torch.tensor([[0.5, 0.25]]))
    tensor([0.7500])
    """

    def __init__(
        self,
        y: Tensor,
        d: Tensor,
        neighbors: int | None = None,
        smoothing: Tensor | float = 0.0,
        kernel: str = "thin_plate_spline",
        epsilon: Tensor | float | None = None,
        degree: int | None = None,
    ) -> None:
        (y,), (d,) = as_data(y), as_data(d)
        if y.is_complex() or y.ndim != 2 or d.ndim == 0 or len(d) != len(y):
            got = f"shapes {tuple(y.shape)} and {tuple(d.shape)}"
            raise ArgumentError(OWNER, "y, d", "real points (p, n) and data (p, ...)", got)
        precision = torch.promote_types(y.dtype, real_of(d.dtype))
        self.y = y.to(precision)
        self.d = in_precision(precision, d)
        self.smoothing = torch.as_tensor(smoothing, dtype=precision, device=y.device)
        if self.smoothing.shape not in ((), y.shape[:1]):
            raise ArgumentError(OWNER, "smoothing", "a number, or one a point", f"shape {tuple(self.smoothing.shape)}")
        self.smoothing = self.smoothing.expand(len(y))
        self.kernel = kernel.lower()
        self.epsilon = torch.as_tensor(_epsilon(self.kernel, epsilon), dtype=precision, device=y.device)
        self.powers = _monomials(y.shape[1], _degree(self.kernel, degree))
        self.neighbors = None if neighbors is None else int(min(neighbors, len(y)))
        used = len(y) if self.neighbors is None else self.neighbors
        if len(self.powers) > used:
            raise ArgumentError(OWNER, "y, neighbors", f"at least {len(self.powers)} points", f"{used}", "degree=-1")
        flat = _columns(self.d)
        self._fitted = self._fit(self.y, flat, self.smoothing) if self.neighbors is None else None

    def __call__(self, x: Tensor) -> Tensor:
        """The values at points of shape (q, n)."""
        (x,) = as_data(x)
        if x.is_complex() or x.ndim != 2 or x.shape[1] != self.y.shape[1]:
            raise ArgumentError(OWNER, "x", f"real points of shape (q, {self.y.shape[1]})", f"shape {tuple(x.shape)}")
        x = x.to(torch.promote_types(x.dtype, self.y.dtype))
        if self._fitted is not None:
            value = self._evaluate(x, self.y, *self._fitted)
        else:
            distances = (x.detach()[:, None] - self.y.detach()).square().sum(-1)
            near = torch.topk(distances, self.neighbors or 0, largest=False).indices.sort(-1).values
            y = self.y[near]
            value = self._evaluate(x[:, None], y, *self._fit(y, _columns(self.d)[near], self.smoothing[near]))[:, 0]
        shape = (len(x), *self.d.shape[1:])
        if not self.d.is_complex():
            return value.reshape(shape)
        real, imaginary = value.unflatten(-1, (2, -1)).unbind(-2)
        return (real + 1j * imaginary).reshape(shape)

    def _fit(self, y: Tensor, d: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shift and scale of the polynomial's argument, and the coefficients of radial functions and monomials."""
        # Neither changes the interpolant, only the condition of the system: they are constants.
        most, least = y.detach().amax(-2, keepdim=True), y.detach().amin(-2, keepdim=True)
        shift, scale = (most + least) / 2, torch.where(most > least, (most - least) / 2, 1)
        radial = self._radial(y, y) + torch.diag_embed(smoothing)
        polynomial = self._polynomial((y - shift) / scale)
        count = len(self.powers)
        corner = polynomial.new_zeros((*polynomial.shape[:-2], count, count))
        matrix = torch.cat((torch.cat((radial, polynomial), -1), torch.cat((polynomial.mT, corner), -1)), -2)
        right = torch.cat((d, d.new_zeros((*d.shape[:-2], count, d.shape[-1]))), -2)
        return shift, scale, solve_general(matrix, right)

    def _evaluate(self, x: Tensor, y: Tensor, shift: Tensor, scale: Tensor, coefficients: Tensor) -> Tensor:
        basis = torch.cat((self._radial(x, y), self._polynomial((x - shift) / scale)), -1)
        return basis @ coefficients.to(basis.dtype)

    def _radial(self, x: Tensor, y: Tensor) -> Tensor:
        difference = (x[..., :, None, :] - y[..., None, :, :]) * self.epsilon
        return KERNELS[self.kernel](difference.square().sum(-1))

    def _polynomial(self, x: Tensor) -> Tensor:
        one = torch.ones_like(x[..., 0])
        monomials = [reduce(lambda product, variable: product * x[..., variable], m, one) for m in self.powers]
        return torch.stack(monomials, -1) if monomials else x[..., :0]


def _columns(d: Tensor) -> Tensor:
    """Real columns: of complex data the real parts, then the imaginary parts, for the matrix is real."""
    flat = d.reshape(len(d), -1)
    return torch.cat((flat.real, flat.imag), -1) if flat.is_complex() else flat


def _epsilon(kernel: str, epsilon: Tensor | float | None) -> Tensor | float:
    if kernel not in KERNELS:
        raise ArgumentError(OWNER, "kernel", " or ".join(map(repr, KERNELS)), repr(kernel))
    if epsilon is None and kernel not in SCALE_INVARIANT:
        raise ArgumentError(OWNER, "epsilon", f"a number, which {kernel!r} needs", "None", "epsilon=1.0")
    return 1.0 if epsilon is None else epsilon


def _degree(kernel: str, degree: int | None) -> int:
    least = MINIMAL_DEGREE.get(kernel, -1)
    if degree is None:
        return max(least, 0)
    if degree < -1:
        raise ArgumentError(OWNER, "degree", "at least -1", str(degree))
    if -1 < degree < least:
        message = f"a degree below {least} may leave the interpolant by {kernel!r} undetermined, other than -1"
        warnings.warn(message, UserWarning, stacklevel=3)
    return int(degree)


def _monomials(dimensions: int, degree: int) -> list[tuple[int, ...]]:
    """The variables of each monomial, as often as they are in it, lower degrees first."""
    found: list[tuple[int, ...]] = [()] if degree >= 0 else []
    latest = found
    for _ in range(degree):
        latest = [(*m, v) for m in latest for v in range(m[-1] if m else 0, dimensions)]
        found = found + latest
    return found
