"""Gradients whose numbers are right but in the wrong place, and gradients that are wrong only somewhere."""

import numpy as np
import torch
import torch.nn.functional as F

from checker_cases.by_hand import as_operator, by_hand, in_numpy
from checker_cases.case import Named, mutant


def product(a, b):
    return a @ b


def solution(a, b):
    return torch.linalg.solve(a, b)


def log_determinant(a):
    return torch.linalg.slogdet(a)[1]


def convolved(x, kernel):
    return np.convolve(x, kernel, mode="full")


def differences(x):
    return x[..., 1:] - x[..., :-1]


def rotated(x):
    return x.roll(1, -1)


def affine(x, scale, shift):
    return x * scale + shift


def weighted_columns(x, scale):
    return x * scale[:, None]


def trapezoid(y):
    return (y[..., 1:] + y[..., :-1]).sum(-1) / 2


def polynomial(c, t):
    return sum(c[k] * t**k for k in range(c.shape[0]))


def logsumexp(x):
    return torch.logsumexp(x, -1)


def rows(table, index):
    return table[index]


def blurred(x):
    return F.pad(x[None], (1, 1), mode="reflect")[0].unfold(-1, 3, 1).mean(-1)


def centred(x):
    return x - x.mean(-1, keepdim=True)


def _without_largest(g, x, out):
    soft = torch.softmax(x, -1)
    return g[..., None] * torch.where(x == x.amax(-1, keepdim=True), 0, soft)


def _scattered(g, table, index, out):
    gradient = torch.zeros_like(table)
    gradient[index] = g  # the last of the rows that are picked twice wins
    return gradient


def _all_rows_but_last(g, x, out):
    gradient = g - g.mean(-1, keepdim=True)
    return torch.cat([gradient[..., :-1, :], torch.zeros_like(x[..., :1, :])], -2)


def _padded_with_zeros(g, x):
    return F.pad(g[None], (1, 1))[0].unfold(-1, 3, 1).mean(-1)


