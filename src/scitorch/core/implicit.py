"""The implicit function theorem, once: derivatives of whatever an equation defines.

A solver finds y with F(y, θ) = 0, in whatever way it likes. Then F_y ∂y = -F_θ ∂θ, whoever found it: a gradient g of y
gives θ the gradient ``-F_θᵀ w`` with ``F_yᵀ w = g``, and a tangent of θ gives y the tangent ``-F_y⁻¹ F_θ ∂θ``. Both are
written in torch operations at the solution, which is a function of θ by this same rule: so they are differentiable
again, to any order. The θ are all tensors with a derivative that F uses, given to it or not (`closure`).

A batch is so many problems: vmap solves one after the other, and pulls back all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.utils import _pytree as pytree

from . import modes
from .closure import Constants, FreeTensors, Modules, Replaced, as_solved, refuse_changed, replace_in, tensors_in
from .errors import KernelError, MissingDerivativeError, SolverError
from .linear import gmres, linear_solve
from .serial import Batch
from .snapshot import snapshot

Outputs = tuple[Tensor, ...]
DENSE = 500  # unknowns up to which a Jacobian is made: 2 MB of float64
# What PyTorch says when a function makes an array of a tensor that is differentiated.
MADE_NUMPY = "Cannot access data pointer of Tensor", "Can't call numpy() on Tensor that requires grad"


def implicit(
    name: str,
    solve: Callable[..., Outputs],
    residual: Callable[..., Tensor],
    guess: Tensor,
    arguments: tuple[Any, ...] = (),
    linear: Callable[..., Tensor] | None = None,
    *,
    check: bool = True,
    jacobian: Callable[..., Tensor] | None = None,
    together: Callable[..., Outputs] | None = None,
    closed: bool = False,
    uses: Callable[..., Any] | None = None,
) -> Outputs:
    """The solution of an equation, with the derivatives that the implicit function theorem gives it.

    Parameters
    ----------
    name : str
        What errors call it.
    solve : callable
        ``solve(*arguments) -> (y, ok, *others)``, tensors of a fixed shape. `ok` is a bool of no dimensions: where it
        is false, there is no derivative. Neither it nor the others have one.
    residual : callable
        ``residual(y, *arguments)``, zero at the solution and of the shape of y.
    guess : Tensor
        Of the shape and dtype of y; float32 is solved in float64, whatever dtype the tensors of the functions have.
    arguments : tuple, optional
        Of both functions, nested as one likes. What else the two use is found.
    linear : callable, optional
        ``linear(y, b, transposed, *arguments) -> w``, torch operations that solve ``F_y w = b``. By default a dense
        Jacobian up to 500 unknowns, GMRES above.
    check : bool, optional
        Whether asking for a derivative that isn't there raises (not `ok`, or a singular Jacobian; above 500 unknowns,
        GMRES that doesn't converge). If not, it is NaN.
    jacobian : callable, optional
        ``jacobian(y, *arguments) -> F_y``, a matrix in torch operations: for who knows it, and wants it at any size.
    together : callable, optional
        ``together(residual, *arguments)`` solves a batch at once: with a first dimension of all tensors that are
        mapped or have a derivative, in what it is given and in what it returns. ``residual(y, index)`` is that of the
        problems of these indices, or of all where that is None.
    closed : bool, optional
        Whether the functions use no tensors with a derivative but `arguments`, and nothing of a user's: then none are
        looked for.
    uses : callable, optional
        ``uses(y, *arguments)``, cheaper than the residual, takes all tensors that it takes and that have a derivative.

    Returns
    -------
    tuple of Tensor
        What `solve` returned.
    """
    double = guess.dtype is torch.float32
    equation = Equation(
        name,
        solve,
        residual,
        linear,
        arguments,
        double=double,
        check=check,
        matrix=jacobian,
        together=together,
        closed=closed,
        uses=uses,
    )
    if modes.transforms_active():
        return _differentiable(equation, equation.free_tensors(guess))
    with modes.disable_forward_mode():
        outputs = equation.solved(())
    if not (torch.is_grad_enabled() or modes.forward_mode()):
        return outputs
    free = equation.free_tensors(outputs[0])
    return _differentiable(equation, free, outputs) if free else outputs


def _differentiable(equation: Equation, free: list[Tensor], solution: Outputs | None = None) -> Outputs:
    """Solve; a function that takes another branch at the solution may use further tensors there."""
    try:
        return _Implicit.apply(equation.about(free, solution), *free)
    except _FreeTensorsError as error:
        return _differentiable(equation, [*free, *error.found], solution)


class _FreeTensorsError(Exception):
    """Further tensors with a derivative came to light."""

    def __init__(self, found: Sequence[Tensor]) -> None:
        super().__init__()
        self.found = found


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation as a function of the tensors `free` in it."""

    name: str
    solve: Callable[..., Outputs]
    function: Callable[..., Tensor]
    system: Callable[..., Tensor] | None
    arguments: tuple[Any, ...]
    free: Sequence[Tensor] = ()
    solution: Outputs | None = None
    double: bool = False
    check: bool = True
    matrix: Callable[..., Tensor] | None = None
    together: Callable[..., Outputs] | None = None
    closed: bool = False
    uses: Callable[..., Any] | None = None
    modules: Modules | None = None
    parameters: dict[int, Parameter] = field(default_factory=dict[int, Parameter])  # all that F met at the solution
    constants: Constants = field(default_factory=Constants)  # and the tensors that it took from elsewhere

    def about(self, free: Sequence[Tensor], solution: Outputs | None = None) -> Equation:
        """The same with the tensors and modules in it known, and perhaps the solution."""
        if self.closed:
            return replace(self, free=free, solution=solution)
        modules = Modules(self.function, self.system, self.matrix, self.arguments)
        arguments = pytree.tree_map(lambda x: snapshot(x) if callable(x) else x, self.arguments)
        function, system, matrix, arguments = snapshot((self.function, self.system, self.matrix, arguments))
        return replace(
            self,
            function=function,
            system=system,
            matrix=matrix,
            arguments=arguments,
            free=free,
            solution=solution,
            modules=modules,
        )

    def free_tensors(self, y: Tensor) -> list[Tensor]:
        """The tensors with a derivative among the arguments, and those that the residual uses at y."""
        arguments = tensors_in(self.arguments)
        given = {id(t): t for t in arguments if modes.carries_derivative(t)}
        if self.closed:
            self.constants.update((id(t), (t, modes.version(t))) for t in arguments if id(t) not in given)
            return list(given.values())
        y = y.detach()
        finder = FreeTensors((y, list(given.values())))
        with torch.enable_grad(), finder:
            try:
                self.residual(y) if self.uses is None else self._at((), self.uses, self._precise(y))
            except MissingDerivativeError:  # a NumPy function: says so when a derivative is asked for
                finder.found.clear()
        self.parameters.update(finder.parameters)
        self.constants.update(finder.constants)
        finder.refuse_hidden(self.name)
        return list((given | finder.found).values())

    def solved(self, theta: Sequence[Tensor]) -> Outputs:
        """What the solver returns."""
        with torch.no_grad():
            y, *others = self._at(theta, self.solve)
        return (y.float() if self.double else y, *others)

    def outputs(self, theta: Sequence[Tensor]) -> Outputs:
        """What the solver returns, once it is known that nothing else in the equation has a derivative."""
        outputs = self.solved(theta) if self.solution is None else self.solution
        self._look_again(outputs[0], theta)
        return outputs

    def outputs_together(self, size: int, dims: Sequence[int | None], theta: Sequence[Tensor]) -> Outputs:
        """What the solver of a batch returns."""
        assert self.together is not None
        mapped = [t.expand(size, *t.shape) if d is None else t for t, d in zip(theta, dims, strict=True)]

        def residual(y: Tensor, index: Tensor | None) -> Tensor:
            return torch.vmap(self.residual)(y, *(t if index is None else t[index] for t in mapped))

        with torch.no_grad():
            y, *others = self.together(residual, *replace_in(self.arguments, self.free, mapped))
        y = y.float() if self.double else y
        if size:
            self._look_again(y[0], [t[0] for t in mapped])  # vmap allows no branches: all problems use the same tensors
        return (y, *others)

    def _look_again(self, y: Tensor, theta: Sequence[Tensor]) -> None:
        """Raise if the residual at the solution uses tensors with a derivative that aren't among θ."""
        if self.closed:
            return
        y, *theta = (t.detach() for t in (y, *theta))
        finder = FreeTensors((y, theta))
        with torch.enable_grad(), finder:
            try:
                r = self.residual(y, *theta)
            except MissingDerivativeError:
                return
        self.parameters.update(finder.parameters)
        # What wasn't met before is made anew each time; what has another version, the function itself changes.
        for key in [key for key, met in self.constants.items() if finder.constants.get(key) != met]:
            del self.constants[key]
        finder.hidden |= any(id(t) in finder.found for t in self.free)
        finder.hidden |= modes.carries_derivative(r) and not finder.found
        finder.refuse_hidden(self.name)
        if finder.found:
            raise _FreeTensorsError(list(finder.found.values()))

    def residual(self, y: Tensor, *theta: Tensor) -> Tensor:
        """F(y, θ)."""
        try:
            r = self._at(theta, self.function, self._precise(y))
        except RuntimeError as error:
            if any(said in str(error) for said in MADE_NUMPY):
                raise self._of_numpy("one that makes NumPy arrays") from error
            raise
        if isinstance(r, Tensor):
            return r
        raise self._of_numpy(f"one that returns {type(r).__module__}.{type(r).__name__}")

    def _precise(self, y: Tensor) -> Tensor:
        return y.double() if self.double else y

    def as_solved(self) -> AbstractContextManager[None]:
        """A context for derivatives, which are those of the function that was solved."""
        if self.closed:
            refuse_changed(self.name, self.constants)
            return nullcontext()
        return as_solved(self.name, self.parameters, self.constants)

    def _of_numpy(self, got: str) -> MissingDerivativeError:
        expected, advice = "a function of torch operations", "torch operations on the tensor it is given"
        return MissingDerivativeError(self.name, "function", expected, got, advice)

    def linear(self, y: Tensor, ok: Tensor, b: Tensor, transposed: bool, *theta: Tensor) -> Tensor:
        """The solution w of F_y w = b, or of its transpose; NaN where the equation wasn't solved."""
        if y.numel() == 0:
            return b
        b = torch.where(ok, b, torch.nan)
        if self.double:
            y, b = y.double(), b.double()
        if self.system is not None:
            return self._at(theta, self.system, y, b, transposed)
        if y.numel() > DENSE and self.matrix is None:
            return self._by_krylov(y, b, transposed, *theta)
        jacobian = self._jacobian(y, *theta)
        jacobian = torch.where(ok, jacobian, torch.nan)
        try:
            w = linear_solve(jacobian.mT if transposed else jacobian, b.flatten(), check=self.check)
        except KernelError as error:
            expected, got = "an equation that determines its solution", "one that doesn't, or not differentiably"
            raise SolverError(self.name, "derivative", expected, got, "check=False, for NaN") from error
        return w.view_as(b)

    def _jacobian(self, y: Tensor, *theta: Tensor) -> Tensor:
        if self.matrix is not None:
            return self._at(theta, self.matrix, y)
        jacobian: Any = torch.func.jacrev(lambda y: self.residual(y, *theta))(y)
        return jacobian.reshape(y.numel(), y.numel())

    def _by_krylov(self, y: Tensor, b: Tensor, transposed: bool, *theta: Tensor) -> Tensor:
        """The same, without a matrix: itself a linear equation, whose derivatives are solved for likewise."""

        def product(w: Tensor, y: Tensor, transposed: bool, theta: Sequence[Tensor]) -> Tensor:
            def of_y(y: Tensor) -> Tensor:
                return self.residual(y, *theta)

            pull: Any = torch.func.vjp(of_y, y)[1]
            return pull(w)[0] if transposed else _transposed(pull, w, [w])

        def solve(y: Tensor, b: Tensor, *theta: Tensor) -> Outputs:
            w = gmres(self.name, lambda w: product(w, y, transposed, theta), b, check=self.check)
            return w, torch.tensor(True)

        def residual(w: Tensor, y: Tensor, b: Tensor, *theta: Tensor) -> Tensor:
            return product(w, y, transposed, theta) - b

        def linear(_: Tensor, c: Tensor, back: bool, y: Tensor, __: Tensor, *theta: Tensor) -> Tensor:
            return self._by_krylov(y, c, transposed != back, *theta)

        return implicit(self.name, solve, residual, b, (y, b, *theta), linear, check=self.check)[0]

    def _at(self, theta: Sequence[Tensor], function: Callable[..., Any], *unknowns: Any) -> Any:
        """A function of unknowns and arguments at these θ; without any, at those that are there."""
        free = self.free[: len(theta)]
        if not self.double and (self.closed or not theta):
            return function(*unknowns, *replace_in(self.arguments, free, theta))
        then = nullcontext() if self.modules is None else self.modules.as_then()
        with then, Replaced(free, theta, double=self.double):
            return function(*unknowns, *replace_in(self.arguments, free, theta))


