"""Time the ways of one case against each other, after their results have been compared."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from catalogue_cases import Case
from catalogue_peers import jax
from rounds import in_turns

Timed = dict[tuple[str, str], Callable[[], Any]]


@dataclass(frozen=True)
class Timing:
    """Seconds a call of every round, by way and by "forward" or "both"."""

    case: Case
    seconds: dict[tuple[str, str], list[float]]

    def median(self, way: str, what: str) -> float | None:
        """Seconds a call."""
        return statistics.median(self.seconds[way, what]) if (way, what) in self.seconds else None

    def ratio(self, way: str, other: str, what: str) -> float:
        """How long one takes beside another in the same round: the median over the rounds."""
        pairs = zip(self.seconds[way, what], self.seconds[other, what], strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def best_peer(self) -> str | None:
        """Who is fastest forward and backward, beside us."""
        peers = [way for way, what in self.seconds if what == "both" and way != "scitorch"]
        return min(peers, key=lambda way: statistics.median(self.seconds[way, "both"])) if peers else None


def measure(case: Case, rounds: int, limit: float, threads: int) -> Timing:
    """All ways of a case, beside each other."""
    return Timing(case, in_turns(_ways(case), rounds, limit, threads))


def _ways(case: Case) -> Timed:
    """Every way of computing it, forward, and value and gradients; all compared with SciPy and with each other."""
    rng = np.random.default_rng(0)
    arrays = [np.ascontiguousarray(x) for x in case.inputs(rng)]
    value = case.scipy(*arrays)
    g = np.asarray(rng.normal(size=value.shape), value.dtype)
    timed: Timed = {("SciPy", "forward"): lambda: case.scipy(*arrays)}
    torch_ways = {"scitorch": case.ours, **({"torch": case.torch} if case.torch else {}), **case.more}
    gradients, compare = None, partial(_compare, case)
    for name, way in torch_ways.items():
        tensors = [torch.from_numpy(x.copy()) for x in arrays]
        leaves = [x.clone().requires_grad_() for x in tensors]
        calls = _torch_calls(way, tensors, leaves, torch.from_numpy(g))
        compare("value", name, [value], [calls[0]()])
        _, *pulled = calls[1]()
        gradients = gradients or pulled
        compare("gradients", name, gradients, pulled)
        timed[name, "forward"], timed[name, "both"] = calls
    if jax is not None and case.jax is not None:
        calls = _jax_calls(case.jax, [jax.numpy.asarray(x) for x in arrays], jax.numpy.asarray(g))
        compare("value", "JAX", [value], [calls[0]()])
        compare("gradients", "JAX", gradients, calls[1]()[1:])
        timed["JAX", "forward"], timed["JAX", "both"] = calls
    return timed


Calls = tuple[Callable[[], Any], Callable[[], Any]]


def _torch_calls(way: Any, tensors: Sequence[Any], leaves: Sequence[Any], g: Any) -> Calls:
    def both():
        out = way(*leaves)
        return (out, *torch.autograd.grad(out, leaves, g))

    return lambda: way(*tensors), both


def _jax_calls(way: Any, arrays: Sequence[Any], g: Any) -> Calls:
    """Compiled; the value is returned beside the gradients, so that nothing is dropped as dead code."""

    def value_and_gradients(g, *arrays):
        out, pull = jax.vjp(way, *arrays)
        return (out, *pull(g))

    # JAX transposes without conjugating: its incoming gradient is the conjugate of PyTorch's.
    g = g.conj()
    forward, both = jax.jit(way), jax.jit(value_and_gradients)
    return (
        lambda: jax.block_until_ready(forward(*arrays)),
        lambda: jax.block_until_ready(both(g, *arrays)),
    )


def _compare(case: Case, what: str, way: str, expected: Sequence[Any], got: Sequence[Any]) -> None:
    for one, other in zip(expected, got, strict=True):
        left, right = (np.asarray(x.detach() if isinstance(x, torch.Tensor) else x) for x in (one, other))
        error = np.abs(left - right).max() / np.abs(left).max()
        if left.shape != right.shape or not error < case.agreement:
            found = f"shapes {left.shape} and {right.shape}, relative error {error:.1e}"
            raise AssertionError(f"{case.name}, {what} of {way}: {found}")
