"""What an operator is, before PyTorch knows of it: kernel, signature, arguments, rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, NoReturn

from .dtypes import DtypeRule
from .errors import DefinitionError, SignatureError
from .plan import Planner
from .rules import RESERVED, Rules
from .runner import KernelCall, make_runner
from .signature import Signature
from .static import StaticArgument, parse_static

Kernel = Callable[..., Any]
Batch = Literal["native"] | None


class Definition:
    """A kernel with what was declared of it, checked.

    Attributes
    ----------
    name : str
        Its name in messages.
    module, qualname : str
        Where it is defined, and its name there, by which it is found and pickled.
    kernel : callable
        The plain NumPy function.
    signature : Signature
    arguments : tuple of str
        Names of the tensor arguments.
    defaults : dict
        None or a number, for the tensor arguments that may be left out.
    real : frozenset of str
        Tensor arguments that are never complex.
    static : dict of str to StaticArgument
        The static arguments.
    batch : "native" or None
        Whether the kernel takes batch dimensions itself.
    output_count : int
        How many results there are.
    rules : Rules
        The derivative rules, by argument.
    planner : Planner
        Foretells shapes and dtypes.
    run : callable
        Runs the kernel on arrays, according to a plan.
    """

    def __init__(
        self,
        kernel: Kernel,
        signature: str,
        module: str,
        *,
        shape: Callable[..., Any] | None,
        batch: Batch,
        threads: bool | None,
        dtype: DtypeRule,
        real: Sequence[str],
        args: Sequence[str] | None,
        name: str | None,
    ) -> None:
        self.name = name or getattr(kernel, "__name__", type(kernel).__name__).strip("<>")
        self.module = module
        own = name is None and getattr(kernel, "__module__", None) == module
        self.qualname: str = getattr(kernel, "__qualname__", self.name) if own else self.name
        self.signature = Signature(signature, self.name)
        # A kernel that must know the sizes of its results, as C functions must, learns them here.
        with_signature = getattr(kernel, "with_signature", None)
        self.kernel = kernel = kernel if with_signature is None else with_signature(self.signature, self.name)
        self.defaults: dict[str, Any] = {}
        self.static: dict[str, StaticArgument] = {}
        self.arguments = self._read_parameters(args)
        self.real = frozenset(real)
        self._check(shape, batch, threads)
        self.batch = batch
        self.output_count = len(self.signature.outputs)
        self.rules = Rules(self.name, self.arguments, tuple(self.static), self.output_count)
        names = () if shape is None else self.rules.names_of("shape", shape, ())
        self.planner = Planner(
            self.name,
            self.signature,
            self.arguments,
            optional=self.optional,
            real=self.real,
            static=tuple(self.static),
            shape=shape,
            shape_names=names,
            dtype=dtype,
            native=batch is not None,
        )
        call = KernelCall(self.name, self.kernel, self.arguments, self.output_count)
        self.run = make_runner(call, tuple(self.static), threads)

    @property
    def optional(self) -> frozenset[str]:
        """Tensor arguments that may be None."""
        return frozenset(name for name, default in self.defaults.items() if default is None)

    def _read_parameters(self, args: Sequence[str] | None) -> tuple[str, ...]:
        """Tensor arguments by position, static ones by keyword."""
        if args is not None:
            parameters = [inspect.Parameter(a, inspect.Parameter.POSITIONAL_ONLY) for a in args]
        else:
            parameters = self._kernel_parameters()
        names: list[str] = []
        for parameter in parameters:
            if parameter.name in RESERVED:
                expected = f"a parameter's name other than {', '.join(RESERVED)}"
                self._refuse(parameter.name, expected, repr(parameter.name), "another name, or args=(…) for a ufunc")
            if parameter.kind is parameter.KEYWORD_ONLY:
                self.static[parameter.name] = parse_static(
                    self.name, parameter, getattr(self.kernel, "__globals__", {})
                )
            elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                self._refuse("kernel", "named parameters only", str(parameter), "writing them out")
            else:
                names.append(parameter.name)
                self._read_default(parameter)
        self.__signature__ = inspect.Signature(
            [p.replace(kind=p.POSITIONAL_ONLY) if p.kind is p.POSITIONAL_OR_KEYWORD else p for p in parameters]
        )
        return tuple(names)

    def _kernel_parameters(self) -> list[inspect.Parameter]:
        try:
            return list(inspect.signature(self.kernel).parameters.values())
        except (TypeError, ValueError, NameError) as error:  # NameError: Python 3.14 evaluates annotations here
            self._refuse("kernel", "a callable with a signature", str(error), 'args=("x", "y")')

    def _read_default(self, parameter: inspect.Parameter) -> None:
        default = parameter.default
        if default is parameter.empty:
            return
        if default is not None and not isinstance(default, (int, float, complex)):
            self._refuse(parameter.name, "a default of None or a number", repr(default), "a keyword-only parameter")
        self.defaults[parameter.name] = default

    def _check(self, shape: Any, batch: Any, threads: Any) -> None:
        signature, count = self.signature, len(self.arguments)
        if len(signature.inputs) != count:
            expected = f"{len(signature.inputs)} tensor arguments for {signature}"
            self._refuse("kernel", expected, f"{count} ({', '.join(self.arguments)})", "keyword-only static arguments")
        if batch not in (None, "native"):
            self._refuse("batch", '"native" or None', repr(batch), 'batch="native"')
        if threads not in (None, True, False):
            self._refuse("threads", "True, False or None", repr(threads), "threads=False")
        for argument in self.real.difference(self.arguments):
            self._refuse("real", f"tensor arguments among {', '.join(self.arguments)}", repr(argument), "its own name")
        asked = signature.outputs.count(None)
        if asked not in (0, len(signature.outputs)) or (shape is None) is (asked > 0):
            self._refuse("shape", 'shape= and "(...)" for every output, or neither', str(signature), "both")
        integers = {name for name, s in self.static.items() if s.kind is int and not s.many}
        for name in sorted(signature.output_names - signature.input_names - integers):
            column = signature.column_of(name)
            known = ", ".join(sorted(signature.input_names | integers)) or "none"
            expected = f"dimensions among {known}"
            raise SignatureError(
                self.name, "signature", expected, f"{name!r} at column {column}", f"{name}: int", signature.text, column
            )

    def _refuse(self, argument: str, expected: str, got: str, advice: str) -> NoReturn:
        raise DefinitionError(self.name, argument, expected, got, advice)
