"""What a case is: something to check, with what, and, for mutants, what must be found."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from scitorch import check


class Draw:
    """Random tensors, of their own for each name, whatever is drawn elsewhere."""

    def __init__(self, name):
        self._generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape, dtype=torch.double):
        return torch.randn(shape, dtype=dtype, generator=self._generator)

    def uniform(self, low, high, *shape, dtype=torch.double):
        return low + (high - low) * torch.rand(shape, dtype=dtype, generator=self._generator)

    def complex(self, *shape):
        return self.normal(*shape, dtype=torch.cdouble)

    def apart(self, *shape, distance=0.2):
        """All different and none near zero: away from the kinks of abs, max and sort."""
        count = torch.Size(shape).numel()
        order = torch.randperm(count, generator=self._generator)
        return ((order - count / 2 + 0.3) * distance).to(torch.double).reshape(shape)

    def positive_definite(self, n):
        root = self.normal(n, n)
        return root @ root.mT + n * torch.eye(n, dtype=torch.double)


@dataclass(frozen=True)
class Right:
    """A function whose derivatives are right.

    Attributes
    ----------
    function
        What `check` takes.
    inputs : callable
        Takes a `Draw`, returns the inputs.
    options
        Of `check`, beside those that all cases share.
    """

    function: Any
    inputs: Callable[[Draw], tuple]
    options: Mapping[str, Any] = field(default_factory=dict)

    def report(self, name):
        # Compiling costs a second and more, so it is asked for where it is at stake.
        return check(self.function, *self.inputs(Draw(name)), **({"compiler": None} | dict(self.options)))


@dataclass(frozen=True)
class Named:
    """A mistake that must be found and named: one of `causes`, which say the same of this function."""

    causes: str | tuple[str, ...]
    argument: str
    property: str = "gradient"

    def cause(self):
        """The cause by which the tables count it."""
        return self.causes if isinstance(self.causes, str) else self.causes[0]

    def matches(self, finding):
        return (finding.property, finding.argument) == (self.property, self.argument)

    def names(self, finding):
        causes = (self.causes,) if isinstance(self.causes, str) else self.causes
        return self.matches(finding) and finding.cause in causes


@dataclass(frozen=True)
class Mutant:
    """A function with one mistake.

    Attributes
    ----------
    function
        What `check` takes, or, for what may be registered only while a test runs, a factory of it.
    inputs : callable
    named : tuple of Named
    options
    """

    function: Any
    inputs: Callable[[Draw], tuple]
    named: tuple[Named, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def report(self, name, **options):
        function = self.function() if hasattr(self.function, "cache_clear") else self.function
        given = self.inputs(Draw(name))
        return check(function, *given, **({"compiler": None} | dict(self.options) | options))


def mutant(function, inputs, *named, **options):
    """A mutant, the options of `check` by name."""
    return Mutant(function, inputs, named, options)
