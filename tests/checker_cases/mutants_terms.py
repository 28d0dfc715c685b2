"""Rules without a term: that of a mean or a norm, some of a sum, the other half of a difference."""

import torch
import torch.nn.functional as F

from checker_cases.by_hand import by_hand
from checker_cases.case import Named, mutant


def layer_norm(x):
    return F.layer_norm(x, x.shape[-1:])


def _deviation(x):
    return (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()


def cosine(a, b):
    return a @ b / (a.norm() * b.norm())


def taken(x):
    return x[torch.tensor([0, 2, 2, 5, 1, 2, 0])]


def _put(g, x):
    gradient = torch.zeros_like(x)
    gradient[torch.tensor([0, 2, 2, 5, 1, 2, 0])] = g
    return gradient


def distances(x):
    return (x[:, None] - x).square().sum(-1)


def softmax(x):
    return x.softmax(-1)


def centred(x):
    return x - x.mean(0)


def _first_half(g, x):
    return 2 * (g[..., None] * (x[:, None] - x)).sum(1)


CASES = {
    "layer norm, mean and deviation constants": mutant(
        by_hand(layer_norm, x=lambda g, x, out: g / _deviation(x)),
        lambda draw: (draw.normal(3, 6),),
        Named("missing term", "x"),
    ),
    "cosine similarity, half of the norm's term": mutant(
        by_hand(
            cosine,
            a=lambda g, a, b, out: g * (b / (a.norm() * b.norm()) - out * a / a.norm()),
            b=lambda g, a, b, out: g * (a / (a.norm() * b.norm()) - out * b / b.norm() ** 2),
        ),
        lambda draw: (draw.normal(5), draw.normal(5)),
        Named("missing term", "a"),
    ),
    "repeated indices, put and not added": mutant(
        by_hand(taken, x=lambda g, x, out: _put(g, x)),
        lambda draw: (draw.normal(6),),
        Named("contributions left out", "x"),
    ),
    "distances in a set, by the first of each pair only": mutant(
        by_hand(distances, x=lambda g, x, out: _first_half(g, x)),
        lambda draw: (draw.normal(4, 3),),
        Named("contributions left out", "x"),
    ),
    "softmax, summed along the other axis": mutant(
        by_hand(softmax, x=lambda g, x, out: out * (g - (g * out).sum(0, keepdim=True))),
        lambda draw: (draw.normal(3, 5),),
        Named("mixes along another axis", "x"),
    ),
    "columns centred, the rule by rows": mutant(
        by_hand(centred, x=lambda g, x, out: g - g.mean(1, keepdim=True)),
        lambda draw: (draw.normal(4, 5),),
        Named("mixes along another axis", "x"),
    ),
}
