"""Linear filters: recursive and in sections, forward and forward-backward."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.linalg.systems import solve_general

from .direct import convolve_last
from .recursive import filter_cascade, filter_section

Coefficients = Tensor | Sequence[float] | float


def lfilter(
    b: Coefficients, a: Coefficients, x: Tensor, axis: int = -1, zi: Tensor | None = None
) -> Tensor | tuple[Tensor, Tensor]:
    """Recursive or finite filter of rational transfer function, along one axis.

    Parameters
    ----------
    b, a : Tensor of shape (k,) and (l,), or sequence of numbers
        Numerator and denominator. Numbers are constants in the dtype of ``x``.
    x : Tensor of shape (..., n, ...)
    axis : int, optional
    zi : Tensor of shape (..., max(k, l)-1, ...), optional
        State before the first sample, with the dimensions of ``x`` (of size 1 to broadcast, but for `axis`).

    Returns
    -------
    y : Tensor of shape (..., n, ...)
    zf : Tensor of shape (..., max(k, l)-1, ...)
        State after the last sample; only where ``zi`` is given.

    Raises
    ------
    ShapeError
        Coefficients that aren't one-dimensional, or a state of another shape.
    KernelError
        ``a[0]`` is zero.

    Notes
    -----
    ``a[0] y[n] = Σ b[i] x[n-i] - Σ a[i] y[n-i]``, in transposed direct form II. Differentiable in b, a, x and zi, to
    any order and through zf: with u the incoming gradient filtered backwards by ``1 / a``, b gets the first lags of
    the correlation of u with x, a minus those with y, x gets u correlated with b, and zi the first samples of u (all
    divided by ``a[0]`` as it scales them). For filters of batches of coefficients use `torch.func.vmap`.

    References
    ----------
    `scipy.signal.lfilter`; A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", section 6.3.

    Examples
    --------
    >>> import torch
    >>> lfilter([0.5], [1.0, -0.5], torch.tensor([1.0, 1.0, 1.0]))
    tensor([0.5000, 0.7500, 0.8750])
    """
    b, a = _coefficients("lfilter", "b", b, x), _coefficients("lfilter", "a", a, x)
    order = max(b.shape[0], a.shape[0]) - 1
    signal = _moved(x, axis, -1)
    state = signal.new_zeros(order) if zi is None else _checked_state(x, axis, order, zi)
    if a.shape[0] == 1:
        dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), x.dtype)  # to divide in
        y, zf = _finite(b.to(dtype) / a, signal, state if zi is not None else None)
    else:
        b, a = (c if c.shape[0] > order else F.pad(c, (0, order + 1 - c.shape[0])) for c in (b, a))
        y, zf = filter_section(b, a, signal, state)
    y = _moved(y, -1, axis)
    return y if zi is None else (y, zf.movedim(-1, axis))


def _moved(x: Tensor, axis: int, to: int) -> Tensor:
    """`movedim`, which for nothing takes a node of the graph."""
    return x if axis == to else x.movedim(axis, to)


def _coefficients(name: str, argument: str, value: Coefficients, x: Tensor) -> Tensor:
    if not isinstance(value, (Tensor, Sequence, int, float, complex)):
        raise ArgumentError(name, argument, "a tensor or numbers", type(value).__name__, f"torch.as_tensor({argument})")
    if not isinstance(value, Tensor):
        value = torch.tensor(value, device=x.device)
        dtype = x.dtype if x.is_floating_point() or x.is_complex() else torch.get_default_dtype()
        value = value.to(dtype.to_complex() if value.is_complex() else dtype)
    value = value.reshape(1) if value.dim() == 0 else value
    if value.dim() != 1 or value.shape[0] == 0:
        raise ShapeError(name, argument, "one dimension, not empty", f"{tuple(value.shape)}", "torch.func.vmap")
    return value


def _checked_state(x: Tensor, axis: int, order: int, zi: Tensor) -> Tensor:
    expected = list(x.shape)
    expected[axis] = order
    fits = zi.dim() == x.dim() and all(
        have in ({want} if k == axis % x.dim() else {1, want})
        for k, (have, want) in enumerate(zip(zi.shape, expected, strict=True))
    )
    if not fits:
        raise ShapeError("lfilter", "zi", f"shape {tuple(expected)}", f"{tuple(zi.shape)}")
    return zi.movedim(axis, -1)


def _finite(b: Tensor, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """A filter without recursion: what the convolution has beyond the signal is the state."""
    n = x.shape[-1]
    whole = convolve_last(x, b) if n else x.new_zeros((*x.shape[:-1], b.shape[0] - 1))
    if state is not None:
        whole = whole + F.pad(state, (0, n))
    return whole[..., :n], whole[..., n:]


def sosfilt(sos: Tensor, x: Tensor, axis: int = -1, zi: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
    """Recursive filter as a cascade of sections of second order, along one axis.

    Parameters
    ----------
    sos : Tensor of shape (s, 6)
        Numerators in the first three columns, denominators in the others.
    x : Tensor of shape (..., n, ...)
    axis : int, optional
    zi : Tensor of shape (s, ..., 2, ...), optional
        States before the first sample, with the dimensions of ``x`` after those of the sections.

    Returns
    -------
    y : Tensor of shape (..., n, ...)
    zf : Tensor of shape (s, ..., 2, ...)
        States after the last sample; only where ``zi`` is given.

    Raises
    ------
    ShapeError
        Sections or states of another shape.

    Notes
    -----
    Differentiable in sos, x and zi, to any order and through zf; each section as `lfilter`. SciPy demands
    ``sos[:, 3] == 1``; here a section is divided by it, so that it may be learned too.

    References
    ----------
    `scipy.signal.sosfilt`.

    Examples
    --------
    >>> import torch
    >>> sos = torch.tensor([[0.5, 0.0, 0.0, 1.0, -0.5, 0.0]])
    >>> sosfilt(sos, torch.tensor([1.0, 1.0, 1.0]))
    tensor([0.5000, 0.7500, 0.8750])
    """
    sos = _checked_sections("sosfilt", sos)
    expected = list(x.shape)
    expected[axis] = 2
    expected = [sos.shape[0], *expected]
    if zi is None:
        state = sos.new_zeros((sos.shape[0], 2))
    elif list(zi.shape) == expected:
        state = zi.movedim((0, axis % x.dim() + 1), (-2, -1))
    else:
        raise ShapeError("sosfilt", "zi", f"shape {tuple(expected)}", f"{tuple(zi.shape)}")
    y, zf = filter_cascade(sos, _moved(x, axis, -1), state)
    y = _moved(y, -1, axis)
    return y if zi is None else (y, zf.movedim((-2, -1), (0, axis % x.dim() + 1)))


def _checked_sections(name: str, sos: Tensor) -> Tensor:
    if not isinstance(sos, Tensor):
        raise ArgumentError(name, "sos", "a tensor", type(sos).__name__, "torch.as_tensor(sos)")
    if sos.dim() != 2 or sos.shape[1] != 6 or sos.shape[0] == 0:
        raise ShapeError(name, "sos", "shape (s, 6)", f"{tuple(sos.shape)}", "torch.func.vmap for batches")
    return sos


def filtfilt(
    b: Coefficients,
    a: Coefficients,
    x: Tensor,
    axis: int = -1,
    padtype: str | None = "odd",
    padlen: int | None = None,
    method: str = "pad",
    irlen: int | None = None,
) -> Tensor:
    """Filter forward and then backward, so that no phase is left.

    Parameters
    ----------
    b, a : Tensor of shape (k,) and (l,), or sequence of numbers
        Numerator and denominator, with a sum of ``a`` that isn't zero.
    x : Tensor of shape (..., n, ...)
    axis : int, optional
    padtype : {"odd", "even", "constant", None}, optional
        How ``x`` is extended at both ends.
    padlen : int, optional
        By how many samples, fewer than n; by default ``3 max(k, l)``.
    method : {"pad"}, optional
        SciPy's "gust" is not supported.
    irlen : int, optional
        Of "gust" alone; not supported.

    Returns
    -------
    Tensor of shape (..., n, ...)

    Raises
    ------
    ArgumentError
        An unknown `padtype`, or another method.
    ShapeError
        A signal that isn't longer than its extension.

    Notes
    -----
    Both runs begin in the steady state of the first sample's value, which depends on b and a; the derivatives include
    it. Differentiable in b, a and x to any order, see `lfilter`.

    References
    ----------
    `scipy.signal.filtfilt`.

    Examples
    --------
    >>> import torch
    >>> filtfilt([0.5], [1.0, -0.5], torch.ones(4), padlen=1)
    tensor([1., 1., 1., 1.])
    """
    if method != "pad" or irlen is not None:
        got = f"{method!r}" if irlen is None else f"{method!r} with irlen={irlen}"
        raise ArgumentError("filtfilt", "method", '"pad" without irlen', got, 'method="pad"')
    b, a = _coefficients("filtfilt", "b", b, x), _coefficients("filtfilt", "a", a, x)
    order = max(b.shape[0], a.shape[0]) - 1
    if order == 0:
        raise ShapeError("filtfilt", "b, a", "a filter with memory", "one coefficient each", "x * (b / a) ** 2")
    b, a = (F.pad(c, (0, order + 1 - c.shape[0])) for c in (b, a))
    edge, signal = _extended("filtfilt", x.movedim(axis, -1), padtype, 3 * (order + 1) if padlen is None else padlen)
    zi = _steady_state(b, a)
    signal, _ = filter_section(b, a, signal, zi * signal[..., :1])
    signal, _ = filter_section(b, a, signal, zi * signal[..., -1:], reverse=True)
    return _without(signal, edge).movedim(-1, axis)


def sosfiltfilt(
    sos: Tensor, x: Tensor, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None
) -> Tensor:
    """Filter by a cascade of sections forward and then backward, so that no phase is left.

    Parameters
    ----------
    sos : Tensor of shape (s, 6)
    x : Tensor of shape (..., n, ...)
    axis : int, optional
    padtype : {"odd", "even", "constant", None}, optional
        How ``x`` is extended at both ends.
    padlen : int, optional
        By how many samples, fewer than n. The default counts the zeros in ``sos``, which a captured graph or
        `torch.func.vmap` over ``sos`` cannot: pass it there.

    Returns
    -------
    Tensor of shape (..., n, ...)

    Raises
    ------
    ArgumentError
        An unknown `padtype`.
    ShapeError
        Sections of another shape, or a signal that isn't longer than its extension.

    Notes
    -----
    Differentiable in sos and x to any order, the steady states that both runs begin in included. See `sosfilt`.

    References
    ----------
    `scipy.signal.sosfiltfilt`.

    Examples
    --------
    >>> import torch
    >>> sos = torch.tensor([[0.5, 0.0, 0.0, 1.0, -0.5, 0.0]])
    >>> sosfiltfilt(sos, torch.ones(4), padlen=1)
    tensor([1., 1., 1., 1.])
    """
    sos = _checked_sections("sosfiltfilt", sos)
    if padlen is None and padtype is not None:
        zeros = (sos.detach()[:, [2, 5]] == 0).sum(0)
        padlen = 3 * (2 * sos.shape[0] + 1 - int(zeros.min()))
    edge, signal = _extended("sosfiltfilt", x.movedim(axis, -1), padtype, padlen or 0)
    b, a = sos.split(3, -1)
    gains = b.sum(-1) / a.sum(-1)
    before = [torch.ones_like(gains[0])]
    for gain in gains[:-1].unbind():
        before.append(before[-1] * gain)
    zi = torch.stack(before)[:, None] * _steady_state(b, a)
    signal, _ = filter_cascade(sos, signal, zi * signal[..., :1, None])
    signal, _ = filter_cascade(sos, signal, zi * signal[..., -1:, None], reverse=True)
    return _without(signal, edge).movedim(-1, axis)


def _steady_state(b: Tensor, a: Tensor) -> Tensor:
    """The state in which a constant 1 goes on as a constant: ``(I - A) z = b[1:] - a[1:] b[0]``, A the companion."""
    b, a = b / a[..., :1], a / a[..., :1]
    order = a.shape[-1] - 1
    step = torch.eye(order, dtype=a.dtype, device=a.device)
    system = step - F.pad(step[1:, 1:], (1, 0, 0, 1)) + F.pad(a[..., 1:, None], (0, order - 1))
    right = b[..., 1:] - a[..., 1:] * b[..., :1]
    return solve_general(system.to(right.dtype), right[..., None])[..., 0]


def _extended(name: str, x: Tensor, padtype: str | None, edge: int) -> tuple[int, Tensor]:
    """The signal with an extension at both ends, and how long that is."""
    if padtype not in ("odd", "even", "constant", None):
        raise ArgumentError(name, "padtype", '"odd", "even", "constant" or None', repr(padtype))
    edge = 0 if padtype is None else edge
    if not 0 <= edge < x.shape[-1]:
        raise ShapeError(name, "x", f"more samples than the extension's {edge}", f"{x.shape[-1]}", "a smaller padlen")
    if edge == 0:
        return 0, x
    first, last = x[..., :1], x[..., -1:]
    left, right = x[..., 1 : edge + 1].flip(-1), x[..., -edge - 1 : -1].flip(-1)
    if padtype == "odd":
        left, right = 2 * first - left, 2 * last - right
    elif padtype == "constant":
        left, right = (end.expand(left.shape) for end in (first, last))
    return edge, torch.cat([left, x, right], -1)


def _without(x: Tensor, edge: int) -> Tensor:
    return x[..., edge : x.shape[-1] - edge]
