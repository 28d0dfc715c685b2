"""Student's distribution function and its inverse; `scipy.special`, "Raw statistical functions"."""

from typing import Any

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from scitorch.core import Sample, operator

from .student_tail import stdtr_derivative, student_density

Array = NDArray[Any]


@operator("(),()->()", batch="native")
def stdtr(df: Array, t: Array) -> Array:
    """Student's distribution function: the probability of at most t.

    Parameters
    ----------
    df : Tensor
        Degrees of freedom, real and positive.
    t : Tensor
        Real; broadcast against them.

    Returns
    -------
    Tensor of the broadcast shape
        NaN where ``df`` is not positive.

    Notes
    -----
    The derivative in ``t`` is the density; in ``df`` it is the integral of the density's derivative, by quadrature to
    rounding error. Both hold to any order.

    References
    ----------
    `scipy.special.stdtr`; DLMF 8.17.

    Examples
    --------
    >>> import torch
    >>> df = torch.tensor(1.0, requires_grad=True)
    >>> stdtr(df, 1.0).backward()
    >>> df.grad
    tensor(0.0662)
    """
    return sc.stdtr(df, t)


@operator("(),()->()", batch="native")
def stdtrit(df: Array, p: Array) -> Array:
    """Student's quantile: the inverse of `stdtr` in t.

    Parameters
    ----------
    df : Tensor
        Degrees of freedom, real and positive.
    p : Tensor
        Probability, from 0 to 1; broadcast against them.

    Returns
    -------
    Tensor of the broadcast shape
        The ``t`` with ``stdtr(df, t) = p``.

    Notes
    -----
    From the implicit function theorem, with the density ``f`` at ``t``: the derivative in ``p`` is ``1 / f``, in ``df``
    that of `stdtr` over ``-f``, to any order.

    References
    ----------
    `scipy.special.stdtrit`.

    Examples
    --------
    >>> import torch
    >>> stdtrit(1.0, torch.tensor([0.5, 0.75]))
    tensor([0., 1.])
    """
    return sc.stdtrit(df, p)


stdtr.partials(df=lambda df, t: stdtr_derivative(df, t, n=1), t=lambda df, t: student_density(df, t))
stdtrit.partials(
    df=lambda df, out: -stdtr_derivative(df, out, n=1) / student_density(df, out),
    p=lambda df, out: 1 / student_density(df, out),
)
stdtr.samples(lambda rng: [Sample(rng.uniform(0.5, 4, size=(2, 1)), rng.normal(size=2))])
stdtr.special_points(lambda rng: [Sample(np.array([1.0, 2.5, 1e8]), np.array([0.0, 1e8, -30.0]))])
stdtrit.samples(lambda rng: [Sample(rng.uniform(0.5, 4, size=(2, 1)), rng.uniform(0.2, 0.7, size=2))])
stdtrit.special_points(lambda rng: [Sample(np.array([1.0, 1e8]), np.array([0.5, 0.5]))])
