"""scipy.ndimage over its options: orders, borders, axes, forms of arguments, empty images and those of one pixel."""

import itertools

import numpy as np
import scipy.ndimage

from catalogue.case import Case
from scitorch import ndimage

RNG = np.random.default_rng(1729)
MODES = ("reflect", "grid-mirror", "mirror", "nearest", "wrap", "grid-wrap", "constant", "grid-constant")
SHAPES = ((6,), (1,), (4, 5), (1, 3), (3, 2, 4))
CVAL = {"cval": 0.7}


def image(*shape, dtype=np.float64):
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape)).astype(dtype) if np.dtype(dtype).kind == "c" else x.astype(dtype)


def compared(name, *arguments, rtol=None, **options):
    return Case(getattr(ndimage, name), getattr(scipy.ndimage, name), arguments, options, rtol)


def gaussians():
    for shape, mode, order in itertools.product(SHAPES, MODES, (0, 1, 3)):
        yield compared("gaussian_filter", image(*shape), 1.3, order=order, mode=mode, **CVAL)
    for dtype in (np.float32, np.complex64, np.complex128):
        yield compared(
            "gaussian_filter", image(4, 5, dtype=dtype), 0.8, order=(1, 2), mode=("wrap", "constant"), **CVAL
        )
    yield compared("gaussian_filter", image(4, 5, dtype=complex), 0.8, mode="constant", cval=1 + 2j)
    for options in (
        {"axes": 1},
        {"axes": (-1, 0), "mode": ("mirror", "nearest"), "order": (0, 1)},
        {"axes": ()},
        {"truncate": 2.5},
        {"radius": 3},
        {"radius": (3, 0, 1)},
        {"radius": 20, "mode": "mirror"},
        {"radius": -1},
        {"order": -1},
        {"mode": "none"},
        {"axes": 3},
        {"axes": (0, 0)},
        {"order": (0, 1)},
        {"output": None},
        {"order": np.int64(1), "radius": np.int64(2)},
    ):
        yield compared("gaussian_filter", image(3, 4, 2), 1.1, **options)
    yield compared("gaussian_filter", image(3, 4), (0.0, 1.5))
    yield compared("gaussian_filter", image(3, 4), 0.0)
    yield compared("gaussian_filter", image(3, 4), np.array([0.5, 1.5]))
    yield compared("gaussian_filter", image(3, 4), (1.0, 2.0, 3.0))
    yield compared("gaussian_filter", image(0, 3), 1.0)
    yield compared("gaussian_filter", image(), 1.0)
    for axis, mode in itertools.product((0, 1, -1, 2), MODES):
        yield compared("gaussian_filter1d", image(4, 5), 0.9, axis, order=2, mode=mode, **CVAL)
    for truncate, radius in ((1.0, None), (4.0, 2), (4.0, 0), (0.0, None), (4.0, -2)):
        yield compared("gaussian_filter1d", image(7), 1.4, truncate=truncate, radius=radius)
    for order in range(7):
        yield compared("gaussian_filter1d", image(9, dtype=np.float32), 1.7, order=order, mode="nearest")


def splines():
    for shape, mode, order in itertools.product((*SHAPES, (40,), (2, 35)), MODES, (2, 3, 4, 5)):
        yield compared("spline_filter", image(*shape), order, mode=mode)
    for order, axis in itertools.product(range(-1, 7), (0, 1, -2)):
        yield compared("spline_filter1d", image(4, 5), order, axis)
    yield compared("spline_filter1d", image(4, 5), 3, 2)
    for order in (-1, 0, 1, 6):
        yield compared("spline_filter", image(4), order)
    for dtype in (np.float32, np.complex128):
        yield compared("spline_filter1d", image(4, 5, dtype=dtype), output=np.dtype(dtype).type)
    yield compared("spline_filter", image(4, 5, dtype=np.float32))
    yield compared("spline_filter", image(0, 3))
    yield compared("spline_filter", image(5), mode="none")


