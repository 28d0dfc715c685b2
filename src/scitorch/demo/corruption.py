"""What happens to the photograph: a filter that the model isn't told, an offset, and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import correlate2d

from scitorch.demo.photograph import Array

WIDTH = 9  # of the filter, in pixels
OFFSET = 0.2
NOISE = 0.003  # standard deviation; the photograph's is 1


@dataclass(frozen=True)
class Scene:
    """A photograph, what became of it, and the truth about how.

    Attributes
    ----------
    photograph : numpy.ndarray
        Shape ``(n, n)``.
    filtered : numpy.ndarray
        Shape ``(n - 8, n - 8)``: the valid part of the correlation, plus the offset and the noise.
    filter : numpy.ndarray
        The hidden filter, shape ``(9, 9)``.
    offset : float
        The hidden offset.
    """

    photograph: Array
    filtered: Array
    filter: Array
    offset: float


def corrupt(photograph: Array, seed: int) -> Scene:
    """Blur a photograph as a shaken camera does, by SciPy alone.

    Parameters
    ----------
    photograph : numpy.ndarray
        Shape ``(n, n)``.
    seed : int
        Of the filter and the noise.

    Returns
    -------
    Scene
        The photograph, the filtered one, and the truth that the model has to find.
    """
    random = np.random.default_rng(seed)
    hidden = _shake(random)
    clean = correlate2d(photograph, hidden, mode="valid") + OFFSET
    return Scene(photograph, clean + NOISE * random.standard_normal(clean.shape), hidden, OFFSET)


def _shake(random: np.random.Generator) -> Array:
    """The trace of a camera that moves while its shutter is open: a spot of light on a winding path."""
    direction = 0.1 * np.cumsum(gaussian_filter1d(random.standard_normal(400), sigma=20))
    path = np.cumsum(np.stack([np.sin(direction), np.cos(direction)], axis=1), axis=0)
    path -= (path.max(axis=0) + path.min(axis=0)) / 2
    path *= (WIDTH / 2 - 1.2) / np.abs(path).max()
    pixel = np.arange(WIDTH) - WIDTH // 2
    across, along = (np.exp(-2 * (pixel - path[:, axis, None]) ** 2) for axis in (0, 1))
    trace = across.T @ along
    return trace / trace.sum()
