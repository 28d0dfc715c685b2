"""Layers that an equation defines: values, gradients of inputs and parameters, batches, training."""

import pytest
import torch
from torch import nn

from scitorch.core.errors import ArgumentError, SolverError
from scitorch.nn import FixedPoint, LeastSquares, Solve

DOUBLE = {"dtype": torch.float64}


class Cell(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(size, size, **DOUBLE) / size**0.5)

    def forward(self, z, drive):
        return torch.tanh(z @ self.weight + drive)


def unrolled(cell, drive):
    z = torch.zeros_like(drive)
    for _ in range(60):
        z = cell(z, drive)
    return z


@pytest.mark.parametrize("size", [3, 80], ids=["by a matrix", "by GMRES"])
@pytest.mark.parametrize("method", ["anderson", "broyden1", "krylov"])
def test_a_fixed_point_has_the_gradients_of_the_unrolled_iteration(size, method):
    cell, drive = Cell(size), torch.randn(8, size, **DOUBLE, requires_grad=True)
    layer = FixedPoint(cell, method=method, tol=1e-10)
    found = []
    for z in (layer(drive), unrolled(cell, drive)):
        gradients = torch.autograd.grad(z.square().sum(), (drive, cell.weight), create_graph=True)
        second = torch.autograd.grad(gradients[1].square().sum(), cell.weight)
        found.append((z, *gradients, *second))
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-8)


def test_a_fixed_point_that_is_not_reached():
    class Growing(nn.Module):
        def forward(self, z, drive):
            return z.square() + 1 + drive

    with pytest.raises(SolverError, match="root, solution: expected convergence"):
        FixedPoint(Growing(), maxiter=3)(torch.ones(2, **DOUBLE))
    drive = torch.ones(2, **DOUBLE, requires_grad=True)
    FixedPoint(Growing(), maxiter=3, check=False)(drive).sum().backward()
    assert drive.grad.isnan().all()
    with pytest.raises(ArgumentError, match="FixedPoint, method"):
        FixedPoint(Growing(), method="hybr")
    with pytest.raises(ArgumentError, match="a module"):
        FixedPoint(3)


class Cube(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0, **DOUBLE))

    def forward(self, y, given):
        return self.scale * y**3 + y - given


@pytest.mark.parametrize(
    "layer", [Solve(Cube(), 2, tol=1e-13), LeastSquares(Cube(), 2, xtol=1e-14, ftol=1e-14)], ids=repr
)
def test_equations_and_fits_of_a_batch(layer):
    given = torch.randn(2, 3, 2, **DOUBLE, requires_grad=True)
    y = layer(given)
    torch.testing.assert_close(layer.residual(y, given), torch.zeros_like(y), rtol=0, atol=1e-7)
    slope = 1 / (1 + 6 * y.detach() ** 2)
    got = torch.autograd.grad(y.sum(), (given, layer.residual.scale))
    torch.testing.assert_close(got[0], slope, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(got[1], -(slope * y.detach() ** 3).sum(), rtol=1e-5, atol=1e-7)


def test_a_layer_learns():
    layer = Solve(Cube(), 1)
    given = torch.linspace(0.5, 3, 6, **DOUBLE)[:, None]
    with torch.no_grad():
        target = layer(given)
        layer.residual.scale.fill_(0.5)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.2)
    for _ in range(60):
        loss = (layer(given) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert abs(layer.residual.scale.item() - 2) < 0.05


def test_what_is_saved_and_shown():
    layer = FixedPoint(Cell(3))
    assert list(layer.state_dict()) == ["function.weight"]
    assert "method='anderson', tol=1e-06, maxiter=100" in repr(layer)
    assert "unknowns=2, tol=1e-13" in repr(Solve(Cube(), 2, tol=1e-13))