def coordinates():
    for shape, mode, order in itertools.product(SHAPES, MODES, range(6)):
        far = RNG.uniform(-9, 14, size=(len(shape), 20))
        pixels = RNG.integers(-8, 13, size=(len(shape), 10)) / 2  # on pixels, and half between
        points = np.concatenate([far, pixels], axis=1).reshape(len(shape), 5, 6)
        for prefilter in (True, False) if order > 1 else (True,):
            yield compared(
                "map_coordinates", image(*shape), points, order=order, mode=mode, prefilter=prefilter, **CVAL
            )
    for dtype in (np.float32, np.complex64, np.complex128):
        points = RNG.uniform(-2, 7, size=(2, 9)).astype(np.float32)
        for mode in ("constant", "grid-constant", "nearest"):
            yield compared("map_coordinates", image(4, 5, dtype=dtype), points, mode=mode, cval=0.5)
    yield compared("map_coordinates", image(4, dtype=complex), image(1, 5) * 4, cval=1 - 2j)
    yield compared("map_coordinates", image(4), image(2, 5))
    yield compared("map_coordinates", image(4), image(1))
    yield compared("map_coordinates", image(), image(0, 3))
    yield compared("map_coordinates", image(4), image(1, 0))
    yield compared("map_coordinates", image(4), image(1, 3), order=6)
    yield compared("map_coordinates", image(4), image(1, 3), mode="none")
    yield compared("map_coordinates", image(4, 5), np.array([[0, 1, 7], [2, 2, 2]]))


def affine_maps():
    matrix = np.array([[0.8, 0.3], [-0.4, 1.1]])
    homogeneous = np.vstack([np.column_stack([matrix, [0.3, -0.2]]), [0, 0, 1]])
    forms = [matrix, np.array([0.7, 1.3]), homogeneous, homogeneous[:2], matrix[:, :1], matrix[:1]]
    for form, mode, order in itertools.product(forms, MODES, (0, 1, 3, 4)):
        shape = (6,) if form.shape == (2, 1) else (4, 6)
        yield compared("affine_transform", image(5, 4), form, (0.3, -0.6), shape, order=order, mode=mode, **CVAL)
    yield compared("affine_transform", image(5, 4), matrix)
    yield compared("affine_transform", image(5, 4), matrix, 0.5, prefilter=False)
    yield compared("affine_transform", image(5, 4), matrix, np.array([0.5, 0.2]))
    yield compared("affine_transform", image(5, 4), matrix, (0.5, 0.2, 0.1))
    yield compared("affine_transform", image(5, 4), matrix, output_shape=(3,))
    yield compared("affine_transform", image(5, 4), matrix, order=7)
    yield compared("affine_transform", image(3, 5, 4), np.eye(3)[[1, 0, 2]], output_shape=(5, 3, 4))
    yield compared("affine_transform", image(5), np.array([0.5, 0.5]))
    yield compared("affine_transform", image(5, 4), 2 * np.eye(3))  # its last row isn't that of a homogeneous matrix
    for dtype in (np.float32, np.complex64, np.complex128):
        yield compared("affine_transform", image(5, 4, dtype=dtype), matrix, 0.1, mode="grid-constant", cval=0.5)


def moves():
    for shape, mode, order in itertools.product(SHAPES, MODES, (0, 1, 2, 3, 5)):
        yield compared("shift", image(*shape), 0.4, order=order, mode=mode, **CVAL)
        yield compared("shift", image(*shape), tuple(RNG.integers(-3, 4, size=len(shape))), order=order, mode=mode)
        yield compared("zoom", image(*shape), 1.7, order=order, mode=mode, **CVAL)
        if mode not in ("constant", "wrap"):
            yield compared("zoom", image(*shape), 2.0, order=order, mode=mode, grid_mode=True, **CVAL)
    for factor in (0.5, (2, 0.6), (1, 1), (3, 1), 0.1, (1.0, 2.0, 3.0), (0.5, 1)):
        yield compared("zoom", image(5, 4), factor)
        yield compared("zoom", image(5, 4), factor, order=1, mode="nearest", prefilter=False)
    for dtype in (np.float32, np.complex64, np.complex128):
        yield compared("shift", image(5, 4, dtype=dtype), (0.1, -2.3), mode="grid-wrap")
        yield compared("zoom", image(5, 4, dtype=dtype), (1.5, 0.5), mode="mirror")
    yield compared("shift", image(5, 4), np.array([0.5, 1.0]))
    yield compared("shift", image(5, 4), (0.5, 1.0, 2.0))
    yield compared("shift", image(), 0.5)


