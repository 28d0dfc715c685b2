"""Beta regression with censoring: where in a day's range a share closes, given where it opened.

The data is real: 1047 days of Google's share, from 2004 to 2008, in matplotlib's sample data (goog.npz, distributed
under matplotlib's licence, which is based on the PSF's). A close at the day's lowest or highest price is an exact 0 or
1, where the density of a Beta distribution is zero or infinite, and near by, whole cents count. So of what lies within
2 % of an end we use only that it does: its likelihood is a distribution function, differentiated in its parameters.

A constant distribution is compared with `scipy.stats.beta.fit`; the regression, which SciPy hasn't, gets its standard
errors from the Hessian.

    python examples/censored_beta.py --out pictures
"""

import argparse
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize
import scipy.stats
import torch
from matplotlib.cbook import get_sample_data
from torch.func import hessian

from scitorch.stats import Beta

LOW, HIGH = 0.02, 0.98


def openings_and_closings():
    """Places in the day's range, from 0 (the lowest price) to 1 (the highest)."""
    prices = get_sample_data("goog.npz")["price_data"]
    places = [(prices[name] - prices["low"]) / (prices["high"] - prices["low"]) for name in ("open", "close")]
    return torch.tensor(np.stack(places))


def loss(distribution, y):
    """Negative logarithm of the likelihood, a day."""
    inside = distribution.log_prob(y.clamp(LOW, HIGH))
    below, above = distribution.log_cdf(torch.tensor(LOW)), distribution.log_sf(torch.tensor(HIGH))
    return -torch.where(y < LOW, below, torch.where(y > HIGH, above, inside)).mean()


def constant(parameters, _x):
    return Beta(*parameters.exp())


def regression(parameters, x):
    """The mean is a logistic function of x, the precision (the sum of a and b) an exponential one."""
    mean = torch.sigmoid(parameters[0] + parameters[1] * x)
    precision = torch.exp(parameters[2] + parameters[3] * x)
    return Beta(mean * precision, (1 - mean) * precision)


def fit(model, count, x, y, steps):
    parameters = torch.zeros(count, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=steps, tolerance_change=1e-14, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(model(parameters, x), y)
        value.backward()
        return value

    optimizer.step(closure)
    return parameters.detach()


def draw(path, x, y, fitted, scipys):
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    grid = torch.linspace(LOW, HIGH, 200, dtype=torch.double)
    left.hist(y, bins=25, density=True, color="lightgray", label="days")
    left.plot(grid, constant(fitted["constant"], x).log_prob(grid).exp(), linewidth=4, label="scitorch")
    left.plot(grid, scipy.stats.beta.pdf(grid, *scipys), "--", color="black", label="scipy.stats.beta.fit")
    left.set(title="Constant distribution", xlabel="place of the close", ylabel="density")
    line = torch.linspace(0, 1, 100, dtype=torch.double)
    model = regression(fitted["regression"], line)
    right.plot(x, y, ".", color="gray", markersize=3)
    low, middle, high = model.icdf(torch.tensor([[0.1], [0.5], [0.9]]))
    right.fill_between(line, low, high, alpha=0.3, label="10 to 90 %")
    right.plot(line, middle, color="tab:blue", label="median")
    right.set(title="Regression", xlabel="place of the opening", ylabel="place of the close")
    left.legend()
    right.legend()
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100, help="of L-BFGS, at most")
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()

    x, y = openings_and_closings()
    print(f"{len(y)} days, {(y < LOW).sum()} censored below {LOW}, {(y > HIGH).sum()} above {HIGH}")
    models = {"constant": (constant, 2), "regression": (regression, 4)}
    fitted = {name: fit(model, count, x, y, options.steps) for name, (model, count) in models.items()}

    inside = y[(y >= LOW) & (y <= HIGH)].numpy()
    ends = {"left": np.full((y < LOW).sum(), LOW), "right": np.full((y > HIGH).sum(), HIGH)}
    simplex = partial(scipy.optimize.fmin, xtol=1e-10, ftol=1e-12)
    scipys = scipy.stats.beta.fit(scipy.stats.CensoredData(inside, **ends), floc=0, fscale=1, optimizer=simplex)[:2]
    print("Constant a, b: ours {:.6f}, {:.6f}; SciPy's {:.6f}, {:.6f}".format(*fitted["constant"].exp(), *scipys))

    best = fitted["regression"]
    errors = torch.linalg.inv(len(y) * hessian(lambda p: loss(regression(p, x), y))(best)).diagonal().sqrt()
    names = "mean: constant", "mean: slope", "precision: constant", "precision: slope"
    for name, value, error in zip(names, best, errors, strict=True):
        print(f"  {name:20} {value:7.3f} ± {error:.3f}")
    gain = len(y) * (loss(constant(fitted["constant"], x), y) - loss(regression(best, x), y))
    print(f"The regression's log-likelihood is greater by {gain:.1f}")

    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "censored_beta.png"
    draw(path, x, y, fitted, scipys)
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()
