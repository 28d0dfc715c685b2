"""Lay one photograph on another that was taken from elsewhere, by gradient descent on the warp between them.

The photograph is real: Rear Admiral Grace Hopper, by the US Navy, in the public domain; grace_hopper.jpg in
matplotlib's sample data. The second shot is another development of it, since matplotlib ships no two of one scene:
turned, zoomed and moved at full resolution by Pillow (its code and its interpolation, not ours), with another exposure
and with grain. So the true warp is known, and the error can be told in pixels.

    python examples/registration.py --out pictures
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image

from scitorch.ndimage import gaussian_filter
from scitorch.nn import AffineWarp

TURN, ZOOM, MOVE = np.deg2rad(8.0), 1.07, np.array([22.0, -30.0])  # MOVE in rows and columns of the full picture
REDUCE = 4
MARGIN = 16  # pixels that the warp may bring in from outside


def photographs():
    """Two shots from 0 to 1, and the warp between them: matrix and offset about the centre, in rows and columns."""
    with get_sample_data("grace_hopper.jpg") as file, Image.open(file) as opened:
        first = opened.convert("L")
    first = first.crop((0, 0, *(n - n % REDUCE for n in first.size)))
    matrix = np.array([[np.cos(TURN), np.sin(TURN)], [-np.sin(TURN), np.cos(TURN)]]) / ZOOM
    # Pillow counts from the left upper corner of the picture, columns first.
    centre = np.array(first.size)[::-1] / 2
    offset = centre - matrix @ centre + MOVE
    coefficients = np.c_[matrix, offset][::-1, [1, 0, 2]].ravel()
    second = first.transform(first.size, Image.Transform.AFFINE, tuple(coefficients), Image.Resampling.BICUBIC)
    one, other = (torch.tensor(np.asarray(image.reduce(REDUCE)) / 255.0) for image in (first, second))
    other = 0.15 + 0.7 * other**1.2 + 0.02 * torch.randn(other.shape)
    return one, other, torch.tensor(matrix), torch.tensor(MOVE / REDUCE)


def inner(image):
    return image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def exposed_alike(image, other):
    """The image with the brightness and the contrast of the other, by least squares."""
    x, y = inner(image), inner(other)
    gain = ((x - x.mean()) * (y - y.mean())).mean() / x.var(correction=0)
    return y.mean() + gain * (image - x.mean())


def register(warp, one, other, steps):
    """From coarse to fine, so that edges that are far apart still feel each other."""
    losses = []
    for blur in (6.0, 2.0, 0.7):
        smooth, target = (gaussian_filter(image, blur) for image in (one, other))
        groups = [{"params": warp.matrix, "lr": 0.004}, {"params": warp.offset, "lr": 0.3}]
        optimizer = torch.optim.Adam(groups)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.03 ** (1 / steps))
        for _ in range(steps):
            loss = inner(exposed_alike(warp(smooth), target) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return losses


def farthest(warp, matrix, offset, shape):
    """By how many pixels the learned warp errs in the worst corner."""
    corners = torch.cartesian_prod(*(torch.tensor([-0.5, 0.5]) * (n - 1) for n in shape)).double()
    error = corners @ (warp.matrix - matrix).mT + warp.offset - offset
    return error.norm(dim=-1).max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=60, help="for each of three sharpnesses")
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()

    torch.manual_seed(0)
    one, other, matrix, offset = photographs()
    warp = AffineWarp(mode="nearest", dtype=torch.double)
    before = farthest(warp, matrix, offset, one.shape)
    losses = register(warp, one, other, options.steps)
    after = farthest(warp, matrix, offset, one.shape)
    print(f"Corners are off by at most {before:.2f} pixels before, {after:.3f} after")
    moved = warp(one).detach()
    differences = [exposed_alike(image, other) - other for image in (one, moved)]
    rms = [inner(difference).square().mean().sqrt() for difference in differences]
    print("Root mean squared difference {:.4f} before, {:.4f} after (grain alone: 0.02)".format(*rms))

    figure, axes = plt.subplots(2, 3, figsize=(10, 7.5), layout="constrained")
    panels = [one, other, moved, *differences]
    titles = ["first shot", "second shot", "first, warped", "difference before", "difference after"]
    for panel, title, ax in zip(panels, titles, axes.flat, strict=False):
        look = ("RdBu", -0.5, 0.5) if title.startswith("difference") else ("gray", 0, 1)
        ax.imshow(panel.numpy(), **dict(zip(("cmap", "vmin", "vmax"), look, strict=True)))
        ax.set(title=title, xticks=[], yticks=[])
    axes[1, 2].semilogy(losses)
    axes[1, 2].set(title="loss, from coarse to fine", xlabel="step")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "registration.png"
    figure.savefig(path, dpi=100)
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()
