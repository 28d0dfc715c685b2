"""Layers whose output an equation defines."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from scitorch.core.errors import ArgumentError
from scitorch.nn.arguments import positive_integer
from scitorch.optimize import least_squares, root

MATRIX_FREE = ("anderson", "broyden1", "broyden2", "diagbroyden", "linearmixing", "excitingmixing", "krylov")


class FixedPoint(Module):
    """Deep-equilibrium layer: the z with ``z = function(z, input)``.

    Parameters
    ----------
    function : Module
        ``function(z, input)``, a tensor like z. It is evaluated many times and must give the same each time: no
        dropout, no batch statistics.
    method : str, optional
        One of `scitorch.optimize.root` that makes no Jacobian: by default Anderson's acceleration of the plain
        iteration.
    tol : float, optional
        Greatest element of ``function(z, input) - z`` at which the iteration stops. Derivatives are as exact.
    maxiter : int, optional
    options : dict, optional
        Further ones of the method, such as ``{"jac_options": {"M": 10}}``.
    check : bool, optional
        Whether no convergence raises. If not, the derivatives are NaN.

    Raises
    ------
    ArgumentError
        A method that isn't matrix-free, or something that can't be called.

    See Also
    --------
    scitorch.optimize.root : The solver, with its derivative.

    Notes
    -----
    All of the input is one equation, whatever its dimensions mean, and it has converged when each element has. The
    gradient solves ``(I - ∂function/∂z)ᵀ w = g`` by GMRES (up to 500 unknowns by a matrix): it needs no memory for the
    iterations, and is that of the fixed point, to any order, in the input and all parameters.

    References
    ----------
    S. Bai, J. Z. Kolter, V. Koltun, "Deep equilibrium models", NeurIPS 32 (2019); `scipy.optimize.root`.

    Examples
    --------
    >>> import torch
    >>> class Cell(torch.nn.Module):
    ...     def forward(self, z, input):
    ...         return torch.tanh(z / 2 + input)
    >>> FixedPoint(Cell())(torch.tensor([[0.0, 0.5], [1.0, -1.0]]))
    tensor([[ 0.0000,  0.6879],
            [ 0.8952, -0.8952]])
    """

    def __init__(
        self,
        function: Module,
        *,
        method: str = "anderson",
        tol: float = 1e-6,
        maxiter: int = 100,
        options: dict[str, Any] | None = None,
        check: bool = True,
    ) -> None:
        super().__init__()
        if method not in MATRIX_FREE:
            raise ArgumentError("FixedPoint", "method", f"one of {', '.join(MATRIX_FREE)}", repr(method))
        self.function, self.method, self.tol, self.check = _callable(self, function), method, tol, check
        self.maxiter = positive_integer(self, "maxiter", maxiter)
        self.options = options or {}

    def forward(self, input: Tensor, z0: Tensor | None = None) -> Tensor:
        """The fixed point, from `z0` on; by default zeros like the input."""
        z0 = torch.zeros_like(input) if z0 is None else z0

        function = self.function

        def step(z: Tensor) -> Tensor:
            return function(z.view(z0.shape), input).flatten() - z

        options: dict[str, Any] = {"fatol": self.tol, "maxiter": self.maxiter} | self.options
        if self.method != "krylov":
            options["jac_options"] = {"alpha": 1.0} | options.get("jac_options", {})  # begins with the plain iteration
        z = root(step, z0.detach().flatten(), method=self.method, options=options, check=self.check).x
        return z.view(z0.shape)

    def extra_repr(self) -> str:
        """The options that the layer was made with."""
        return f"method={self.method!r}, tol={self.tol:g}, maxiter={self.maxiter}"


class Solve(Module):
    """Layer that solves equations: the y with ``residual(y, input) = 0``.

    Parameters
    ----------
    residual : Module
        ``residual(y, input)`` of tensors of shape (unknowns,) and (k,), a tensor of shape (unknowns,).
    unknowns : int
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives are NaN.
    **options
        For `scitorch.optimize.root`: ``method``, ``tol``, ``options``.

    Raises
    ------
    ArgumentError
        Something that can't be called, or `unknowns` that are no integer.

    See Also
    --------
    scitorch.optimize.root : The solver, with its derivative.

    Notes
    -----
    Leading dimensions of the input are those of independent problems, each with its own convergence. Differentiable to
    any order in the input and all parameters.

    References
    ----------
    `scipy.optimize.root`.

    Examples
    --------
    >>> import torch
    >>> class Cube(torch.nn.Module):
    ...     def forward(self, y, input):
    ...         return y**3 + y - input
    >>> Solve(Cube(), 1)(torch.tensor([[2.0], [10.0]]))
    tensor([[1.],
            [2.]])
    """

    def __init__(self, residual: Module, unknowns: int, *, check: bool = True, **options: Any) -> None:
        super().__init__()
        self.residual, self.check, self.options = _callable(self, residual), check, options
        self.unknowns = positive_integer(self, "unknowns", unknowns)

    def forward(self, input: Tensor, y0: Tensor | None = None) -> Tensor:
        """The solutions, from `y0` on; by default zeros."""
        y0 = input.detach().new_zeros(*input.shape[:-1], self.unknowns) if y0 is None else y0.detach()
        return root(self.residual, y0, (input,), check=self.check, **self.options).x

    def extra_repr(self) -> str:
        """The options that the layer was made with."""
        return f"unknowns={self.unknowns}{_listed(self.options)}"


class LeastSquares(Module):
    """Layer that fits: the y with the least sum of squares of ``residual(y, input)``.

    Parameters
    ----------
    residual : Module
        ``residual(y, input)`` of tensors of shape (unknowns,) and (k,), a tensor of shape (m,).
    unknowns : int
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives are NaN.
    **options
        For `scitorch.optimize.least_squares`: ``bounds``, ``loss``, ``method`` and others.

    Raises
    ------
    ArgumentError
        Something that can't be called, or `unknowns` that are no integer.

    See Also
    --------
    scitorch.optimize.least_squares : The solver, with its derivative.

    Notes
    -----
    Leading dimensions of the input are those of independent problems, each with its own convergence. Differentiable to
    any order in the input and all parameters.

    References
    ----------
    `scipy.optimize.least_squares`.

    Examples
    --------
    >>> import torch
    >>> class Mean(torch.nn.Module):
    ...     def forward(self, y, input):
    ...         return y - input
    >>> LeastSquares(Mean(), 1)(torch.tensor([[2.0, 4.0], [1.0, 1.0]]))
    tensor([[3.],
            [1.]])
    """

    def __init__(self, residual: Module, unknowns: int, *, check: bool = True, **options: Any) -> None:
        super().__init__()
        self.residual, self.check, self.options = _callable(self, residual), check, options
        self.unknowns = positive_integer(self, "unknowns", unknowns)

    def forward(self, input: Tensor, y0: Tensor | None = None) -> Tensor:
        """The fits, from `y0` on; by default zeros."""
        y0 = input.detach().new_zeros(*input.shape[:-1], self.unknowns) if y0 is None else y0.detach()
        return least_squares(self.residual, y0, args=(input,), check=self.check, **self.options).x

    def extra_repr(self) -> str:
        """The options that the layer was made with."""
        return f"unknowns={self.unknowns}{_listed(self.options)}"


def _callable(layer: Module, function: Any) -> Any:
    if not callable(function):
        raise ArgumentError(type(layer).__name__, "function", "a module", type(function).__name__)
    return function


def _listed(options: dict[str, Any]) -> str:
    return "".join(f", {name}={value!r}" for name, value in options.items())
