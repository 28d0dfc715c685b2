"""Classify handwritten digits by a layer of infinite depth: the fixed point of one cell.

The digits are real: 1797 images of 8 by 8 pixels from the UCI repository (E. Alpaydin, C. Kaynak, "Optical Recognition
of Handwritten Digits", 1998, CC BY 4.0), as scikit-learn distributes them. One cell feeds its state back to itself
until nothing moves any more; the gradient is that of the fixed point, whatever way led there.

    python examples/deep_equilibrium.py --out pictures
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from scitorch.nn import FixedPoint

STATE, BATCH = 48, 128


class Cell(nn.Module):
    """The state goes through weights of norm below one, so that there is one fixed point for each image."""

    def __init__(self):
        super().__init__()
        self.state = nn.utils.parametrizations.spectral_norm(nn.Linear(STATE, STATE, bias=False))

    def forward(self, z, drive):
        """The next state, of a state and what an image adds to it."""
        return torch.tanh(0.9 * self.state(z) + drive)


class Classifier(nn.Module):
    """Linear layers before and after the equilibrium."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(64, STATE), nn.Linear(STATE, 10)
        self.equilibrium = FixedPoint(Cell(), tol=1e-5)

    def forward(self, images):
        """The scores of the ten digits."""
        return self.decode(self.equilibrium(self.encode(images)))


def data():
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).flatten(1) / 16
    order = torch.randperm(len(images))
    images, labels = images[order], torch.tensor(digits.target)[order]
    return (images[:1347], labels[:1347]), (images[1347:], labels[1347:])


def learn(model, images, labels, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        model.train()
        model.equilibrium.function.state(torch.zeros(1, STATE))  # one power iteration for the norm
        model.eval()  # the cell stays the same while it is iterated
        loss = F.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def plain_iteration(model, images, times):
    """How state and scores change as the cell is applied again and again, without acceleration."""
    drive = model.encode(images)
    z, distances, scores = torch.zeros_like(drive), [], []
    for _ in range(times):
        after = model.equilibrium.function(z, drive)
        distances.append((after - z).abs().max().item())
        scores.append(model.decode(after))
        z = after
    return distances, scores


def draw(path, losses, model, images, labels):
    figure, axes = plt.subplot_mosaic("lld;iii", figsize=(10, 6), layout="constrained", height_ratios=[3, 2])
    distances, scores = plain_iteration(model, images, 40)
    axes["l"].semilogy(losses, color="tab:blue")
    axes["l"].set(title="Cross-entropy while learning", xlabel="step")
    axes["d"].semilogy(distances, color="tab:red", label="change of the state")
    right = [(s.argmax(1) == labels).double().mean() for s in scores]
    axes["d"].plot(right, color="black", label="test accuracy")
    axes["d"].set(title="Toward the fixed point", xlabel="depth")
    axes["d"].legend()
    hardest = scores[-1].softmax(1)[torch.arange(len(labels)), labels].argsort()[:12]
    axes["i"].imshow(torch.cat([F.pad(images[k].view(8, 8), (1, 1)) for k in hardest], 1).numpy(), cmap="gray_r")
    names = [f"{scores[-1][k].argmax()}, is {labels[k]}" for k in hardest]
    axes["i"].set(title="The hardest images that were held out", yticks=[])
    axes["i"].set_xticks([10 * k + 4.5 for k in range(len(names))], names)
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()

    torch.manual_seed(0)
    (images, labels), (held_out, truth) = data()
    model = Classifier()
    losses = learn(model, images, labels, options.steps)
    with torch.no_grad():
        accuracy = (model(held_out).argmax(1) == truth).double().mean()
    print(f"Accuracy on {len(truth)} images that were held out: {accuracy:.1%}")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "deep_equilibrium.png"
    draw(path, losses, model, held_out, truth)
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()
