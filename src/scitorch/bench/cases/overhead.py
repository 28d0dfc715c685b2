"""What a call costs beside its work, in every mode: ten values, each way a user could write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, jvp, vmap

from scitorch.bench.case import OURS, Admission, Call
from scitorch.bench.function import autograd, jax, torch_calls
from scitorch.bench.machine import Lazy, installed
from scitorch.bench.peers import by_hand, sine
from scitorch.core import operator

hips_numpy = Lazy("autograd.numpy")
Way = Callable[[Tensor], Tensor]
Peers = Callable[[], dict[str, Way]]

FUNCTION, FIRST_ORDER, TRACED = "Function", "Function, first order", "Function, NumPy rewritten"
FLOORS = ("NumPy by hand", "torch", TRACED)


@dataclass(frozen=True)
class Mode:
    """The sine of ten values, in one mode.

    Attributes
    ----------
    name : str
        Of the case.
    take : callable
        Makes the call that is timed, of a way.
    ways : callable
        Makes the ways that could be right in this mode, but ours.
    slow, group, floors, rivals
        As in `Case`.
    """

    name: str
    take: Callable[[Way], Call]
    ways: Peers
    slow: bool = False
    group: str = "overhead"
    floors: tuple[str, ...] = FLOORS
    rivals: tuple[str, ...] = (FUNCTION, FIRST_ORDER)

    def admitted(self) -> Admission:
        """Every way against PyTorch's own sine, in this mode.

        Returns
        -------
        Admission
        """
        admission = Admission(self.name, 1e-12)
        admission.admit("torch", "call", self.take(torch.sin), trusted=True)
        admission.admit(OURS, "call", self.take(sine.ours()), trusted=True)
        for name, way in self.ways().items():
            admission.admit(name, "call", self.take(way))
        for name, call in _elsewhere(self.name).items():
            admission.admit(name, "call", call)
        return admission


X = np.linspace(-2, 2, 10)


def _values() -> tuple[Tensor, Tensor, Tensor]:
    x = torch.tensor(X)
    return x, x.clone().requires_grad_(), torch.ones_like(x)


def _forward(way: Way) -> Call:
    x, _, _ = _values()
    return lambda: way(x)


def _recorded(way: Way) -> Call:
    _, leaf, _ = _values()
    return lambda: way(leaf)


def _both(way: Way) -> Call:
    _, leaf, g = _values()
    return lambda: torch.autograd.grad(way(leaf), leaf, g)


def _func_grad(way: Way) -> Call:
    x, _, _ = _values()
    taken = grad(lambda x: way(x).sum())
    return lambda: taken(x)


def _func_jvp(way: Way) -> Call:
    x, _, g = _values()
    return lambda: jvp(way, (x,), (g,))


def _vmap(way: Way) -> Call:
    x, _, _ = _values()
    mapped = vmap(way)
    return lambda: mapped(x)


def _vmap_grad(way: Way) -> Call:
    x, _, _ = _values()
    mapped = vmap(grad(way))
    return lambda: mapped(x)


def _compiled(way: Way) -> Call:
    return _forward(torch.compile(lambda x: way(x)))


def _compiled_both(way: Way) -> Call:
    return _both(torch.compile(lambda x: way(x)))


def _eager() -> dict[str, Way]:
    function, first = sine.Sine.apply, sine.FirstOrder.apply
    return {FUNCTION: function, FIRST_ORDER: first, "custom_op": sine.custom_op()}


def _without_derivative() -> dict[str, Way]:
    return {"NumPy by hand": sine.by_hand, **_eager()}


def _forward_mode() -> dict[str, Way]:
    return {FUNCTION: sine.SineForward.apply, "custom_op": sine.custom_op()}


def _in_compiler() -> dict[str, Way]:
    return {FUNCTION: sine.SineOpaque.apply, TRACED: sine.FirstOrder.apply, "custom_op": sine.custom_op()}


# By mode: what is timed, and the ways that take part.
MODES: dict[str, tuple[Callable[[Way], Call], Peers]] = {
    "forward": (_forward, _without_derivative),
    "forward, recorded": (_recorded, _eager),
    "forward + backward": (_both, _eager),
    "func.grad": (_func_grad, _eager),
    "func.jvp": (_func_jvp, _forward_mode),
    "vmap": (_vmap, _eager),
    "vmap of grad": (_vmap_grad, _eager),
    "compiled, forward": (_compiled, _in_compiler),
    "compiled, forward + backward": (_compiled_both, _in_compiler),
}


def _elsewhere(name: str) -> dict[str, Call]:
    """The same outside of PyTorch, which has no tensors to go through: for orientation."""
    calls: dict[str, Call] = {}
    mode = name.partition(": ")[2]
    if installed("autograd"):
        traced, g = autograd.make_vjp(hips_numpy.sin), np.ones_like(X)
        hips = {
            "forward": lambda: hips_numpy.sin(X),
            "forward + backward": lambda: traced(X)[0](g),
        }
        calls |= {"HIPS": hips[mode]} if mode in hips else {}
    if installed("jax"):
        x, ready = jax.numpy.asarray(X), jax.block_until_ready
        jitted = jax.jit(jax.numpy.sin)
        slopes = jax.jit(lambda x, g: jax.vjp(jax.numpy.sin, x)[1](g))
        in_jax = {
            "forward": lambda: ready(jitted(x)),
            "forward + backward": lambda: ready(slopes(x, jax.numpy.ones_like(x))),
        }
        calls |= {"JAX": in_jax[mode]} if mode in in_jax else {}
    return calls


@dataclass(frozen=True)
class Linear:
    """Ten values turned round: for PyLops, whose operators are linear.

    Attributes
    ----------
    name, group, slow, floors, rivals
        As in `Case`.
    """

    name: str = "ten values reversed: value, value and gradient"
    group: str = "overhead"
    slow: bool = False
    floors: tuple[str, ...] = FLOORS
    rivals: tuple[str, ...] = (FUNCTION,)

    def admitted(self) -> Admission:
        """Every way against PyTorch's own.

        Returns
        -------
        Admission
        """
        ways: dict[str, Callable[..., Any]] = {
            "torch": lambda x: x.flip(0),
            OURS: _flip(),
            FUNCTION: by_hand.as_function(_reversed, lambda g, _: (_reversed(g),)),
            "custom_op": by_hand.as_custom_op("x", _reversed, lambda g, _: (_reversed(g),)),
        }
        if installed("pylops"):
            ways["PyLops"] = by_hand.as_pylops(lambda pylops: pylops.FunctionOperator(_reversed, _reversed, len(X)))
        admission = Admission(self.name, 1e-12)
        for name, way in ways.items():
            forward, both = torch_calls(way, [X], np.ones_like(X))
            admission.admit(name, "forward", forward, trusted=name in {"torch", OURS})
            admission.admit(name, "both", both, trusted=name in {"torch", OURS})
        return admission


def _reversed(x: Any) -> Any:
    return np.flip(x).copy()


@cache
def _flip() -> Way:
    @operator("(n)->(n)", batch="native", name="bench_flip")
    def flip(x: Any) -> Any:
        return np.flip(x, -1)

    flip.vjp(x=lambda g: flip(g))
    return flip


def cases() -> Iterator[Mode | Linear]:
    """Every mode."""
    for mode, (take, ways) in MODES.items():
        yield Mode(f"sine of ten values: {mode}", take, ways)
    yield Linear()
