"""Linear programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.border import fetch
from scitorch.core.errors import ArgumentError, ShapeError
from scitorch.core.implicit import Outputs, implicit
from scitorch.core.refusals import with_refusals
from scitorch.optimize.constraints import Box, as_box, as_tensor
from scitorch.optimize.kkt import complementarity, strict
from scitorch.optimize.linear_least_squares import each
from scitorch.optimize.problem import as_guess, concluded, start, tensor_of
from scitorch.optimize.results import LinearProgramResult, Messages, Sensitivity

METHODS = ("highs", "highs-ds", "highs-ipm")


@modes.breaks_graphs
@with_refusals
def linprog(
    c: Tensor,
    A_ub: Tensor | None = None,
    b_ub: Tensor | None = None,
    A_eq: Tensor | None = None,
    b_eq: Tensor | None = None,
    bounds: Any = (0, None),
    method: str = "highs",
    callback: None = None,
    options: dict[str, Any] | None = None,
    x0: None = None,
    integrality: Any = None,
    *,
    check: bool = True,
) -> LinearProgramResult:
    """Minimum of ``c @ x`` with ``A_ub @ x <= b_ub``, ``A_eq @ x == b_eq`` and bounds.

    Parameters
    ----------
    c : Tensor of shape (..., n)
    A_ub : Tensor of shape (..., m, n), optional
        Dense.
    b_ub : Tensor of shape (..., m), optional
    A_eq : Tensor of shape (..., k, n), optional
        Dense.
    b_eq : Tensor of shape (..., k), optional
        Leading dimensions of all five broadcast: they are those of independent problems.
    bounds : pair, sequence of pairs, or Bounds, optional
        None in a pair is no bound. Tensors here have derivatives; they are the same for all problems of a batch.
    method : {"highs", "highs-ds", "highs-ipm"}, optional
    callback : None
        SciPy's HiGHS takes none.
    options : dict, optional
        Of the method.
    x0 : None
        SciPy's HiGHS takes none.
    integrality : int or sequence of int, optional
        1 for unknowns that are whole numbers, 0 for the others; one for all, or one each. SciPy's 2 and 3 (zero or
        within bounds) are not supported.
    check : bool, optional
        Whether a solver that fails raises. If not, the derivatives of what it returns are NaN.

    Returns
    -------
    LinearProgramResult

    Raises
    ------
    SolverError
        An infeasible or unbounded program; when a derivative is asked for, a degenerate vertex or a solution that isn't
        unique.
    ArgumentError
        An option that isn't supported.
    ShapeError
        Shapes that don't fit.

    Notes
    -----
    At a vertex where as many constraints and bounds are active as there are unknowns, each with a multiplier that isn't
    zero, x is the solution of their equations, and the multipliers that of the transposed ones; they have derivatives
    of any order, in all arguments. So x stands still when `c` moves. Where more are active or a multiplier is zero
    (below 1e-6, relative to `c`), vertex or basis aren't unique: asking for a derivative raises, and gives NaN with
    ``check=False``. Equations that depend on each other have no unique multipliers, either.

    Whole numbers stand still when the arguments move a little. So a mixed-integer program has the derivatives and
    multipliers of the linear one in which they are held, as long as its optimum is unique, which isn't looked into. A
    constraint on whole numbers alone that is met exactly makes it degenerate.

    References
    ----------
    `scipy.optimize.linprog`; Q. Huangfu, J. A. J. Hall, Math. Program. Comput. 10 (2018), 119-142.

    Examples
    --------
    >>> import torch
    >>> b = torch.tensor([4.0], requires_grad=True)
    >>> r = linprog(torch.tensor([-1.0, -2.0]), torch.tensor([[1.0, 1.0]]), b)
    >>> r.x.detach(), torch.autograd.grad(r.fun, b)
    (tensor([0., 4.]), (tensor([-2.]),))
    """
    for argument, given in (("callback", callback), ("x0", x0)):
        if given is not None:
            raise ArgumentError("linprog", argument, "None", type(given).__name__, "scipy.optimize.linprog")
    if method not in METHODS:
        raise ArgumentError("linprog", "method", f"one of {', '.join(METHODS)}", repr(method), '"highs"')
    tensors, messages = _matrices(c, A_ub, b_ub, A_eq, b_eq), Messages()
    box = _box(bounds, tensors[0])
    whole = _whole(integrality, tensors[0])
    program = _Program(method, options, messages, check, whole)

    def single(*data: Tensor) -> tuple[Tensor, ...]:
        guess = data[0].new_zeros(data[0].numel() + data[2].numel() + data[4].numel())
        given = (data, box)
        equation = (program.solve, program.residual, guess, given)
        y, _, *rest = implicit("linprog", *equation, check=check, jacobian=program.jacobian)
        return y, *rest

    y, success, status, nit = each("linprog", tensors, (1, 2, 1, 2, 1), single)
    c, A_ub, b_ub, A_eq, b_eq = tensors
    x, least, exact = y.split([c.shape[-1], b_ub.shape[-1], b_eq.shape[-1]], -1)
    slack, con = b_ub - (A_ub @ x[..., None])[..., 0], b_eq - (A_eq @ x[..., None])[..., 0]
    reduced = c - (A_ub.mT @ least[..., None] + A_eq.mT @ exact[..., None])[..., 0]
    pushed, (low, high) = torch.where(whole, 0, reduced), box
    lower = Sensitivity(x - low, torch.where(x - pushed < low, pushed, 0))
    upper = Sensitivity(high - x, torch.where(x - pushed > high, pushed, 0))
    sensitivities = Sensitivity(slack, least), Sensitivity(con, exact), lower, upper
    fun = (c * x).sum(-1)
    return LinearProgramResult(x, fun, slack, con, *sensitivities, success, status, str(messages), nit)


@dataclass
class _Program:
    """A linear program for SciPy, and as an equation for x and the multipliers of its constraints."""

    method: str
    options: dict[str, Any] | None
    messages: Messages
    check: bool
    whole: Tensor

    def solve(self, data: tuple[Tensor, ...], box: Box) -> Outputs:
        """What HiGHS finds."""
        if data[0].numel() == 0:
            raise ShapeError("linprog", "c", "at least one unknown", "none")
        c, A_ub, b_ub, A_eq, b_eq = map(start, data)
        low, high = map(start, box)
        r = self._by_highs(c, A_ub, b_ub, A_eq, b_eq, np.stack([low, high], -1))
        unknown = np.full(len(c) + len(b_ub) + len(b_eq), np.nan)
        success = r.success and r.x is not None
        success = concluded("linprog", r, self.messages, check=self.check, success=success, finite=())
        if success:
            parts: list[Any] = [r.x, r.ineqlin.marginals, r.eqlin.marginals]
            unknown = np.concatenate(parts)
        y = tensor_of(unknown, data[0])
        ok = success and self._is_regular(y, data, box)
        flags = (tensor_of(flag, y, torch.bool) for flag in (ok, success))
        return y, *flags, *(tensor_of(n, y, torch.int64) for n in (r.status, r.nit))

    def _by_highs(self, *program: Any) -> Any:
        """SciPy's result; with whole numbers, its multipliers are those of the program in which they are held."""
        method, options, whole = self.method, self.options or {}, fetch(self.whole)
        linprog: Any = scipy.optimize.linprog
        if not whole.any():
            return linprog(*program, method=method, options=options)
        r = linprog(*program, method=method, options=options, integrality=whole.astype(int))
        if not r.success:
            return r
        held = np.where(whole[:, None], np.round(r.x)[:, None], program[-1])
        options = {name: value for name, value in options.items() if name != "mip_rel_gap"}
        of_others = linprog(*program[:-1], held, method=method, options=options)
        return scipy.optimize.OptimizeResult(of_others, status=r.status, message=r.message, nit=r.nit)

    def _is_regular(self, y: Tensor, data: tuple[Tensor, ...], box: Box) -> bool:
        value, multiplier, low, high = (np.array(fetch(t)) for t in self._parts(y, [t.double() for t in data], box))
        return strict(value, multiplier, low, high, 1 + float(np.abs(start(data[0])).max()))

    def _parts(self, y: Tensor, data: Any, box: Box) -> tuple[Tensor, ...]:
        """All that has limits, x and the constraints, with the multipliers and the limits."""
        c, A_ub, b_ub, A_eq, b_eq = data
        x, mu = y[: c.numel()], y[c.numel() :]
        A = torch.cat([A_ub, A_eq])
        least, most = (torch.where(self.whole, x.detach().round(), end) for end in box)
        low = torch.cat([least, torch.full_like(b_ub, -torch.inf), b_eq])
        high = torch.cat([most, b_ub, b_eq])
        return torch.cat([x, A @ x]), torch.cat([c - A.mT @ mu, mu]), low, high

    def residual(self, y: Tensor, data: tuple[Tensor, ...], box: Box) -> Tensor:
        """The conditions of complementary slackness."""
        return complementarity(*self._parts(y, data, box))

    def jacobian(self, y: Tensor, data: tuple[Tensor, ...], box: Box) -> Tensor:
        """Its derivative: each row that of the value or of the multiplier."""
        value, multiplier, low, high = self._parts(y, data, box)
        held = (value - multiplier < low) | (value - multiplier > high) | (low == high)
        A = torch.cat([data[1], data[3]])
        m, n = A.shape
        eye, none = torch.eye(n + m, dtype=y.dtype, device=y.device), A.new_zeros(n, n)
        values = torch.cat([eye[:n], torch.cat([A, A.new_zeros(m, m)], 1)])
        multipliers = torch.cat([torch.cat([none, -A.mT], 1), eye[n:]])
        return torch.where(held[:, None], values, multipliers)


