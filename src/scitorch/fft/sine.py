"""Discrete sine transforms."""

from collections.abc import Sequence

from torch import Tensor

from .transform import sizes_and_axes, transform_axes


def dst(
    x: Tensor,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,  # noqa: ARG001  a hint, and part of SciPy's signature
    workers: int | None = None,
    orthogonalize: bool | None = None,
) -> Tensor:
    """Discrete sine transform along one axis.

    Parameters
    ----------
    x : Tensor of shape (..., N, ...)
        Real, or complex (transformed in both parts).
    type : {1, 2, 3, 4}, optional
    n : int, optional
        Length of the transform; ``x`` is cropped or padded with zeros at its end.
    axis : int, optional
    norm : {"backward", "ortho", "forward"}, optional
        Scale by 1 (the default), ``1 / sqrt(L)`` or ``1 / L``, where L is ``2(N + 1)`` for type 1 and ``2N`` else.
    overwrite_x : bool, optional
        A hint in SciPy. ``x`` is never overwritten here, since derivatives may need it.
    workers : int, optional
        Threads over the other axes, forward and backward; by default what `scipy.fft.set_workers` says.
    orthogonalize : bool, optional
        Rescale the end terms so that the matrix is orthogonal (up to a factor); by default where ``norm="ortho"``.

    Returns
    -------
    Tensor of shape (..., n, ...)
        In the dtype of ``x``.

    Raises
    ------
    ArgumentError
        Another type or norm.
    ShapeError
        A transform of no points.

    Notes
    -----
    Unscaled and with ``k`` from 0 to N - 1,

    - type 1: ``y[k] = 2 Σ x[j] sin(π (k+1) (j+1) / (N+1))``;
    - type 2: ``y[k] = 2 Σ x[j] sin(π (k+1) (2j+1) / 2N)``;
    - type 3: ``y[k] = (-1)**k x[N-1] + 2 Σ x[j] sin(π (2k+1) (j+1) / 2N)``, over j < N - 1;
    - type 4: ``y[k] = 2 Σ x[j] sin(π (2k+1) (2j+1) / 4N)``.

    ``x`` gets the transposed transform of the incoming gradient, at the cost of the transform itself. Linear, so that
    derivatives exist to any order. SciPy ignores `orthogonalize` for complex input; here it always has its effect.

    References
    ----------
    `scipy.fft.dst`.

    Examples
    --------
    >>> import torch
    >>> dst(torch.tensor([1.0, 0.0, 0.0]), 2, norm="ortho")
    tensor([0.4082, 0.7071, 0.5774])
    """
    return transform_axes("dst", x, type, [x.shape[axis] if n is None else n], [axis], norm, workers, orthogonalize)


def idst(
    x: Tensor,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,  # noqa: ARG001  a hint, and part of SciPy's signature
    workers: int | None = None,
    orthogonalize: bool | None = None,
) -> Tensor:
    """Inverse discrete sine transform along one axis.

    Parameters
    ----------
    x : Tensor of shape (..., N, ...)
        Real, or complex (transformed in both parts).
    type : {1, 2, 3, 4}, optional
        Of the transform that is undone.
    n : int, optional
        Length of the transform; ``x`` is cropped or padded with zeros at its end.
    axis : int, optional
    norm : {"backward", "ortho", "forward"}, optional
        As was given to `dst`: scale by ``1 / L`` (the default), ``1 / sqrt(L)`` or 1.
    overwrite_x : bool, optional
        A hint in SciPy. ``x`` is never overwritten here, since derivatives may need it.
    workers : int, optional
        Threads over the other axes, forward and backward.
    orthogonalize : bool, optional
        As was given to `dst`; by default where ``norm="ortho"``.

    Returns
    -------
    Tensor of shape (..., n, ...)
        In the dtype of ``x``.

    Raises
    ------
    ArgumentError
        Another type or norm.
    ShapeError
        A transform of no points.

    Notes
    -----
    Types 1 and 4 are their own inverses, types 2 and 3 each other's, up to ``1 / L``. ``x`` gets the transposed
    transform of the incoming gradient; derivatives exist to any order.

    References
    ----------
    `scipy.fft.idst`.

    Examples
    --------
    >>> import torch
    >>> idst(dst(torch.tensor([4.0, 3.0, 5.0, 10.0])))
    tensor([ 4.0000,  3.0000,  5.0000, 10.0000])
    """
    return transform_axes("idst", x, type, [x.shape[axis] if n is None else n], [axis], norm, workers, orthogonalize)


