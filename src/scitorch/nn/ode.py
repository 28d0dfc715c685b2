"""The layer whose output is the state of a differential equation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from scitorch.core.errors import ArgumentError
from scitorch.integrate import solve_ivp


class ODE(Module):
    """Layer that solves the initial value problem ``y' = field(t, y)`` from its input on: a neural ODE.

    Parameters
    ----------
    field : Module
        ``field(t, y)`` of a time without dimensions and a state of shape (n,), a tensor of shape (n,). It must give the
        same each time: no dropout, no batch statistics.
    t_span : pair of float or Tensor, optional
        The first and the last time, at which the state is the output.
    t_eval : Tensor of shape (times,), optional
        The times of the output; without one, the end of `t_span`.
    method : {"RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"}, optional
        SciPy's solver.
    adjoint : {"continuous", "discrete"}, optional
        How derivatives are found.
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives are NaN.
    **options
        For the method: ``rtol``, ``atol``, ``first_step``, ``max_step`` and others.

    Raises
    ------
    ArgumentError
        Something that can't be called, or a `t_span` that is no pair.

    See Also
    --------
    scitorch.integrate.solve_ivp : The solver, with its derivative.

    Notes
    -----
    Leading dimensions of the input are those of independent problems, each with its own steps. Differentiable to any
    order in the input and all parameters, in memory that doesn't grow with the layer's depth but with the steps alone.

    References
    ----------
    R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud, "Neural ordinary differential equations", NeurIPS 31
    (2018); `scipy.integrate.solve_ivp`.

    Examples
    --------
    >>> import torch
    >>> class Decay(torch.nn.Module):
    ...     def forward(self, t, y):
    ...         return -y
    >>> ODE(Decay(), (0, 1), rtol=1e-8, atol=1e-8)(torch.tensor([[1.0], [2.0]]))
    tensor([[0.3679],
            [0.7358]])
    """

    t_eval: Tensor | None

    def __init__(
        self,
        field: Module,
        t_span: Any = (0.0, 1.0),
        t_eval: Tensor | None = None,
        *,
        method: str = "RK45",
        adjoint: str | None = None,
        check: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        if not callable(field):
            raise ArgumentError("ODE", "field", "a module", type(field).__name__)
        if not hasattr(t_span, "__len__") or len(t_span) != 2:
            raise ArgumentError("ODE", "t_span", "the first and the last time", repr(t_span))
        self.field, self.t_span, self.method = field, tuple(t_span), method
        self.adjoint, self.check, self.options = adjoint, check, options
        self.register_buffer("t_eval", t_eval, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """The states (..., n) at the end of `t_span`, or (..., times, n) at the times asked for."""
        times = self.t_eval
        if times is None:
            end = self.t_span[1]
            times = torch.as_tensor(end, dtype=torch.float64, device=input.device).reshape(1)
        found = solve_ivp(
            self.field,
            self.t_span,
            input,
            self.method,
            times,
            adjoint=self.adjoint,
            check=self.check,
            **self.options,
        )
        return found.y[..., -1] if self.t_eval is None else found.y.mT

    def extra_repr(self) -> str:
        """The options that the layer was made with."""
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"t_span={self.t_span}, method={self.method!r}{options}"
