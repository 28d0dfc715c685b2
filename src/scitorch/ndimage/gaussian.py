"""Gaussian filters, differentiable in the width too."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError

from .arguments import cast, check_mode, for_each_axis, in_parts, read_axes, read_image, value_of
from .correlation import correlate_axes


def gaussian_filter1d(
    input: Tensor,
    sigma: Tensor | float,
    axis: int = -1,
    order: int = 0,
    output: torch.dtype | None = None,
    mode: str = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Tensor:
    """An image smoothed by a Gaussian along one axis, or differentiated by one.

    Parameters
    ----------
    input : Tensor of any shape
    sigma : Tensor without dimensions, or float
        Standard deviation in pixels.
    axis : int, default: -1
    order : int, default: 0
        How often the Gaussian is differentiated.
    output : torch.dtype, optional
        Dtype of the result; by default that of the input.
    mode : str, default: "reflect"
        What lies beyond the border: "reflect" (or "grid-mirror"), "mirror", "nearest", "wrap"
        (or "grid-wrap"), "constant" (or "grid-constant").
    cval : number, default: 0
        What lies there for the mode "constant".
    truncate : float, default: 4
        Radius of the filter in standard deviations.
    radius : int, optional
        Radius of the filter in pixels, in place of `truncate`.

    Returns
    -------
    Tensor of the same shape

    Raises
    ------
    ArgumentError
        For an option that SciPy hasn't; for a sigma whose value a transform or compiler hides
        (inside `torch.func.vmap`, say) and no `radius`.

    Notes
    -----
    The weights are ``w[k] = q(k) exp(-k² / (2 sigma²))``, normalised to a sum of 1 before the
    polynomial ``q`` of the derivative. The gradient of ``input`` is the transposed filter, exact
    at the border; that of ``sigma`` is through the weights, for the radius that it has: the steps
    of the radius itself, where a weight of ``exp(-truncate² / 2)`` comes or goes, aren't
    differentiated. At ``sigma = 0`` it is the identity for order 0, with gradient 0.
    Differentiable to any order in both.

    References
    ----------
    `scipy.ndimage.gaussian_filter1d`.

    Examples
    --------
    >>> import torch
    >>> sigma = torch.tensor(1.0, requires_grad=True)
    >>> smooth = gaussian_filter1d(torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]), sigma, radius=1)
    >>> smooth.detach()
    tensor([0.0000, 0.2741, 0.4519, 0.2741, 0.0000])
    >>> torch.autograd.grad(smooth[2], sigma)[0]
    tensor(-0.2477)
    """
    name = "gaussian_filter1d"
    image = read_image(name, input)
    check_mode(name, mode)
    if not -image.dim() <= axis < image.dim():
        raise ArgumentError(name, "axis", f"an axis of {image.dim()} dimensions", repr(axis), "axis=-1")
    weights = _gaussian(name, sigma, order, truncate, radius, image)
    return cast(name, _correlate(image, [(axis % image.dim(), weights, mode)], cval), output)


def gaussian_filter(
    input: Tensor,
    sigma: Tensor | float | Sequence[float],
    order: int | Sequence[int] = 0,
    output: torch.dtype | None = None,
    mode: str | Sequence[str] = "reflect",
    cval: complex = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
) -> Tensor:
    """An image smoothed by a Gaussian, or differentiated by one.

    Parameters
    ----------
    input : Tensor of any shape
    sigma : Tensor of shape () or (d,), number or sequence
        Standard deviation in pixels, one for all d axes that are filtered or one for each.
    order : int or sequence of int, default: 0
        How often the Gaussian is differentiated, along each axis.
    output : torch.dtype, optional
        Dtype of the result; by default that of the input.
    mode : str or sequence of str, default: "reflect"
        What lies beyond the border, as in `gaussian_filter1d`.
    cval : number, default: 0
        What lies there for the mode "constant".
    truncate : float, default: 4
        Radius of the filter in standard deviations.
    radius : int or sequence of int, optional
        Radius of the filter in pixels, in place of `truncate`.
    axes : int or sequence of int, optional
        Those that are filtered; by default all.

    Returns
    -------
    Tensor of the same shape

    Raises
    ------
    ArgumentError, ShapeError
        As `gaussian_filter1d`; for axes that the image hasn't.

    Notes
    -----
    `gaussian_filter1d` along one axis after the other, but for those whose sigma is at most
    1e-15, which stay as they are.

    References
    ----------
    `scipy.ndimage.gaussian_filter`.

    Examples
    --------
    >>> import torch
    >>> gaussian_filter(torch.eye(3), 1.0, radius=1)
    tensor([[0.6021, 0.3228, 0.0751],
            [0.3228, 0.3544, 0.3228],
            [0.0751, 0.3228, 0.6021]])
    """
    name = "gaussian_filter"
    image = read_image(name, input)
    filtered_axes = read_axes(name, axes, image.dim())
    options = {"sigma": sigma, "order": order, "mode": mode, "radius": radius}
    columns = [for_each_axis(name, key, value, len(filtered_axes)) for key, value in options.items()]
    passes: list[tuple[int, Tensor, str]] = []
    known: tuple[Any, Tensor] | None = None  # the last weights, and what they were made of
    for axis, width, times, border, reach in zip(filtered_axes, *columns, strict=True):
        check_mode(name, border)
        if isinstance(width, Tensor) or width > _NO_WIDTH:
            form = width, times, reach
            if known is None or any(new is not old for new, old in zip(form, known[0], strict=True)):
                known = form, _gaussian(name, width, times, truncate, reach, image)
            passes.append((axis, known[1], border))
    return cast(name, _correlate(image, passes, cval), output)


_NO_WIDTH = 1e-15


def _correlate(image: Tensor, passes: Sequence[tuple[int, Tensor, str]], cval: complex) -> Tensor:
    """The image correlated along some axes, each with weights and mode of its own."""
    if not passes or not image.numel():
        return image.clone()
    axes, weights, modes = zip(*passes, strict=True)
    sizes = tuple(each.shape[-1] for each in weights)
    options: dict[str, Any] = {"shape": tuple(image.shape), "axes": axes, "sizes": sizes, "modes": modes}
    one_after_another = torch.cat(weights)
    return in_parts(
        lambda part, beyond: correlate_axes(part, one_after_another, **options, cval=beyond), image.flatten(), cval
    ).reshape(image.shape)


def _gaussian(
    function: str, sigma: Tensor | float, order: int, truncate: float, radius: int | None, image: Tensor
) -> Tensor:
    """The weights of a correlation, in the real dtype of the image."""
    if not isinstance(order, Integral) or order < 0:
        raise ArgumentError(function, "order", "an integer of at least 0", repr(order), "order=0")
    width = torch.as_tensor(sigma, dtype=torch.float64, device=image.device)
    if width.dim():
        raise ArgumentError(function, "sigma", "one number", f"shape {tuple(width.shape)}", "one for each axis")
    if radius is None:
        value = value_of(width) if isinstance(sigma, Tensor) else float(sigma)
        if not isinstance(value, float):
            got = "a sigma whose value a transform or compiler hides"
            raise ArgumentError(function, "radius", "an integer", got, "radius=…, several times the largest sigma")
        radius = int(truncate * value + 0.5)
    if not isinstance(radius, Integral) or radius < 0:
        raise ArgumentError(function, "radius", "an integer of at least 0", repr(radius), "radius=None")
    narrow = width <= _NO_WIDTH
    place = torch.arange(-radius, radius + 1, dtype=torch.float64, device=image.device)
    variance = torch.where(narrow, 1.0, width) ** 2
    bell = torch.exp(-0.5 / variance * place**2)
    weights = _hermite(order, place, variance) * (bell / bell.sum())
    weights = torch.where(narrow, (place == 0).double(), weights)
    # A correlation takes the reversed kernel: an even function's odd derivatives change sign.
    return weights.flip(0).to(image.real.dtype)


def _hermite(order: int, place: Tensor, variance: Tensor) -> Tensor | float:
    """The polynomial that a differentiated Gaussian is a multiple of.

    With ``u = 1 / variance`` the derivative of ``q e^(-u x² / 2)`` is ``(q' - u x q) e^(-u x² / 2)``, so that
    ``q[n + 1] = -u (x q[n] + n q[n - 1])``.
    """
    before, now = 0.0, torch.ones_like(place)
    for n in range(order):
        before, now = now, -(place * now + n * before) / variance
    return now
