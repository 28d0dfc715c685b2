"""Recovering the filter: an ordinary training loop around a layer whose forward pass is SciPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from scitorch.demo.corruption import WIDTH, Scene
from scitorch.demo.photograph import Array
from scitorch.demo.settings import Settings
from scitorch.nn import ScipyConv2d

PATCH = 32  # pixels
BATCH = 16  # patches a step
DETAIL = 10.0  # weight of the second differences in the loss


@dataclass(frozen=True)
class Recovery:
    """What came out of the training.

    Attributes
    ----------
    filter : numpy.ndarray
        The learned filter, shape ``(9, 9)``.
    offset : float
        The learned offset.
    losses : list of float
        The loss at each step.
    errors : list of float
        Relative error of the filter after each step.
    seconds : float
        Time taken.
    """

    filter: Array
    offset: float
    losses: list[float]
    errors: list[float]
    seconds: float


def new_layer(rows: int, columns: int, settings: Settings) -> ScipyConv2d:
    """A layer that knows nothing: a small random filter and no offset, in float64.

    Parameters
    ----------
    rows, columns : int
        Shape of the filter.
    settings : Settings
        Seed and device.

    Returns
    -------
    ScipyConv2d
        The layer. PyTorch's own random numbers stay as they were.
    """
    with torch.random.fork_rng(devices=[]):
        layer = ScipyConv2d(rows, columns).double()
    with torch.no_grad():
        layer.filter.normal_(std=0.1, generator=_random(settings))
        layer.bias.zero_()
    return layer.to(settings.device)


def recover(scene: Scene, settings: Settings, watch: Callable[[float, float], None]) -> Recovery:
    """Learn the filter of a scene from its two pictures.

    Parameters
    ----------
    scene : Scene
        The hidden filter in it serves to tell how far the layer is from it, and for nothing else.
    settings : Settings
        Steps, seed and device.
    watch : callable
        Told the loss and the filter's error after each step.

    Returns
    -------
    Recovery
        The learned filter and how it came about.
    """
    started = perf_counter()
    layer = new_layer(WIDTH, WIDTH, settings)
    losses: list[float] = []
    errors: list[float] = []
    for loss in _train(layer, scene, settings):
        losses.append(loss)
        errors.append(float(np.linalg.norm(_array(layer.filter) - scene.filter) / np.linalg.norm(scene.filter)))
        watch(loss, errors[-1])
    return Recovery(_array(layer.filter), layer.bias.item(), losses, errors, perf_counter() - started)


def _train(layer: ScipyConv2d, scene: Scene, settings: Settings) -> Iterator[float]:
    """Train the layer to turn patches of the photograph into those of the filtered one; yields each step's loss."""
    photograph, filtered = (torch.as_tensor(a, device=settings.device) for a in (scene.photograph, scene.filtered))
    random = _random(settings)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.01, betas=(0.9, 0.995))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    for _ in range(settings.steps):
        image, wanted = _patches(photograph, filtered, random)
        loss = _loss(layer(image) - wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        yield loss.item()


def _patches(photograph: Tensor, filtered: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch of random patches of the photograph, and what the layer should make of each."""
    corners = torch.randint(len(photograph) - PATCH + 1, (BATCH, 2), generator=random).tolist()
    inner = PATCH - WIDTH + 1
    return (
        torch.stack([photograph[y : y + PATCH, x : x + PATCH] for y, x in corners]),
        torch.stack([filtered[y : y + inner, x : x + inner] for y, x in corners]),
    )


def _loss(residual: Tensor) -> Tensor:
    """Mean square of the residual, and of its second differences.

    Neighbouring pixels of a photograph are nearly alike, so the plain mean square hardly feels the fine detail of the
    filter, and gradient descent takes thousands of steps over it. The second differences feel little else.
    """
    down, across = residual.diff(dim=-2), residual.diff(dim=-1)
    bends = down.diff(dim=-2).square().mean() + across.diff(dim=-1).square().mean()
    twists = across.diff(dim=-2).square().mean()
    return residual.square().mean() + DETAIL * (bends + 2 * twists)


def _random(settings: Settings) -> torch.Generator:
    return torch.Generator().manual_seed(settings.seed)


def _array(tensor: Tensor) -> Array:
    return np.array(tensor.tolist())
