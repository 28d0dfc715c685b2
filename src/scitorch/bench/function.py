"""A case of one function at one size: its value, and its value and gradients, in every way there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scitorch.bench.case import OURS, Admission, Call
from scitorch.bench.machine import Lazy, installed

Array = NDArray[Any]
Ways = dict[str, Callable[..., Any]]
Calls = tuple[Call, Call]

NEEDS = {"JAX": "jax", "HIPS": "autograd", "PyLops": "pylops", "torch-dct": "torch_dct"}

jax, autograd = Lazy("jax"), Lazy("autograd")


def _nobody() -> Ways:
    return {}


@dataclass(frozen=True)
class FunctionCase:
    """One function at one size.

    Attributes
    ----------
    name, group : str
        As in `Case`.
    inputs : callable
        Draws the arrays from a generator; derivatives are taken in all of them.
    scipy : callable
        SciPy's own call on them, the floor.
    ours : callable
        The same on tensors.
    peers : callable
        Makes the other ways, by name; those whose package isn't installed are left out. "JAX" takes JAX's arrays,
        "HIPS" NumPy's, all others tensors.
    slow : bool
        Left out of a quick run.
    agreement : float
        How far results may be apart, relative to the largest element.
    floors, rivals : tuple of str
        As in `Case`.
    """

    name: str
    group: str
    inputs: Callable[[np.random.Generator], Sequence[Any]]
    scipy: Callable[..., Any]
    ours: Callable[..., Any]
    peers: Callable[[], Ways] = _nobody
    slow: bool = False
    agreement: float = 1e-8
    floors: tuple[str, ...] = ("SciPy",)
    rivals: tuple[str, ...] = ()

    def admitted(self) -> Admission:
        """SciPy's call, ours, and the peers that agree with them.

        Returns
        -------
        Admission
            With "forward" and "both", the value and all gradients, of each.
        """
        rng = np.random.default_rng(0)
        arrays = [np.ascontiguousarray(x) for x in self.inputs(rng)]
        value = self.scipy(*arrays)
        g = np.asarray(rng.normal(size=value.shape), value.dtype)
        admission = Admission(self.name, self.agreement)
        admission.admit("SciPy", "forward", lambda: self.scipy(*arrays), trusted=True)
        for name, way in {OURS: self.ours, **self.peers()}.items():
            if installed(NEEDS.get(name, "torch")):
                forward, both = _CALLS.get(name, torch_calls)(way, arrays, g)
                admission.admit(name, "forward", forward, trusted=name == OURS)
                admission.admit(name, "both", both, trusted=name == OURS)
        return admission


def torch_calls(way: Callable[..., Any], arrays: Sequence[Array], g: Array) -> Calls:
    """The value; the value and the gradients.

    Parameters
    ----------
    way : callable
        Of tensors.
    arrays : sequence of arrays
        Its arguments.
    g : array
        The gradient of the result.

    Returns
    -------
    tuple of two callables
    """
    tensors = [torch.tensor(x) for x in arrays]
    leaves = [x.clone().requires_grad_() for x in tensors]
    incoming = torch.tensor(g)

    def both() -> Any:
        out = way(*leaves)
        return (out, *torch.autograd.grad(out, leaves, incoming))

    return lambda: way(*tensors), both


def jax_calls(way: Callable[..., Any], arrays: Sequence[Array], g: Array) -> Calls:
    """The same in JAX, compiled; the value is returned beside the gradients, lest it be dropped as dead code.

    Parameters
    ----------
    way : callable
        Of JAX's arrays.
    arrays : sequence of arrays
        Its arguments.
    g : array
        The gradient of the result.

    Returns
    -------
    tuple of two callables
    """

    def value_and_gradients(g: Any, *arrays: Any) -> Any:
        out, pull = jax.vjp(way, *arrays)
        return (out, *pull(g))

    ours = [jax.numpy.asarray(x) for x in arrays]
    # JAX transposes without conjugating: its incoming gradient is the conjugate of PyTorch's.
    incoming = jax.numpy.asarray(g).conj()
    forward, both, ready = jax.jit(way), jax.jit(value_and_gradients), jax.block_until_ready
    return lambda: ready(forward(*ours)), lambda: ready(both(incoming, *ours))


def hips_calls(way: Callable[..., Any], arrays: Sequence[Array], g: Array) -> Calls:
    """The same with HIPS autograd.

    Parameters
    ----------
    way : callable
        Of NumPy's arrays.
    arrays : sequence of arrays
        Its arguments.
    g : array
        The gradient of the result.

    Returns
    -------
    tuple of two callables
    """
    traced = autograd.make_vjp(way, tuple(range(len(arrays))))

    def both() -> Any:
        pull, value = traced(*arrays)
        return (value, *pull(g))

    return lambda: way(*arrays), both


_CALLS = {"JAX": jax_calls, "HIPS": hips_calls}
