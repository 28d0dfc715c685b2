"""What all solvers share: guesses, batches of problems, functions for SciPy, and what becomes of a failure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from scitorch.core.border import array_function, fetch
from scitorch.core.closure import tensors_in
from scitorch.core.errors import ArgumentError, MissingDerivativeError, ShapeError, SolverError
from scitorch.core.implicit import DENSE
from scitorch.optimize.results import Messages

Function = Callable[..., Any]
COUNTS = ("status", "nfev", "njev", "nhev", "nit")


def as_guess(name: str, argument: str, x: Any) -> Tensor:
    """A real floating-point tensor; numbers and whole ones in the default dtype."""
    x = x if isinstance(x, Tensor) else torch.tensor(x)
    x = x if x.is_floating_point() or x.is_complex() else x.to(torch.get_default_dtype())
    if x.dtype not in (torch.float32, torch.float64):
        raise ArgumentError(name, argument, "a tensor of dtype float32 or float64", f"{x.dtype}", "x0.double()")
    return x


def as_args(args: Any) -> tuple[Any, ...]:
    """Further arguments of a function: one alone need not be a tuple."""
    return args if isinstance(args, tuple) else (args,)


def solve_each(
    name: str, single: Callable[..., tuple[Tensor, ...]], core: int, x: Tensor, args: Any
) -> tuple[Tensor, ...]:
    """``single(x, args)``, or of each problem where x has more than `core` dimensions."""
    batch = x.shape[: x.dim() - core]
    if not batch:
        return single(x, args)
    for t in tensors_in(pytree.tree_map_only(torch.nn.Module, lambda _: None, args)):
        if t.shape[: len(batch)] != batch:
            advice = "closing over what all problems share"
            raise ShapeError(name, "args", f"the leading dimensions {tuple(batch)} of x0", f"{tuple(t.shape)}", advice)
    refuse_none(name, batch)
    size = math.prod(batch)
    flat = pytree.tree_map_only(Tensor, lambda t: t.reshape(size, *t.shape[len(batch) :]), (x, args))
    dims = pytree.tree_map(lambda t: 0 if isinstance(t, Tensor) else None, flat)
    results: Any = torch.vmap(single, dims)(*flat)
    return tuple(t.reshape(*batch, *t.shape[1:]) for t in results)


def refuse_none(name: str, batch: Sequence[int]) -> None:
    """Raise where there are no problems: the shapes of all that a solver returns are known from its first."""
    if 0 in batch:
        got, advice = f"leading dimensions {tuple(batch)}", "leaving out the call"
        raise ShapeError(name, "problems", "at least one", got, advice)


def value_at(function: Function, x: Tensor, args: tuple[Any, ...]) -> Tensor:
    """The function at the solution; of a function of NumPy, with the solution's own refusal to be differentiated."""
    value = function(x.detach(), *args)
    return function(x, *args) if isinstance(value, Tensor) else tensor_of(value, x, x.dtype) + 0 * x.sum()


def for_scipy(function: Function, args: tuple[Any, ...], like: Tensor) -> Callable[[Any], Any]:
    """A function of one array, in double precision."""
    return array_function(function, torch.float64, like.device, *args)


def tensor_of(x: Any, like: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """An array of SciPy's as a tensor."""
    return torch.tensor(np.asarray(x), dtype=dtype, device=like.device)


def start(x: Tensor) -> Any:
    """A guess as SciPy takes it: of its own memory, in double precision."""
    return np.array(fetch(x), dtype=np.float64)


def lent(x: Tensor) -> Any:
    """Data as SciPy reads them where it writes nothing: in double precision, with a copy only of other ones."""
    return np.asarray(fetch(x), dtype=np.float64)


def is_of_torch(function: Function, x: Tensor, args: tuple[Any, ...]) -> bool:
    """Whether a function returns tensors: then its derivatives can be made."""
    return isinstance(function(x.double(), *args), Tensor)


def value_and_gradient(function: Function) -> Function:
    """A scalar function and its gradient in one call."""

    def call(x: Tensor, *args: Any) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.requires_grad_()
            value = function(x, *args)
            if value.grad_fn is None:
                return value, torch.zeros_like(x)
            gradient = torch.autograd.grad(value.sum(), x, allow_unused=True, materialize_grads=True)[0]
        return value.detach(), gradient

    return call


def gradient_of(function: Function, args: tuple[Any, ...], name: str = "minimize") -> Callable[[Tensor], Tensor]:
    """The gradient of a scalar function, differentiable itself."""

    def scalar(x: Tensor) -> Tensor:
        value = function(x, *args)
        if isinstance(value, Tensor):
            return value.sum()  # SciPy allows one element of any shape
        got = f"one that returns {type(value).__module__}.{type(value).__name__}"
        raise MissingDerivativeError(name, "fun", "a function of torch operations", got, "torch operations")

    gradient: Any = torch.func.grad(scalar)
    return gradient


def jacobian_of(function: Function) -> Function:
    """The Jacobian of a function of a vector: row by row, all at once, or by columns where the rows are too many."""

    def jacobian(x: Tensor, *args: Any) -> Tensor:
        pulled: Any = torch.func.vjp(lambda x: function(x, *args), x)
        value, pull = pulled
        rows: Any = torch.eye(value.numel() if value.numel() <= DENSE else 0, dtype=value.dtype, device=value.device)
        if not rows.numel():
            return torch.func.jacfwd(function)(x, *args)
        return torch.vmap(pull)(rows.reshape(-1, *value.shape))[0].reshape(*value.shape, *x.shape)

    return jacobian


def small(x: Tensor) -> bool:
    """Whether a matrix of so many unknowns may be made."""
    return x.numel() <= DENSE


def concluded(name: str, result: Any, messages: Messages, *, check: bool, success: bool, finite: Any) -> bool:
    """Whether there is a solution; raise if there must be one."""
    message = " ".join(str(result.message).split())
    if not all(np.isfinite(value).all() for value in finite):
        success, message = False, f"numbers that aren't finite ({message})"
    messages.heard.append(message)
    if check and not success:
        refuse(name, message, result)
    return bool(success)


def refuse(name: str, message: str, result: Any = None, item: tuple[int, ...] | None = None) -> NoReturn:
    """Raise the error of a solver that failed."""
    advice = "another guess, method or tolerance, or check=False"
    error = SolverError(name, "solution", "convergence", message.rstrip("."), advice)
    error.result, error.item = result, item
    raise error


def counted(result: Any, like: Tensor) -> list[Tensor]:
    """How the solver ended and what it counted, -1 for what it didn't."""
    counts = [int(getattr(result, name, -1)) for name in COUNTS]
    return list(torch.tensor(counts, dtype=torch.int64, device=like.device).unbind())
