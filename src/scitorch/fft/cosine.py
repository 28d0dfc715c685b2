"""Discrete cosine transforms."""

from collections.abc import Sequence

from torch import Tensor

from .transform import sizes_and_axes, transform_axes


def dct(
    x: Tensor,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,  # noqa: ARG001  a hint, and part of SciPy's signature
    workers: int | None = None,
    orthogonalize: bool | None = None,
) -> Tensor:
    """Discrete cosine transform along one axis.

    Parameters
    ----------
    x : Tensor of shape (..., N, ...)
        Real, or complex (transformed in both parts).
    type : {1, 2, 3, 4}, optional
        Type 1 needs at least two points.
    n : int, optional
        Length of the transform; ``x`` is cropped or padded with zeros at its end.
    axis : int, optional
    norm : {"backward", "ortho", "forward"}, optional
        Scale by 1 (the default), ``1 / sqrt(L)`` or ``1 / L``, where L is ``2(N - 1)`` for type 1 and ``2N`` else.
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

    - type 1: ``y[k] = x[0] + (-1)**k x[N-1] + 2 Σ x[j] cos(π j k / (N-1))``, over 0 < j < N - 1;
    - type 2: ``y[k] = 2 Σ x[j] cos(π k (2j+1) / 2N)``;
    - type 3: ``y[k] = x[0] + 2 Σ x[j] cos(π j (2k+1) / 2N)``, over 0 < j < N;
    - type 4: ``y[k] = 2 Σ x[j] cos(π (2k+1) (2j+1) / 4N)``.

    ``x`` gets the transposed transform of the incoming gradient, at the cost of the transform itself. Linear, so that
    derivatives exist to any order. SciPy ignores `orthogonalize` for complex input; here it always has its effect.

    References
    ----------
    `scipy.fft.dct`.

    Examples
    --------
    >>> import torch
    >>> dct(torch.tensor([4.0, 3.0, 5.0, 10.0]), 1).round()
    tensor([30., -8.,  6., -2.])
    """
    return transform_axes("dct", x, type, [x.shape[axis] if n is None else n], [axis], norm, workers, orthogonalize)


def idct(
    x: Tensor,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,  # noqa: ARG001  a hint, and part of SciPy's signature
    workers: int | None = None,
    orthogonalize: bool | None = None,
) -> Tensor:
    """Inverse discrete cosine transform along one axis.

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
        As was given to `dct`: scale by ``1 / L`` (the default), ``1 / sqrt(L)`` or 1.
    overwrite_x : bool, optional
        A hint in SciPy. ``x`` is never overwritten here, since derivatives may need it.
    workers : int, optional
        Threads over the other axes, forward and backward.
    orthogonalize : bool, optional
        As was given to `dct`; by default where ``norm="ortho"``.

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
    `scipy.fft.idct`.

    Examples
    --------
    >>> import torch
    >>> idct(dct(torch.tensor([4.0, 3.0, 5.0, 10.0]))).round(decimals=4)
    tensor([ 4.,  3.,  5., 10.])
    """
    return transform_axes("idct", x, type, [x.shape[axis] if n is None else n], [axis], norm, workers, orthogonalize)


def dctn(
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
    """Discrete cosine transform along several axes.

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
        As in `dct`, for each axis.
    overwrite_x : bool, optional
        A hint in SciPy. ``x`` is never overwritten here, since derivatives may need it.
    workers : int, optional
        Threads over the other axes, forward and backward.
    orthogonalize : bool, optional
        As in `dct`, for each axis.

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
    One `dct` after the other, and so are its derivatives, to any order.

    References
    ----------
    `scipy.fft.dctn`.

    Examples
    --------
    >>> import torch
    >>> dctn(torch.ones(2, 2))
    tensor([[16.,  0.],
            [ 0.,  0.]])
    """
    return transform_axes("dctn", x, type, *sizes_and_axes("dctn", x, s, axes), norm, workers, orthogonalize)


def idctn(
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
    """Inverse discrete cosine transform along several axes.

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
        As was given to `dctn`.
    overwrite_x : bool, optional
        A hint in SciPy. ``x`` is never overwritten here, since derivatives may need it.
    workers : int, optional
        Threads over the other axes, forward and backward.
    orthogonalize : bool, optional
        As was given to `dctn`.

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
    One `idct` after the other, and so are its derivatives, to any order.

    References
    ----------
    `scipy.fft.idctn`.

    Examples
    --------
    >>> import torch
    >>> idctn(torch.tensor([[16.0, 0.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [1., 1.]])
    """
    return transform_axes("idctn", x, type, *sizes_and_axes("idctn", x, s, axes), norm, workers, orthogonalize)
