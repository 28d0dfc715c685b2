"""The decorator and the Operator: a kernel, a signature and derivative rules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from torch.compiler import is_dynamo_compiling

from . import dispatch, registry
from .definition import Batch, Definition, Kernel
from .dtypes import DtypeRule
from .errors import DefinitionError
from .fingerprint import tag_caches
from .samples import MakeSamples, Sample


def operator(
    signature: str,
    *,
    shape: Callable[..., Any] | None = None,
    batch: Batch = None,
    threads: bool | None = None,
    dtype: DtypeRule = None,
    real: Sequence[str] = (),
    args: Sequence[str] | None = None,
    name: str | None = None,
) -> Callable[[Kernel], Operator]:
    """Make a NumPy function into a PyTorch operator.

    Parameters
    ----------
    signature : str
        Core dimensions of the tensor arguments and results in NumPy's gufunc notation, with integer arithmetic
        (``+ - * // %``, ``min``, ``max``) in the results over input dimensions and integer keyword arguments:
        ``"(m,n),(k,l)->(m-k+1,n-l+1)"``. Leading dimensions are batch dimensions and broadcast.
    shape : callable, optional
        Where a result's shape follows no such arithmetic, its group is ``(...)`` and this function gives the shape (for
        several results, a tuple of shapes). It asks by name for core shapes of arguments and for static arguments.
    batch : "native", optional
        The kernel handles leading dimensions itself. By default it is called once for each item.
    threads : bool, optional
        Whether several threads at once may, and profitably can, call the kernel for the items of a batch. False says
        that it must not be called so (it uses memory of its own, or a generator of random numbers), True that it
        releases Python's lock and is safe. By default two items are timed at once, to see whether it gains.
    dtype : str, torch.dtype, callable or tuple, optional
        Dtype of the results where it is not the inputs': "real", "complex", "integer", "bool", or a function of the
        arguments' dtypes; a tuple for several results.
    real : sequence of str, optional
        Arguments that are never complex, and stay real beside complex ones: the order of a Bessel function.
    args : sequence of str, optional
        Names of the tensor arguments, for a callable without a signature.
    name : str, optional
        The operator's name; by default the kernel's.

    Returns
    -------
    callable
        Takes the kernel, returns the `Operator`. The kernel's positional parameters are tensor arguments (a default
        of None makes one optional, a number is a constant), its keyword-only parameters are static arguments,
        annotated as int, float, bool, str, a tuple of one of them, or any of these ``| None``.

    Raises
    ------
    SignatureError
        The signature cannot be parsed.
    DefinitionError
        The kernel's parameters or an option do not fit.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from scitorch import operator
    >>> @operator("()->()", batch="native")
    ... def cube(x):
    ...     return x**3
    >>> _ = cube.partials(x=lambda x: 3 * x**2)
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    tensor(12.)
    """
    module = sys._getframe(1).f_globals.get("__name__", "__main__")  # noqa: SLF001  as collections.namedtuple does
    # A spawned worker runs the main module under another name.
    module = "__main__" if module == "__mp_main__" else module

    def define(kernel: Kernel) -> Operator:
        return Operator(
            kernel,
            signature,
            module,
            shape=shape,
            batch=batch,
            threads=threads,
            dtype=dtype,
            real=real,
            args=args,
            name=name,
        )

    return define


class Operator(Definition):
    """A NumPy routine as a differentiable PyTorch operator; made by `operator`.

    Attributes
    ----------
    library : torch._ops.OpOverload
        The opaque library operator that captured graphs hold.
    """

    def __init__(self, kernel: Kernel, signature: str, module: str, **options: Any) -> None:
        super().__init__(kernel, signature, module, **options)
        # What Python knows of functions, for `help`, documentation and notebooks.
        self.__name__, self.__qualname__, self.__module__, self.__doc__ = (
            self.name,
            self.qualname,
            module,
            kernel.__doc__,
        )
        self._samples: dict[str, list[MakeSamples]] = {}
        self._entry = dispatch.register(self, registry.library_name(self))
        self.library, self._eager = self._entry.library, self._entry.eager
        self._renew()
        registry.add(self)

    def __call__(self, *arguments: Any, **static: Any) -> Any:
        """The result, of tensors or numbers by position and static arguments by name."""
        if is_dynamo_compiling():
            self._allow_in_graph()
            return self._in_graph(*arguments, **static)
        return self._eager(*arguments, **static)

    def __repr__(self) -> str:
        static = [f"{s.name}: {s.type_name}" for s in self.static.values()]
        parameters = ", ".join([*self.arguments, *(["*", *static] if static else [])])
        return f"<operator {self.name}({parameters}): {self.signature}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return registry.find, registry.reference(self)

    def __copy__(self) -> Operator:
        return self

    def __deepcopy__(self, memo: Any) -> Operator:
        return self

    @property
    def derivatives(self) -> dict[str, str]:
        """For each tensor argument "rule", "zero", "not implemented: reason" or "none"."""
        return {name: self.rules.describe(name) for name in self.arguments}

    def vjp(self, *joint: Any, **rules: Any) -> Any:
        """Add reverse-mode rules; forward mode and all higher orders follow from them.

        Parameters
        ----------
        *joint : callable, or names of arguments
            As a decorator: ``@op.vjp`` (or ``@op.vjp("a", "b")``) over a function that returns a dict of the gradients
            of all (or these) arguments. What it gives of others is taken too, in place of their own rules, where it
            runs anyway: a rule of their own then serves where they alone need a gradient.
        **rules : callable, `zero` or `not_implemented`
            One rule an argument. It asks by name for ``g`` (the incoming gradient), ``out`` (the result), inputs and
            static arguments; with several results ``g`` and ``out`` are tuples. It is linear in ``g``, in torch
            operations and other operators: for complex numbers the conjugate convention of PyTorch holds.

        Raises
        ------
        DefinitionError
            A rule for an unknown argument, or one that asks for an unknown name.
        """
        if not joint:
            self.rules.add_vjp(rules)
            self._renew()
            return self
        if rules or (len(joint) > 1 and not all(isinstance(name, str) for name in joint)):
            self._refuse(
                "vjp", "one joint rule, names of arguments, or rules by argument", "several kinds", "two calls"
            )
        first: Any = next(iter(joint))
        if callable(first):
            return self._add_joint(first, self.arguments)
        return lambda function: self._add_joint(function, joint)

    def _add_joint(self, function: Callable[..., Any], arguments: Sequence[str]) -> Callable[..., Any]:
        self.rules.add_joint(function, arguments)
        self._renew()
        return function

    def joint_vjp(self, *arguments: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Add a joint reverse-mode rule beside the arguments' own ones.

        A decorator over a function that returns a dict, as of `vjp`. It is taken where all of these arguments need a
        gradient, for what they share is computed once then, and their own rules where only some of them do. A later
        rule of one of them replaces it.

        Parameters
        ----------
        *arguments : names of arguments
            All of them, if none are named.
        """

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            self.rules.add_together(function, arguments or self.arguments)
            self._renew()
            return function

        return add

    def _renew(self) -> None:
        """Make what compiled functions guard on anew, so that they are compiled again with the rules there are now."""
        self._allow_in_graph, self._in_graph = dispatch.in_graph(self, self._entry)
        tag_caches(self._entry.name, self)

    def partials(self, **rules: Any) -> Operator:
        """Add partial derivatives of an elementwise operator: for each argument its plain mathematical derivative.

        The vjp (with the conjugate for complex numbers) and the jvp follow. With several results a rule returns a
        tuple. A rule asks by name for inputs, ``out`` and static arguments.
        """
        if not self.signature.elementwise:
            raise DefinitionError(
                self.name, "partials", 'an elementwise signature such as "(),()->()"', str(self.signature), ".vjp(…)"
            )
        self.rules.add_partials(rules)
        self._renew()
        return self

    def jvp(self, **rules: Any) -> Operator:
        """Add forward-mode rules that are faster than what follows from the vjp, or stand where no vjp is known.

        A rule asks by name for ``tangent`` (of its argument), ``out``, inputs and static arguments, and returns the
        tangent of the result (of all results, as a tuple).
        """
        self.rules.add_jvp(rules)
        self._renew()
        return self

    def samples(self, make: MakeSamples) -> Operator:
        """Add sample inputs: `make` takes a NumPy random generator and returns a list of `Sample`."""
        self._samples.setdefault("ordinary", []).append(make)
        return self

    def special_points(self, make: MakeSamples) -> Operator:
        """Add samples at special points (zeros, poles, ties), where a limit and not NaN must come out."""
        self._samples.setdefault("special", []).append(make)
        return self

    def draw(self, rng: np.random.Generator, kind: Literal["ordinary", "special"] = "ordinary") -> list[Sample]:
        """The operator's samples, drawn with `rng`."""
        return [sample for make in self._samples.get(kind, ()) for sample in make(rng)]
