"""Products with a sparse matrix, and outer products on its pattern, in torch operations."""

from __future__ import annotations

import torch
from torch import Tensor


def outer_on_pattern(w: Tensor, x: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
    """Stored values of ``w xᴴ``, of shape (..., nnz), for columns w (..., m, k) and x (..., n, k)."""
    return (taken(w, rows) * taken(x, cols).conj()).sum(-1)


def taken(x: Tensor, places: Tensor) -> Tensor:
    """The elements of columns x (..., n, k) at these places (..., nnz)."""
    if places.dim() == 1:
        return x.index_select(-2, places.round().long())
    places = places.round().long()[..., None]
    rank = max(places.dim(), x.dim())
    x, places = (t.reshape(*[1] * (rank - t.dim()), *t.shape) for t in (x, places))
    return torch.take_along_dim(x, places, -2)


def product(data: Tensor, rows: Tensor, cols: Tensor, x: Tensor, size: int) -> Tensor:
    """The sparse matrix of `size` rows times a vector x (n,)."""
    products = data * x[cols]
    return torch.zeros(size, dtype=products.dtype, device=x.device).index_add(0, rows, products)


def broadcast(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """`torch.broadcast_tensors`, which `is_grads_batched` doesn't know."""
    shape = torch.broadcast_shapes(a.shape, b.shape)
    return a.expand(shape), b.expand(shape)
