"""From an operator's samples to tensors and functions of them, and how exact a result must be."""

import itertools

import numpy as np
import torch
from torch.autograd import gradcheck

from scitorch import not_implemented

SEED = 1729


def complex_normal(rng, *shape):
    return np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape))


def samples(operator, kind="ordinary"):
    """The operator's samples, always the same."""
    return operator.draw(np.random.default_rng(SEED), kind)


def for_samples(check, operator, *rest, kind="ordinary"):
    """Call ``check(operator, sample, ...)`` for every sample; a failure tells which."""
    for sample in samples(operator, kind):
        try:
            check(operator, sample, *rest)
        except Exception as error:
            error.add_note(f"{operator!r} at {sample!r}")
            raise


def tensors(sample, dtype=torch.double):
    """The sample's arguments: arrays as tensors, complex ones of the same precision; numbers and None as they are."""
    return [_tensor(x, dtype) if isinstance(x, (np.ndarray, np.generic)) else x for x in sample.arguments]


def _tensor(array, dtype):
    return torch.as_tensor(array).to(complex_of(dtype) if array.dtype.kind == "c" else dtype)


def complex_of(dtype):
    """The complex dtype of that precision, but none below complex64, which torch has in name only."""
    return torch.complex128 if dtype is torch.float64 else torch.complex64


def random_like(tensors):
    """As many random tensors of the same shapes and dtypes."""
    generator = torch.Generator().manual_seed(SEED)
    return tuple(torch.randn(x.shape, dtype=x.dtype, generator=generator) for x in tensors)


def as_tuple(result):
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def carries_gradient(tensor):
    return tensor.is_floating_point() or tensor.is_complex()


def subsets(items):
    """All that aren't empty, the smallest first."""
    return itertools.chain.from_iterable(itertools.combinations(items, n + 1) for n in range(len(items)))


class Case:
    """An operator at one sample, as a function of those of its arguments that somebody differentiates."""

    def __init__(self, operator, sample, dtype=torch.double):
        self.operator = operator
        self.static = sample.static
        self.arguments = tensors(sample, dtype)
        self.tensors = [k for k, x in enumerate(self.arguments) if torch.is_tensor(x)]

    def having(self, *tables):
        """Positions of the tensor arguments for which one of the tables of rules says what the derivative is."""
        return [k for k in self.tensors if any(self._rule(table, k) for table in tables)]

    def _rule(self, table, position):
        rule = table.get(self.operator.arguments[position])
        return rule is not None and not isinstance(rule, not_implemented)

    @property
    def reverse(self):
        return self.having(self.operator.rules.vjp) if self.differentiable else []

    @property
    def forward(self):
        return self.having(self.operator.rules.vjp, self.operator.rules.jvp) if self.differentiable else []

    @property
    def differentiable(self):
        """Whether any result can carry a gradient."""
        return any(carries_gradient(part) for part in as_tuple(self()))

    def __call__(self):
        return self.operator(*self.arguments, **self.static)

    def function(self, positions, call=None):
        """The operator (or `call`) of the arguments at these positions: a tuple of the results with a gradient."""

        def function(*chosen):
            arguments = list(self.arguments)
            for position, x in zip(positions, chosen, strict=True):
                arguments[position] = x
            results = as_tuple((call or self.operator)(*arguments, **self.static))
            return tuple(part for part in results if carries_gradient(part))

        return function

    def inputs(self, positions, requires_grad=True):
        """Fresh copies of the arguments at these positions."""
        return tuple(self.arguments[k].clone().requires_grad_(requires_grad) for k in positions)

    def flat(self, positions, call=None):
        """The same function from one real vector to one real vector, and its point."""
        function, like = self.function(positions, call), self.inputs(positions, requires_grad=False)

        def flattened(vector):
            parts = vector.split([_real(x).numel() for x in like])
            chosen = [_from_real(part, x) for part, x in zip(parts, like, strict=True)]
            return torch.cat([_real(part).flatten() for part in function(*chosen)])

        return flattened, torch.cat([_real(x).flatten() for x in like])


def _real(x):
    return torch.view_as_real(x) if x.is_complex() else x


def _from_real(part, like):
    if not like.is_complex():
        return part.reshape(like.shape)
    real, imag = part.reshape(*like.shape, 2).unbind(-1)
    return real + 1j * imag  # neither view_as_complex nor torch.complex gets through every transform


def square(results):
    """A real number that depends on every result."""
    return sum((part * part.conj()).real.sum() for part in results)


def tolerance(dtype):
    """For values: two thirds of the digits must be right."""
    bound = torch.finfo(dtype).eps ** (2 / 3)
    return {"rtol": bound, "atol": bound}


STEP = torch.finfo(torch.double).eps ** (1 / 3)
"""The step at which central differences lose as much to rounding as to truncation: about its square."""
NUMERICAL = {"eps": STEP, "rtol": STEP, "atol": STEP}
PROJECTED = NUMERICAL | {
    "fast_mode": True
}  # one random projection, for second derivatives: first ones are checked whole
"""For derivatives against central differences of doubles."""


def gradients_of(function, count):
    """The gradients with respect to the first so many arguments, of these and the incoming gradients, as one vector.

    Of several results gradcheck loses count if one of them, a `zero`, requires no grad.
    """

    def gradients(*inputs_and_outgoing):
        inputs = [x.requires_grad_() for x in inputs_and_outgoing[:count]]
        pulled = torch.autograd.grad(function(*inputs), inputs, inputs_and_outgoing[count:], create_graph=True)
        return torch.cat([x.flatten() for x in pulled])

    return gradients


def check_projected(function, inputs, **options):
    """Against central differences, in one random projection: for second derivatives; first ones are checked whole."""
    moves = function(*inputs).requires_grad  # PyTorch's projection of what doesn't fails where inputs differ in size
    assert gradcheck(function, inputs, **NUMERICAL, **options, fast_mode=moves)
