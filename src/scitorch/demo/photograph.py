"""The photograph: found, read, made square and grey."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scitorch.demo.settings import RequestError

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float64]

SAMPLE = "Rear Admiral Grace Hopper, by the US Navy (grace_hopper.jpg in matplotlib's sample data)"


def require_pictures() -> None:
    """Make sure that pictures can be read and drawn.

    Raises
    ------
    RequestError
        The extra ``pictures`` isn't installed.
    """
    for module in ("matplotlib.figure", "PIL.Image"):
        try:
            import_module(module)
        except ImportError as error:
            advice = 'Try pip install "scitorch[pictures]".'
            raise RequestError(f"pictures: expected matplotlib and Pillow, got none ({error}). {advice}") from error


def read_photograph(path: Path | None, size: int) -> Array:
    """A square of a photograph, in grey, with mean 0 and standard deviation 1.

    It is cut from the middle, but near the top of a tall photograph, where faces are.

    Parameters
    ----------
    path : pathlib.Path or None
        The file; None takes the photograph in matplotlib's sample data.
    size : int
        Width and height of the result, in pixels.

    Returns
    -------
    numpy.ndarray
        Shape ``(size, size)``.

    Raises
    ------
    RequestError
        The file is missing, cannot be read as an image, is of one colour, or has fewer pixels than asked for.
    """
    from PIL import Image, ImageOps

    try:
        with _open(path) as file, Image.open(file) as image:
            smaller = min(image.size)
            grey = _grey(ImageOps.exif_transpose(image))
            square = ImageOps.fit(grey, (size, size), Image.Resampling.LANCZOS, centering=(0.5, 0.1))
    except Exception as error:  # every format has errors of its own for a broken file
        raise _no_photograph(path, getattr(error, "strerror", None) or str(error).partition("\n")[0]) from error
    if smaller < size:  # blown up, it would have no detail to learn the filter's detail from
        raise RequestError(f"--size: expected at most {smaller} pixels, the photograph's smaller side, got {size}.")
    pixels = np.asarray(square, dtype=np.float64)
    if not pixels.std() > 1e-6 * np.abs(pixels).max():  # resizing leaves rounding errors in a flat picture
        raise _no_photograph(path, "no contrast, or pixels that are no numbers: there is nothing to learn from")
    return (pixels - pixels.mean()) / pixels.std()


def _open(path: Path | None) -> AbstractContextManager[IO[bytes] | Path]:
    """The sample's file; any other is left to Pillow to open."""
    if path is not None:
        return nullcontext(path)
    sample: Any = import_module("matplotlib.cbook").get_sample_data("grace_hopper.jpg")
    return sample


def _grey(image: Image) -> Image:
    """Luminance in floating point; deep pictures (``I;16``, ``I``, ``F``) keep the depth that ``L`` would clip."""
    return image.convert("F") if image.mode[0] in "IF" else image.convert("L").convert("F")


def _no_photograph(path: Path | None, reason: str) -> RequestError:
    return RequestError(f"--image: expected a photograph, got {path or SAMPLE} ({reason}).")
