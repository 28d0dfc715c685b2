"""The error types, and the one place that words their messages.

Every message reads ``operator, argument: expected …, got …. Try ….``; the same values are attributes of the exception.
"""

from __future__ import annotations


class ScitorchError(Exception):
    """Base of every error that scitorch raises.

    Parameters
    ----------
    operator : str
        Name of the operator (or layer) concerned.
    argument : str
        The argument, rule, kernel or part of the definition that is at fault.
    expected, got : str
        What was needed, and what was there instead.
    advice : str
        What to try, without the word "Try"; may be empty.

    Attributes
    ----------
    item : tuple of int or None
        Where in a batch it happened.

    Examples
    --------
    >>> error = ScitorchError("jv", "z", "a tensor or a number", "a list", "torch.as_tensor(z)")
    >>> str(error)
    'jv, z: expected a tensor or a number, got a list. Try torch.as_tensor(z).'
    """

    def __init__(self, operator: str, argument: str, expected: str, got: str, advice: str = "") -> None:
        # All values go to `args`, so that the exception pickles (data workers, process pools).
        super().__init__(operator, argument, expected, got, advice)
        self.operator = operator
        self.argument = argument
        self.expected = expected
        self.got = got
        self.advice = advice
        self.item: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        remedy = f" Try {self.advice}." if self.advice else ""
        where = "" if self.item is None else f", item {self.item}"
        return f"{self.operator}, {self.argument}{where}: expected {self.expected}, got {self.got}.{remedy}"


class DefinitionError(ScitorchError, TypeError):
    """An operator is defined wrongly: its arguments, options or rules."""


class SignatureError(DefinitionError, ValueError):
    """A signature that cannot be parsed; ``column`` counts from 0."""

    def __init__(
        self, operator: str, argument: str, expected: str, got: str, advice: str = "", text: str = "", column: int = 0
    ) -> None:
        super().__init__(operator, argument, expected, got, advice)
        self.args = (operator, argument, expected, got, advice, text, column)
        self.text = text
        self.column = column

    def __str__(self) -> str:
        return f"{super().__str__()}\n    {self.text}\n    {' ' * self.column}^ column {self.column}"


class InputError(ScitorchError):
    """A call with something that the operator cannot take."""


class ShapeError(InputError, ValueError):
    """Shapes that do not match the signature, or do not broadcast."""


class ArgumentError(InputError, TypeError):
    """An argument that is missing, unknown, or of the wrong type."""


class RefusedError(ArgumentError, ValueError):
    """SciPy refuses what it was given: an unknown method, a wrong shape, a value out of range."""


class DeviceError(InputError, ValueError):
    """Tensors on several devices in one call."""


class LostGradientError(InputError, ValueError):
    """A static argument was given a tensor whose derivative would be lost."""


class CheckError(InputError, ValueError):
    """Something was given to the checker that cannot be checked."""


class KernelError(ScitorchError, RuntimeError):
    """A kernel raised, or returned something other than its definition says."""


class SolverError(ScitorchError, RuntimeError):
    """A solver found no solution; ``result`` is what it returned."""

    result: object = None


class CompileError(ScitorchError, RuntimeError):
    """A compiler refused a kernel's source; ``said`` is what it said, with the lines of the source."""

    def __init__(self, operator: str, argument: str, expected: str, got: str, advice: str = "", said: str = "") -> None:
        super().__init__(operator, argument, expected, got, advice)
        self.args = (operator, argument, expected, got, advice, said)
        self.said = said

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.said}"


class MissingToolError(ScitorchError, RuntimeError):
    """A compiler or a package is needed that is not there."""


class DerivativeError(ScitorchError, RuntimeError):
    """A derivative rule returned something that is no gradient of its argument."""


class MissingDerivativeError(DerivativeError, NotImplementedError):
    """A derivative was asked for that the operator does not define."""


class RedefinitionWarning(UserWarning):
    """A second operator took the place of one with the same name in the same module."""


class SequentialWarning(UserWarning):
    """What `parallel` was asked for has no effect on a batch of problems, which are solved one after the other."""