def dstn(
    x: Tensor,
    type: int = 2,
    s: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
    norm: str | None = None,
    overwrite_x: bool = False,  # noqa: ARG001  a hint, and part of SciPy's signature
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Tensor:
    """Discrete sine transform along several axes.

    Parameters
    ----------
    x : Tensor
        Real, or complex (transformed in both parts).
    type : {1, 2, 3, 4}, optional
    s : int or sequence of int, optional
        Lengths along the axes; ``x`` is cropped or padded with zeros at the ends. -1 keeps a length.
    axes : int or sequence of int, optional
        By default the last ``len(s)`` axes, or all.
    norm : {"backward", "ortho", "forward"}, optional
        As in `dst`, for each axis.
    overwrite_x : bool, optional
        A hint in SciPy. ``x`` is never overwritten here, since derivatives may need it.
    workers : int, optional
        Threads over the other axes, forward and backward.
    orthogonalize : bool, optional
        As in `dst`, for each axis.

    Returns
    -------
    Tensor
        In the dtype of ``x``.

    Raises
    ------
    ArgumentError
        Another type or norm, or axes that are repeated or not there.
    ShapeError
        A transform of no points, or sizes that don't fit the axes.

    Notes
    -----
    One `dst` after the other, and so are its derivatives, to any order.

    References
    ----------
    `scipy.fft.dstn`.

    Examples
    --------
    >>> import torch
    >>> dstn(torch.ones(2, 2)).round(decimals=4)
    tensor([[8., 0.],
            [0., 0.]])
    """
    return transform_axes("dstn", x, type, *sizes_and_axes("dstn", x, s, axes), norm, workers, orthogonalize)


def idstn(
    x: Tensor,
    type: int = 2,
    s: int | Sequence[int] | None = None,
    axes: int | Sequence[int] | None = None,
    norm: str | None = None,
    overwrite_x: bool = False,  # noqa: ARG001  a hint, and part of SciPy's signature
    workers: int | None = None,
    *,
    orthogonalize: bool | None = None,
) -> Tensor:
    """Inverse discrete sine transform along several axes.

    Parameters
    ----------
    x : Tensor
        Real, or complex (transformed in both parts).
    type : {1, 2, 3, 4}, optional
        Of the transform that is undone.
    s : int or sequence of int, optional
        Lengths along the axes; ``x`` is cropped or padded with zeros at the ends. -1 keeps a length.
    axes : int or sequence of int, optional
        By default the last ``len(s)`` axes, or all.
    norm : {"backward", "ortho", "forward"}, optional
        As was given to `dstn`.
    overwrite_x : bool, optional
        A hint in SciPy. ``x`` is never overwritten here, since derivatives may need it.
    workers : int, optional
        Threads over the other axes, forward and backward.
    orthogonalize : bool, optional
        As was given to `dstn`.

    Returns
    -------
    Tensor
        In the dtype of ``x``.

    Raises
    ------
    ArgumentError
        Another type or norm, or axes that are repeated or not there.
    ShapeError
        A transform of no points, or sizes that don't fit the axes.

    Notes
    -----
    One `idst` after the other, and so are its derivatives, to any order.

    References
    ----------
    `scipy.fft.idstn`.

    Examples
    --------
    >>> import torch
    >>> idstn(dstn(torch.ones(2, 2))).round(decimals=4)
    tensor([[1., 1.],
            [1., 1.]])
    """
    return transform_axes("idstn", x, type, *sizes_and_axes("idstn", x, s, axes), norm, workers, orthogonalize)
