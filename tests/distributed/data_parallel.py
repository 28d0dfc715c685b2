"""Gradients of two processes beside those of one, run by `torchrun` (test_distributed.py).

Each process gets half of a batch. What DistributedDataParallel, or FSDP2, averages is what one process gets for the
whole batch.
"""

import os
import sys

import torch
import torch.distributed as dist
from torch.nn import Module, ParameterDict, Sequential
from torch.nn.parallel import DistributedDataParallel

from scitorch import nn, signal, special

EXACT = {"rtol": 1e-12, "atol": 1e-12}


class Catalogue(Module):
    """Catalogue operators whose arguments are parameters themselves."""

    def __init__(self):
        super().__init__()
        self.parameter = ParameterDict({"filter": torch.rand(2, 3, 3), "order": torch.tensor([1.3, 2.5])})

    def forward(self, images):
        smooth = torch.stack([signal.convolve2d(im, self.parameter["filter"][0], "same") for im in images])
        return smooth, special.jv(self.parameter["order"][:, None], smooth.flatten(1)[:, None, :5].abs() + 0.5)


class Cell(Module):
    """What `FixedPoint` repeats."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(2, 2) / 4)

    def forward(self, z, x):
        return torch.tanh(z @ self.weight + x)


class Model(Module):
    """Tutorial layers, the catalogue's and those that solve equations, one after the other."""

    def __init__(self):
        super().__init__()
        self.catalogue = Catalogue()
        self.tutorial = nn.ScipyConv2d(3, 3)
        self.layers = Sequential(nn.GaussianBlur((0.8, 0.6)), nn.DCT(), nn.IIRFilter(2), nn.CubicSplineActivation())
        self.linear = nn.Linear(6, 2)
        self.root = nn.MatrixSquareRoot()
        self.fixed = nn.FixedPoint(Cell(), tol=1e-14)

    def forward(self, images):
        smooth, bessel = self.catalogue(images)
        maps = self.layers(torch.stack([self.tutorial(im) for im in smooth]))
        covariance = maps.mT @ maps + torch.eye(6)
        features = self.linear(self.root(covariance).flatten(0, 1))
        return torch.stack([self.fixed(x).square().mean() for x in features.chunk(len(images))]).mean() + bessel.mean()


def gradients(model, images):
    model.zero_grad()
    model(images).backward()
    return [p.grad for p in model.parameters()]


def sharded(model):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    return fully_shard(model, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))


def whole(gradient):
    return gradient.full_tensor() if hasattr(gradient, "full_tensor") else gradient


def main(wrap):
    torch.set_default_dtype(torch.double)
    torch.manual_seed(0)
    dist.init_process_group("gloo")
    rank, count = dist.get_rank(), dist.get_world_size()
    alone, together = Model(), Model()
    together.load_state_dict(alone.state_dict())
    images = torch.rand(4, 8, 8)
    expected = gradients(alone, images)
    ours = gradients(wrap(together), images.chunk(count)[rank])
    for got, wanted in zip(ours, expected, strict=True):
        torch.testing.assert_close(whole(got), wanted, **EXACT)
    dist.destroy_process_group()
    # Gloo's threads may still hold tensors, and end a process that is being torn down (PyTorch pull request 179291).
    os._exit(0)


if __name__ == "__main__":
    main({"ddp": DistributedDataParallel, "fsdp": sharded}[sys.argv[1]])
