"""PyTorch's own wrong derivatives: whether one of them is to blame is found out on the torch that is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.func import jvp, vjp
from torch.utils._python_dispatch import TorchDispatchMode

from .comparison import DOUBLE, agrees, tolerance
from .reference import Reference
from .subject import Subject

Function = Callable[..., Tensor]


# Seen wrong on torch 2.13 (docs/limits.md). By the ATen operators that a call of the function runs: the function's
# name, and the function at a point where the fault shows.
SUSPECTS: dict[str, tuple[str, Function, tuple[int, ...]]] = {
    "_linalg_det": ("torch.linalg.det", torch.linalg.det, (3, 3)),
    "_linalg_slogdet": ("torch.linalg.slogdet", lambda x: torch.linalg.slogdet(x)[1], (3, 3)),
    "native_layer_norm": ("layer_norm", lambda x: torch.nn.functional.layer_norm(x, (4,)), (2, 4)),
    "native_batch_norm": (
        "batch_norm",
        lambda x: torch.nn.functional.batch_norm(x, None, None, training=True),
        (4, 2),
    ),
    "_linalg_solve_ex": ("torch.linalg.solve", lambda x: torch.linalg.solve(x, x.new_ones(3)), (3, 3)),
    "_linalg_eigh": ("torch.linalg.eigh", lambda x: _values_and_squared_vectors(x + x.mT), (3, 3)),
    "_weight_norm_interface": ("weight_norm", lambda x: _weight_norm(x), (2, 3)),
    "linalg_householder_product": (
        "torch.linalg.householder_product",
        lambda x: torch.linalg.householder_product(x, x.new_ones(2)),
        (4, 2),
    ),
}


def _weight_norm(x: Tensor) -> Tensor:
    """What torch.nn.utils.parametrizations.weight_norm calls."""
    return torch.ops.aten._weight_norm(x, x.new_ones(len(x), 1), 0)  # noqa: SLF001  no public name


def _values_and_squared_vectors(x: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(x)
    return torch.cat([values[None], vectors**2])  # squared, since their signs are anybody's choice


def fault(subject: Subject, nesting: str) -> str | None:
    """The name of a PyTorch function in `subject` whose own derivative is wrong in this nesting, if there is one."""
    for name in _operators(subject):
        if name in SUSPECTS and nesting in NESTINGS and _is_wrong(name, nesting):
            return SUSPECTS[name][0]
    return None


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def _operators(subject: Subject) -> Sequence[str]:
    with _Recorder() as recorder:
        subject.outputs()
    return recorder.names


@cache
def _is_wrong(name: str, nesting: str) -> bool:
    """Whether the function by itself is wrong (or NaN) in a nesting, beside differences of its gradient."""
    _, function, shape = SUSPECTS[name]
    generator = torch.Generator().manual_seed(0)
    x, v, u = (torch.randn(shape, dtype=torch.float64, generator=generator) for _ in range(3))
    subject = Subject(name, ("x",), (x,), lambda x: (function(x),))
    g = torch.randn(subject.outputs()[0].shape, dtype=torch.float64, generator=generator)
    expected, error, got = NESTINGS[nesting](subject, g, v, u)
    return not agrees(expected, got, tolerance(expected, error, DOUBLE))


Nesting = tuple[Tensor, Tensor, Tensor]


def _double_backward(subject: Subject, g: Tensor, v: Tensor, _: Tensor) -> Nesting:
    derived = subject.gradient([g])
    (expected,), (error,) = Reference(derived).push([v])
    (got,) = derived.pull([v])
    return expected, error, torch.zeros_like(v) if got is None else got


def _forward_over_reverse(subject: Subject, g: Tensor, v: Tensor, _: Tensor) -> Nesting:
    (expected,), (error,) = Reference(subject.gradient([g])).push([v])
    (got,) = jvp(lambda x: vjp(subject.function, x)[1]((g,)), subject.values, (v,))[1]
    return expected, error, got


def _reverse_over_forward(subject: Subject, g: Tensor, v: Tensor, _: Tensor) -> Nesting:
    (expected,), (error,) = Reference(subject.gradient([g])).push([v])
    (got,) = vjp(lambda x: jvp(subject.function, (x,), (v,))[1], *subject.values)[1]((g,))
    return expected, error, got


def _forward_over_forward(subject: Subject, _: Tensor, v: Tensor, u: Tensor) -> Nesting:
    tangent = lambda x: jvp(subject.function, (x,), (v,))[1]  # noqa: E731  a function of x
    (expected,), (error,) = Reference(subject.derived(tangent)).push([u])
    (got,) = jvp(tangent, subject.values, (u,))[1]
    return expected, error, got


NESTINGS: dict[str, Callable[[Subject, Tensor, Tensor, Tensor], Nesting]] = {
    "double backward": _double_backward,
    "forward over reverse": _forward_over_reverse,
    "reverse over forward": _reverse_over_forward,
    "forward over forward": _forward_over_forward,
}
