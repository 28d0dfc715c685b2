"""Upsample, filter and downsample: the three sides of one trilinear form, as two operators.

With ``T(h, x, g) = Σ g[m] h[m down - n up] x[n]``, over all m and n for which h has that tap, the filter's output is
the derivative of T by g, and its gradients are those by h and x. The one by x is the filter again, with h turned round
and the rates exchanged.
"""

import math
from typing import Any

import numpy as np
import scipy.signal
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]


@operator("(k),(n)->(((n-1)*up+k-1)//down+1)", batch="native")
def filter_polyphase(h: Array, x: Array, *, up: int, down: int) -> Array:
    """Put ``up - 1`` zeros between samples, convolve with h, and keep every ``down``-th sample.

    Parameters
    ----------
    h : Tensor of shape (..., k)
    x : Tensor of shape (..., n)
    up, down : int
        At least 1.

    Returns
    -------
    Tensor of shape (..., ((n-1) up + k - 1) // down + 1)
        ``out[m] = Σ h[m down - n up] x[n]``.

    Notes
    -----
    ``x`` gets ``Σ g[m] conj(h[m down - n up])``, which is the same operator with h turned round and the rates
    exchanged; ``h`` gets `polyphase_taps`. Differentiable to any order.

    References
    ----------
    `scipy.signal.upfirdn`; P. P. Vaidyanathan, "Multirate Systems and Filter Banks", chapter 4.

    Examples
    --------
    >>> import torch
    >>> filter_polyphase(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 2.0, 3.0]), up=2, down=1)
    tensor([1., 1., 2., 2., 3., 3.])
    """
    if h.ndim == 1:
        return scipy.signal.upfirdn(h, x, up, down)
    batch = np.broadcast_shapes(h.shape[:-1], x.shape[:-1])
    h, x = (np.broadcast_to(array, (*batch, array.shape[-1])) for array in (h, x))
    size = ((x.shape[-1] - 1) * up + h.shape[-1] - 1) // down + 1
    results = [scipy.signal.upfirdn(h[index], x[index], up, down) for index in np.ndindex(*batch)]
    return np.reshape(np.asarray(results, x.dtype), (*batch, size))


@operator("(m),(n)->(length)", batch="native")
def polyphase_taps(y: Array, x: Array, *, up: int, down: int, length: int) -> Array:
    """Correlation of an upsampled signal with another upsampled signal, at the first few lags.

    Parameters
    ----------
    y : Tensor of shape (..., m)
        With ``down - 1`` zeros between samples.
    x : Tensor of shape (..., n)
        With ``up - 1`` zeros between samples; conjugated if complex.
    up, down, length : int

    Returns
    -------
    Tensor of shape (..., length)
        ``out[j] = Σ y[m] conj(x[n])`` over ``m down - n up = j``.

    Notes
    -----
    The gradient of the taps of `filter_polyphase`. With ``g`` the incoming gradient, ``y``
    gets ``filter_polyphase(g, x)``, ``x`` what that gives to its signal.

    References
    ----------
    `scipy.signal.upfirdn`.

    Examples
    --------
    >>> import torch
    >>> polyphase_taps(torch.ones(3), torch.ones(3), up=1, down=1, length=2)
    tensor([3., 2.])
    """
    batch = np.broadcast_shapes(y.shape[:-1], x.shape[:-1])
    result = np.zeros((*batch, length), x.dtype)
    common = math.gcd(up, down)
    # Of every tap the products lie on one arithmetic progression of m and n: m down ≡ j modulo up.
    up_step, down_step = up // common, down // common
    ours = [np.ascontiguousarray(y[..., phase::up_step]) for phase in range(up_step)]
    theirs = [np.ascontiguousarray(x[..., phase::down_step]) for phase in range(down_step)]
    inverse = pow(down_step, -1, up_step) if up_step > 1 else 0
    for j in range(0, length, common):
        lag = j // common
        m = lag * inverse % up_step
        m += up_step * max(0, -(-(lag - m * down_step) // (up_step * down_step)))
        n = (m * down_step - lag) // up_step
        one, two = ours[m % up_step][..., m // up_step :], theirs[n % down_step][..., n // down_step :]
        count = min(one.shape[-1], two.shape[-1])
        result[..., j] = np.vecdot(two[..., :count], one[..., :count])
    return result


def _onto_signal(h: Tensor, g: Tensor, size: int, up: int, down: int) -> Tensor:
    """``Σ g[m] conj(h[m down - n up])``: the filter with h turned round, begun where a tap meets a kept sample."""
    taps = h.shape[-1]
    filled = -(taps - 1) % up
    turned = F.pad(h.flip(-1), (filled, 0)).conj()
    whole = filter_polyphase(turned, g, up=down, down=up)
    start = (taps - 1 + filled) // up
    return F.pad(whole, (0, max(0, start + size - whole.shape[-1]))).narrow(-1, start, size)


filter_polyphase.vjp(
    h=lambda g, h, x, up, down: polyphase_taps(g, x, up=up, down=down, length=h.shape[-1]),
    x=lambda g, h, x, up, down: _onto_signal(h, g, x.shape[-1], up, down),
)


def _onto_output(h: Tensor, x: Tensor, size: int, up: int, down: int) -> Tensor:
    whole = filter_polyphase(h, x, up=up, down=down)
    kept = whole.narrow(-1, 0, min(size, whole.shape[-1]))
    return F.pad(kept, (0, size - kept.shape[-1]))


polyphase_taps.vjp(
    y=lambda g, y, x, up, down: _onto_output(g, x, y.shape[-1], up, down),
    x=lambda g, y, x, up, down: _onto_signal(g, y, x.shape[-1], up, down),
)
filter_polyphase.samples(
    lambda rng: [
        Sample(rng.normal(size=4), rng.normal(size=(2, 3)), up=3, down=2),
        Sample(rng.normal(size=(2, 1, 2)), rng.normal(size=(2, 3)), up=2, down=4),
        Sample(rng.normal(size=3) + 1j, rng.normal(size=2) + 1j, up=1, down=2),
    ]
)
polyphase_taps.samples(
    lambda rng: [
        Sample(rng.normal(size=5), rng.normal(size=(2, 3)), up=3, down=2, length=4),
        Sample(rng.normal(size=(2, 1, 2)), rng.normal(size=3), up=2, down=4, length=3),
        Sample(rng.normal(size=3) + 1j, rng.normal(size=2) + 1j, up=1, down=2, length=2),
    ]
)