CASES = {
    # ----------------------------------------------------------------------------------------------------- transposed
    "matrix product, b not transposed": mutant(
        by_hand(product, a=lambda g, a, b, out: g @ b, b=lambda g, a, b, out: a.mT @ g),
        lambda draw: (draw.normal(3, 3), draw.normal(3, 3)),
        Named("transposed", "a"),
    ),
    "linear system, solved with the matrix itself": mutant(
        by_hand(
            solution,
            a=lambda g, a, b, out: -torch.outer(torch.linalg.solve(a.mT, g), out),
            b=lambda g, a, b, out: torch.linalg.solve(a, g),
        ),
        lambda draw: (draw.normal(3, 3) + 3 * torch.eye(3, dtype=torch.double), draw.normal(3)),
        Named("transposed", "b"),
    ),
    "log determinant, inverse not transposed": mutant(
        by_hand(log_determinant, a=lambda g, a, out: g[..., None, None] * torch.linalg.inv(a)),
        lambda draw: (draw.normal(3, 3),),
        Named("transposed", "a"),
    ),
    "operator of a matrix and a vector, outer product transposed": mutant(
        as_operator(
            "(m,n),(n)->(m)",
            lambda a, x: (a @ x[..., None])[..., 0],
            {
                "a": lambda g, x: g[..., None, :] * x[..., :, None],
                "x": lambda g, a: (a.mT @ g[..., None])[..., 0],
            },
        ),
        lambda draw: (draw.normal(3, 3), draw.normal(3)),
        Named("transposed", "a"),
    ),
    # -------------------------------------------------------------------------------------------------------- flipped
    "convolution, its gradient convolved": mutant(
        in_numpy(
            convolved,
            x=lambda g, x, kernel: np.convolve(g, kernel, mode="valid"),
            kernel=lambda g, x, kernel: np.correlate(g, x, mode="valid"),
        ),
        lambda draw: (draw.normal(7), draw.normal(3)),
        Named("flipped", "x"),
    ),
    "correlation of images, filter flipped": mutant(
        by_hand(
            lambda image, kernel: F.conv2d(image[None, None], kernel[None, None])[0, 0],
            image=lambda g, image, kernel, out: F.conv_transpose2d(g[None, None], kernel.flip(0, 1)[None, None])[0, 0],
            kernel=lambda g, image, kernel, out: F.conv2d(image[None, None], g[None, None])[0, 0],
        ),
        lambda draw: (draw.normal(5, 6), draw.normal(3, 2)),
        Named("flipped", "image"),
    ),
    "running sum, summed forwards": mutant(
        as_operator("(n)->(n)", lambda x: np.cumsum(x, -1), {"x": lambda g: g.cumsum(-1)}),
        lambda draw: (draw.normal(6),),
        # Of a Toeplitz matrix, transposed and flipped on both sides are the same.
        Named(("flipped", "transposed", "gradient of another function"), "x"),
    ),
    "sort, its gradient left in order": mutant(
        by_hand(lambda x: x.flip(-1).exp(), x=lambda g, x, out: g * x.exp()),
        lambda draw: (draw.normal(5),),
        Named(("flipped", "gradient of another function"), "x"),
    ),
    # -------------------------------------------------------------------------------------------------------- shifted
    "differences, padded at the wrong end": mutant(
        by_hand(
            differences,
            x=lambda g, x, out: F.pad(g, (0, 1)) - F.pad(g, (0, 1)).roll(-1, -1),
        ),
        lambda draw: (draw.normal(7),),
        Named("shifted", "x"),
    ),
    "rotation, rotated again": mutant(
        by_hand(rotated, x=lambda g, x, out: g.roll(1, -1)),
        lambda draw: (draw.normal(2, 7),),
        Named("shifted", "x"),
    ),
    "blur, off by one": mutant(
        as_operator(
            "(n)->(n)",
            lambda x: (x + np.roll(x, 1, -1) + np.roll(x, 2, -1)) / 3,
            {"x": lambda g: (g + g.roll(-1, -1) + g.roll(1, -1)) / 3},
        ),
        lambda draw: (draw.normal(8),),
        Named("shifted", "x"),
    ),
    # ------------------------------------------------------------------------------ missing sum over a broadcast axis
    "shift of a batch, its gradient that of the first item": mutant(
        by_hand(
            affine,
            x=lambda g, x, scale, shift, out: g * scale,
            scale=lambda g, x, scale, shift, out: (g * x).sum(0),
            shift=lambda g, x, scale, shift, out: g[0],
        ),
        lambda draw: (draw.normal(4, 3), draw.normal(3), draw.normal(3)),
        Named("missing sum over a broadcast axis", "shift"),
    ),
    "scale of a batch, its gradient that of the last item": mutant(
        by_hand(
            affine,
            x=lambda g, x, scale, shift, out: g * scale,
            scale=lambda g, x, scale, shift, out: (g * x)[-1],
            shift=lambda g, x, scale, shift, out: g.sum(0),
        ),
        lambda draw: (draw.normal(4, 3), draw.normal(3), draw.normal(3)),
        Named("missing sum over a broadcast axis", "scale"),
    ),
    "scale of rows, summed over none": mutant(
        by_hand(
            weighted_columns,
            x=lambda g, x, scale, out: g * scale[:, None],
            scale=lambda g, x, scale, out: g * x,
        ),
        lambda draw: (draw.normal(3, 2), draw.normal(3)),
        Named("missing sum over a broadcast axis", "scale"),
    ),
    "einsum, the batch's mean for its sum": mutant(
        by_hand(
            lambda x, w: torch.einsum("bi,ij->bj", x, w),
            x=lambda g, x, w, out: g @ w.mT,
            w=lambda g, x, w, out: torch.einsum("bi,bj->bij", x, g).mean(0),
        ),
        lambda draw: (draw.normal(5, 2), draw.normal(2, 3)),
        Named("constant factor", "w"),
    ),
    # ------------------------------------------------------------------------------------------- wrong only somewhere
    "logsumexp, without its largest": mutant(
        by_hand(logsumexp, x=_without_largest), lambda draw: (draw.normal(9),), Named("wrong in one element", "x")
    ),
    "polynomial, its constant forgotten": mutant(
        by_hand(
            polynomial,
            c=lambda g, c, t, out: torch.stack([0 * g.sum(), *((g * t**k).sum() for k in range(1, c.shape[0]))]),
            t=lambda g, c, t, out: g * sum(k * c[k] * t ** (k - 1) for k in range(1, c.shape[0])),
        ),
        lambda draw: (draw.normal(10), draw.normal(4)),
        Named("wrong in one element", "c"),
    ),
    "table of rows, one of them picked twice": mutant(
        by_hand(rows, table=_scattered),
        lambda draw: (draw.normal(5, 3), torch.tensor([0, 2, 4, 2])),
        Named("wrong in one row", "table"),
    ),
    "centred rows, the last left out": mutant(
        by_hand(centred, x=_all_rows_but_last), lambda draw: (draw.normal(5, 3),), Named("wrong in one row", "x")
    ),
    "blur that reflects, its gradient padded with zeros": mutant(
        as_operator(
            "(n)->(n)",
            lambda x: np.lib.stride_tricks.sliding_window_view(
                np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 1)], mode="reflect"), 3, -1
            ).mean(-1),
            {"x": lambda g: F.pad(g, (1, 1)).unfold(-1, 3, 1).mean(-1)},
        ),
        lambda draw: (draw.normal(12),),
        Named("wrong at the border", "x"),
    ),
    "trapezoid rule, its ends not halved": mutant(
        by_hand(trapezoid, y=lambda g, y, out: g[..., None].expand(y.shape)),
        lambda draw: (draw.normal(9),),
        Named("wrong at the border", "y"),
    ),
}
