"""Right functions and modules of neural networks."""

import torch
import torch.nn.functional as F
from torch import nn

from checker_cases.case import Right


def _made(make):
    """A module with parameters of its own, the same in every run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().double()


CASES = {
    "softmax": Right(lambda x: F.softmax(x, -1), lambda draw: (draw.normal(2, 4),)),
    "gelu": Right(F.gelu, lambda draw: (draw.normal(4),)),
    "silu": Right(F.silu, lambda draw: (draw.normal(4),)),
    "mish": Right(F.mish, lambda draw: (draw.normal(4),)),
    "elu": Right(F.elu, lambda draw: (draw.apart(4),)),
    "glu": Right(F.glu, lambda draw: (draw.normal(2, 4),)),
    "linear": Right(F.linear, lambda draw: (draw.normal(2, 3), draw.normal(2, 3), draw.normal(2))),
    "bilinear": Right(F.bilinear, lambda draw: (draw.normal(2, 2), draw.normal(2, 3), draw.normal(2, 2, 3))),
    "conv1d": Right(F.conv1d, lambda draw: (draw.normal(1, 2, 6), draw.normal(2, 2, 3), draw.normal(2))),
    "conv2d with padding": Right(
        lambda x, w: F.conv2d(x, w, padding=1, stride=2),
        lambda draw: (draw.normal(1, 1, 4, 5), draw.normal(2, 1, 3, 2)),
    ),
    "conv_transpose2d": Right(F.conv_transpose2d, lambda draw: (draw.normal(1, 2, 3, 2), draw.normal(2, 1, 2, 2))),
    "max_pool2d": Right(lambda x: F.max_pool2d(x, 2), lambda draw: (draw.apart(1, 1, 4, 4),)),
    "avg_pool2d": Right(lambda x: F.avg_pool2d(x, 2, padding=1), lambda draw: (draw.normal(1, 1, 4, 4),)),
    "interpolate": Right(
        lambda x: F.interpolate(x, size=(5, 4), mode="bilinear", align_corners=False),
        lambda draw: (draw.normal(1, 1, 3, 3),),
    ),
    "grid_sample": Right(
        lambda x, grid: F.grid_sample(x, grid, align_corners=True),
        lambda draw: (draw.normal(1, 1, 4, 4), draw.uniform(-0.8, 0.8, 1, 2, 2, 2)),
    ),
    "reflected padding": Right(lambda x: F.pad(x, (1, 2), "reflect"), lambda draw: (draw.normal(1, 5),)),
    "group_norm": Right(lambda x: F.group_norm(x, 2), lambda draw: (draw.normal(2, 4, 3),)),
    "normalize": Right(F.normalize, lambda draw: (draw.normal(2, 3),)),
    "cosine_similarity": Right(F.cosine_similarity, lambda draw: (draw.normal(2, 3), draw.normal(2, 3))),
    "cross_entropy": Right(F.cross_entropy, lambda draw: (draw.normal(3, 4), torch.tensor([1, 0, 3]))),
    "kl_div": Right(F.kl_div, lambda draw: (draw.normal(5), draw.uniform(0.1, 1, 5)), {"kwargs": {"reduction": "sum"}}),
    "binary cross entropy": Right(
        F.binary_cross_entropy, lambda draw: (draw.uniform(0.1, 0.9, 4), draw.uniform(0.1, 0.9, 4))
    ),
    "ctc_loss": Right(
        lambda x: F.ctc_loss(x.log_softmax(-1), torch.tensor([[1, 2]]), torch.tensor([5]), torch.tensor([2])),
        lambda draw: (draw.normal(5, 1, 4),),
    ),
    "embedding": Right(lambda w: F.embedding(torch.tensor([0, 2, 2]), w), lambda draw: (draw.normal(4, 3),)),
    "attention": Right(
        F.scaled_dot_product_attention,
        lambda draw: (draw.normal(1, 2, 3), draw.normal(1, 4, 3), draw.normal(1, 4, 3)),
    ),
    "perceptron": Right(
        _made(lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))), lambda draw: (draw.normal(2, 3),)
    ),
    "perceptron in float32": Right(
        _made(lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh())).float(),
        lambda draw: (draw.normal(3, dtype=torch.float32),),
    ),
    "GRUCell": Right(_made(lambda: nn.GRUCell(2, 3)), lambda draw: (draw.normal(1, 2), draw.normal(1, 3))),
    "LSTM": Right(_made(lambda: nn.LSTM(2, 2)), lambda draw: (draw.normal(3, 1, 2),)),
    "multi-head attention": Right(
        _made(lambda: nn.MultiheadAttention(4, 2)),
        lambda draw: (draw.normal(2, 1, 4), draw.normal(3, 1, 4), draw.normal(3, 1, 4)),
    ),
    "batch norm in eval": Right(
        _made(lambda: nn.BatchNorm1d(3, affine=False).eval()), lambda draw: (draw.normal(4, 3),)
    ),
    "batch norm in training": Right(
        _made(lambda: nn.BatchNorm1d(3, affine=False)), lambda draw: (draw.normal(4, 3),), {"order": 1}
    ),
    "dropout in eval": Right(_made(lambda: nn.Dropout(0.5).eval()), lambda draw: (draw.normal(4),)),
    "convolution layer": Right(_made(lambda: nn.Conv2d(1, 2, 2)), lambda draw: (draw.normal(1, 1, 3, 3),)),
}
