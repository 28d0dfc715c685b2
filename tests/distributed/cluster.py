"""A batch over the workers of a Dask cluster, one of which is killed on its way (test_distributed.py)."""

import os
import signal
import sys
import time
from pathlib import Path

import torch
from distributed import Client, LocalCluster

import scitorch

KILLED = Path(sys.argv[1])  # there once a worker was killed
os.environ["KILLED"] = str(KILLED)


@scitorch.operator("(n)->()")
def cubes(x):
    """Sum of cubes, slowly; whoever gets the item that begins with 20 first is killed."""
    time.sleep(0.01)
    mark = Path(os.environ["KILLED"])
    if x[0] == 20 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return (x**3).sum()


cubes.vjp(x=lambda g, x: 3 * g[..., None] * x**2)


def main():
    x = torch.arange(64.0, dtype=torch.double)[:, None] + torch.arange(3)
    x.requires_grad_()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        with scitorch.parallel(backend="dask"):
            y = cubes(x)
        (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(y.detach(), x.detach().pow(3).sum(-1))
    torch.testing.assert_close(gradient, 3 * x.detach() ** 2)
    assert KILLED.exists()


if __name__ == "__main__":
    main()