def _matrices(c: Any, A_ub: Any, b_ub: Any, A_eq: Any, b_eq: Any) -> tuple[Tensor, ...]:
    """All five, empty where not given."""
    if not isinstance(c, Tensor) or c.dim() == 0:
        raise ArgumentError("linprog", "c", "a tensor of shape (..., n)", type(c).__name__, "torch.as_tensor(c)")
    c = as_guess("linprog", "c", c)
    found: list[Tensor] = [c]
    for kind, matrix, right in (("ub", A_ub, b_ub), ("eq", A_eq, b_eq)):
        if (matrix is None) != (right is None):
            raise ArgumentError("linprog", f"A_{kind}, b_{kind}", "both or none", "one of them")
        A = (
            c.new_zeros(0, c.shape[-1])
            if matrix is None
            else torch.atleast_2d(as_tensor("linprog", f"A_{kind}", matrix, c))
        )
        b = c.new_zeros(0) if right is None else torch.atleast_1d(as_tensor("linprog", f"b_{kind}", right, c))
        if A.shape[-1] != c.shape[-1] or A.shape[-2] != b.shape[-1]:
            got = f"{tuple(A.shape)}, {tuple(b.shape)}"
            raise ShapeError("linprog", f"A_{kind}, b_{kind}", f"shapes (..., m, {c.shape[-1]}) and (..., m)", got)
        found += [A, b]
    return tuple(found)


def _whole(integrality: Any, c: Tensor) -> Tensor:
    """Which unknowns are whole numbers."""
    given = fetch(integrality) if isinstance(integrality, Tensor) else integrality
    kinds = np.asarray(0 if given is None else given)
    n = c.shape[-1]
    if not np.isin(kinds, (0, 1)).all() or kinds.shape not in ((), (1,), (n,)):
        raise ArgumentError("linprog", "integrality", f"0 or 1, or {n} of them", repr(integrality))
    return torch.tensor(np.broadcast_to(kinds == 1, n).copy(), device=c.device)


def _box(bounds: Any, c: Tensor) -> Box:
    if bounds is None:
        bounds = (0, None)
    pair = isinstance(bounds, (tuple, list)) and len(bounds) == 2 and not hasattr(bounds[0], "__len__")
    if pair and not (isinstance(bounds[0], Tensor) and bounds[0].dim()):
        bounds = [bounds] * c.shape[-1]
    box = as_box("linprog", bounds, c)
    assert box is not None
    return box