class _Implicit(torch.autograd.Function):
    @staticmethod
    def forward(equation: Equation | Batch, *theta: Tensor) -> Any:
        return tuple(t.clone() for t in equation.outputs(theta))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.equation, *theta = inputs
        ctx.count = len(output)
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output[:2], *theta)
        ctx.save_for_forward(*output[:2], *theta)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        y, ok, *theta = map(modes.alive, ctx.saved_tensors)
        needed = ctx.needs_input_grad[1:]
        if grads[0] is None:
            return (None,) * (1 + len(needed))
        with ctx.equation.as_solved():
            w = ctx.equation.linear(y, ok, grads[0], True, *theta)
            pulled = iter(_pulled(ctx.equation, y, theta, needed, -w))
        return (None, *(next(pulled) if need else None for need in needed))

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        if all(t is None for t in tangents[1:]):
            return (None,) * ctx.count
        with modes.enable_forward_mode(), ctx.equation.as_solved():
            y, ok, *theta = map(modes.without_tangent, ctx.saved_tensors)
            pushed = _pushed(ctx.equation, y, theta, tangents[1:])
            w = ctx.equation.linear(y, ok, -pushed, False, *theta)
            return w.to(y.dtype), *(None,) * (ctx.count - 1)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
        equation, *theta = arguments
        moved = [t if d is None else t.movedim(d, 0) for t, d in zip(theta, in_dims[1:], strict=True)]
        dims = tuple(None if d is None else 0 for d in in_dims[1:])
        outputs = _Implicit.apply(Batch(equation, dims), *moved)
        return outputs, (0,) * len(outputs)