def rotations():
    for angle, mode, order in itertools.product((0, 30.5, 90, -45, 180, 270), MODES, (0, 1, 3, 4)):
        yield compared("rotate", image(5, 4), angle, order=order, mode=mode, **CVAL)
        yield compared("rotate", image(5, 4), angle, order=order, mode=mode, reshape=False, **CVAL)
    for axes in ((1, 0), (0, 1), (2, 0), (-1, 1), (0, 0), (0, 5), (0,)):
        yield compared("rotate", image(4, 3, 5), 25, axes, order=2, mode="reflect")
    for dtype in (np.float32, np.complex64, np.complex128):
        yield compared("rotate", image(5, 4, dtype=dtype), 25)
    yield compared("rotate", image(2, 3, 4, 3), -17, (3, 1), prefilter=False)
    yield compared("rotate", image(5), 25)


def ranks():
    for shape, mode, size in itertools.product(SHAPES, MODES, (1, 2, 3)):
        if len(shape) > 1 or size <= shape[0]:  # else SciPy gives random values
            yield compared("median_filter", image(*shape), size, mode=mode, **CVAL)
        yield compared("grey_erosion", image(*shape), size, mode=mode, **CVAL)
        yield compared("grey_dilation", image(*shape), size, mode=mode, **CVAL)
    cross = np.array([[0, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]], bool)
    heights = image(4, 3)
    for name, mode, dtype in itertools.product(
        ("median_filter", "grey_erosion", "grey_dilation"), MODES, (np.float64, np.float32)
    ):
        for origin in (0, (-1, 1)):
            yield compared(name, image(5, 4, dtype=dtype), footprint=cross, mode=mode, origin=origin, cval=0.5)
            yield compared(name, image(5, 4, dtype=dtype), size=(2, 3), mode=mode, origin=(0, -1), cval=0.5)
        yield compared(name, image(5, 4, dtype=dtype), footprint=np.ones((2, 3), bool), mode=mode, cval=0.5)
        if name != "median_filter":
            grey = {"structure": heights, "mode": mode, "cval": 0.5}
            yield compared(name, image(5, 4, dtype=dtype), **grey)
            yield compared(name, image(5, 4, dtype=dtype), footprint=cross, **grey, origin=(1, -1))
    for name, axes in itertools.product(("median_filter", "grey_erosion", "grey_dilation"), (0, (0, 2), (1,))):
        yield compared(name, image(3, 4, 5), 3, axes=axes)
    for name in ("median_filter", "grey_erosion", "grey_dilation"):
        yield compared(name, image(3, 4))
        yield compared(name, image(3, 4), 3, origin=2)
        yield compared(name, image(3, 4), (3, 3, 3))
        yield compared(name, image(3, 4), 3, mode="none")
        yield compared(name, image(3, 4, dtype=complex), 3)
        yield compared(name, image(0, 4), 3)
        yield compared(name, image(3, 4, 5), footprint=cross, axes=(0, 2))
        yield compared(name, image(3, 4, 5), footprint=np.zeros((3, 3, 3), bool))
    yield compared("grey_erosion", image(3, 4), (3, 2), mode=("wrap", "mirror"))
    yield compared("grey_dilation", image(3, 4), (3, 2), mode=("wrap", "mirror"))


MAKERS = (gaussians, splines, coordinates, affine_maps, moves, rotations, ranks)
CASES = list({str(case): case for make in MAKERS for case in make()}.values())
