"""Linear systems whose matrix is a function of a vector: SciPy's solution, with its implicit derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse.linalg
import torch
from torch import Tensor

from scitorch.core.border import array_function, fetch
from scitorch.core.closure import FreeTensors, Replaced
from scitorch.core.implicit import implicit
from scitorch.sparse.linalg.krylov import HERMITIAN, refuse, run_solver

Product = Callable[[Tensor], Tensor]


def solve_callable(
    method: str,
    A: Product,
    b: Tensor,
    x0: Tensor | None,
    M: Product | None,
    options: dict[str, Any],
    callback: Callable[..., Any] | None = None,
    check: bool = True,
) -> tuple[Tensor, Tensor]:
    """The solution of ``A(x) = b`` and SciPy's info."""
    # The tensors in A become arguments, since a derivative's own system must not look for them under its transform.
    finder = FreeTensors(b)
    with torch.enable_grad(), finder:
        A(b.detach())
    finder.refuse_hidden(method)
    free = list(finder.found.values())

    def product(v: Tensor, *theta: Tensor) -> Tensor:
        with Replaced(free, theta):
            return A(v)

    first = None if x0 is None else fetch(x0.double())
    told = None if callback is None else _with_tensors(callback, b)
    return _solve(method, product, b, free, M, options, check, first, told)


def _solve(
    method: str,
    product: Callable[..., Tensor],
    b: Tensor,
    theta: Sequence[Tensor],
    M: Product | None,
    options: dict[str, Any],
    check: bool,
    x0: Any = None,
    callback: Any = None,
) -> tuple[Tensor, Tensor]:
    shift = options.get("shift", 0.0)

    def solve(b: Tensor, *theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        b = b.double()  # float32 comes as it is, and `implicit` makes all that A works with double
        A = _operator(lambda v: product(v, *theta), b)
        x, info = run_solver(method, A, fetch(b), x0, M and _operator(M, b), options, callback)
        if info and check:
            refuse(method, x, info)
        return torch.tensor(x, dtype=b.dtype, device=b.device), torch.tensor(info == 0), torch.tensor(info)

    def residual(x: Tensor, b: Tensor, *theta: Tensor) -> Tensor:
        return product(x, *theta) - shift * x - b

    def linear(_: Tensor, c: Tensor, transposed: bool, b: Tensor, *theta: Tensor) -> Tensor:
        there = transposed and method not in HERMITIAN
        of, condition = (_transpose(product, b), M and _transpose(M, b)) if there else (product, M)
        relative = options if method == "minres" else options | {"atol": 0.0}  # the absolute one is for b
        return _solve(method, of, c, theta, condition, relative, check)[0]

    x, _, info = implicit(method, solve, residual, b, (b, *theta), linear)
    return x, info


def _operator(function: Product, b: Tensor) -> Any:
    n = b.shape[0]
    product = array_function(lambda v: function(v.reshape(n)), b.dtype, b.device)
    make: Any = scipy.sparse.linalg.LinearOperator
    return make((n, n), matvec=product, dtype=np.float64)


def _transpose(function: Callable[..., Tensor], like: Tensor) -> Callable[..., Tensor]:
    """The transpose of a function that is linear in its first argument."""

    def transposed(w: Tensor, *theta: Tensor) -> Tensor:
        pull: Any = torch.func.vjp(lambda v: function(v, *theta), torch.zeros_like(like))[1]
        return pull(w)[0]

    return transposed


def _with_tensors(callback: Callable[..., Any], b: Tensor) -> Callable[..., Any]:
    def told(state: Any) -> None:
        callback(torch.tensor(state, dtype=b.dtype, device=b.device) if isinstance(state, np.ndarray) else state)

    return told
