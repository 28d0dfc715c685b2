"""What a call costs: the sine of ten float64 values, each way a user could write it, side by side in one run.

    python benchmarks/overhead.py [--rounds 40]

HIPS autograd, on NumPy arrays, takes part where it is installed (``pip install "scitorch[bench]"``). Blocks of calls of
all ways take turns, so that a drift of the machine touches all alike; medians over the rounds.
"""

import argparse
import statistics
import timeit
from collections.abc import Callable

import numpy as np
import torch

from scitorch import operator

try:
    import autograd
    import autograd.numpy
except ImportError:
    autograd = None

CALLS = 500  # a block: long against the clock, short against the machine's moods


def by_hand(x: torch.Tensor) -> torch.Tensor:
    """NumPy without any derivative: the floor."""
    return torch.from_numpy(np.sin(x.detach().numpy()))


class FirstOrder(torch.autograd.Function):
    """As most people write it, with NumPy in the backward: second derivatives are silently wrong."""

    @staticmethod
    def forward(x):
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * torch.from_numpy(np.cos(x.detach().numpy()))


class Sine(torch.autograd.Function):
    """The same, right to every order in reverse mode."""

    @staticmethod
    def forward(x):
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * Cosine.apply(x)


class Cosine(torch.autograd.Function):
    """The derivative that `Sine` needs."""

    @staticmethod
    def forward(x):
        return torch.from_numpy(np.cos(x.detach().numpy()))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return -g * Sine.apply(x)


@torch.library.custom_op("overhead::sine", mutates_args=())
def custom_sine(x: torch.Tensor) -> torch.Tensor:
    """PyTorch's own wrapper."""
    return torch.from_numpy(np.sin(x.detach().numpy()))


@torch.library.custom_op("overhead::cosine", mutates_args=())
def custom_cosine(x: torch.Tensor) -> torch.Tensor:
    """The derivative that `custom_sine` needs."""
    return torch.from_numpy(np.cos(x.detach().numpy()))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


custom_sine.register_autograd(lambda ctx, g: g * custom_cosine(ctx.saved_tensors[0]), setup_context=_save)
custom_cosine.register_autograd(lambda ctx, g: -g * custom_sine(ctx.saved_tensors[0]), setup_context=_save)


@operator("()->()", batch="native")
def sine(x):
    """Ours."""
    return np.sin(x)


@operator("()->()", batch="native")
def cosine(x):
    """The derivative that `sine` needs."""
    return np.cos(x)


sine.vjp(x=lambda g, x: g * cosine(x))
cosine.vjp(x=lambda g, x: -g * sine(x))

WAYS = {
    "NumPy by hand": by_hand,
    "torch.sin": torch.sin,
    "Function, first order": FirstOrder.apply,
    "Function, every order": Sine.apply,
    "custom_op": custom_sine,
    "scitorch": sine,
}


def cases(way: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Callable[[], object]]:
    """What is timed of one way."""
    x = torch.linspace(-2, 2, 10, dtype=torch.double)
    leaf, g = x.clone().requires_grad_(), torch.ones_like(x)
    torch.testing.assert_close(way(x), x.sin(), rtol=1e-15, atol=1e-15)
    timed = {"forward": lambda: way(x)}
    if way is not by_hand:
        torch.testing.assert_close(torch.autograd.grad(way(leaf), leaf, g)[0], x.cos(), rtol=1e-15, atol=1e-15)
        timed["forward, recorded"] = lambda: way(leaf)
        timed["forward + backward"] = lambda: torch.autograd.grad(way(leaf), leaf, g)
    return timed


def hips_cases() -> dict[str, Callable[[], object]]:
    """HIPS autograd's own sine, without any tensor."""
    x = np.linspace(-2, 2, 10)
    g = np.ones_like(x)
    sin = autograd.numpy.sin
    np.testing.assert_allclose(autograd.make_vjp(sin)(x)[0](g), np.cos(x), rtol=1e-15)
    return {"forward": lambda: sin(x), "forward + backward": lambda: autograd.make_vjp(sin)(x)[0](g)}


def measure(rounds: int) -> dict[tuple[str, str], float]:
    """Median microseconds a call, by way and case."""
    timed = {(name, case): call for name, way in WAYS.items() for case, call in cases(way).items()}
    if autograd is not None:
        timed |= {("HIPS autograd", case): call for case, call in hips_cases().items()}
    times = {key: [] for key in timed}
    for _ in range(rounds):
        for key, call in timed.items():
            times[key].append(timeit.timeit(call, number=CALLS) / CALLS * 1e6)
    return {key: statistics.median(values) for key, values in times.items()}


def report(medians: dict[tuple[str, str], float]) -> None:
    """Print the table, then the ratios that are goals."""
    names = ("forward", "forward, recorded", "forward + backward")
    print(f"{'µs a call, median':24s}" + "".join(f"{case:>20s}" for case in names))
    for way in dict.fromkeys(way for way, _ in medians):
        row = (medians.get((way, case)) for case in names)
        print(f"{way:24s}" + "".join(f"{'-' if value is None else f'{value:.2f}':>20s}" for value in row))
    both = {way: value for (way, case), value in medians.items() if case == "forward + backward"}
    above = medians["scitorch", "forward"] - medians["NumPy by hand", "forward"]
    print(f"\nscitorch, forward, above NumPy by hand: {above:.2f} µs (goal: at most 2.5)")
    goals = {"Function, first order": 0.75, "Function, every order": 0.75, "custom_op": 0.6}
    for way, goal in goals.items():
        print(f"scitorch / {way}, forward + backward: {both['scitorch'] / both[way]:.2f} (goal: at most {goal})")
    print(f"scitorch / torch.sin, forward + backward: {both['scitorch'] / both['torch.sin']:.2f}")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    report(measure(rounds))


if __name__ == "__main__":
    main()