def _pulled(
    equation: Equation | Batch, y: Tensor, theta: Sequence[Tensor], needed: Sequence[bool], w: Tensor
) -> Sequence[Tensor]:
    """F_θᵀ w, for the θ that need a gradient."""

    def of_theta(*some: Tensor) -> Tensor:
        given = iter(some)
        return equation.residual(y, *(next(given) if need else t for t, need in zip(theta, needed, strict=True)))

    return torch.func.vjp(of_theta, *(t for t, need in zip(theta, needed, strict=True) if need))[1](w)


def _pushed(equation: Equation | Batch, y: Tensor, theta: Sequence[Tensor], tangents: Sequence[Any]) -> Tensor:
    """F_θ ∂θ, for the θ that have a tangent."""
    moving = [d is not None for d in tangents]

    def pull(w: Tensor) -> Sequence[Tensor]:
        return _pulled(equation, y, theta, moving, w)

    return _transposed(pull, equation.residual(y, *theta), [d for d in tangents if d is not None])


def _transposed(pull: Callable[[Tensor], Any], like: Tensor, tangents: Sequence[Tensor]) -> Tensor:
    """Of a pullback, which is linear: so forward mode works where `torch.func.jvp` refuses to nest."""
    transpose: Any = torch.func.vjp(pull, torch.zeros_like(like))[1]
    return transpose(tuple(tangents))[0]
