"""Gaussian filters and their derivatives."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.signal.direct import correlate_last
from scitorch.signal.extension import extended

# SciPy's names of the extensions, beside those of `numpy.pad`.
_MODES = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
    "constant": "constant",
    "grid-constant": "constant",
}


def gaussian_filter(
    input: Tensor,
    sigma: Tensor | float | Sequence[Tensor | float],
    order: int | Sequence[int] = 0,
    output: None = None,
    mode: str | Sequence[str] = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
) -> Tensor:
    """Convolution with a Gaussian function, or with its derivatives, along several axes.

    Parameters
    ----------
    input : Tensor
    sigma : Tensor without dimensions or of shape (k,), number, or sequence of these
        Standard deviation along each of the k axes, or along all, in samples. Axes where it is zero are left alone.
    order : int or sequence of int, optional
        Order of the derivative of the Gaussian along each axis.
    output : None, optional
        SciPy's array to fill; not supported.
    mode : str or sequence of str, optional
        What is beyond the ends: "reflect" (edges twice), "mirror" (edges once), "nearest", "wrap" or "constant", and
        "grid-mirror", "grid-wrap" and "grid-constant", which are the same as "reflect", "wrap" and "constant".
    cval : float, optional
        The constant of mode "constant".
    truncate : float, optional
        Where the Gaussian ends, in standard deviations.
    radius : int or sequence of int, optional
        Where the Gaussian ends, in samples. The default is read off the value of sigma, which a captured graph or
        `torch.func.vmap` over sigma cannot do: pass it there.
    axes : int or sequence of int, optional
        All by default.

    Returns
    -------
    Tensor
        In the dtype of ``input``; whole numbers become floats.

    Raises
    ------
    ArgumentError
        An unknown mode, a negative order or radius, an output, or axes that are repeated or not there.
    ShapeError
        A sequence that doesn't have one item for each axis.

    Notes
    -----
    The weights are ``q(x) exp(-x²/2σ²) / Σ exp(-x²/2σ²)`` with a polynomial q from the derivative, and functions of
    sigma in PyTorch; the input gets the incoming gradient correlated with them, sigma what follows from their
    derivative. To any order in both. The radius jumps with sigma, by weights of relative size ``exp(-truncate²/2)``;
    derivatives are those at the radius that is taken.

    References
    ----------
    `scipy.ndimage.gaussian_filter`.

    Examples
    --------
    >>> import torch
    >>> gaussian_filter(torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]), 1.0, radius=1).round(decimals=4)
    tensor([0.0000, 0.2741, 0.4519, 0.2741, 0.0000])
    """
    if output is not None:
        raise ArgumentError("gaussian_filter", "output", "None", type(output).__name__, "the result itself")
    x = input if input.is_floating_point() or input.is_complex() else input.to(torch.get_default_dtype())
    chosen = _axes(x, axes)
    parts = (_for_each(name, value, len(chosen)) for name, value in _named(sigma, order, mode, radius))
    for axis, deviation, derivative, beyond, given in zip(chosen, *parts, strict=True):
        if beyond not in _MODES:
            raise ArgumentError("gaussian_filter", "mode", ", ".join(_MODES), repr(beyond))
        reach = given
        if x.shape[axis] == 0:
            continue
        if reach is None or not isinstance(deviation, Tensor):
            value = float(deviation.detach() if isinstance(deviation, Tensor) else deviation)
            if value <= 1e-15:
                continue
            reach = int(truncate * value + 0.5) if reach is None else reach
        weights = _weights(deviation, derivative, reach, x.device).to(x.dtype)
        line = extended("gaussian_filter", x.movedim(axis, -1), reach, reach, _MODES[beyond], cval)
        x = correlate_last(line, weights).movedim(-1, axis)
    return x.clone() if x is input else x


def _named(sigma: Any, order: Any, mode: Any, radius: Any) -> list[tuple[str, Any]]:
    return [("sigma", sigma), ("order", order), ("mode", mode), ("radius", radius)]


def _axes(x: Tensor, axes: int | Sequence[int] | None) -> list[int]:
    given = list(range(x.dim())) if axes is None else [axes] if isinstance(axes, int) else list(axes)
    chosen = [axis + x.dim() if axis < 0 else axis for axis in given]
    if len(set(chosen)) < len(chosen) or any(not 0 <= axis < x.dim() for axis in chosen):
        raise ArgumentError("gaussian_filter", "axes", f"different axes of {x.dim()} dimensions", f"{axes}")
    return chosen


def _for_each(name: str, value: Any, count: int) -> Sequence[Any]:
    """One item for each axis."""
    if isinstance(value, Tensor) and value.dim() == 1:
        value = value.unbind()
    if isinstance(value, (str, Tensor)) or not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise ShapeError("gaussian_filter", name, f"one item for each of {count} axes", f"{len(value)}")
    return value


def _weights(sigma: Tensor | float, order: int, radius: int, device: torch.device) -> Tensor:
    """The Gaussian's derivative of this order, reversed, in double precision."""
    if order < 0 or radius < 0:
        raise ArgumentError("gaussian_filter", "order, radius", "numbers from 0 on", f"{order} and {radius}")
    x = torch.arange(radius, -radius - 1, -1, dtype=torch.double, device=device)
    variance = torch.as_tensor(sigma, dtype=torch.double, device=device) ** 2
    phi = torch.exp(-(x**2) / (2 * variance))
    # (q φ)' = (q' - q x / σ²) φ, of coefficients from the constant on.
    q = [torch.ones_like(variance)]
    for _ in range(order):
        rising = [k * c for k, c in enumerate(q)][1:] + [torch.zeros_like(variance)] * 2
        falling = [torch.zeros_like(variance), *(c / variance for c in q)]
        q = [up - down for up, down in zip(rising, falling, strict=True)]
    powers = torch.stack([c * x**k for k, c in enumerate(q)]).sum(0)
    return powers * phi / phi.sum()
