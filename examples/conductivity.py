"""Electrical impedance imaging from within: a conductivity map, identified from potentials at scattered electrodes.

Currents flow through a square sheet of 110 × 110 cells that is grounded at its border, from one of 8 sources at a time:
``-∇·(σ ∇u) = f``, in finite volumes a sparse system of 12 100 unknowns whose 60 060 stored values all depend on the
12 100 unknown conductivities. The potentials are known at 400 electrodes, with noise. L-BFGS fits the logarithm of σ,
smoothed by the total variation; each step factorises the matrix once, and the gradient takes two more triangular solves
for each source, whatever the number of conductivities.

The data is made by the same model (with another σ than it begins with), since it is the identification that is shown.

    python examples/conductivity.py --out pictures
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from scitorch.sparse.linalg import spsolve

CELLS = 110
SOURCES = 8
ELECTRODES = 400
NOISE = 1e-3  # of the largest potential
SMOOTHING = 1.5e-3


class Sheet:
    """The pattern of the system: a cell with its neighbours; a face conducts by the harmonic mean of its cells."""

    def __init__(self, cells):
        self.cells = cells
        number = torch.arange(cells**2).view(cells, cells)
        across, along = (number[:, :-1], number[:, 1:]), (number[:-1], number[1:])
        self.one, self.other = (torch.cat([a.flatten(), b.flatten()]) for a, b in zip(across, along, strict=True))
        rows = torch.cat([number.flatten(), self.one, self.other])
        cols = torch.cat([number.flatten(), self.other, self.one])
        self.order = torch.argsort(rows * cells**2 + cols)
        self.indices = cols[self.order]
        self.indptr = torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(rows).cumsum(0)])
        border = torch.zeros(cells, cells, dtype=torch.double)
        for edge in (border[0], border[-1], border[:, 0], border[:, -1]):
            edge.add_(2)  # the ground is half a cell away
        self.border = border.flatten()

    def matrix(self, sigma):
        """Stored values by rows, and where they are."""
        sigma = sigma.flatten()
        face = 2 / (1 / sigma[self.one] + 1 / sigma[self.other])
        diagonal = (self.border * sigma).index_add(0, self.one, face).index_add(0, self.other, face)
        data = torch.cat([diagonal, -face, -face])[self.order]
        return data, self.indices, self.indptr, (self.cells**2, self.cells**2)

    def potentials(self, sigma, currents):
        """Potentials of all cells, for currents in columns."""
        return spsolve(self.matrix(sigma), currents)


def true_conductivity(cells):
    """A good conductor and a bad one in a background of 1."""
    y, x = torch.meshgrid(*[torch.linspace(0, 1, cells, dtype=torch.double)] * 2, indexing="ij")
    sigma = torch.ones(cells, cells, dtype=torch.double)
    sigma[(x - 0.35) ** 2 + (y - 0.6) ** 2 < 0.15**2] = 4.0
    sigma[(abs(x - 0.7) < 0.12) & (abs(y - 0.35) < 0.18)] = 0.25
    return sigma


def source_currents(cells):
    """One column a source, on a circle."""
    angle = torch.linspace(0, 2 * torch.pi, SOURCES + 1)[:-1]
    rows, cols = ((cells * (0.5 + 0.35 * f(angle))).long() for f in (torch.sin, torch.cos))
    currents = torch.zeros(cells**2, SOURCES, dtype=torch.double)
    currents[rows * cells + cols, torch.arange(SOURCES)] = 1.0
    return currents


def total_variation(field):
    down, right = field.diff(dim=0)[:, :-1], field.diff(dim=1)[:-1]
    return (down.square() + right.square() + 1e-4).sqrt().mean()


def identify(sheet, currents, electrodes, measured, steps):
    """The map of σ, and the loss at every evaluation."""
    log_sigma = torch.zeros(sheet.cells, sheet.cells, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_sigma], max_iter=steps, history_size=20, line_search_fn="strong_wolfe")
    losses = []

    def closure():
        optimizer.zero_grad()
        misfit = sheet.potentials(log_sigma.exp(), currents)[electrodes] - measured
        loss = misfit.square().mean() / measured.square().mean() + SMOOTHING * total_variation(log_sigma)
        loss.backward()
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    return log_sigma.exp().detach(), losses


def draw(path, sigma, found, electrodes, losses):
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for axes, field, title in ((left, sigma, "conductivity"), (middle, found, "identified")):
        image = axes.imshow(field.log10().numpy(), vmin=-0.7, vmax=0.7, cmap="RdBu_r", origin="lower")
        axes.set(title=title, xticks=[], yticks=[])
    left.plot(*np.divmod(electrodes.numpy(), sigma.shape[1])[::-1], "k.", markersize=1.5)
    figure.colorbar(image, ax=[left, middle], label="decimal logarithm of σ")
    right.semilogy(losses)
    right.set(title="loss", xlabel="evaluation")
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("pictures"))
    parser.add_argument("--steps", type=int, default=150)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    sheet, sigma, currents = Sheet(CELLS), true_conductivity(CELLS), source_currents(CELLS)
    electrodes = torch.as_tensor(rng.choice(CELLS**2, ELECTRODES, replace=False))
    exact = sheet.potentials(sigma, currents)[electrodes]
    measured = exact + NOISE * exact.max() * torch.as_tensor(rng.normal(size=exact.shape))
    found, losses = identify(sheet, currents, electrodes, measured, options.steps)
    error, before = ((field.log() - sigma.log()).square().mean().sqrt() for field in (found, torch.ones_like(sigma)))
    print(f"{CELLS**2} unknowns, {len(sheet.indices)} stored values, {SOURCES} sources, {ELECTRODES} electrodes")
    print(f"loss {losses[0]:.3g} -> {losses[-1]:.3g} in {len(losses)} evaluations")
    print(f"error of log σ (root mean square): {before:.3f} -> {error:.3f}")
    options.out.mkdir(parents=True, exist_ok=True)
    draw(options.out / "conductivity.png", sigma, found, electrodes, losses)


if __name__ == "__main__":
    main()
